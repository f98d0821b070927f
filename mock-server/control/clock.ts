import { Type } from '@sinclair/typebox'
import type { Worlds } from '../mock.ts'
import type { ControlApp } from './index.ts'
import { InWorld, Strict } from './schemas.ts'

const Advance = Strict({
  by: Type.Any({ description: "'24h4m', '15s', … or milliseconds" }),
  realTimeoutMs: Type.Optional(Type.Integer({ minimum: 1 }))
})

export function clockRoutes (app: ControlApp, worlds: Worlds): void {
  app.get('/worlds/:world/clock', { schema: { params: InWorld } }, async request => {
    const { clock, inFlight } = worlds.find(request.params.world)
    return { mode: clock.mode, now: clock.now(), timers: clock.timers(), inFlight: inFlight() }
  })

  app.post('/worlds/:world/clock/advance', { schema: { params: InWorld, body: Advance } }, async request => {
    const { by, ...options } = request.body
    return worlds.find(request.params.world).advance(by, options)
  })
}
