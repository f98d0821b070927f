import type { FastifyInstance } from 'fastify'
import { MockError } from '../../base/errors.ts'
import type { Effect, Fault, FaultOptions } from '../../faults/faults.ts'
import { type Api, APIS } from '../../wire/names.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, type InWorld, milliseconds, oneOf, strict, text } from '../schemas.ts'

type NewFault = Pick<FaultOptions, 'times' | 'probability' | 'rate'> & {
  readonly match: Pick<FaultOptions, 'out_trade_no' | 'nth' | 'every'> & { readonly api: Api }
  readonly effect: Effect
}

const when = oneOf('before', 'after')
const effect = (kind: Effect['kind'], properties: Readonly<Record<string, object>> = {}, ...required: string[]) =>
  strict({ kind: { const: kind }, ...properties }, 'kind', ...required)

/** Which effects go with which api, and which codes, the fault book itself knows best. */
const effects = {
  type: 'object',
  required: ['kind'],
  discriminator: { propertyName: 'kind' },
  oneOf: [
    effect('return_code_fail', { when, return_msg: text(128), error_code: text(32) }),
    effect('result_code_fail', { when, err_code: text(32), err_code_des: text(128) }, 'err_code'),
    effect('errcode', { when, errcode: { type: 'integer' }, errmsg: text() }, 'errcode'),
    effect('http', { when, status: integer(200, 599), body: { type: 'string' } }, 'status'),
    effect('html_page', { when, status: integer(200, 599) }),
    effect('delay', { when, ms: milliseconds(0) }, 'ms'),
    effect('hang', { when }),
    effect('reset', { when }),
    effect('truncate', { bytes: integer(0) }),
    effect('bad_sign'),
    effect('gbk'),
  ],
}

const newFault = strict(
  {
    match: strict({ api: oneOf(...APIS), out_trade_no: text(32), nth: integer(1), every: integer(1) }, 'api'),
    effect: effects,
    times: { anyOf: [integer(1), { const: 'always' }] },
    probability: { type: 'number', minimum: 0, maximum: 1 },
    rate: strict({ limit: integer(1), per: { type: ['integer', 'string'] } }, 'limit', 'per'),
  },
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

  app.get<{ Params: InWorld }>('/worlds/:world/faults', async (request) => worlds.find(request.params.world).faults())

  app.get<{ Params: OfFault }>('/worlds/:world/faults/:name', async (request) => find(request.params))

  app.put<{ Params: OfFault; Body: NewFault }>(
    '/worlds/:world/faults/:name',
    { schema: { body: newFault } },
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

  app.delete<{ Params: OfFault }>('/worlds/:world/faults/:name', async (request) => {
    const fault = find(request.params)
    fault.remove()
    return fault
  })

  app.delete<{ Params: InWorld }>('/worlds/:world/faults', async (request) => {
    const faults = worlds.find(request.params.world).faults()
    for (const fault of faults) fault.remove()
    return faults
  })
}
