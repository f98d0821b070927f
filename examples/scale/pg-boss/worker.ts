import type { Job } from '../../../src/index.ts'
import { closeOnSignal, CONCURRENCY, openShop, SLOW_BEAT_MS } from '../shop.ts'
import { openQueue, QUEUE, sendingTo } from './queue.ts'

// Delivers. Its sweeper asks WeChat about unpaid orders, and is the safety net for jobs that never come.
const boss = await openQueue({ supervise: true })
const { app } = await openShop({
  sweepIntervalMs: SLOW_BEAT_MS,
  enqueue: sendingTo(boss),
})
await app.ready()
// pg-boss looks for jobs twice a second and fetches this many; perform() takes as many of them at once as CONCURRENCY allows.
await boss.work<Job>(QUEUE, { batchSize: 20 * CONCURRENCY, pollingIntervalSeconds: 0.5 }, async (jobs) => {
  await Promise.all(jobs.map(async ({ data }) => await app.wechat.perform(data)))
})
closeOnSignal(async () => {
  await app.close()
  await boss.stop({ wait: true, timeout: 5000 })
})
console.log('ready')
