import type { FastifyInstance } from 'fastify'
import type { LoginCodeOptions } from '../../users/users.ts'
import { CHOICES } from '../../wechat/behaviour.ts'
import type { AnyWorldOptions } from '../../world/options.ts'
import type { World } from '../../world/world.ts'
import type { Worlds } from '../../world/worlds.ts'
import { wholeEnvironment } from '../environment.ts'
import { integer, type InWorld, milliseconds, oneOf, seconds, strict, text } from '../schemas.ts'

type NewWorld = Omit<AnyWorldOptions, 'startTime'> & { readonly startTime?: string | number }

// The world reads what may be of several kinds itself, and says more than a schema could: `schedule`, and a duration,
// milliseconds or 'never'.
const newWorld = strict({
  id: { type: 'string', pattern: '^[\\w.-]{1,64}$' },
  seed: { type: ['number', 'string'] },
  startTime: { type: ['integer', 'string'], format: 'date-time' },
  clock: oneOf('virtual', 'real'),
  schedule: {},
  ackTimeoutMs: milliseconds(1),
  maxJournal: integer(1),
  strict: { type: 'boolean' },
  signType: oneOf('MD5', 'HMAC-SHA256'),
  certMode: oneOf('none', 'required'),
  refundDelay: {},
  sessionKeyPeriod: {},
  codeLimit: integer(1),
  autoPay: {},
  refundNotifyUrl: text(256),
  settleUrl: text(),
  behaviour: strict(Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, oneOf(...values)]))),
  appid: text(32),
  appSecret: text(),
  mchId: { type: 'string', pattern: '^\\d{1,32}$' },
  apiKey: text(),
})

const loginCode = strict({ appid: text(32), openid: text(128), unionid: text(128), ttl: seconds, uses: integer(1) })

export function worldRoutes(app: FastifyInstance, worlds: Worlds): void {
  const view = ({ id, baseUrl, credentials, clock }: World) => ({
    id,
    baseUrl,
    ...credentials,
    clock: { mode: clock.mode, now: clock.now() },
    env: wholeEnvironment(baseUrl, worlds.controlUrl(), id, credentials),
  })

  app.get('/worlds', async () => worlds.list().map(view))

  app.get<{ Params: InWorld }>('/worlds/:world', async (request) => view(worlds.find(request.params.world)))

  app.delete<{ Params: InWorld }>('/worlds/:world', async (request) => {
    const world = worlds.find(request.params.world)
    world.close()
    return view(world)
  })

  app.post<{ Body: NewWorld }>('/worlds', { schema: { body: newWorld } }, async (request, reply) => {
    const { startTime, ...rest } = request.body
    const options = { ...rest, ...(startTime !== undefined && { startTime: new Date(startTime) }) }
    const existing = worlds.madeBy(options)
    if (existing) return view(existing)
    const world = worlds.create(options)
    reply.code(201)
    return view(world)
  })

  app.post<{ Params: InWorld; Body: LoginCodeOptions }>(
    '/worlds/:world/login-codes',
    { schema: { body: loginCode } },
    async (request) => worlds.find(request.params.world).loginCode(request.body),
  )
}
