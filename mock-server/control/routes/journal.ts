import type { FastifyInstance } from 'fastify'
import { badInput } from '../../base/checks.ts'
import type { Times, WaitOptions } from '../../journal/journal.ts'
import type { JournalMatch, TextMatch } from '../../journal/matching.ts'
import { APIS, VERDICTS } from '../../wire/names.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, type InWorld, oneOf, strict } from '../schemas.ts'

/** JSON has no patterns: `{ "pattern": "^tea-" }` stands for one. */
type JsonText = string | { readonly pattern: string }
type JsonMatch = {
  readonly [Name in keyof JournalMatch]: Name extends 'fields' | 'reply' ? Readonly<Record<string, JsonText>> : JsonText
}

const textMatch = { anyOf: [{ type: 'string' }, strict({ pattern: { type: 'string', maxLength: 1000 } }, 'pattern')] }
const textMatches = { type: 'object', additionalProperties: textMatch }
const match = strict({
  api: oneOf(...APIS, 'unknown'),
  direction: oneOf('in', 'out'),
  outTradeNo: textMatch,
  note: textMatch,
  fault: textMatch,
  verdict: oneOf(...VERDICTS),
  fields: textMatches,
  reply: textMatches,
})
const search = strict({ match, since: integer(0) })
const wait = strict({ match, since: integer(0), count: integer(1), timeoutMs: integer(0, 600_000) })
const verify = strict(
  {
    match,
    times: { anyOf: [integer(0), { ...strict({ atLeast: integer(0), atMost: integer(0) }), minProperties: 1 }] },
  },
  'match',
)
const list = strict({
  since: { type: 'string', pattern: '^\\d+$' },
  dir: oneOf('in', 'out'),
  api: oneOf(...APIS, 'unknown'),
})

function toText(field: string, value: JsonText): TextMatch {
  if (typeof value === 'string') return value
  try {
    return new RegExp(value.pattern)
  } catch (error) {
    throw badInput(`match.${field}.pattern`, 'pattern', `${(error as Error).message}`)
  }
}

function toMatch({ fields, reply, ...plain }: JsonMatch = {}): JournalMatch {
  const all = (prefix: string, values: Readonly<Record<string, JsonText>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toText(`${prefix}${name}`, value)]))
  return {
    ...all('', plain),
    ...(fields && { fields: all('fields.', fields) }),
    ...(reply && { reply: all('reply.', reply) }),
  }
}

interface Search {
  readonly match?: JsonMatch
  readonly since?: number
}

export function journalRoutes(app: FastifyInstance, worlds: Worlds): void {
  const journalOf = ({ params }: { params: InWorld }) => worlds.find(params.world).journal

  app.get<{
    Params: InWorld
    Querystring: { readonly since?: string; readonly dir?: 'in' | 'out'; readonly api?: string }
  }>('/worlds/:world/journal', { schema: { querystring: list } }, async (request) => {
    const { since, dir, api } = request.query
    const journal = journalOf(request)
    return {
      entries: journal.entries({ since: Number(since ?? 0), ...(dir && { direction: dir }), ...(api && { api }) }),
      cursor: journal.cursor(),
    }
  })

  app.delete<{ Params: InWorld; Body: Pick<Search, 'match'> }>(
    '/worlds/:world/journal',
    { schema: { body: strict({ match }) } },
    async (request) => {
      const journal = journalOf(request)
      return { deleted: journal.delete(toMatch(request.body.match)), cursor: journal.cursor() }
    },
  )

  app.post<{ Params: InWorld; Body: Search }>(
    '/worlds/:world/journal/find',
    { schema: { body: search } },
    async (request) => {
      const journal = journalOf(request)
      return { entries: journal.find(toMatch(request.body.match), request.body), cursor: journal.cursor() }
    },
  )

  app.post<{ Params: InWorld; Body: Search }>(
    '/worlds/:world/journal/count',
    { schema: { body: search } },
    async (request) => ({ count: journalOf(request).count(toMatch(request.body.match), request.body) }),
  )

  app.post<{ Params: InWorld; Body: WaitOptions & { readonly match?: JsonMatch } }>(
    '/worlds/:world/journal/wait',
    { schema: { body: wait } },
    async (request) => {
      const { match, ...options } = request.body
      const waited = await journalOf(request).wait(toMatch(match), options)
      // It may have ended with its world.
      if (!waited.matched) journalOf(request)
      return waited
    },
  )

  app.post<{ Params: InWorld; Body: { readonly match: JsonMatch; readonly times?: Times } }>(
    '/worlds/:world/journal/verify',
    { schema: { body: verify } },
    async (request) => {
      const { match, times } = request.body
      const journal = journalOf(request)
      journal.verify(toMatch(match), times)
      return { verified: true, count: journal.count(toMatch(match)) }
    },
  )
}
