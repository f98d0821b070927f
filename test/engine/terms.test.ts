import t from 'tap'
import { checkPrice, checkTerms } from '../../src/engine/terms.ts'
import type { CheckedTerms } from '../../src/engine/terms.ts'
import type { OrderTerms } from '../../src/model.ts'
import { termsOf } from './helpers.ts'

/** What becomes of `termsOf()`. */
const CHECKED: CheckedTerms = { ...termsOf(), tradeType: 'JSAPI' }

t.test('valid terms are returned unchanged', async (t) => {
  const terms = termsOf({ attach: 'a=b' })
  t.strictSame(checkTerms(terms), { ...CHECKED, attach: 'a=b' })
  t.strictSame(checkTerms({ ...terms, attach: '' }), CHECKED, 'an empty attach becomes undefined')
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
  const { key, description, totalFee, attach } = terms
  t.strictSame(checkPrice({ key, description, totalFee, attach }), { key, description, totalFee, attach })
  t.strictSame(checkPrice({ key, description, totalFee }), { key, description, totalFee })
})

t.test('each invalid term is refused with the rule it breaks', async (t) => {
  const cases: [keyof OrderTerms, unknown[], RegExp][] = [
    [
      'totalFee',
      [12.5, '1250', 0, -1, 2 ** 53, NaN, Infinity, 1250n, undefined, 0.1 + 0.2, Promise.resolve(1)],
      /totalFee must be an integer number of fen from 1 to 9007199254740991, not /,
    ],
    ['key', ['', 7, undefined, 'k'.repeat(129)], /key must be a string of 1 to 128 bytes of UTF-8, not /],
    ['key', ['a\tb'], /key must have no line breaks or other control characters, but character 2 is U\+0009/],
    ['description', ['', '茶'.repeat(43), null], /description must be a string of 1 to 127 bytes of UTF-8, not /],
    ['description', ['a\0b', 'a\nb'], /description must have no line breaks/],
    ['description', ['a\ud83c'], /description must be well-formed Unicode/],
    ['attach', ['a'.repeat(128), 7], /attach must be a string of at most 127 bytes of UTF-8, not /],
    ['attach', [JSON.stringify({ a: 1 }, null, 1)], /attach must have no line breaks .* character 2 is U\+000A/],
    ['openid', ['', 7], /openid must be a string/],
    ['openid', [undefined], /openid must be who pays/],
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
      /clientIp must be an IP address, not /,
    ],
    ['expiresAt', [new Date(NaN), '2026-01-01', undefined], /expiresAt must be a valid Date, not /],
  ]
  for (const [name, values, message] of cases) {
    for (const value of values) {
      t.throws(
        () => checkTerms({ ...termsOf(), [name]: value }),
        { code: 'WECHAT_PRICE_INVALID', message },
        `${name} ${String(value).slice(0, 20)}`,
      )
    }
  }
  for (const [name, text] of Object.entries({ description: 'bad tea', attach: 'bad', openid: 'obad' })) {
    const textFault = (text: string) => (text.includes('bad') ? 'it is bad' : undefined)
    t.throws(() => checkTerms(termsOf({ [name]: text }), { textFault }), {
      code: 'WECHAT_PRICE_INVALID',
      message: new RegExp(`The ${name} of an order cannot be sent: it is bad\\. .* Nothing was ordered`),
    })
    t.same(checkTerms(termsOf(), { textFault }), CHECKED)
  }
  t.throws(() => checkTerms({ ...termsOf(), totalFee: 12.5 }), {
    message: /^orders\.create got invalid terms: totalFee .* not 12\.5\. Nothing was ordered\.$/,
  })
})

t.test('an unknown property is refused, and the message lists the allowed ones', async (t) => {
  const { key, description, totalFee } = termsOf()
  const price = { key, description, totalFee }
  for (const more of [{ tradeType: 'NATIVE' }, { openid: 'oMallory' }, { goods_tag: 'WXG' }]) {
    const [name] = Object.keys(more)
    t.throws(() => checkPrice({ ...price, ...more }), {
      code: 'WECHAT_PRICE_INVALID',
      message: `The hook price returned an invalid value: '${name}' is none of key, description, totalFee, attach, expiresAt, subMchId, detail, sceneInfo, goodsTag, limitPay, supportFapiao, profitSharing. Nothing was ordered.`,
    })
  }
  t.strictSame(checkPrice({ ...price, goodsTag: undefined }), price)
  t.throws(() => checkTerms({ ...termsOf(), payment: { transactionId: 'forged' }, state: 'paid' }), {
    code: 'WECHAT_PRICE_INVALID',
    message:
      /'payment' is none of .*; 'state' is none of key, description, totalFee, attach, expiresAt, subMchId, detail, .*, tradeType, openid, clientIp/,
  })
})

t.test('values that are not objects', async (t) => {
  for (const value of [undefined, null, 7, 'text']) {
    t.throws(() => checkPrice(value), {
      code: 'WECHAT_PRICE_INVALID',
      message: /The hook price .* it must be an object/,
    })
    t.throws(() => checkTerms(value), {
      code: 'WECHAT_PRICE_INVALID',
      message: /orders\.create .* it must be an object/,
    })
  }
})
