import t from 'tap'
import { checkTerms } from '../../src/engine/terms.ts'
import type { OrderTerms } from '../../src/model.ts'
import { termsOf } from './helpers.ts'

t.test('terms pass as they are, and nothing else does', async (t) => {
  const terms = termsOf({ attach: 'a=b' })
  t.strictSame(checkTerms(terms), terms)
  t.strictSame(checkTerms({ ...terms, payment: { transactionId: 'forged' }, state: 'paid' } as OrderTerms), terms)
  t.strictSame(checkTerms({ ...terms, attach: '' }), termsOf(), 'an empty attach is none')
  for (const part of [
    { totalFee: 1 },
    { totalFee: Number.MAX_SAFE_INTEGER },
    { description: `${'茶'.repeat(42)}a` },
    { clientIp: '2001:db8::1' },
    { clientIp: '10.0.0.1' },
  ]) {
    t.match(checkTerms({ ...terms, ...part }), part)
  }
  t.equal(checkTerms({ ...terms, clientIp: '::ffff:10.0.0.1' }).clientIp, '10.0.0.1', 'IPv4 in its IPv6 form')
})

t.test('each term that cannot be is refused, with the rule and the value', async (t) => {
  const cases: [keyof OrderTerms, unknown[], RegExp][] = [
    [
      'totalFee',
      [12.5, '1250', 0, -1, 2 ** 53, NaN, Infinity, 1250n, undefined, 0.1 + 0.2],
      /totalFee as an integer number of fen/,
    ],
    ['key', ['', 7, undefined, 'k'.repeat(129)], /key as a text of 1 to 128 bytes/],
    ['description', ['', '茶'.repeat(43), 'a\0b', 'a\ud83c', null], /description as a text of 1 to 127 bytes/],
    ['attach', ['a'.repeat(128), 7], /attach as a text of at most 127 bytes/],
    ['openid', ['', undefined, 7], /openid as a text/],
    [
      'clientIp',
      [
        '',
        undefined,
        'unknown',
        'localhost',
        '1.2.3.4:5678',
        '[::1]',
        '1.2.3',
        '999.999.999.999',
        '203.0.113.7, 203.0.113.8',
        ':'.repeat(65),
      ],
      /clientIp as an IP address/,
    ],
    ['expiresAt', [new Date(NaN), '2026-01-01', undefined], /expiresAt as a Date/],
  ]
  for (const [name, values, message] of cases) {
    for (const value of values) {
      t.throws(
        () => checkTerms({ ...termsOf(), [name]: value } as OrderTerms),
        { code: 'WECHAT_PRICE_INVALID', message },
        `${name} ${String(value).slice(0, 20)}`,
      )
    }
  }
  for (const [name, text] of Object.entries({ description: 'bad tea', attach: 'bad', openid: 'obad' })) {
    const textFault = (text: string) => (text.includes('bad') ? 'it is bad' : undefined)
    t.throws(() => checkTerms(termsOf({ [name]: text }), textFault), {
      code: 'WECHAT_PRICE_INVALID',
      message: new RegExp(`The ${name} of an order cannot be sent: it is bad\\. .* Nothing was ordered`),
    })
    t.strictSame(checkTerms(termsOf(), textFault), termsOf())
  }
  t.throws(() => checkTerms({ ...termsOf(), totalFee: 12.5 }), { message: /not 12\.5: .* Nothing was ordered/ })
})
