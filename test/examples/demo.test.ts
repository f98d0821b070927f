import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'

const cwd = new URL('../..', import.meta.url)
const tsx = ['--import=tsx']
const run = promisify(execFile)

t.test('the demo tells the whole flow and exits 0', async (t) => {
  const { stdout } = await run(process.execPath, [...tsx, 'examples/demo.ts'], { cwd })
  t.match(stdout, /wx\.login[^]*paySign[^]*fail_xml[^]*fail_xml[^]*acked[^]*duplicate[^]*forged[^]*Everything happened/)
  t.notMatch(stdout, '✗')
})

t.test('--json prints one object with the same facts', async (t) => {
  const { stdout } = await run(process.execPath, [...tsx, 'examples/demo.ts', '--json'], { cwd })
  const facts = JSON.parse(stdout) as Record<string, unknown>
  t.match(facts, { ok: true, fulfilments: 1, paid: true, amount: 1250, duplicate: 'acked', deliveries: [{ verdict: 'fail_xml' }, { verdict: 'fail_xml' }, { verdict: 'acked' }] })
})

/** Starts the shop as its own process; resolves with the facts of its first line. */
async function shop (t: Test, env: Record<string, string> = {}): Promise<{ url: string, notifyUrl: string, mockUrl: string | null }> {
  const child = spawn(process.execPath, [...tsx, 'examples/shop/main.ts', '--json'], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit') as [number]
    if (code !== 0) throw new Error(`the shop ended with ${code}`)
  })
  const [line] = await once(createInterface(child.stdout), 'line') as [string]
  return JSON.parse(line) as { url: string, notifyUrl: string, mockUrl: string | null }
}

const json = { 'content-type': 'application/json' }
const post = async (url: string, body: object, headers = {}) => await (await fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) })).json() as Record<string, string>

t.test('the shop alone, with a mock of its own', async (t) => {
  const { url, notifyUrl, mockUrl } = await shop(t)
  t.equal(notifyUrl, `${url}/wechat/notify`)
  const { code } = await post(`${mockUrl}/__mock/v1/worlds/default/login-codes`, {})
  const { token } = await post(`${url}/wechat/login`, { code })
  const { outTradeNo } = await post(`${url}/wechat/orders`, { item: 'pot' }, { authorization: `Bearer ${token}` })
  t.match(await post(`${url}/wechat/orders`, { item: 'gold' }, { authorization: `Bearer ${token}` }), { statusCode: 404 })
  t.match(await post(`${mockUrl}/__mock/v1/worlds/default/orders/${outTradeNo}/pay`, {}), { verdict: 'acked', order: { tradeState: 'SUCCESS' } })
  t.equal((await fetch(`${url}/probe?out_trade_no=${outTradeNo}`)).status, 404, 'no probe unless asked for')
})

for (const signType of ['MD5', 'HMAC-SHA256', undefined]) {
  t.test(`the shop against another WeChat, ${signType ?? 'default algorithm'}`, async (t) => {
    await using mock = await createMockWechat()
    const { appid, appSecret, mchId, apiKey } = mock.default.credentials
    const { url, mockUrl } = await shop(t, {
      SHOP_PROBE: '1',
      WECHAT_BASE_URL: mock.url,
      WECHAT_APPID: appid,
      WECHAT_APP_SECRET: appSecret,
      WECHAT_MCH_ID: mchId,
      WECHAT_API_KEY: apiKey,
      ...(signType && { WECHAT_SIGN_TYPE: signType })
    })
    t.equal(mockUrl, null)
    const { token } = await post(`${url}/wechat/login`, { code: mock.default.loginCode().code })
    const { outTradeNo } = await post(`${url}/wechat/orders`, {}, { authorization: `Bearer ${token}` })
    const probe = async (number = outTradeNo) => await (await fetch(`${url}/probe?out_trade_no=${number}`)).json() as Record<string, unknown>
    t.strictSame(await probe(), { paid: false, fulfilments: 0, amount: 1250, transaction_id: null, refunded: 0 })
    await mock.default.pay(outTradeNo!)
    let seen = await probe()
    while (seen.fulfilments === 0) seen = await probe()
    t.strictSame(seen, { paid: true, fulfilments: 1, amount: 1250, transaction_id: mock.default.order(outTradeNo!).transactionId, refunded: 0 })
    t.match(await probe('unknown'), { message: 'no such order' })
  })
}
