import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import wechatPay from '../../src/index.ts'
import type { RefundRequest, WechatPayOptions } from '../../src/index.ts'
import { STORES } from './stores.ts'
import type { Adapter } from './stores.ts'

// One process of the app under test: the plugin on PostgreSQL, and an onPaid that writes one row per run through its transaction.
// `POST /refund` does what an operator would. Prints its port on the first line. Everything it needs is in one JSON argument.
export interface ChaosAppOptions {
  databaseUrl: string
  adapter: Adapter
  baseUrl: string
  publicUrl: string
  appid: string
  appSecret: string
  merchant: WechatPayOptions['merchant']
  /** ms; 0 turns the sweeper off. */
  sweepIntervalMs: number
  leaseMs: number
  /** How far this process's clock is ahead of the world's, ms: one of these at a time, for half a second on average. */
  clocksAheadMs: number[]
}

const { databaseUrl, adapter, clocksAheadMs, ...options } = JSON.parse(process.argv[2]!) as ChaosAppOptions

const { store, write } = STORES[adapter](databaseUrl)
const server = createServer()
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve)
})
let aheadMs = 0
function setClock(): void {
  aheadMs = clocksAheadMs[Math.floor(Math.random() * clocksAheadMs.length)]!
  if (clocksAheadMs.length > 1) setTimeout(setClock, Math.random() * 1000).unref()
}
setClock()
const app = Fastify({ serverFactory: (handler) => server.on('request', handler) })
await app.register(wechatPay, {
  ...options,
  store,
  now: () => new Date(Date.now() + aheadMs),
  price: (request) => ({ key: (request.body as { cart: string }).cart, description: 'tea', totalFee: 1250 }),
  onPaid: async (order, { tx }) => {
    await write(tx, order.outTradeNo)
  },
})
app.post('/refund', async (request) => {
  const { outTradeNo, ...refund } = request.body as RefundRequest & { outTradeNo: string }
  return await app.wechat.refunds.create(outTradeNo, refund)
})
await app.ready()
process.once('SIGTERM', async () => {
  server.close()
  await app.close()
  process.exit()
})
console.log((server.address() as AddressInfo).port)
