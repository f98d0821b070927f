import type { FastifyInstance } from 'fastify'
import type { Worlds } from '../../world/worlds.ts'
import { strict } from '../../base/schema.ts'
import { SIGNED_CALL, type SignedCall } from '../../world/signing.ts'
import { about, type InWorld } from '../schemas.ts'

/** A message of v2 as `xml`, a call of v3 as the rest. */
const message = strict({ xml: { type: 'string' }, ...SIGNED_CALL, string: { type: 'string' } })

/** Assertions for the end of a test, and explanations of WeChat's refusals. */
export function checkRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.post<{ Params: InWorld }>(
    '/worlds/:world/assert-drained',
    { schema: about('422 unless every fault was applied and every gate was reached.') },
    async (request) => {
      worlds.find(request.params.world).assertDrained()
      return { drained: true }
    },
  )

  app.get<{ Params: InWorld }>(
    '/worlds/:world/unexpected',
    { schema: about('Calls to paths that are not emulated.') },
    async (request) => worlds.find(request.params.world).unexpected(),
  )

  app.post<{ Params: InWorld }>(
    '/worlds/:world/assert-no-unexpected',
    { schema: about('422 if a path that is not emulated was called.') },
    async (request) => {
      worlds.find(request.params.world).assertNoUnexpected()
      return { unexpected: 0 }
    },
  )

  app.get<{ Params: InWorld }>(
    '/worlds/:world/lint',
    { schema: about('What production might refuse about the calls in the journal.') },
    async (request) => worlds.find(request.params.world).lint(),
  )

  app.post<{ Params: InWorld; Body: SignedCall & { readonly xml?: string; readonly string?: string } }>(
    '/worlds/:world/explain-sign',
    { schema: about('Why the signature of a message is not the expected one.', { body: message }) },
    async ({ params, body: { string, xml, ...call } }) => worlds.find(params.world).explainSign(xml ?? call, string),
  )
}
