import { Worker } from 'bullmq'
import { closeOnSignal, CONCURRENCY, openShop, SLOW_BEAT_MS } from '../shop.ts'
import { connection, openQueue, QUEUE } from './queue.ts'
import type { Data } from './queue.ts'
import { startRelay } from './relay.ts'

// Delivers, and relays. Its sweeper is the safety net: it works on while Redis is away.
const { app, pool } = await openShop({ sweepIntervalMs: SLOW_BEAT_MS })
await app.ready()
const queue = openQueue()
const relay = startRelay(pool, queue)
const worker = new Worker<Data>(QUEUE, async ({ data }) => await app.wechat.perform(data), {
  connection,
  concurrency: CONCURRENCY,
  lockDuration: 10_000,
  stalledInterval: 10_000,
})
worker.on('error', () => {})
closeOnSignal(async () => {
  await relay.stop()
  await Promise.all([worker.close(), app.close()])
  await queue.close()
})
console.log('ready')
