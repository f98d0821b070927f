import type { FastifyInstance } from 'fastify'
import type { AdvanceOptions } from '../clock.ts'
import { MockError } from '../errors.ts'
import type { Worlds } from '../mock.ts'
import { milliseconds, strict, type InWorld } from './schemas.ts'

type Advance = AdvanceOptions & { readonly by?: string | number, readonly to?: string }

// The clock reads `by` itself: a duration or milliseconds.
const advance = strict({ by: {}, to: { type: 'string', format: 'date-time' }, realTimeoutMs: milliseconds(1) })

export function clockRoutes (app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>('/worlds/:world/clock', async request => {
    const { clock, inFlight } = worlds.find(request.params.world)
    return { mode: clock.mode, now: clock.now(), timers: clock.timers(), inFlight: inFlight() }
  })

  app.post<{ Params: InWorld, Body: Advance }>('/worlds/:world/clock/advance', { schema: { body: advance } }, async request => {
    const { by, to, ...options } = request.body
    const world = worlds.find(request.params.world)
    if ((by === undefined) === (to === undefined)) throw new MockError('BAD_INPUT', 'say either by or to: a span, or a moment', { field: 'by', rule: 'oneOf' })
    return world.advance(by ?? new Date(to!).getTime() - world.clock.now().getTime(), options)
  })
}
