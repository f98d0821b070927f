import t from 'tap'
import { diagnose } from '../../../mock-server/cli/doctor.ts'
import type { World } from '../../../mock-server/index.ts'
import { VERSION } from '../../../mock-server/version.ts'
import { callPay, deadUrl, listen, orderFields, placeOrder, port, postRaw, startMock, startShop } from '../helpers.ts'
import { command } from './run.ts'

type Facts = Parameters<typeof diagnose>[0]

const world = {
  id: 'default',
  baseUrl: 'http://127.0.0.1:8090',
  appid: 'wx1',
  appSecret: 's',
  mchId: '16',
  apiKey: 'k',
  v3: {
    apiV3Key: 'k3',
    serialNo: 'AB',
    privateKey: '-----BEGIN\nabc\n',
    certificate: '',
    publicKeyId: 'PUB_KEY_ID_01',
    publicKey: '-----BEGIN\ndef\n',
    platformSerialNo: '',
    platformCertificate: '',
    keyMode: 'public-key' as const,
  },
  clock: { mode: 'real' },
}
const call = {
  cursor: 1,
  direction: 'in',
  api: 'unifiedorder',
  note: 'SUCCESS',
  request: { method: 'POST', url: '/pay/unifiedorder' },
}
const sent = {
  id: 'd1',
  notificationId: 'tea-0001',
  outTradeNo: 'tea-0001',
  url: 'http://127.0.0.1/notify',
  verdict: 'acked',
  reason: 'fine',
}

const told = (facts: Partial<Facts>) =>
  diagnose({
    version: VERSION,
    world,
    calls: [call],
    deliveries: [sent],
    orders: [],
    environment: {},
    container: false,
    ...facts,
  }).map(({ level, check, message }) => `${level} ${check}: ${message}`)

t.test('a working setup', async (t) => {
  t.same(told({}), [
    `ok version: wechat-mock ${VERSION}`,
    'ok clock: the clock is real: an unacknowledged notification is resent after 15 s, 15 s, 30 s, 3 min, …',
    'ok calls: calls received: 1, the last one to unifiedorder',
    'ok notifications: http://127.0.0.1/notify acknowledges notifications',
  ])
  const right = {
    WECHAT_BASE_URL: 'http://localhost:8090/',
    WECHAT_APPID: 'wx1',
    WECHAT_APP_SECRET: 's',
    WECHAT_MCH_ID: '16',
    WECHAT_API_KEY: 'k',
    WECHAT_API_V3_KEY: 'k3',
    WECHAT_PRIVATE_KEY: '-----BEGIN\\nabc',
    HTTP_PROXY: 'http://proxy',
    NO_PROXY: 'localhost',
  }
  t.same(told({ environment: right }), told({}))
})

t.test('the findings', async (t) => {
  const cases: [facts: Partial<Facts>, found: RegExp][] = [
    [{ version: '9.9.9' }, /^hint version: the mock is version 9\.9\.9, this command /],
    [
      { environment: { WECHAT_MCH_ID: '17' } },
      /^problem environment: WECHAT_MCH_ID in this shell differs from that of world default, which is 16$/,
    ],
    [
      { environment: { WECHAT_PRIVATE_KEY: '-----BEGIN\nxyz\n' } },
      /^problem environment: WECHAT_PRIVATE_KEY in this shell differs from that of world default$/,
    ],
    [
      { environment: { WECHAT_BASE_URL: 'https://api.mch.weixin.qq.com' } },
      /^problem environment: WECHAT_BASE_URL in this shell is https:\/\/api.*; the mock is http:\/\/127/,
    ],
    [{ environment: { WECHAT_BASE_URL: 'nonsense' } }, /^problem environment: WECHAT_BASE_URL/],
    [
      { environment: { https_proxy: 'http://proxy' } },
      /^hint environment: https_proxy is set and NO_PROXY is not.*NO_PROXY=127\.0\.0\.1/,
    ],
    [{ world: { ...world, clock: { mode: 'virtual' } } }, /^hint clock: .*wechat-mock advance 24h4m/],
    [{ container: true }, /^hint container: .*--host 0\.0\.0\.0/],
    [{ calls: [] }, /^problem calls: no call has arrived for world default: give your app http:\/\/127\.0\.0\.1:8090/],
    [
      { calls: [call, { ...call, api: 'unknown', request: { method: 'POST', url: '/pay/micropay' } }] },
      /^problem calls: calls to paths that are not emulated: 1, the last one to POST \/pay\/micropay$/,
    ],
    [
      {
        calls: [
          {
            ...call,
            note: 'x',
            sign: { received: 'A', type: 'MD5', ours: 'a=1', mistake: 'it was not in upper case' },
          },
        ],
      },
      /^problem signatures: calls with a wrong signature: 1, the last one to unifiedorder: .*it was not in upper case.*; to have one of your messages explained: POST \/__mock\/v1\/worlds\/default\/explain-sign$/,
    ],
    [
      { calls: [{ ...call, note: 'ORDERPAID' }] },
      /^hint refusals: calls that were refused: 1, the last one to unifiedorder: ORDERPAID$/,
    ],
    [
      {
        calls: [
          {
            ...call,
            lint: [
              { rule: 'nonce-repeated', level: 'warning', field: 'nonce_str', message: 'n was used before' },
              { rule: 'notify-url-local', level: 'info', field: 'notify_url', message: '' },
            ],
          },
        ],
      },
      /^hint lint: .*\(nonce-repeated\): n was used before$/,
    ],
    [
      { deliveries: [sent, { ...sent, verdict: 'not_xml', reason: 'it says ok' }] },
      /^problem notifications: http:\/\/127\.0\.0\.1\/notify did not acknowledge the notification of tea-0001: not_xml, it says ok; to send it again: wechat-mock deliver \S+, or the curl command of GET \/__mock\/v1\/worlds\/default\/deliveries\/\S+\/curl$/,
    ],
    [
      {
        deliveries: [],
        orders: [
          { tradeState: 'NOTPAY', notifyUrl: '' },
          { tradeState: 'CLOSED', notifyUrl: '' },
        ],
      },
      /^hint notifications: unpaid orders: 1 \(wechat-mock pay\)$/,
    ],
  ]
  const usual = told({})
  for (const [facts, found] of cases) {
    const fresh = told(facts).filter((line) => !usual.includes(line) && !line.startsWith('ok'))
    t.match(fresh, { length: 1, 0: found }, String(found))
  }
  t.same(
    told({
      calls: [
        { ...call, note: 'not carried out; fault x: reset', fault: 'x' },
        { ...call, api: 'jscode2session', note: 'ok' },
      ],
    }).filter((line) => !line.startsWith('ok')),
    [],
    'a fault was asked for',
  )
  t.match(told({ deliveries: [] }), { length: 3 })
  t.notOk(
    told({ deliveries: [{ ...sent, verdict: 'not_xml' }, sent] }).some((line) => line.startsWith('problem')),
    'the newest answer counts',
  )
})

/** A clean shell, so that the environment of the tests is not diagnosed. */
const CLEAN = ['WECHAT_BASE_URL', 'WECHAT_APPID', 'WECHAT_APP_SECRET', 'WECHAT_MCH_ID', 'WECHAT_API_KEY']

t.test('a running mock, from no calls to a working app', async (t) => {
  for (const name of CLEAN) t.equal(process.env[name], undefined)
  const mock = await startMock(t)
  const { default: world }: { default: World } = mock
  const doctor = (...args: string[]) => command('doctor', '--url', mock.url, ...args)
  t.match(await doctor(), { code: 1, out: /^problem no call has arrived/m, err: '1 problem\n' })

  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  t.match(await doctor(), { code: 0, out: /^ok {6}calls received: 1, the last one to unifiedorder$/m, err: '' })
  t.match(JSON.parse((await doctor('--json')).out), { ok: true, diagnoses: [{ level: 'ok', check: 'version' }] })

  await postRaw(
    `${world.baseUrl}/pay/unifiedorder`,
    `<xml><appid>${world.credentials.appid}</appid><mch_id>${world.credentials.mchId}</mch_id><nonce_str>n</nonce_str><sign>A</sign>${Object.entries(
      orderFields(shop.notifyUrl),
    )
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`)
      .join('')}</xml>`,
  )
  await callPay(world, 'unifiedorder', orderFields(await deadUrl(), { out_trade_no: 'tea-0002' }))
  await world.pay('tea-0002')
  await fetch(`${world.baseUrl}/pay/micropay`)
  const { code, out, err } = await doctor()
  t.equal(code, 1)
  t.equal(err, '3 problems\n')
  for (const found of [
    /^problem calls to paths that are not emulated: 1/m,
    /^problem calls with a wrong signature: 1/m,
    /^problem \S+ did not acknowledge .* tea-0002: connection_refused/m,
    /^hint {4}works here, might not in production \(nonce-repeated\)/m,
  ]) {
    t.match(out, found)
  }
})

t.test('no server, and another server', async (t) => {
  t.match(await command('doctor', '--url', await deadUrl()), { code: 1, out: '', err: /^nothing listens/ })
  const other = await listen(t, (_request, response) => {
    response.end('{"name":"other"}')
  })
  t.match(await command('doctor', '--url', `http://127.0.0.1:${port(other)}`), {
    code: 1,
    out: '',
    err: /is not a wechat-mock/,
  })
})
