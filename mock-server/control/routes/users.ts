import type { FastifyInstance } from 'fastify'
import { strict } from '../../base/schema.ts'
import { OF_APP, USER, type OfApp, type UserChanges } from '../../users/users.ts'
import { PHONE, PROFILE, type PhoneNumberOptions, type UserProfileOptions } from '../../wechat/phone/user-data.ts'
import type { Worlds } from '../../world/worlds.ts'
import { about, type InWorld } from '../schemas.ts'

const ofApp = strict(OF_APP)

interface OfUser extends InWorld {
  readonly openid: string
}

export function userRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>(
    '/worlds/:world/users',
    { schema: about('The users with their session keys.') },
    async (request) => worlds.find(request.params.world).users(),
  )

  app.put<{ Params: OfUser; Body: UserChanges & OfApp }>(
    '/worlds/:world/users/:openid',
    { schema: about('Creates or changes a user.', { body: USER }) },
    async (request) => worlds.find(request.params.world).setUser(request.params.openid, request.body),
  )

  app.post<{ Params: OfUser; Body: UserProfileOptions }>(
    '/worlds/:world/users/:openid/profile',
    {
      schema: about('The result of wx.getUserProfile: rawData and signature, encryptedData and iv.', { body: PROFILE }),
    },
    async (request) => worlds.find(request.params.world).userProfile(request.params.openid, request.body),
  )

  app.post<{ Params: OfUser; Body: PhoneNumberOptions }>(
    '/worlds/:world/users/:openid/phone-number',
    { schema: about('The event of a phone number button: a code, encryptedData and iv.', { body: PHONE }) },
    async (request) => worlds.find(request.params.world).phoneNumber(request.params.openid, request.body),
  )

  app.post<{ Params: OfUser; Body: OfApp }>(
    '/worlds/:world/users/:openid/rotate-session-key',
    { schema: about('Gives the user a new session_key; the old one becomes invalid.', { body: ofApp }) },
    async (request) => worlds.find(request.params.world).rotateSessionKey(request.params.openid, request.body),
  )
}
