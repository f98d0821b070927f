import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import t from 'tap'
import { WechatError } from '../../src/errors.ts'
import { parseOptions } from '../../src/options/parse.ts'
import { wechatPayOptions } from '../../src/options/options.ts'
import type { MerchantV2, WechatPayOptions } from '../../src/options/options.ts'
import type { MerchantConfig } from '../../src/options/parse.ts'
import { memoryStore } from '../../src/store/memory.ts'

const APP_SECRET = '0123456789abcdef0123456789abcdef'
const API_KEY = '8d6b41c7fe92a05385fb0c6e1d97a243'

const [CERT, KEY, P12] = ['cert.pem', 'key.pem', 'client.p12'].map((name) =>
  readFileSync(new URL(`../tls/${name}`, import.meta.url)),
) as [Buffer, Buffer, Buffer]

const VALID: WechatPayOptions = {
  appid: 'wx2421b1c4370ec43b',
  appSecret: APP_SECRET,
  merchant: { version: 'v2', mchId: '1900000109', apiKey: API_KEY },
  publicUrl: 'https://shop.example.com',
  store: memoryStore(),
  price: () => ({ key: 'cart-1', description: 'Tea', totalFee: 1250 }),
  onPaid: () => {},
}

/** The options with `value` at `path`; a path with two names is in `merchant`. */
function having(path: string, value: unknown): WechatPayOptions {
  const [name, inner] = path.split('.') as [string, string?]
  return { ...VALID, [name]: inner === undefined ? value : { ...VALID.merchant, [inner]: value } }
}

/** The lines of the error that parsing `options` reports. */
function faults(options: unknown): string[] {
  try {
    parseOptions(options as WechatPayOptions)
  } catch (error) {
    if (!(error instanceof WechatError)) throw error
    const [title, ...lines] = error.message.split('\n')
    if (error.code !== 'WECHAT_OPTIONS_INVALID' || title !== 'fastify-wechat-pay cannot be registered:') throw error
    return lines.map((line) => line.replace(/^- /, ''))
  }
  return []
}

t.test('wechatPayOptions only infers types: it returns the options', (t) => {
  const options = { ...VALID, store: memoryStore() }
  t.equal(wechatPayOptions(options), options)
  t.end()
})

t.test('the required options, and the defaults of the others', async (t) => {
  const { now, store, hooks, ...config } = parseOptions(VALID)
  t.strictSame(JSON.parse(JSON.stringify(config)), {
    apps: [{ appid: 'wx2421b1c4370ec43b', appSecrets: ['[secret]'] }],
    mchId: '1900000109',
    merchant: { version: 'v2', apiKeys: ['[secret]'], signType: 'HMAC-SHA256' },
    notifyUrl: 'https://shop.example.com/wechat/notify',
    prefix: '/wechat',
    orderTtlMs: 7_200_000,
    tokenTtlMs: 604_800_000,
    exposeOpenid: false,
    documentRoutes: true,
    latePayment: 'hold',
    sweepIntervalMs: 5000,
    leaseMs: 60_000,
    concurrency: 5,
    timeoutMs: 5000,
    logLevels: { paid: 'info', refunded: 'info', refused: 'warn', event: 'info' },
    hosts: {
      miniProgram: ['https://api.weixin.qq.com', 'https://api2.weixin.qq.com'],
      pay: ['https://api.mch.weixin.qq.com', 'https://api2.mch.weixin.qq.com'],
    },
  })
  t.strictSame(
    config.apps[0]!.appSecrets.map((secret) => secret!.reveal()),
    [APP_SECRET],
  )
  t.strictSame(
    (config.merchant as MerchantConfig & { version: 'v2' }).apiKeys.map((key) => key!.reveal()),
    [API_KEY],
  )
  t.equal(store, VALID.store)
  t.strictSame(Object.keys(hooks), ['price', 'onPaid'], 'a hook that was not given is absent')
  t.ok(Math.abs(now().getTime() - Date.now()) < 1000, "the default clock is the machine's")
})

t.test('everything given', async (t) => {
  const given = {
    onRefunded: () => {},
    onAnomaly: () => {},
    onEvent: () => {},
    onLogin: () => {},
    issueToken: () => ({ token: 'jwt' }),
    authenticate: () => undefined,
  }
  const now = () => new Date(0)
  const cert = { pfx: P12, passphrase: '1900000109' }
  const config = parseOptions({
    ...VALID,
    ...given,
    merchant: { ...(VALID.merchant as MerchantV2), signType: 'MD5', cert },
    publicUrl: 'https://shop.example.com/api/',
    prefix: '/pay/v1',
    orderTtlMs: 60_000,
    tokenTtlMs: 60_000,
    exposeOpenid: true,
    latePayment: 'fulfil',
    sweepIntervalMs: 0,
    leaseMs: 1000,
    concurrency: 1,
    timeoutMs: 10,
    baseUrl: 'http://127.0.0.1:8090/',
    proxy: 'http://shop:hunter2@proxy.example.com:3128',
    now,
  })
  t.match(config, {
    merchant: { signType: 'MD5', cert },
    notifyUrl: 'https://shop.example.com/api/pay/v1/notify',
    prefix: '/pay/v1',
    orderTtlMs: 60_000,
    tokenTtlMs: 60_000,
    exposeOpenid: true,
    latePayment: 'fulfil',
    sweepIntervalMs: 0,
    leaseMs: 1000,
    concurrency: 1,
    timeoutMs: 10,
    hosts: { miniProgram: ['http://127.0.0.1:8090'], pay: ['http://127.0.0.1:8090'] },
    now,
  })
  t.equal(config.proxy?.reveal(), 'http://shop:hunter2@proxy.example.com:3128')
  t.notMatch(inspect(config, { depth: 9, showHidden: true }), 'hunter2', 'secrets are not shown')
  t.strictSame(config.hooks, { price: VALID.price, onPaid: VALID.onPaid, ...given })
})

t.test('the clock option must return a valid Date', async (t) => {
  t.match(faults({ ...VALID, now: Date.now }), [/^`now` cannot be used: its result must be a valid Date, not \d+$/])
  t.match(faults({ ...VALID, now: () => new Date(NaN) }), [/must be a valid Date, not Invalid Date/])
  const broken = () => {
    throw new Error('no clock')
  }
  t.match(faults({ ...VALID, now: broken }), ['`now` cannot be used: it threw: no clock'])
})

t.test('values at the limits of each rule', async (t) => {
  const cases: [string, unknown[]][] = [
    [
      'publicUrl',
      [
        'https://shop.example.com/',
        'https://shop.example.com:8443/a/b',
        'HTTPS://SHOP.example.com',
        'http://localhost:3000',
        'http://127.0.0.1',
        'http://[::1]:3000',
      ],
    ],
    ['prefix', ['/a', '/pay/v10', '/~shop_1.x-y']],
    ['exposeOpenid', [true, false]],
    ['merchant.mchId', ['10000100', '110605603', '1900000109']],
    ['appSecret', [APP_SECRET, [APP_SECRET, '41f0c95bd27e83a6b7c1e6f09d3528a4']]],
    ['merchant.apiKey', [API_KEY, [API_KEY, `${API_KEY.slice(1)}0`], '!"#$%&\'()*+,-./0123456789:;<=>?~']],
    [
      'merchant.cert',
      [
        { cert: String(CERT), key: String(KEY) },
        { cert: CERT, key: KEY },
        { pfx: P12, passphrase: '1900000109' },
      ],
    ],
    ['orderTtlMs', [60_000, 604_800_000]],
    ['tokenTtlMs', [60_000, 31_536_000_000]],
    ['latePayment', ['hold', 'fulfil']],
    ['sweepIntervalMs', [0, 100, 86_400_000]],
    ['leaseMs', [1000, 86_400_000]],
    ['concurrency', [1, 1000]],
    ['timeoutMs', [10, 60_000]],
    ['proxy', [undefined, 'http://proxy:3128', 'https://shop:hunter2@proxy.example.com/']],
    ['baseUrl', ['http://127.0.0.1:8090', 'http://wechat:8090/', 'https://api.weixin.qq.com']],
  ]
  for (const [path, values] of cases) {
    for (const value of values) {
      t.strictSame(faults(having(path, value)), [], `${path}: ${inspect(value)}`)
    }
  }
})

t.test('every rule', async (t) => {
  const aFunction = ['must be a function', ['x', 1, {}, null, true]] as const
  const ms = (min: string, max: string) =>
    [
      `must be a whole number of ms from ${min}`,
      ['5000', 0.5, -1, NaN, Infinity, 1e300, 10n, null, new Date(0), Number.parseInt(max) + 1],
    ] as const
  const rules: [path: string, rule: string, bad: readonly unknown[]][] = [
    [
      'appid',
      'must be "wx" and 16 lower-case hex digits',
      [
        '',
        'wx',
        'wx2421b1c4370ec43',
        'wx2421b1c4370ec43b0',
        'wx2421B1C4370EC43B',
        'xw2421b1c4370ec43b',
        ' wx2421b1c4370ec43b',
        'wx2421b1c4370ec43b\n',
        1,
        null,
        {},
      ],
    ],
    [
      'publicUrl',
      'must be an https URL (http only on loopback) without query, fragment or credentials',
      [
        'https://x.example.com//a',
        'https://x.example.com/a/../b',
        'https://x.example.com/a/./b',
        'https://x.example.com//',
        '',
        'shop.example.com',
        'http://shop.example.com',
        'http://127.0.0.1.example.com',
        'ftp://shop.example.com',
        'https://',
        'https:shop.example.com',
        'https:\\\\shop.example.com',
        'https://shop.example.com?a=1',
        'https://shop.example.com/?',
        'https://shop.example.com/#a',
        'https://admin@shop.example.com',
        'https://shop.example.com:99999',
        ' https://shop.example.com',
        'https://shop.example.com\n',
        'https://shop.example.com/a b',
        'https://商店.example.com',
        1,
        null,
        Symbol('url'),
        new URL('https://shop.example.com'),
      ],
    ],
    [
      'prefix',
      'must be a path such as "/wechat"',
      [
        '',
        '/',
        '/..',
        '/./a',
        '/a/..',
        'wechat',
        '/wechat/',
        '//wechat',
        '/we chat',
        '/wechat?',
        '/:id',
        '/*',
        '/微信',
        1,
        null,
        Symbol('prefix'),
      ],
    ],
    ['price', 'must be a function that returns the price of an order', aFunction[1]],
    ['onPaid', 'must be a function that delivers what was paid for', aFunction[1]],
    ['onRefunded', ...aFunction],
    ['onAnomaly', ...aFunction],
    ['onEvent', ...aFunction],
    ['onLogin', ...aFunction],
    ['now', ...aFunction],
    ['orderTtlMs', ...ms('60000 (1 min) to 604800000 (7 days)', '604800000')],
    ['orderTtlMs', 'must be a whole number of ms from 60000 (1 min)', [0, 59_999]],
    ['tokenTtlMs', ...ms('60000 (1 min) to 31536000000 (a year)', '31536000000')],
    ['tokenTtlMs', 'must be a whole number of ms from 60000 (1 min)', [0, 59_999]],
    ['leaseMs', ...ms('1000 to 86400000', '86400000')],
    ['leaseMs', 'must be a whole number of ms from 1000', [0, 999]],
    ['concurrency', 'must be a whole number from 1 to 1000', [0, 1.5, 1001, '5']],
    ['timeoutMs', ...ms('10 to 60000', '60000')],
    ['timeoutMs', 'must be a whole number of ms from 10', [0, 9]],
    [
      'sweepIntervalMs',
      'must be 0 or a whole number of ms from 100 to 86400000',
      ['5000', -1, 1, 99, 86_400_001, false, null],
    ],
    ['exposeOpenid', 'must be true or false', ['true', 0, 1, null]],
    [
      'logLevels',
      'must be an object of paid, refunded, refused, event, each one of debug, info, warn, error, silent',
      ['info', null, { paid: 'trace' }, { paid: null }, { onPaid: 'info' }],
    ],
    ['latePayment', 'must be "hold", "refund" or "fulfil"', ['', 'HOLD', 'keep', null, true]],
    [
      'baseUrl',
      'must be an origin such as "http://127.0.0.1:8090"',
      [
        '',
        '127.0.0.1:8090',
        'localhost:8090',
        'ftp://127.0.0.1',
        'http://127.0.0.1:8090/pay',
        'http://127.0.0.1:8090//',
        'http://127.0.0.1?',
        'http://127.0.0.1#',
        'http://127.0.0.1\n',
        'http://a@127.0.0.1',
        1,
        null,
      ],
    ],
    ['merchant.version', 'must be "v2" or "v3"', ['v1', 'V2', 2, null]],
    [
      'merchant.mchId',
      'must be the merchant number, 8 to 10 digits',
      ['', '1234567', '12345678901', '190000010x', ' 1900000109', '１９００００００', 1900000109, null],
    ],
    ['merchant.signType', 'must be "MD5" or "HMAC-SHA256"', ['', 'md5', 'SHA256', 'RSA', null]],
  ]
  for (const [path, rule, bad] of rules) {
    for (const value of bad) {
      const lines = faults(having(path, value))
      t.equal(lines.length, 1, `${path} ${inspect(value)}: one fault`)
      t.ok(lines[0]?.startsWith(`\`${path}\` ${rule}`), `${path}: names option and rule: ${lines[0]}`)
      t.match(lines[0], /, not \S/, `${path}: and the value`)
    }
  }
})

t.test('the value is shown as it is', async (t) => {
  const cases: [string, unknown, string][] = [
    ['appid', 'wx1', 'not "wx1"'],
    ['appid', 'wx1\n', 'not "wx1\\n"'],
    ['merchant.mchId', 1900000109, 'not 1900000109'],
    ['timeoutMs', '5000', 'not "5000"'],
    ['leaseMs', 10n, 'not 10n'],
    ['orderTtlMs', NaN, 'not NaN'],
    ['orderTtlMs', null, 'not null'],
    ['prefix', () => {}, 'not [Function'],
    ['onAnomaly', { token: 'hidden' }, 'not [Object]'],
    ['price', ['hidden'], 'not [Array]'],
    ['publicUrl', `http://${'shop.'.repeat(60)}com`, `not "http://${'shop.'.repeat(60).slice(0, 73)}"…`],
  ]
  for (const [path, value, shown] of cases) {
    const [line] = faults(having(path, value))
    t.match(line, shown, `${path}: ${shown}`)
    t.notMatch(line, 'hidden', `${path}: without the value`)
  }
})

t.test('the required options', async (t) => {
  for (const path of [
    'appid',
    'appSecret',
    'merchant',
    'publicUrl',
    'store',
    'price',
    'onPaid',
    'merchant.version',
    'merchant.mchId',
    'merchant.apiKey',
  ]) {
    const lines = faults(having(path, undefined))
    t.equal(lines.length, 1, `${path}: one fault`)
    t.match(lines[0], `\`${path}\` is missing: it must be `, path)
  }
  for (const nothing of [undefined, null, {}]) {
    t.equal(faults(nothing).length, 7, `${nothing}: every missing option at once`)
  }
})

t.test('the secrets', async (t) => {
  const rules: [path: string, rule: string, bad: unknown[]][] = [
    [
      'appSecret',
      'must be 32 lower-case hex digits, from the mini program console',
      ['', 'hunter2', APP_SECRET.slice(1), APP_SECRET + '0', APP_SECRET.toUpperCase(), 1, null, { hunter2: 1 }],
    ],
    ['merchant', 'must be an object with version, mchId and the keys of that version', ['hunter2', 1, null, true]],
    [
      'merchant.apiKey',
      'must be the APIv2 key, exactly 32 characters',
      [
        '',
        'hunter2',
        API_KEY.slice(1),
        API_KEY + '0',
        API_KEY.replace('8', ' '),
        API_KEY.replace('8', '支'),
        1,
        null,
        { hunter2: 1 },
      ],
    ],
    [
      'merchant.cert',
      'must be { pfx, passphrase } or { cert, key }',
      [
        'hunter2',
        1,
        null,
        {},
        { pfx: 'hunter2', passphrase: 'hunter2' },
        { pfx: Buffer.from('p12') },
        { cert: 'hunter2' },
        { key: 'hunter2' },
        { cert: 1, key: 'hunter2' },
        { cert: CERT, key: KEY, rejectUnauthorized: false },
        { pfx: P12, passphrase: '1900000109', cert: CERT, key: KEY },
        { pfx: P12, passphrase: '1900000109', ca: CERT },
        { cert: CERT, key: '' },
        { cert: Buffer.alloc(0), key: KEY },
      ],
    ],
    [
      'proxy',
      'must be the URL of an HTTP proxy, such as "http://user:password@proxy.example.com:3128", without a path',
      ['', 'hunter2:3128', 'socks5://hunter2:1080', 'http://shop:hunter2@proxy/a', 'http://:hunter2%@proxy', 1, null],
    ],
    [
      'store',
      'must be sqlStore(…), memoryStore() or a store of your own, with insertOrder, ',
      ['hunter2', 1, null, {}, { ...memoryStore(), claimDue: 'hunter2' }, memoryStore],
    ],
  ]
  for (const [path, rule, bad] of rules) {
    for (const value of bad) {
      const lines = faults(having(path, value))
      t.equal(lines.length, 1, `${path} ${inspect(value)}: one fault`)
      t.ok(lines[0]?.startsWith(`\`${path}\` ${rule}`), `${path}: names option and rule`)
      t.notMatch(lines[0], /, not |hunter2|0123456789abc|8d6b41c7fe9/, `${path}: never the value`)
    }
  }
})

t.test('a certificate of the right form that TLS cannot use is refused with the reason', async (t) => {
  const legacy = readFileSync(new URL('../tls/legacy.p12', import.meta.url))
  const cases: [cert: object, reason: RegExp][] = [
    [
      { pfx: legacy, passphrase: '1900000109' },
      /old encryption \(RC2-40\).*openssl pkcs12.*\(Node: Unsupported PKCS12/,
    ],
    [{ pfx: P12, passphrase: 'hunter2' }, /passphrase.*\(Node: mac verify failure\)/],
    [{ cert: './hunter2.pem', key: './key.pem' }, /not their paths.*\(Node: .*no start line\)/],
  ]
  for (const [cert, reason] of cases) {
    const [line, ...more] = faults(having('merchant.cert', cert))
    t.match(line, /^`merchant\.cert` cannot be used: /)
    t.match(line, reason)
    t.notMatch(line, /hunter2|1900000109/, 'the passphrase is not shown')
    t.strictSame(more, [])
  }
})

t.test('a secret given to the wrong option is not shown either', async (t) => {
  const swapped = {
    ...VALID,
    appid: APP_SECRET,
    appSecret: VALID.appid,
    merchant: { ...VALID.merchant, mchId: API_KEY, apiKey: '1900000109' },
  }
  t.strictSame(faults(swapped), [
    '`appid` must be "wx" and 16 lower-case hex digits, not this string of 32 characters',
    '`appSecret` must be 32 lower-case hex digits, from the mini program console, or two of these while you change it',
    '`merchant.mchId` must be the merchant number, 8 to 10 digits, not this string of 32 characters',
    '`merchant.apiKey` must be the APIv2 key, exactly 32 characters, or two of these while you change it; it is neither the app secret nor the APIv3 key',
  ])
  for (const name of ['publicUrl', 'baseUrl']) {
    t.notMatch(
      faults(having(name, 'https://admin:hunter2@shop.example.com'))[0],
      'hunter2',
      `${name}: a password in a URL`,
    )
  }
  t.notMatch(
    inspect(parseOptions(VALID), { depth: 9, showHidden: true }),
    new RegExp(`${APP_SECRET}|${API_KEY}`),
    'the parsed options do not show them either',
  )
})

t.test('the message names the unknown option and lists the known ones', async (t) => {
  const lines = faults({
    ...VALID,
    notifyURL: 'hunter2',
    merchant: { ...VALID.merchant, mch_id: 'hunter2' },
    toString: 'hunter2',
  })
  t.equal(lines.length, 3)
  t.match(lines[0], /^`notifyURL` is not an option; the options are appid, appSecret, apps, merchant, .*, now$/)
  t.match(lines[1], /^`toString` is not an option/)
  t.match(lines[2], /^`merchant.mch_id` is not an option; the options are version, mchId, apiKey, signType/)
  t.notMatch(lines.join(), 'hunter2', 'its value may be anything and is not shown')
})

t.test("latePayment: 'refund' needs the certificate of the merchant", async (t) => {
  const fault = "`latePayment: 'refund'` needs `merchant.cert`: WeChat accepts no refund without the certificate"
  t.strictSame(faults({ ...VALID, latePayment: 'refund' }), [fault])
  t.equal(faults({ latePayment: 'refund', merchant: {} }).at(-1), fault, 'with all the other faults')
  t.strictSame(
    faults({ ...VALID, latePayment: 'refund', merchant: { ...VALID.merchant, cert: { cert: CERT, key: KEY } } }),
    [],
  )
})

t.test('mixed-up keys', async (t) => {
  const merchant = (apiKey: string) => ({ ...VALID.merchant, apiKey })
  t.match(faults({ ...VALID, merchant: merchant(APP_SECRET) }), [
    /^`merchant\.apiKey` is the app secret: take the APIv2/,
  ])
  t.match(faults({ ...VALID, merchant: merchant('x'.repeat(32)) }), [/^`merchant\.apiKey` is a placeholder/])
  t.match(faults({ ...VALID, appSecret: 'a'.repeat(32) }), [/^`appSecret` is a placeholder/])
  const both = faults({ ...VALID, appid: 'wx1', merchant: { ...merchant(APP_SECRET), mchId: 7 } })
  t.match(both, [/^`appid`/, /^`merchant\.mchId`/, /^`merchant\.apiKey` is the app secret/], 'with all other faults')
  t.notMatch(both.join(), APP_SECRET)
})

t.test('issueToken and authenticate must be given together', async (t) => {
  for (const name of ['issueToken', 'authenticate']) {
    t.strictSame(
      faults({ ...VALID, [name]: () => {} }),
      ['`issueToken` and `authenticate` must be given together'],
      `${name} alone`,
    )
    const other = name === 'issueToken' ? 'authenticate' : 'issueToken'
    t.match(
      faults({ ...VALID, [other]: () => {}, [name]: 'x' }),
      [`\`${name}\` must be a function`],
      `${name}, which is not a function`,
    )
  }
})

t.test('a notify URL has at most 256 characters', async (t) => {
  const publicUrl = `https://shop.example.com/${'a'.repeat(256 - 'https://shop.example.com//wechat/notify'.length)}`
  t.equal(parseOptions({ ...VALID, publicUrl }).notifyUrl.length, 256)
  t.strictSame(faults({ ...VALID, publicUrl: publicUrl + 'a' }), [
    '`publicUrl`, the prefix of the scope and `prefix` must give a notify URL of at most 256 characters',
  ])
})

t.test('all faults at once', async (t) => {
  const lines = faults({
    appid: 'wx1',
    appSecret: 'x',
    merchant: { version: 'v1', mchId: 1, apiKey: 'x', signType: 'x', cert: 1, mch_id: 1 },
    publicUrl: 'x',
    prefix: 'x',
    store: 1,
    price: 1,
    onPaid: 1,
    onLogin: 1,
    leaseMs: 1,
    colour: 'red',
    issueToken: () => {},
  })
  t.strictSame(
    lines.map((line) => /`(.+?)`/.exec(line)?.[1]),
    [
      'colour',
      'appid',
      'appSecret',
      'publicUrl',
      'prefix',
      'store',
      'price',
      'onPaid',
      'onLogin',
      'leaseMs',
      'merchant.mch_id',
      'merchant.version',
      'merchant.mchId',
      'merchant.apiKey',
      'merchant.signType',
      'merchant.cert',
      'issueToken',
    ],
  )
})

t.test('the notify URL includes the prefix of the scope', async (t) => {
  t.equal(parseOptions(VALID, '/api').notifyUrl, 'https://shop.example.com/api/wechat/notify')
  t.equal(
    parseOptions({ ...VALID, publicUrl: 'https://shop.example.com/a/', prefix: '/pay' }, '/v1').notifyUrl,
    'https://shop.example.com/a/v1/pay/notify',
  )
  t.throws(() => parseOptions(VALID, `/${'a'.repeat(220)}`), { message: /at most 256 characters/ })
})

t.test('a key given to the wrong option is not in any message', async (t) => {
  for (const key of ['"\'\\'.padEnd(32, '!x'), 'Key!'.repeat(8), API_KEY]) {
    for (const path of ['merchant.mchId', 'merchant.signType', 'appid', 'prefix', 'publicUrl', 'baseUrl']) {
      for (const value of [key, `https://${key}`, ` ${key}`, { [inspect.custom]: () => key }]) {
        const options = having(path, value)
        const merchant = { ...(options.merchant as object), apiKey: key }
        const lines = faults({
          ...options,
          merchant: path.startsWith('merchant') ? { ...merchant, [path.slice(9)]: value } : merchant,
        })
        t.notMatch(lines.join('\n'), key, `${path}: ${lines.join() || 'no fault'}`)
      }
    }
  }
})

t.test('several apps', async (t) => {
  const { appid, appSecret, ...rest } = VALID
  const tea = { appid: appid!, appSecret: appSecret! }
  const coffee = { appid: 'wx00000000000000c0', appSecret: ['41f0c95bd27e83a6b7c1e6f09d3528a4', APP_SECRET] as const }
  const { apps } = parseOptions({ ...rest, apps: { tea, coffee } })
  t.strictSame(
    apps.map(({ name, appid, appSecrets }) => [name, appid, appSecrets.map((secret) => secret!.reveal())]),
    [
      ['tea', tea.appid, [APP_SECRET]],
      ['coffee', coffee.appid, [...coffee.appSecret]],
    ],
  )
  const cases: [apps: unknown, faults: RegExp[]][] = [
    [{}, [/^`apps` must be an object of 1 to 50 apps, .* and "-"$/]],
    [[tea], [/^`apps` must be an object/]],
    [7, [/^`apps` must be an object/]],
    [{ 'tea room': tea }, [/^`apps` must be an object/]],
    [Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`app${n}`, tea])), [/^`apps` must be an object/]],
    [{ tea: null }, [/^`apps.tea` must be \{ appid, appSecret \}$/]],
    [{ tea: {} }, [/^`apps.tea.appid` is missing/, /^`apps.tea.appSecret` is missing/]],
    [{ tea, tee: tea }, [/^`apps.tee.appid` is that of `apps.tea`/]],
    [{ tea: { ...tea, appid: 'tea' } }, [/^`apps.tea.appid` must be "wx".*, not "tea"$/]],
    [{ tea: { ...tea, secret: 1 } }, [/^`apps.tea.secret` is not an option; the options are appid, appSecret$/]],
    [
      { tea: { ...tea, appSecret: 'x'.repeat(32) } },
      [/^`apps.tea.appSecret` must be 32/, /^`appSecret` is a placeholder/],
    ],
  ]
  for (const [apps, expected] of cases) t.match(faults({ ...rest, apps }), expected)
  for (const [apps, expected] of cases) t.equal(faults({ ...rest, apps }).length, expected.length)
  t.match(faults({ ...VALID, apps: { tea } }), [
    /^`appid` must be left out beside `apps`, which has it for each app$/,
    /^`appSecret` must be left out beside `apps`, which has it for each app$/,
  ])
  const mixed = faults({ ...rest, apps: { coffee }, merchant: { ...VALID.merchant, apiKey: coffee.appSecret[0] } })
  t.match(mixed, [/^`merchant.apiKey` is the app secret/], 'of any app')
})
