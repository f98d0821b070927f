import { closeOnSignal, openShop, serve } from '../shop.ts'
import { openQueue, sendingTo } from './queue.ts'

// Serves users and WeChat, and delivers nothing: the job of a payment is committed together with the payment.
const boss = await openQueue({ supervise: false })
const { app } = await openShop({
  sweepIntervalMs: 0,
  enqueue: sendingTo(boss),
})
closeOnSignal(async () => {
  await app.close()
  await boss.stop({ graceful: false })
})
await serve(app)
