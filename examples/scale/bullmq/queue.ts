import { Queue } from 'bullmq'
import type { ConnectionOptions } from 'bullmq'
import { redisUrl } from '../shop.ts'

export const QUEUE = 'wechat'

export interface Data {
  mchId: string
  outTradeNo: string
}

/** Of a worker, which waits for Redis however long it is away. */
export const connection: ConnectionOptions = { url: redisUrl, maxRetriesPerRequest: null }

/** For the relay: its calls fail at once while Redis is away. */
export function openQueue(): Queue<Data> {
  const queue = new Queue<Data>(QUEUE, {
    connection: { url: redisUrl, enableOfflineQueue: false, maxRetriesPerRequest: 1 },
    // An id that still exists would swallow the next job of the order.
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  })
  queue.on('error', () => {})
  return queue
}
