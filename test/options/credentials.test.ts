import { randomBytes } from 'node:crypto'
import t from 'tap'
import { keysOf } from '../../src/options/keys.ts'
import { mixUps as mixUpsOf } from '../../src/options/credentials.ts'

const APP_SECRET = '41f0c95bd27e83a6b7c1e6f09d3528a4'
const API_KEY = 'd6b41c7fe92a05385fb0c6e1d97a2483'
const API_V3_KEY = 'Kx7pQ2vR9mZtTea4Shop0Wb5nYc8JdHs'
const MCH_ID = '1900000109'

const mixUps = (appSecret: unknown, apiKey: unknown, mchId: unknown, apiV3Key?: unknown) =>
  mixUpsOf({ appSecret: keysOf(appSecret), apiKey, apiV3Key, mchId })

t.test('keys as WeChat issues them', async (t) => {
  t.strictSame(mixUps(APP_SECRET, API_KEY, MCH_ID), [])
  t.strictSame(mixUps(APP_SECRET, 'Tea4Shop-1900000109-Kx7pQ2vR9mZt', MCH_ID), [], 'the merchant number in a long key')
  for (let times = 0; times < 1000; times++) {
    const [secret, hex, letters] = [16, 16, 24].map((size, index) =>
      randomBytes(size).toString(index === 2 ? 'base64' : 'hex'),
    )
    const faults = [...mixUps(secret, hex, MCH_ID), ...mixUps(secret, letters, MCH_ID)]
    if (faults.length > 0) t.fail(faults.join(), { hex, letters })
  }
})

t.test('values that cannot be the API key', async (t) => {
  const cases: [key: string, reason: string][] = [
    [APP_SECRET, 'is the app secret'],
    [APP_SECRET.toUpperCase(), 'is the app secret'],
    [MCH_ID.repeat(4).slice(0, 32), 'is made of the merchant number'],
    [`${MCH_ID.repeat(3)}00`, 'is made of the merchant number'],
    ['192006250b4c09247ec02edce69f6a2d', "is printed in WeChat's documents, so anybody can sign with it"],
    ['8934E7D15453E97507EF794CF7B0519D', "is printed in WeChat's documents, so anybody can sign with it"],
    ['0'.repeat(32), 'is a placeholder'],
    ['x'.repeat(32), 'is a placeholder'],
    ['1234567890'.repeat(4).slice(0, 32), 'is a placeholder'],
    ['12345678'.repeat(4), 'is a placeholder'],
    ['your-32-character-apiv2-key-here', 'is a placeholder'],
    ['YOUR_API_KEY_OF_THIRTY-TWO_CHARS', 'is a placeholder'],
    ['<the APIv2 key of this merchant>', 'is a placeholder'],
    [`$${'{WECHAT_PAY_MERCHANT_APIV2_KEY}'}`, 'is a placeholder'],
    ['{{ wechat_pay_merchant_api_key }}'.slice(1), 'is a placeholder'],
    ['replace-me-with-32-characters-ok', 'is a placeholder'],
    ['changeme0123456789abcdef01234567', 'is a placeholder'],
    ['apikey-placeholder-0123456789abc', 'is a placeholder'],
    ['key_********************_of_shop', 'is a placeholder'],
  ]
  for (const [key, reason] of cases) {
    t.equal(key.length, 32)
    const faults = mixUps(APP_SECRET, key, MCH_ID)
    t.strictSame(
      faults,
      [
        `\`merchant.apiKey\` ${reason}: take the APIv2 key that is set in the merchant platform, or set a new one there`,
      ],
      key,
    )
  }
})

t.test('values that cannot be the app secret', async (t) => {
  for (const secret of ['a'.repeat(32), '0123456789'.repeat(4).slice(0, 32)]) {
    t.strictSame(mixUps(secret, API_KEY, MCH_ID), [
      '`appSecret` is a placeholder: take the app secret from the mini program console',
    ])
  }
  t.equal(mixUps('a'.repeat(32), 'a'.repeat(32), MCH_ID).length, 2, 'with an equal API key')
})

t.test('values with another form are refused by the rules', async (t) => {
  for (const value of [undefined, null, '', 'x', 7, API_KEY + API_KEY]) {
    t.strictSame(mixUps(value, value, value), [], String(value))
  }
  t.strictSame(mixUps(undefined, API_KEY, undefined), [])
})

t.test('pairs of keys during a change, and the APIv3 key', async (t) => {
  t.strictSame(mixUps([APP_SECRET, API_KEY], [API_KEY.toUpperCase(), API_V3_KEY], MCH_ID), [
    '`merchant.apiKey` is the app secret: take the APIv2 key that is set in the merchant platform, or set a new one there',
  ])
  t.strictSame(mixUps(APP_SECRET, API_KEY, MCH_ID, API_V3_KEY), [])
  t.strictSame(mixUps(APP_SECRET, API_KEY, MCH_ID, [API_V3_KEY, API_KEY]), [
    '`merchant.apiV3Key` is the APIv2 key: take the APIv3 key that is set in the merchant platform, or set a new one there',
  ])
  t.match(mixUps(APP_SECRET, undefined, MCH_ID, APP_SECRET), [/`merchant.apiV3Key` is the app secret/])
  t.match(mixUps(APP_SECRET, undefined, MCH_ID, 'x'.repeat(32)), [/`merchant.apiV3Key` is a placeholder/])
})
