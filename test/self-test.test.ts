import t from 'tap'
import { createAccount } from '../src/account.ts'
import { createApps } from '../src/engine/users/apps.ts'
import { memoryStore, WechatError } from '../src/index.ts'
import type { Check, Party, Store } from '../src/index.ts'
import { parseOptions } from '../src/options/parse.ts'
import { selfTest } from '../src/self-test.ts'
import type { SelfTestDeps } from '../src/self-test.ts'
import { merchant } from './helpers.ts'
import { MERCHANT_V3, OPTIONS, V3_FILES } from './options/merchant-v3.ts'

const byName = (checks: Check[]) => Object.fromEntries(checks.map(({ check, ...rest }) => [check, rest]))
const appOf = (miniProgram: object) =>
  createApps([{ name: undefined, appid: OPTIONS.appid!, miniProgram: miniProgram as never }])
const silent = { debug() {}, info() {}, warn() {}, error() {} }

t.test('an app that talks to the mock', async (t) => {
  const shop = await merchant(t)
  const checks = byName(await shop.app.wechat.selfTest())
  t.strictSame(
    Object.entries(checks)
      .filter(([, { ok }]) => !ok)
      .map(([check]) => check),
    ['public URL'],
    'everything passes, except that WeChat cannot reach this machine',
  )
  t.match(checks['public URL'], { reason: /WeChat cannot reach http:\/\/127/, advice: /public https/ })
  t.match(checks['notify route'], { ok: true, reason: /notification to \/wechat\/notify passes/ })
  t.match(checks['app secret'], { ok: true })
  t.match(checks['payment API'], { ok: true, reason: /API v2/ })
  t.strictSame(await shop.app.wechat.anomalies.list(), [])
  shop.world.assertNoUnexpected()
})

t.test('an app with wrong keys and a hook in the way', async (t) => {
  const shop = await merchant(t, {
    options: {
      appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
      merchant: { version: 'v2', mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
    },
    before: (app) => {
      app.addHook('onRequest', async (_request, reply) => await reply.code(401).send('log in first'))
    },
  })
  const checks = byName(await shop.app.wechat.selfTest())
  t.match(checks['app secret'], { ok: false, reason: /40125/ })
  t.match(checks['payment API'], { ok: false, reason: /WeChat Pay refused this server's request/ })
  t.match(checks['notify route'], { ok: false, reason: /blocks notifications/ })
  t.notMatch(JSON.stringify(checks), /41f0c95bd27e83a6|d6b41c7fe92a0538/)
})

t.test('the checks show which API v3 key is wrong', async (t) => {
  const [pem, other] = [V3_FILES.publicKey, 'abcdefghijklmnopqrstuvwxyz012345']
  const merchants: ['public-key' | 'certificate', part: object, check: string, expected: object][] = [
    ['public-key', {}, 'payment API', { ok: true }],
    ['public-key', {}, 'APIv3 key', { ok: true, reason: /^Not tried: .*HTTP 404: RESOURCE_NOT_EXISTS/ }],
    ['public-key', { apiKey: other }, 'API v2', { ok: false, reason: /check `merchant\.apiKey`/ }],
    ['public-key', { publicKey: pem }, 'payment API', { ok: false, reason: /merchant\.publicKey is wrong/ }],
    [
      'public-key',
      { publicKeyId: 'PUB_KEY_ID_0114232134912410000000000000' },
      'payment API',
      { ok: false, reason: /names the key PUB_KEY_ID_.*check merchant\.publicKeyId/ },
    ],
    ['public-key', { serialNo: `${'0'.repeat(39)}1` }, 'payment API', { ok: false, reason: /check .*serialNo/ }],
    ['certificate', {}, 'APIv3 key', { ok: true, reason: /decrypts/ }],
    [
      'certificate',
      { apiV3Key: other },
      'APIv3 key',
      { ok: false, reason: /does not decrypt with merchant\.apiV3Key/ },
    ],
  ]
  for (const [keyMode, part, check, expected] of merchants) {
    const shop = await merchant(t, {
      version: 'v3',
      world: { keyMode },
      options: (world) => ({ merchant: { ...world.merchantOptions('v3'), ...part } }),
    })
    const checks = await shop.app.wechat.selfTest()
    t.match(byName(checks)[check], expected, `${keyMode} ${JSON.stringify(Object.keys(part))}`)
    const { apiKey, appSecret, v3 } = shop.world.credentials
    for (const secret of [apiKey, appSecret, v3.apiV3Key, other, v3.privateKey.slice(100, 140)]) {
      t.notOk(JSON.stringify([checks, shop.logs]).includes(secret), 'no key is shown')
    }
  }
})

/** The checks of a merchant with a working WeChat, apart from `changes`. */
async function check({ options = {}, ...changes }: { options?: object } & Partial<SelfTestDeps> = {}) {
  const config = parseOptions({ ...OPTIONS, ...options })
  const account = createAccount(config, silent)
  const rejected = async () => {
    throw new WechatError('WECHAT_CODE_REJECTED', 'no such code')
  }
  const services = {
    apps: appOf({ code2Session: rejected }),
    pay: {
      ...account.pay,
      query: async () => ({ tradeState: 'NOT_EXIST' }),
      tryApiV3Key: async () => {},
    } as typeof account.pay,
    wechatNow: () => config.now(),
  }
  await account.close()
  return byName(await selfTest({ config, services, resolve: async () => ['203.0.113.7'], ...changes }))
}

t.test('a service provider is asked about an order of a sub-merchant, if one is known', async (t) => {
  const spAppid = OPTIONS.appid!
  for (const [subMchIds, reason, asked] of [
    [['1900000201', '1900000202'], /accepts our signature|APIv2 key is right/, ['1900000201', '1900000201']],
    ['any', /Not tried: `subMchIds: 'any'`/, []],
  ] as const) {
    const config = parseOptions({ ...OPTIONS, merchant: { ...MERCHANT_V3, partner: { spAppid, subMchIds } } })
    const account = createAccount(config, silent)
    const seen: unknown[] = []
    const pay = {
      version: 'v3',
      query: async (_: string, of?: Party) => {
        seen.push(of?.subMchId)
        return { tradeState: 'NOT_EXIST' }
      },
      listRefunds: async (_: string, of?: Party) => {
        seen.push(of?.subMchId)
        return []
      },
      tryApiV3Key: async () => {},
    } as unknown as typeof account.pay
    await account.close()
    const apps = appOf({
      code2Session: async () => {
        throw new WechatError('WECHAT_CODE_REJECTED', '40029')
      },
    })
    const services = { apps, pay, wechatNow: () => config.now() }
    const checks = byName(await selfTest({ config, services, resolve: async () => ['203.0.113.7'] }))
    for (const name of ['payment API', 'API v2']) t.match(checks[name], { ok: true, reason }, `${name}: ${subMchIds}`)
    t.strictSame(seen, asked)
  }
})

t.test('the messages of each check', async (t) => {
  const good = await check()
  t.strictSame(
    Object.entries(good)
      .filter(([, { ok }]) => !ok)
      .map(([name]) => name),
    [],
  )
  t.strictSame(
    Object.entries(good)
      .filter(([, { ok, advice }]) => ok && advice !== undefined)
      .map(([name]) => name),
    ['API v2', 'notify route'],
    'warnings',
  )
  t.match(good['API v2'], { ok: true, reason: /no `merchant\.apiKey`/, advice: /APIv2 key/ })
  t.match(good['notify route'], { ok: true, reason: /Not tried/, advice: /selfTest/ })
  t.match(good['public URL'], { ok: true, reason: /203\.0\.113\.7/ })

  const now = () => new Date('2500-01-01')
  t.match((await check({ options: { merchant: { ...MERCHANT_V3, certificate: V3_FILES.certificate }, now } })).clock, {
    ok: true,
  })

  const urls: [publicUrl: string, resolve: () => Promise<string[]>, expected: object][] = [
    ['http://localhost:3000', async () => [], { ok: false, reason: /cannot reach/ }],
    ['https://shop.example.com', async () => ['10.1.2.3'], { ok: false, reason: /private address 10\.1\.2\.3/ }],
    ['https://shop.example.com', async () => ['fe80::1'], { ok: false, reason: /private address fe80::1/ }],
    ['https://shop.example.com', async () => [], { ok: false, reason: /has no address/ }],
    [
      'https://shop.example.com',
      async () => {
        throw new Error('ENOTFOUND')
      },
      { ok: false, reason: /has no address/ },
    ],
    ['https://192.168.0.1', async () => [], { ok: false, reason: /private address/ }],
    ['https://[2001:db8::1]', async () => [], { ok: true, reason: /firewall/, advice: undefined }],
  ]
  for (const [publicUrl, resolve, expected] of urls) {
    t.match((await check({ options: { publicUrl }, resolve }))['public URL'], expected, publicUrl)
  }
  t.match(
    (await check({ options: { publicUrl: 'https://no-such-host.invalid' }, resolve: undefined as never }))[
      'public URL'
    ],
    { ok: false, reason: /has no address/ },
  )

  const services = (part: object) =>
    ({
      ...({
        apps: appOf({}),
        pay: { version: 'v3', query: async () => ({ tradeState: 'NOT_EXIST' }) },
        wechatNow: () => new Date(),
      } as object),
      ...part,
    }) as never
  const cases: [name: string, services: object, expected: object][] = [
    ['clock', { wechatNow: () => new Date(Date.now() + 3_600_000) }, { ok: false, reason: /3600 s behind WeChat's/ }],
    ['clock', { wechatNow: () => new Date(Date.now() - 3_600_000) }, { ok: false, reason: /3600 s ahead of WeChat's/ }],
    ['app secret', { apps: appOf({ code2Session: async () => ({}) }) }, { ok: false, reason: /made-up/ }],
    [
      'app secret',
      {
        apps: appOf({
          code2Session: async () => {
            throw new TypeError('no')
          },
        }),
      },
      { ok: false, advice: /no/ },
    ],
    [
      'payment API',
      { pay: { version: 'v3', query: async () => ({ tradeState: 'CLOSED' }) } },
      { ok: false, reason: /CLOSED/ },
    ],
    [
      'payment API',
      {
        pay: {
          version: 'v3',
          query: async () => {
            throw new WechatError('WECHAT_REPLY_INVALID', 'not signed')
          },
        },
      },
      { ok: false, reason: /^not signed$/ },
    ],
    ['API v2', { pay: { version: 'v3', listRefunds: async () => [] } }, { ok: true, reason: /key is right/ }],
    ['APIv3 key', { pay: {} }, { ok: false, reason: /could not be made/ }],
  ]
  for (const [name, part, expected] of cases) t.match((await check({ services: services(part) }))[name], expected, name)
})

t.test('expiring certificates', async (t) => {
  const merchant = { ...MERCHANT_V3, platformCertificates: [V3_FILES.platformCertificate] }
  const config = parseOptions({ ...OPTIONS, merchant })
  const expired = {
    ...config,
    merchant: { ...config.merchant, platformKeys: [{ serial: 'x', key: {} as never, expiresAt: new Date(0) }] },
  } as typeof config
  t.match((await check({ config: expired })).certificates, { ok: false, reason: /expired on 1970-01-01/ })
})

t.test('the store', async (t) => {
  const broken = {
    ...memoryStore(),
    async countDue() {
      throw new Error('no such table')
    },
  } as Store
  t.match((await check({ options: { store: broken } })).store, {
    ok: false,
    reason: /no such table/,
    advice: /migrate/,
  })

  /** A store with a pool of this many connections. */
  const pool = (size: number): Store => {
    const store = memoryStore()
    const waiting: (() => void)[] = []
    let free = size
    return {
      ...store,
      async fulfil(claim, work, decide) {
        if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
        else free -= 1
        try {
          return await store.fulfil(claim, work, decide)
        } finally {
          const next = waiting.shift()
          if (next === undefined) free += 1
          else next()
        }
      },
    }
  }
  t.match((await check({ options: { store: pool(6) } })).connections, { ok: true, reason: /6 hooks and queries/ })
  t.match((await check({ options: { store: pool(3) } })).connections, {
    ok: false,
    reason: /has 3 connections.*needs 6/,
  })
  t.match((await check({ options: { store: pool(1) } })).connections, { ok: true, reason: /one after the other/ })
})
