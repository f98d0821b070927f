import type { FastifyInstance } from 'fastify'
import { streamEvents } from '../event-stream.ts'
import type { Worlds } from '../mock.ts'
import { strict, type InWorld } from './schemas.ts'

const digits = { type: 'string', pattern: '^\\d+$' }
const headers = { type: 'object', properties: { 'last-event-id': digits } }

interface Resumed {
  readonly since?: string
}

export function eventRoutes(app: FastifyInstance, worlds: Worlds): void {
  // A browser that reconnects says where it was in a header; whoever comes for the first time can say it in the query.
  app.get<{ Params: InWorld; Querystring: Resumed; Headers: { readonly 'last-event-id'?: string } }>(
    '/worlds/:world/events',
    { schema: { headers, querystring: strict({ since: digits }) } },
    (request, reply) => {
      const { events } = worlds.find(request.params.world)
      const since = request.headers['last-event-id'] ?? request.query.since
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      streamEvents(events, reply.raw, since === undefined ? undefined : Number(since))
    },
  )
}
