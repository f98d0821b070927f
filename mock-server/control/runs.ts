import type { FastifyInstance } from 'fastify'
import { FLAG, integer, oneOf, strict, text } from '../base/schema.ts'
import type { Run, RunRequest } from '../report/runs.ts'
import type { Worlds } from '../world/worlds.ts'
import { about, type InWorld } from './schemas.ts'

const CASES = { type: 'array', items: text(16) } as const

const REQUEST = strict({
  version: oneOf('v2', 'v3', 'login'),
  notifyUrl: text(),
  refundUrl: text(),
  loginUrl: text(),
  orderUrl: text(),
  closeUrl: text(),
  probeUrl: text(),
  only: CASES,
  exclude: CASES,
  quick: FLAG,
  seed: text(64),
  settleMs: integer(0, 60_000),
  ownHost: FLAG,
})

/** The runner is loaded by the first run. */
const report = () => import('../report/runs.ts')

/** The results of a run so far; the bytes of its cases come only with a single run. */
const summary = ({ id, state, cases, results, card }: Run) => ({
  id,
  state,
  cases,
  done: results.length,
  ...(card && { suite: card.suite, level: card.level, sentence: card.sentence, counts: card.counts }),
})

/** The report card of an app. */
export function runRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.post<{ Params: InWorld; Body: RunRequest }>(
    '/worlds/:world/runs',
    { schema: about('Attacks a notify handler or a login route; the results come one by one.', { body: REQUEST }) },
    async ({ params, body }, reply) => {
      const run = (await report()).startRun(worlds.find(params.world), body, worlds.refusal)
      reply.code(202)
      return summary(run)
    },
  )

  app.get<{ Params: InWorld }>(
    '/worlds/:world/runs',
    { schema: about('The runs of the report card.') },
    async ({ params }) => (await report()).runsOf(worlds.find(params.world)).map(summary),
  )

  app.get<{ Params: InWorld & { readonly id: string } }>(
    '/worlds/:world/runs/:id',
    { schema: about('One run with its results: verdict, reason, timeline and bytes of each case.') },
    async ({ params }) => {
      const run = (await report()).findRun(worlds.find(params.world), params.id)
      return { ...summary(run), results: run.results }
    },
  )
}
