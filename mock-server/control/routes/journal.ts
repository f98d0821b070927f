import type { FastifyInstance } from 'fastify'
import { badInput } from '../../base/checks.ts'
import type { JournalEntry } from '../../journal/entry.ts'
import type { Journal, Times, WaitOptions } from '../../journal/journal.ts'
import type { JournalMatch, TextMatch } from '../../journal/matching.ts'
import { APIS, VERDICTS } from '../../wire/names.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, oneOf, strict, type Schema } from '../../base/schema.ts'
import { about, digits, limit, limitOf, MAX_PAGE, newest, type InWorld, type Page } from '../schemas.ts'

/** JSON has no regular expressions: `{ "pattern": "^tea-" }` stands for one. */
type JsonText = string | { readonly pattern: string }
type JsonMatch = {
  readonly [Name in keyof JournalMatch]: Name extends 'fields' | 'reply' ? Readonly<Record<string, JsonText>> : JsonText
}

const textMatch: Schema = {
  anyOf: [{ type: 'string' }, strict({ pattern: { type: 'string', maxLength: 1000 } }, 'pattern')],
}
const textMatches: Schema = { type: 'object', additionalProperties: textMatch }
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
const search = strict({ match, since: integer(0), limit: integer(1, MAX_PAGE) })
const count = strict({ match, since: integer(0) })
const wait = strict({ match, since: integer(0), count: integer(1, MAX_PAGE), timeoutMs: integer(0, 600_000) })
const verify = strict(
  {
    match,
    times: { anyOf: [integer(0), { ...strict({ atLeast: integer(0), atMost: integer(0) }), minProperties: 1 }] },
  },
  'match',
)
const list = strict({
  since: digits,
  limit,
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
  readonly limit?: number
}

/** The first entries, and the cursor for the next page. */
function pageOf({ cursor }: Pick<Journal, 'cursor'>, entries: readonly JournalEntry[], limit: number) {
  const page = entries.slice(0, limit)
  return { entries: page, cursor: page.length < entries.length ? page.at(-1)!.cursor : cursor() }
}

export function journalRoutes(app: FastifyInstance, worlds: Worlds): void {
  const journalOf = ({ params }: { params: InWorld }) => worlds.find(params.world).journal

  app.get<{
    Params: InWorld
    Querystring: Page & { readonly since?: string; readonly dir?: 'in' | 'out'; readonly api?: string }
  }>(
    '/worlds/:world/journal',
    { schema: about('Everything that was sent and received, starting after a cursor.', { querystring: list }) },
    async (request) => {
      const { since, dir, api } = request.query
      const journal = journalOf(request)
      return pageOf(
        journal,
        journal.entries({ since: Number(since ?? 0), ...(dir && { direction: dir }), ...(api && { api }) }),
        limitOf(request.query),
      )
    },
  )

  app.delete<{ Params: InWorld; Body: Pick<Search, 'match'> }>(
    '/worlds/:world/journal',
    {
      schema: about('Removes the matching entries, or all, and returns exactly those.', {
        body: strict({ match }),
      }),
    },
    async (request) => {
      const journal = journalOf(request)
      const deleted = journal.delete(toMatch(request.body.match))
      return { count: deleted.length, deleted: newest(deleted, {}), cursor: journal.cursor() }
    },
  )

  app.post<{ Params: InWorld; Body: Search }>(
    '/worlds/:world/journal/find',
    { schema: about('The exchanges that match.', { body: search }) },
    async (request) => {
      const { match, limit = MAX_PAGE, ...options } = request.body
      const journal = journalOf(request)
      return pageOf(journal, journal.find(toMatch(match), options), limit)
    },
  )

  app.post<{ Params: InWorld; Body: Search }>(
    '/worlds/:world/journal/count',
    { schema: about('How many exchanges match.', { body: count }) },
    async (request) => ({ count: journalOf(request).count(toMatch(request.body.match), request.body) }),
  )

  app.post<{ Params: InWorld; Body: WaitOptions & { readonly match?: JsonMatch } }>(
    '/worlds/:world/journal/wait',
    { schema: about('Waits until enough exchanges match; those already there count.', { body: wait }) },
    async (request) => {
      const { match, ...options } = request.body
      const waited = await journalOf(request).wait(toMatch(match), options)
      // It may have ended together with its world.
      if (!waited.matched) journalOf(request)
      return waited
    },
  )

  app.post<{ Params: InWorld; Body: { readonly match: JsonMatch; readonly times?: Times } }>(
    '/worlds/:world/journal/verify',
    { schema: about('422 with the nearest miss unless as many exchanges match as expected.', { body: verify }) },
    async (request) => {
      const { match, times } = request.body
      const journal = journalOf(request)
      journal.verify(toMatch(match), times)
      return { verified: true, count: journal.count(toMatch(match)) }
    },
  )
}
