import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { Hash } from 'wechatpay-axios-plugin'
import { fieldWithin, isAmbiguous, signV2, verifyV2 } from '../../src/protocol/sign-v2.ts'
import type { SignType } from '../../src/protocol/sign-v2.ts'
import { readXml } from '../../src/protocol/xml.ts'
import { sample, vectors } from '../fixtures.ts'

interface Vector {
  name: string
  key: string
  signType: SignType
  fields: Record<string, string>
  sign: string
}

const KEY = '192006250b4c09247ec02edce69f6a2d'
const OTHER_KEY = '8934e7d15453e97507ef794cf7b0519d'
const SIGN_TYPES: SignType[] = ['MD5', 'HMAC-SHA256']

const fieldsOf = (values: Record<string, string>) => new Map(Object.entries(values))
const signed = (values: Record<string, string>, signType: SignType) =>
  fieldsOf({ ...values, sign: signV2(fieldsOf(values), KEY, signType) })

t.test('published and recomputed vectors', async (t) => {
  for (const { name, key, signType, fields, sign } of vectors<Vector[]>('sign-v2')) {
    t.equal(signV2(fieldsOf(fields), key, signType), sign, name)
    t.equal(verifyV2(fieldsOf({ ...fields, sign }), key, signType), true, `${name} verifies`)
  }
})

t.test('recorded messages verify from their bytes', async (t) => {
  const PHP_DEMO_KEY = OTHER_KEY
  const cases: [string, string, SignType][] = [
    ['05-unifiedorder.response.201-repeated.xml', '2ab9071b06b9f739b950ddb41db2690d', 'MD5'],
    ['06-orderquery.response.success.xml', PHP_DEMO_KEY, 'MD5'],
    ['10-closeorder.response.success.xml', PHP_DEMO_KEY, 'MD5'],
    ['12-refund.response.success.xml', PHP_DEMO_KEY, 'MD5'],
    ['15-refundquery.response.processing.xml', PHP_DEMO_KEY, 'MD5'],
    ['17-notify.pay.md5.xml', PHP_DEMO_KEY, 'MD5'],
    ['18-notify.pay.hmac-no-sign_type.recorded-masked.xml', '0123456789abcdef0123456789abcdef', 'HMAC-SHA256'],
  ]
  for (const [name, key, signType] of cases) {
    const fields = readXml(sample(name))
    t.equal(verifyV2(fields, key, signType), true, name)
    t.equal(verifyV2(fields, KEY, signType), false, `${name} does not under another key`)
  }
})

t.test('the signed text', async (t) => {
  const base = { appid: 'wx1', total_fee: '1', body: 'tea' }
  const same: [string, Record<string, string>][] = [
    ['the order of fields does not matter', { total_fee: '1', body: 'tea', appid: 'wx1' }],
    ['an empty value is left out', { ...base, attach: '', refund_channel: '' }],
    ['sign itself is left out', { ...base, sign: 'anything' }],
  ]
  const other: [string, Record<string, string>][] = [
    ['"0" is not empty', { ...base, coupon_fee: '0' }],
    ['a space is not empty', { ...base, attach: ' ' }],
    ['values are not trimmed', { ...base, body: ' tea' }],
    ['an unknown field is included', { ...base, added_in_2031: '1' }],
    ['sign_type counts', { ...base, sign_type: 'MD5' }],
    ['names are case sensitive: Sign is not sign', { ...base, Sign: 'x' }],
    ['values are raw: no HTML escapes', { ...base, body: '&lt;' }],
    ['values are raw: no URL escapes', { ...base, body: 't%65a' }],
  ]
  for (const signType of SIGN_TYPES) {
    const reference = signV2(fieldsOf(base), KEY, signType)
    for (const [name, values] of same) t.equal(signV2(fieldsOf(values), KEY, signType), reference, name)
    for (const [name, values] of other) t.not(signV2(fieldsOf(values), KEY, signType), reference, name)
  }
})

t.test('the signed text, byte for byte', async (t) => {
  const cases: [string, Record<string, string>, string][] = [
    ['upper case before _ before lower case', { a: '1', _b: '2', Z: '3' }, 'Z=3&_b=2&a=1'],
    [
      'digits by ASCII, not by value',
      { coupon_fee_2: '2', coupon_fee_10: '10', coupon_fee: '0' },
      'coupon_fee=0&coupon_fee_10=10&coupon_fee_2=2',
    ],
    [
      'a name before a longer name that begins with it',
      { mch_id: '1', mch: '2', mchid: '3' },
      'mch=2&mch_id=1&mchid=3',
    ],
    ['Chinese as UTF-8', { body: '腾讯充值中心-QQ会员充值' }, 'body=腾讯充值中心-QQ会员充值'],
    ['& = < raw', { attach: 'a=1&b=<2>' }, 'attach=a=1&b=<2>'],
  ]
  for (const [name, values, text] of cases) {
    t.equal(signV2(fieldsOf(values), KEY, 'MD5'), Hash.md5(text, KEY).toUpperCase(), `MD5: ${name}`)
    t.equal(signV2(fieldsOf(values), KEY, 'HMAC-SHA256'), Hash.hmac(text, KEY).toUpperCase(), `HMAC-SHA256: ${name}`)
  }
})

t.test('another implementation agrees on generated messages', async () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/).filter((text) => text !== '__proto__')
  const value = fc.oneof(fc.constantFrom('', '0', ' ', '&', '=', '支付测试', '😀'), fc.string({ unit: 'grapheme' }))
  fc.assert(
    fc.property(
      fc.dictionary(name, value, { noNullPrototype: true }),
      fc.constantFrom(...SIGN_TYPES),
      (fields, signType) => {
        fc.pre(Object.values(fields).some((text) => text !== ''))
        return signV2(fieldsOf(fields), KEY, signType) === Hash.sign(signType, fields, KEY)
      },
    ),
  )
})

t.test('the configured algorithm is used, whatever the message says', async (t) => {
  const message = { appid: 'wxd930ea5d5a258f4f', body: '支付测试', total_fee: '101' }
  for (const configured of SIGN_TYPES) {
    const [other] = SIGN_TYPES.filter((signType) => signType !== configured)
    t.equal(verifyV2(signed(message, configured), KEY, configured), true, `${configured} without sign_type`)
    t.equal(
      verifyV2(signed({ ...message, sign_type: configured }, configured), KEY, configured),
      true,
      `${configured} with its sign_type`,
    )
    t.equal(
      verifyV2(signed({ ...message, sign_type: '' }, configured), KEY, configured),
      true,
      `${configured} with an empty sign_type`,
    )
    t.equal(
      verifyV2(signed(message, other!), KEY, configured),
      false,
      `${other} is not accepted by a merchant that uses ${configured}`,
    )
    t.equal(
      verifyV2(signed({ ...message, sign_type: other! }, other!), KEY, configured),
      false,
      `${other} is not accepted because the message names it`,
    )
    t.equal(
      verifyV2(signed({ ...message, sign_type: other! }, configured), KEY, configured),
      false,
      `${configured} is not accepted if the message names ${other}`,
    )
    t.equal(
      verifyV2(signed({ ...message, sign_type: configured.toLowerCase() }, configured), KEY, configured),
      false,
      'sign_type in lower case',
    )
  }
})

t.test('invalid signatures', async (t) => {
  const message = { appid: 'wxd930ea5d5a258f4f', body: '支付测试', total_fee: '101' }
  for (const signType of SIGN_TYPES) {
    const sign = signV2(fieldsOf(message), KEY, signType)
    const cases: [string, Record<string, string>][] = [
      ['absent', {}],
      ['empty', { sign: '' }],
      ['lower case', { sign: sign.toLowerCase() }],
      ['truncated', { sign: sign.slice(0, -1) }],
      ['longer', { sign: sign + '0' }],
      ['twice', { sign: sign + sign }],
      ['with a space', { sign: ` ${sign}` }],
      ['one digit changed', { sign: (sign.startsWith('0') ? '1' : '0') + sign.slice(1) }],
      ['full-width, with the same number of characters', { sign: '０'.repeat(sign.length) }],
      ['another key', { sign: signV2(fieldsOf(message), OTHER_KEY, signType) }],
      ['an empty key', { sign: signV2(fieldsOf(message), '', signType) }],
      ['the other algorithm', { sign: signV2(fieldsOf(message), KEY, signType === 'MD5' ? 'HMAC-SHA256' : 'MD5') }],
      ['a field changed', { sign, total_fee: '1' }],
      ['a field added', { sign, coupon_fee: '0' }],
      ['a field emptied', { sign, body: '' }],
    ]
    t.equal(verifyV2(fieldsOf({ ...message, sign }), KEY, signType), true, `${signType}: the genuine signature`)
    for (const [name, change] of cases) {
      t.equal(verifyV2(fieldsOf({ ...message, ...change }), KEY, signType), false, `${signType}: ${name}`)
    }
  }
})

t.test('values that contain what could be a separate field', async (t) => {
  const files = readdirSync(new URL('../samples', import.meta.url)).filter((name) => name.endsWith('.xml'))
  // As named in WeChat's own messages, except probes and sandbox keys.
  const names = new Set(
    files
      .filter((name) => !/attack|sandbox/.test(name))
      .flatMap((name) =>
        [
          ...sample(name)
            .toString()
            .matchAll(/<([a-z]\w*)>/g),
        ].map(([, element]) => element!),
      ),
  )
  for (const root of ['xml', 'root']) names.delete(root)
  t.ok(names.size >= 50, `${names.size} fields`)
  for (const name of names) t.equal(fieldWithin(`x&${name}=1`), name, name)

  const held: [string, string][] = [
    ['x&mch_id=1900000109&openid=oAlice&out_trade_no=A&p=', 'mch_id'],
    ['&total_fee=', 'total_fee'],
    ['茶&coupon_fee_0=1', 'coupon_fee_0'],
    ['a=b&coupon_refund_fee_0_11=', 'coupon_refund_fee_0_11'],
    ['a&b&=&sign=', 'sign'],
    [`${'&a='.repeat(10_000)}&attach=`, 'attach'],
  ]
  for (const [value, name] of held) {
    t.equal(fieldWithin(value), name, value.slice(0, 40))
    t.equal(isAmbiguous(fieldsOf({ attach: 'a&b', device_info: value, z: '' })), true)
  }
  t.equal(isAmbiguous(fieldsOf({ attach: 'a&b', device_info: '', z: '' })), false)
  for (const value of [
    '',
    'a=b&c="0"',
    'out_trade_no=1',
    'x&out_trade_no',
    'x&out_trade_no2=1',
    'x&my_out_trade_no=1',
    'x&Out_Trade_No=1',
    'x& out_trade_no=1',
    'x&amp;out_trade_no=1',
    'x＆out_trade_no=1',
    '&'.repeat(60_000),
  ]) {
    t.equal(fieldWithin(value), undefined, value.slice(0, 40))
  }
})
