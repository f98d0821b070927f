import type { Writable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { EventLog, WorldEvent } from '../../journal/event-log.ts'
import type { Worlds } from '../../world/worlds.ts'
import { strict } from '../../base/schema.ts'
import { about, digits, type InWorld } from '../schemas.ts'

/** A reader this many bytes behind has stopped reading; it can reconnect with Last-Event-ID. */
const MAX_BEHIND = 16 * 1024 * 1024

const message = ({ id, event, at, data }: WorldEvent) =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify({ at, data })}\n\n`

/**
 * Writes events as Server-Sent Events until the output is closed: those after `since`, then each as it happens. A leading
 * `gap` event says that some are no longer remembered.
 */
export function streamEvents(
  log: Pick<EventLog, 'newest' | 'since' | 'subscribe'>,
  output: Writable,
  since = log.newest(),
): void {
  const missed = log.since(since)
  const from = missed[0]?.id ?? log.newest() + 1
  output.write('retry: 1000\n\n')
  if (from > since + 1) output.write(`event: gap\ndata: ${JSON.stringify({ from: since + 1, to: from - 1 })}\n\n`)
  for (const event of missed) output.write(message(event))
  const stop = log.subscribe((event) => {
    output.write(message(event))
    if (output.writableLength > MAX_BEHIND) output.destroy()
  })
  output.once('close', stop)
}

const headers = { type: 'object', properties: { 'last-event-id': digits } }

interface Resumed {
  readonly since?: string
}

export function eventRoutes(app: FastifyInstance, worlds: Worlds): void {
  // A reconnecting browser sends its position in a header; a first request can put it in the query.
  app.get<{ Params: InWorld; Querystring: Resumed; Headers: { readonly 'last-event-id'?: string } }>(
    '/worlds/:world/events',
    {
      schema: about('What happens, as Server-Sent Events; Last-Event-ID resumes.', {
        headers,
        querystring: strict({ since: digits }),
      }),
    },
    (request, reply) => {
      const { events } = worlds.find(request.params.world)
      const since = request.headers['last-event-id'] ?? request.query.since
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      streamEvents(events, reply.raw, since === undefined ? undefined : Number(since))
    },
  )
}
