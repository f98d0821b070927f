import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import pg from 'pg'
import wechatPay, { fromPg, sqlStore } from '../../src/index.ts'

// One process of the app under test: the plugin on PostgreSQL, and an onPaid that writes one row per run through its transaction.
// Prints its port on the first line. Everything it needs comes in one JSON argument.
export interface ChaosAppOptions {
  databaseUrl: string
  baseUrl: string
  publicUrl: string
  appid: string
  appSecret: string
  mchId: string
  apiKey: string
  /** ms; 0 turns the sweeper off. */
  sweepIntervalMs: number
  /** World time minus this machine's, ms. */
  clockOffsetMs: number
}

const { databaseUrl, publicUrl, appid, appSecret, mchId, apiKey, clockOffsetMs, ...options } = JSON.parse(
  process.argv[2]!,
) as ChaosAppOptions

const pool = new pg.Pool({ connectionString: databaseUrl, max: 10, connectionTimeoutMillis: 1000 })
pool.on('error', () => {}) // an idle connection whose server went away
const server = createServer()
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve)
})
const app = Fastify({ serverFactory: (handler) => server.on('request', handler) })
await app.register(wechatPay, {
  ...options,
  appid,
  appSecret,
  merchant: { version: 'v2', mchId, apiKey },
  publicUrl,
  store: sqlStore(fromPg(pool)),
  leaseMs: 2000,
  now: () => new Date(Date.now() + clockOffsetMs),
  price: (request) => ({ key: (request.body as { cart: string }).cart, description: 'tea', totalFee: 1250 }),
  onPaid: async (order, { tx }) => {
    await tx.query('insert into chaos_fulfilments (out_trade_no) values ($1)', [order.outTradeNo])
  },
})
await app.ready()
console.log((server.address() as AddressInfo).port)
