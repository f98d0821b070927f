import t from 'tap'
import { VERSION } from '../../mock-server/version.ts'
import { placeOrder, startMock, startShop } from './helpers.ts'

t.test('what a supervisor asks', async (t) => {
  const mock = await startMock(t)
  const json = async (path: string) => (await fetch(`${mock.url}${path}`)).json()
  t.same(await json('/healthz'), { status: 'ok' })
  t.same(await json('/readyz'), { status: 'ready', worlds: 1 })
  t.same(await json('/version'), { name: 'wechat-mock', version: VERSION })
})

t.test('metrics of all worlds', async (t) => {
  const mock = await startMock(t)
  const shop = await startShop(t)
  for (const world of [mock.default, mock.world()]) {
    await placeOrder(world, shop.notifyUrl)
    await world.pay('tea-0001')
  }
  const response = await fetch(`${mock.url}/metrics`)
  t.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await response.text()
  for (const line of [
    'wechat_mock_calls_total{api="unifiedorder"} 2',
    'wechat_mock_deliveries_total{api="notify",verdict="acked"} 2',
    'wechat_mock_worlds 2',
    /^process_resident_memory_bytes \d+$/m,
    /^process_uptime_seconds [\d.]+$/m,
  ]) {
    t.match(text, line)
  }
})
