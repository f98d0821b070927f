import type { FastifyInstance } from 'fastify'
import type { AdvanceOptions } from '../clock.ts'
import type { Worlds } from '../mock.ts'
import { milliseconds, strict, type InWorld } from './schemas.ts'

type Advance = AdvanceOptions & { readonly by: string | number }

// The clock reads `by` itself: a duration or milliseconds.
const advance = strict({ by: {}, realTimeoutMs: milliseconds(1) }, 'by')

export function clockRoutes (app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>('/worlds/:world/clock', async request => {
    const { clock, inFlight } = worlds.find(request.params.world)
    return { mode: clock.mode, now: clock.now(), timers: clock.timers(), inFlight: inFlight() }
  })

  app.post<{ Params: InWorld, Body: Advance }>('/worlds/:world/clock/advance', { schema: { body: advance } }, async request => {
    const { by, ...options } = request.body
    return worlds.find(request.params.world).advance(by, options)
  })
}
