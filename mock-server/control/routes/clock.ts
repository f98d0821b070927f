import type { FastifyInstance } from 'fastify'
import { MockError } from '../../base/errors.ts'
import { CLOCK_MODE, type AdvanceBy, type AdvanceOptions, type ClockMode } from '../../clock/clock.ts'
import type { World } from '../../world/world.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, strict } from '../../base/schema.ts'
import { about, type InWorld, milliseconds } from '../schemas.ts'

type Advance = AdvanceOptions & { readonly by?: string | number; readonly to?: string; readonly next?: number }

const mode = strict({ mode: CLOCK_MODE }, 'mode')

// The clock parses `by` itself: a duration or milliseconds.
const advance = strict({
  by: { type: ['string', 'number'] },
  to: { type: 'string', format: 'date-time' },
  next: integer(1),
  realTimeoutMs: milliseconds(1),
})

function goalOf({ by, to, next }: Advance): AdvanceBy {
  const goals = [
    by,
    to !== undefined ? { to: new Date(to) } : undefined,
    next !== undefined ? { next } : undefined,
  ].filter((goal) => goal !== undefined)
  if (goals.length !== 1) {
    throw new MockError(
      'BAD_INPUT',
      'give exactly one of by, to and next: a duration, a moment, or a number of events',
      {
        field: 'by',
        rule: 'oneOf',
      },
    )
  }
  return goals[0]!
}

const view = ({ clock, inFlight }: World) => ({
  mode: clock.mode,
  now: clock.now(),
  timers: clock.timers(),
  inFlight: inFlight(),
})

export function clockRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>(
    '/worlds/:world/clock',
    { schema: about('The time, what is due, and what is in flight.') },
    async (request) => view(worlds.find(request.params.world)),
  )

  app.put<{ Params: InWorld; Body: { readonly mode: ClockMode } }>(
    '/worlds/:world/clock',
    {
      schema: about('Switches to virtual or real time; the current time and pending events are kept.', { body: mode }),
    },
    async (request) => {
      const world = worlds.find(request.params.world)
      world.clock.switchTo(request.body.mode)
      return view(world)
    },
  )

  app.post<{ Params: InWorld; Body: Advance }>(
    '/worlds/:world/clock/advance',
    { schema: about('Moves a virtual clock and makes every send that falls due.', { body: advance }) },
    async (request) => {
      const { realTimeoutMs } = request.body
      return worlds
        .find(request.params.world)
        .advance(goalOf(request.body), { ...(realTimeoutMs !== undefined && { realTimeoutMs }) })
    },
  )
}
