import type { FastifyError, FastifyInstance } from 'fastify'
import { badInput } from '../../base/checks.ts'
import type { WorldExport } from '../../world/state/export.ts'
import type { ResetPart } from '../../world/state/state.ts'
import type { Worlds } from '../../world/worlds.ts'
import { strict, text } from '../../base/schema.ts'
import { about, type InWorld } from '../schemas.ts'

interface What {
  readonly what?: string
}

const what = strict({ what: text() })
const snapshot = strict({ name: text(64) })
const credentials = strict(
  { appid: text(), appSecret: text(), mchId: text(), apiKey: text(), apiV3Key: text() },
  'appid',
  'appSecret',
  'mchId',
  'apiKey',
  'apiV3Key',
)
const parts = ['now', 'replies', 'merchants', 'apps', 'notifications', 'journal', 'faults']
const exported = strict(
  { format: text(64), credentials, state: { type: 'object', required: parts } },
  'format',
  'credentials',
  'state',
)

/** Size limit of an import in bytes: a full journal with bodies and headers as JSON. It is read as one string. */
const IMPORT_LIMIT = 256 * 1024 * 1024

function refuseLong(error: FastifyError, limit: number): never {
  if (error.code !== 'FST_ERR_CTP_BODY_TOO_LARGE') throw error
  throw badInput(
    'body',
    'maxLength',
    `must not be longer than ${limit} bytes; before the export, empty the journal (POST …/reset {"what":"journal"}), or let the world remember less (maxJournal)`,
  )
}

export function stateRoutes(app: FastifyInstance, worlds: Worlds, importLimit = IMPORT_LIMIT): void {
  app.post<{ Params: InWorld; Querystring: What; Body: What }>(
    '/worlds/:world/reset',
    {
      schema: about('Empties parts of a world: orders, users, journal, faults, clock; default: all.', {
        querystring: what,
        body: what,
      }),
    },
    async (request) => {
      const world = worlds.find(request.params.world)
      const told = [request.query.what, request.body.what].filter((text) => text !== undefined)
      if (told.length > 1) {
        throw badInput('what', 'once', 'give it in the body or in the query, not in both')
      }
      const parts = told.flatMap((text) => text.split(',')) as ResetPart[]
      world.reset(...parts)
      return { now: world.clock.now() }
    },
  )

  app.get<{ Params: InWorld }>(
    '/worlds/:world/snapshots',
    { schema: about('The snapshots of a world.') },
    async (request) => worlds.find(request.params.world).snapshots(),
  )

  app.post<{ Params: InWorld; Body: { readonly name?: string } }>(
    '/worlds/:world/snapshots',
    { schema: about('Stores the current state of the world.', { body: snapshot }) },
    async (request, reply) => {
      const world = worlds.find(request.params.world)
      reply.code(201)
      return { name: world.snapshot(request.body.name), at: world.clock.now() }
    },
  )

  app.delete<{ Params: InWorld & { name: string } }>(
    '/worlds/:world/snapshots/:name',
    { schema: about('Forgets a snapshot.') },
    async ({ params: { world, name } }) => {
      worlds.find(world).deleteSnapshot(name)
      return { name }
    },
  )

  app.post<{ Params: InWorld & { name: string } }>(
    '/worlds/:world/snapshots/:name/restore',
    { schema: about('Restores a snapshot.') },
    async (request) => {
      const world = worlds.find(request.params.world)
      world.restore(request.params.name)
      return { now: world.clock.now() }
    },
  )

  app.get<{ Params: InWorld }>(
    '/worlds/:world/export',
    { schema: about('The state of the world as JSON, for a file.') },
    async (request) => worlds.find(request.params.world).export(),
  )

  app.put<{ Params: InWorld; Body: WorldExport }>(
    '/worlds/:world/import',
    {
      bodyLimit: importLimit,
      schema: about('Restores the state of an export of the same merchant and app.', { body: exported }),
      errorHandler: (error) => refuseLong(error, importLimit),
    },
    async (request) => {
      const world = worlds.find(request.params.world)
      world.import(request.body)
      return { now: world.clock.now() }
    },
  )
}
