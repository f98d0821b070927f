import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import type { MockWechat } from '../../mock-server/index.ts'
import { size } from '../sizes.ts'
import { mysql, postgres } from '../store/databases.ts'
import { TYPESCRIPT } from '../typescript.ts'

const cwd = new URL('../..', import.meta.url)
const run = promisify(execFile)

for (const [version, refused] of [
  ['v2', 'fail_xml'],
  ['v3', 'http_status'],
] as const) {
  t.test(`the demo shows the whole flow of ${version} and exits with 0`, async (t) => {
    const { stdout } = await run(process.execPath, [TYPESCRIPT, 'examples/demo.ts', '--version', version], { cwd })
    const steps = ['wx\\.login', 'paySign', refused, refused, 'acked', 'duplicate', 'forged', 'Everything happened']
    t.match(stdout, new RegExp(steps.join('[^]*')))
    t.notMatch(stdout, '✗')
  })
}

t.test('an unknown version is refused', async (t) => {
  for (const script of ['examples/demo.ts', 'examples/shop/main.ts']) {
    await t.rejects(run(process.execPath, [TYPESCRIPT, script, '--version', 'v1'], { cwd }), {
      code: 2,
      stderr: '--version is v2 or v3, not v1.\n',
    })
  }
  await t.rejects(run(process.execPath, [TYPESCRIPT, 'examples/shop/main.ts', '--verison'], { cwd }), {
    code: 2,
    stderr: /^Unknown option '--verison'.*\nUsage: npm run shop -- \[--version v2\|v3\] \[--json\]\n$/,
  })
})

t.test('--json prints one object with the same facts', async (t) => {
  const { stdout } = await run(process.execPath, [TYPESCRIPT, 'examples/demo.ts', '--json'], { cwd })
  const facts = JSON.parse(stdout) as Record<string, unknown>
  t.match(facts, {
    ok: true,
    fulfilments: 1,
    paid: true,
    amount: 1250,
    duplicate: 'acked',
    deliveries: [{ verdict: 'http_status' }, { verdict: 'http_status' }, { verdict: 'acked' }],
  })
})

t.test('the demo fails if a step goes wrong', async (t) => {
  // Changes the shop's replies on their way: one leaks the session key, one turns FAIL into SUCCESS.
  const spoil = `const { fetch } = globalThis
    globalThis.fetch = async (url, init) => {
      const text = (await (await fetch(url, init)).text()).replace('{"token"', '{"session_key":"leaked","token"').replace('"FAIL"', '"SUCCESS"')
      return new Response(text, { status: 200 })
    }`
  const spoiled = [TYPESCRIPT, '--import', `data:text/javascript,${encodeURIComponent(spoil)}`, 'examples/demo.ts']
  await t.rejects(run(process.execPath, spoiled, { cwd }), {
    code: 1,
    stdout:
      /AND THE SESSION KEY[^]*✗ FAILED: the forged notification is refused[^]*Something did not happen as it should/,
  })
  await t.rejects(run(process.execPath, [...spoiled, '--json'], { cwd }), { code: 1, stdout: /^{"ok":false/ })
})

interface Shop {
  url: string
  notifyUrl: string
  mockUrl: string | null
  stop(): Promise<void>
}

/** Starts the shop as its own process with its own database; resolves with the facts of its first line. */
async function shop(t: Test, env: Record<string, string> = {}): Promise<Shop> {
  const database = join(t.testdirName, 'shop.db')
  mkdirSync(t.testdirName, { recursive: true })
  t.teardown(() => {
    rmSync(t.testdirName, { recursive: true })
  })
  return await startShop(t, { DATABASE_URL: database, ...env })
}

async function startShop(t: Test, env: Record<string, string>): Promise<Shop> {
  const child = spawn(process.execPath, [TYPESCRIPT, 'examples/shop/main.ts', '--json'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  let stopped = false
  async function stop(): Promise<void> {
    if (stopped) return
    stopped = true
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    if (code !== 0) throw new Error(`after SIGTERM the shop exited with ${code}`)
  }
  t.teardown(stop)
  return { ...(JSON.parse(line) as Omit<Shop, 'stop'>), stop }
}

const json = { 'content-type': 'application/json' }
const post = async (url: string, body: object, headers = {}) =>
  (await (
    await fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) })
  ).json()) as Record<string, string>

t.test('the shop alone, with its own mock', async (t) => {
  const { url, notifyUrl, mockUrl } = await shop(t)
  t.equal(notifyUrl, `${url}/wechat/notify`)
  const { code } = await post(`${mockUrl}/__mock/v1/worlds/default/login-codes`, {})
  const { token } = await post(`${url}/wechat/login`, { code })
  const { outTradeNo } = await post(`${url}/wechat/orders`, { item: 'pot' }, { authorization: `Bearer ${token}` })
  t.match(await post(`${url}/wechat/orders`, { item: 'gold' }, { authorization: `Bearer ${token}` }), {
    statusCode: 404,
  })
  t.match(await post(`${mockUrl}/__mock/v1/worlds/default/orders/${outTradeNo}/pay`, {}), {
    delivery: { verdict: 'acked' },
    order: { tradeState: 'SUCCESS' },
  })
  t.equal((await fetch(`${url}/probe?out_trade_no=${outTradeNo}`)).status, 404, 'no probe unless requested')
  t.match(
    await (
      await fetch(`${url}/wechat/orders`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
    ).json(),
    { package: /^prepay_id=/ },
    'nothing named is tea',
  )
})

t.test('it prints where it listens; a port in use and a WeChat without credentials are errors', async (t) => {
  const folder = t.testdir()
  const inFolder = `data:text/javascript,process.chdir(${JSON.stringify(folder)})`
  const child = spawn(
    process.execPath,
    [TYPESCRIPT, '--import', inFolder, fileURLToPath(new URL('examples/shop/main.ts', cwd))],
    { cwd, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, DATABASE_URL: '' } },
  )
  let text = ''
  for await (const line of createInterface(child.stdout)) {
    text += `${line}\n`
    if (line.includes('Ctrl+C')) break
  }
  const [, port] =
    /^The shop listens on http:\/\/127\.0\.0\.1:(\d+), in API v3; its orders are in shop\.db\.\n/.exec(text) ?? []
  t.ok(port, text)
  t.match(
    text,
    new RegExp(
      `Open http://127.0.0.1:${port}/\n[^]*and  (http://[^/]*)/__mock/ui/default/orders\n[^]*notifies http.*/wechat/notify`,
    ),
  )
  await t.rejects(
    run(process.execPath, [TYPESCRIPT, 'examples/shop/main.ts'], { cwd, env: { ...process.env, PORT: port } }),
    { code: 1, stderr: /^The shop cannot listen on port \d+: .*EADDRINUSE.*\n$/ },
  )
  child.kill('SIGINT')
  t.strictSame(await once(child, 'exit'), [0, null])
  t.ok(existsSync(join(folder, 'shop.db')))
  const bare = { ...process.env, DATABASE_URL: ':memory:', WECHAT_BASE_URL: 'http://127.0.0.1:9', PORT: '0' }
  await t.rejects(run(process.execPath, [TYPESCRIPT, 'examples/shop/main.ts'], { cwd, env: bare }), {
    code: 1,
    stderr:
      /WECHAT_OPTIONS_INVALID[^]*appid[^]*appSecret[^]*merchant\.mchId[^]*merchant\.apiKey|appid[^]*merchant\.apiKey[^]*WECHAT_OPTIONS_INVALID/,
  })
})

/** What `wechat-mock --print-env` prints for it. */
function environmentOf(mock: MockWechat): Record<string, string> {
  const { appid, appSecret, mchId, apiKey, v3 } = mock.default.credentials
  return {
    WECHAT_BASE_URL: mock.url,
    WECHAT_APPID: appid,
    WECHAT_APP_SECRET: appSecret,
    WECHAT_MCH_ID: mchId,
    WECHAT_API_KEY: apiKey,
    WECHAT_API_V3_KEY: v3.apiV3Key,
    WECHAT_SERIAL_NO: v3.serialNo,
    WECHAT_PRIVATE_KEY: v3.privateKey,
    WECHAT_PUBLIC_KEY_ID: v3.publicKeyId,
    WECHAT_PUBLIC_KEY: v3.publicKey,
  }
}

const SIGNED: [name: string, env: Record<string, string>][] = [
  ['API v3', {}],
  ['the default algorithm of API v2', { WECHAT_API_V3_KEY: '' }],
  ['MD5', { WECHAT_API_V3_KEY: '', WECHAT_SIGN_TYPE: 'MD5' }],
  ['HMAC-SHA256', { WECHAT_API_V3_KEY: '', WECHAT_SIGN_TYPE: 'HMAC-SHA256' }],
]
for (const [name, changes] of SIGNED.slice(0, size(2, 4))) {
  t.test(`the shop against another WeChat, ${name}`, async (t) => {
    const mock = await createMockWechat()
    t.teardown(() => mock.close())
    const { url, mockUrl } = await shop(t, { SHOP_PROBE: '1', ...environmentOf(mock), ...changes })
    t.equal(mockUrl, null)
    const { token } = await post(`${url}/wechat/login`, { code: mock.default.loginCode().code })
    const { outTradeNo } = await post(`${url}/wechat/orders`, {}, { authorization: `Bearer ${token}` })
    const probe = async (number = outTradeNo) =>
      (await (await fetch(`${url}/probe?out_trade_no=${number}`)).json()) as Record<string, unknown>
    t.strictSame(await probe(), {
      paid: false,
      fulfilments: 0,
      amount: 1250,
      transaction_id: null,
      refunded: 0,
      refunds: 0,
    })
    await mock.default.pay(outTradeNo!)
    let seen = await probe()
    while (seen.fulfilments === 0) seen = await probe()
    t.strictSame(seen, {
      paid: true,
      fulfilments: 1,
      amount: 1250,
      transaction_id: mock.default.order(outTradeNo!).transactionId,
      refunded: 0,
      refunds: 0,
    })
    t.match(await probe('unknown'), { message: 'no such order' })
  })
}

const DATABASES: Record<string, (t: Test) => Promise<string | undefined>> = {
  'a SQLite file': async (t) => join(t.testdir(), 'shop.db'),
  ...size({}, { PostgreSQL: postgres, MySQL: mysql }),
}

for (const [name, database] of Object.entries(DATABASES)) {
  t.test(`restarting the shop loses nothing: ${name}`, async (t) => {
    const url = await database(t)
    if (url === undefined) return
    const mock = await createMockWechat()
    t.teardown(() => mock.close())
    const env = { DATABASE_URL: url, SHOP_PROBE: '1', ...environmentOf(mock) }
    const first = await startShop(t, env)
    const { token } = await post(`${first.url}/wechat/login`, { code: mock.default.loginCode().code })
    const { outTradeNo } = await post(`${first.url}/wechat/orders`, { cart: '7' }, { authorization: `Bearer ${token}` })
    await mock.default.pay(outTradeNo!)
    await first.stop()

    const second = await startShop(t, env)
    t.match(await (await fetch(`${second.url}/probe?out_trade_no=${outTradeNo}`)).json(), {
      paid: true,
      fulfilments: 1,
    })
    t.equal((await fetch(`${second.url}/probe`)).status, 404)
    t.match(
      await post(`${second.url}/wechat/orders`, { cart: '7' }, { authorization: `Bearer ${token}` }),
      { code: 'WECHAT_ORDER_PAID' },
      'the token and the key survive too',
    )
    await second.stop()
  })
}
