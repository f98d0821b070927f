import type { FastifyInstance } from 'fastify'
import type { OfApp, UserChanges } from '../../users/users.ts'
import type { PhoneNumberOptions, UserProfileOptions } from '../../wechat/phone/user-data.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, type InWorld, seconds, strict, text } from '../schemas.ts'

const watermark = strict({ appid: text(32), timestamp: integer(0) })
const anyText = { type: 'string', maxLength: 1000 }
const appid = text(32)
const changes = strict({ appid, unionid: text(128), nickName: text(128) })
const profile = strict({
  nickName: anyText,
  gender: integer(0, 2),
  language: anyText,
  city: anyText,
  province: anyText,
  country: anyText,
  avatarUrl: anyText,
  appid,
  watermark,
})
const phone = strict({
  phoneNumber: { type: 'string', pattern: '^\\d{5,20}$' },
  countryCode: { type: 'string', pattern: '^[1-9]\\d{0,3}$' },
  ttl: seconds,
  uses: integer(1),
  appid,
  watermark,
})

interface OfUser extends InWorld {
  readonly openid: string
}

export function userRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>('/worlds/:world/users', async (request) => worlds.find(request.params.world).users())

  app.put<{ Params: OfUser; Body: UserChanges & OfApp }>(
    '/worlds/:world/users/:openid',
    { schema: { body: changes } },
    async (request) => worlds.find(request.params.world).user(request.params.openid, request.body),
  )

  app.post<{ Params: OfUser; Body: UserProfileOptions }>(
    '/worlds/:world/users/:openid/profile',
    { schema: { body: profile } },
    async (request) => worlds.find(request.params.world).userProfile(request.params.openid, request.body),
  )

  app.post<{ Params: OfUser; Body: PhoneNumberOptions }>(
    '/worlds/:world/users/:openid/phone-number',
    { schema: { body: phone } },
    async (request) => worlds.find(request.params.world).phoneNumber(request.params.openid, request.body),
  )

  app.post<{ Params: OfUser; Body: OfApp }>(
    '/worlds/:world/users/:openid/rotate-session-key',
    { schema: { body: strict({ appid }) } },
    async (request) => worlds.find(request.params.world).rotateSessionKey(request.params.openid, request.body),
  )
}
