import type { FastifyInstance } from 'fastify'
import { LOGIN_CODE, type LoginCodeOptions } from '../../users/users.ts'
import { WORLD_OPTIONS, type WorldOptions } from '../../world/options.ts'
import type { World } from '../../world/world.ts'
import type { Worlds } from '../../world/worlds.ts'
import { credentialsView, wholeEnvironment } from '../../ledger/environment.ts'
import { about, type InWorld } from '../schemas.ts'

type NewWorld = Omit<WorldOptions, 'startTime'> & { readonly startTime?: string | number }

export function worldRoutes(app: FastifyInstance, worlds: Worlds): void {
  const view = ({ id, baseUrl, credentials, clock }: World) => ({
    id,
    baseUrl,
    ...credentialsView(credentials),
    clock: { mode: clock.mode, now: clock.now() },
    env: wholeEnvironment(baseUrl, worlds.controlUrl(), id, credentials),
  })

  app.get('/worlds', { schema: about('The worlds with their credentials.') }, async () => worlds.list().map(view))

  app.get<{ Params: InWorld }>('/worlds/:world', { schema: about('One world.') }, async (request) =>
    view(worlds.find(request.params.world)),
  )

  app.delete<{ Params: InWorld }>('/worlds/:world', { schema: about('Ends a world.') }, async (request) => {
    const world = worlds.find(request.params.world)
    world.close()
    return view(world)
  })

  app.post<{ Body: NewWorld }>(
    '/worlds',
    {
      schema: about(
        'Creates a world with its own merchant and app; env holds the variables for the application. Repeating the call returns the same world.',
        { body: WORLD_OPTIONS },
      ),
    },
    async (request, reply) => {
      const { startTime, ...rest } = request.body
      // The application of a world made over HTTP does not run on the world's clock.
      const options = {
        signTime: 'real' as const,
        ...rest,
        ...(startTime !== undefined && { startTime: new Date(startTime) }),
      }
      const existing = worlds.madeBy(options)
      if (existing) return view(existing)
      const world = worlds.create(options)
      reply.code(201)
      return view(world)
    },
  )

  app.post<{ Params: InWorld; Body: LoginCodeOptions }>(
    '/worlds/:world/login-codes',
    { schema: about('Issues a code like wx.login.', { body: LOGIN_CODE }) },
    async (request) => worlds.find(request.params.world).loginCode(request.body),
  )
}
