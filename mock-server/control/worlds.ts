import { Type } from '@sinclair/typebox'
import type { Worlds } from '../mock.ts'
import type { World } from '../world.ts'
import type { ControlApp } from './index.ts'
import { InWorld, OneOf, Strict } from './schemas.ts'

const NewWorld = Strict({
  id: Type.Optional(Type.String({ pattern: '^[\\w.-]{1,64}$' })),
  seed: Type.Optional(Type.Union([Type.Number(), Type.String()])),
  startTime: Type.Optional(Type.Union([Type.Number(), Type.String({ format: 'date-time' })])),
  clock: Type.Optional(OneOf('virtual', 'real')),
  schedule: Type.Optional(Type.Union([OneOf('current', 'legacy'), Type.Array(Type.Number({ minimum: 0 }))])),
  ackTimeoutMs: Type.Optional(Type.Integer({ minimum: 1 })),
  appid: Type.Optional(Type.String({ minLength: 1, maxLength: 32 })),
  appSecret: Type.Optional(Type.String({ minLength: 1 })),
  mchId: Type.Optional(Type.String({ pattern: '^\\d{1,32}$' })),
  apiKey: Type.Optional(Type.String())
})

const LoginCode = Strict({
  openid: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  unionid: Type.Optional(Type.String({ minLength: 1 })),
  ttl: Type.Optional(Type.Integer({ minimum: 0 })),
  uses: Type.Optional(Type.Integer({ minimum: 1 }))
})

const view = ({ id, baseUrl, credentials, clock }: World) => ({ id, baseUrl, ...credentials, clock: { mode: clock.mode, now: clock.now() } })

export function worldRoutes (app: ControlApp, worlds: Worlds): void {
  app.get('/worlds', async () => worlds.list().map(view))
  app.get('/worlds/:world', { schema: { params: InWorld } }, async request => view(worlds.find(request.params.world)))
  app.post('/worlds', { schema: { body: NewWorld } }, async (request, reply) => {
    const { startTime, ...options } = request.body
    reply.code(201)
    return view(worlds.create({ ...options, ...(startTime !== undefined && { startTime: new Date(startTime) }) }))
  })
  app.post('/worlds/:world/login-codes', { schema: { params: InWorld, body: LoginCode } }, async request =>
    worlds.find(request.params.world).loginCode(request.body))
}
