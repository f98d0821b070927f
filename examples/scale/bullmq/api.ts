import { closeOnSignal, openShop, serve } from '../shop.ts'

// Serves users and WeChat, and delivers nothing. It knows nothing of Redis either: what is due is in the table, where the relay finds it.
const { app } = await openShop({ sweepIntervalMs: 0, enqueue() {} })
closeOnSignal(() => app.close())
await serve(app)
