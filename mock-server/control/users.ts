import type { FastifyInstance } from 'fastify'
import type { Worlds } from '../mock.ts'
import type { PhoneNumberOptions, UserProfileOptions } from '../user-data.ts'
import type { UserChanges } from '../users.ts'
import { integer, seconds, strict, text, type InWorld } from './schemas.ts'

const watermark = strict({ appid: text(32), timestamp: integer(0) })
const anyText = { type: 'string', maxLength: 1000 }
const changes = strict({ unionid: text(128), nickName: text(128) })
const profile = strict({ nickName: anyText, gender: integer(0, 2), language: anyText, city: anyText, province: anyText, country: anyText, avatarUrl: anyText, watermark })
const phone = strict({
  phoneNumber: { type: 'string', pattern: '^\\d{5,20}$' },
  countryCode: { type: 'string', pattern: '^[1-9]\\d{0,3}$' },
  ttl: seconds,
  uses: integer(1),
  watermark
})

interface OfUser extends InWorld { readonly openid: string }

export function userRoutes (app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>('/worlds/:world/users', async request => worlds.find(request.params.world).users())

  app.put<{ Params: OfUser, Body: UserChanges }>('/worlds/:world/users/:openid', { schema: { body: changes } }, async request =>
    worlds.find(request.params.world).user(request.params.openid, request.body))

  app.post<{ Params: OfUser, Body: UserProfileOptions }>('/worlds/:world/users/:openid/profile', { schema: { body: profile } }, async request =>
    worlds.find(request.params.world).userProfile(request.params.openid, request.body))

  app.post<{ Params: OfUser, Body: PhoneNumberOptions }>('/worlds/:world/users/:openid/phone-number', { schema: { body: phone } }, async request =>
    worlds.find(request.params.world).phoneNumber(request.params.openid, request.body))

  app.post<{ Params: OfUser, Body: object }>('/worlds/:world/users/:openid/rotate-session-key', { schema: { body: strict({}) } }, async request =>
    worlds.find(request.params.world).rotateSessionKey(request.params.openid))
}
