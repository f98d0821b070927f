import { closeOnSignal, openShop, SLOW_BEAT_MS } from '../../examples/scale/shop.ts'

// A process without a queue: it looks for due work itself.
const { app } = await openShop({ sweepIntervalMs: SLOW_BEAT_MS })
await app.ready()
closeOnSignal(() => app.close())
console.log('ready')
