import type { FastifyInstance } from 'fastify'
import type { Worlds } from '../../world/worlds.ts'
import { type InWorld, strict } from '../schemas.ts'

const message = strict({ xml: { type: 'string' }, string: { type: 'string' } }, 'xml')

/** What a test asks at its end, and what a developer asks when WeChat says no. */
export function checkRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.post<{ Params: InWorld }>('/worlds/:world/assert-drained', async (request) => {
    worlds.find(request.params.world).assertDrained()
    return { drained: true }
  })

  app.get<{ Params: InWorld }>('/worlds/:world/unexpected', async (request) =>
    worlds.find(request.params.world).unexpected(),
  )

  app.post<{ Params: InWorld }>('/worlds/:world/assert-no-unexpected', async (request) => {
    worlds.find(request.params.world).assertNoUnexpected()
    return { unexpected: 0 }
  })

  app.get<{ Params: InWorld }>('/worlds/:world/lint', async (request) => worlds.find(request.params.world).lint())

  app.post<{ Params: InWorld; Body: { readonly xml: string; readonly string?: string } }>(
    '/worlds/:world/explain-sign',
    { schema: { body: message } },
    async (request) => worlds.find(request.params.world).explainSign(request.body.xml, request.body.string),
  )
}
