import type { FastifyInstance } from 'fastify'
import { MockError } from '../../base/errors.ts'
import { oneOf, strict } from '../../base/schema.ts'
import { EFFECT, type Effect } from '../../faults/effects.ts'
import { MATCH, REPETITION, type Fault, type FaultOptions } from '../../faults/faults.ts'
import { APIS, type Api } from '../../wire/names.ts'
import type { Worlds } from '../../world/worlds.ts'
import { about, type InWorld } from '../schemas.ts'

type NewFault = Pick<FaultOptions, 'times' | 'probability' | 'rate'> & {
  readonly match: Pick<FaultOptions, 'outTradeNo' | 'nth' | 'every'> & { readonly api: Api }
  readonly effect: Effect
}

const newFault = strict(
  { match: strict({ api: oneOf(...APIS), ...MATCH }, 'api'), effect: EFFECT, ...REPETITION },
  'match',
  'effect',
)

interface OfFault extends InWorld {
  readonly name: string
}

export function faultRoutes(app: FastifyInstance, worlds: Worlds): void {
  function find({ world, name }: OfFault): Fault {
    const fault = worlds
      .find(world)
      .faults()
      .find((fault) => fault.name === name)
    if (!fault) throw new MockError('UNKNOWN_FAULT', `world ${world} has no fault ${name}`)
    return fault
  }

  app.get<{ Params: InWorld }>(
    '/worlds/:world/faults',
    { schema: about('The faults with their counts.') },
    async (request) => worlds.find(request.params.world).faults(),
  )

  app.get<{ Params: OfFault }>('/worlds/:world/faults/:name', { schema: about('One fault.') }, async (request) =>
    find(request.params),
  )

  app.put<{ Params: OfFault; Body: NewFault }>(
    '/worlds/:world/faults/:name',
    { schema: about('Makes something go wrong, once by default.', { body: newFault }) },
    async (request) => {
      const {
        match: { api, ...match },
        effect,
        ...options
      } = request.body
      const { world, name } = request.params
      return worlds.find(world).fault(api, effect, { ...match, ...options, name })
    },
  )

  app.delete<{ Params: OfFault }>(
    '/worlds/:world/faults/:name',
    { schema: about('Removes a fault.') },
    async (request) => {
      const fault = find(request.params)
      fault.remove()
      return fault
    },
  )

  app.delete<{ Params: InWorld }>(
    '/worlds/:world/faults',
    { schema: about('Removes all faults.') },
    async (request) => {
      const faults = worlds.find(request.params.world).faults()
      for (const fault of faults) fault.remove()
      return faults
    },
  )
}
