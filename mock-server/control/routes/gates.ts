import type { FastifyInstance } from 'fastify'
import { MockError } from '../../base/errors.ts'
import { within } from '../../base/real-time.ts'
import { integer, strict } from '../../base/schema.ts'
import { GATE, gateView, HOLD, type Gate, type GateOptions, type GatePoint } from '../../faults/gates.ts'
import type { Worlds } from '../../world/worlds.ts'
import { about, type InWorld } from '../schemas.ts'

type NewGate = Pick<GateOptions, 'outTradeNo' | 'until'> & { readonly hold: GatePoint }
interface OfGate extends InWorld {
  readonly name: string
}

const { name: _inPath, ...gate } = GATE.properties
const newGate = strict({ hold: HOLD, ...gate }, 'hold')
const wait = strict({ timeoutMs: integer(0, 600_000) })

export function gateRoutes(app: FastifyInstance, worlds: Worlds): void {
  function find({ world, name }: OfGate): Gate {
    const gate = worlds
      .find(world)
      .gates()
      .find((gate) => gate.name === name)
    if (!gate) throw new MockError('UNKNOWN_GATE', `world ${world} has no gate ${name}`)
    return gate
  }

  app.get<{ Params: InWorld }>(
    '/worlds/:world/gates',
    { schema: about('The gates and what they hold.') },
    async (request) => worlds.find(request.params.world).gates().map(gateView),
  )

  app.get<{ Params: OfGate }>('/worlds/:world/gates/:name', { schema: about('One gate.') }, async (request) =>
    gateView(find(request.params)),
  )

  app.put<{ Params: OfGate; Body: NewGate }>(
    '/worlds/:world/gates/:name',
    { schema: about('Holds every exchange that reaches a point.', { body: newGate }) },
    async (request) => {
      const { hold, ...options } = request.body
      const { world, name } = request.params
      return gateView(worlds.find(world).gate(hold, { ...options, name }))
    },
  )

  // A timeout is an answer, not an error: the client asks again.
  app.post<{ Params: OfGate; Body: { readonly timeoutMs?: number } }>(
    '/worlds/:world/gates/:name/wait',
    { schema: about('Waits until a gate holds an exchange.', { body: wait }) },
    async (request) => {
      const gate = find(request.params)
      const reached = (await within(gate.reached, request.body.timeoutMs ?? 30_000)) && gate.used
      // Removed meanwhile, or closed with its world, it will never be reached.
      if (!reached) find(request.params)
      return { reached, ...gateView(gate) }
    },
  )

  app.post<{ Params: OfGate }>(
    '/worlds/:world/gates/:name/release',
    { schema: about('Opens a gate for what it holds and everything later.') },
    async (request) => {
      const gate = find(request.params)
      gate.release()
      return gateView(gate)
    },
  )

  app.delete<{ Params: OfGate }>(
    '/worlds/:world/gates/:name',
    { schema: about('Releases and removes a gate.') },
    async (request) => {
      const gate = find(request.params)
      gate.remove()
      return gateView(gate)
    },
  )
}
