import type { FastifyInstance } from 'fastify'
import { strict } from '../../base/schema.ts'
import { KEY, ROTATION, type Rotatable, type RotationOptions } from '../../ledger/keys.ts'
import { MERCHANT, type MerchantChanges } from '../../ledger/merchant.ts'
import { APP, type AppChanges } from '../../users/app.ts'
import type { Worlds } from '../../world/worlds.ts'
import { about, type InWorld } from '../schemas.ts'

const rotation = strict({ what: KEY, ...ROTATION }, 'what')

interface OfMerchant extends InWorld {
  readonly mchId: string
}
interface OfApp extends InWorld {
  readonly appid: string
}

export function merchantRoutes(server: FastifyInstance, worlds: Worlds): void {
  server.get<{ Params: InWorld }>('/worlds/:world/merchants', { schema: about('The merchants.') }, async (request) =>
    worlds.find(request.params.world).merchants(),
  )

  server.put<{ Params: OfMerchant; Body: MerchantChanges }>(
    '/worlds/:world/merchants/:mchId',
    { schema: about('Adds or changes a merchant: key, algorithm, certificate.', { body: MERCHANT }) },
    async (request) => worlds.find(request.params.world).setMerchant(request.params.mchId, request.body),
  )

  server.post<{ Params: OfMerchant; Body: RotationOptions & { readonly what: Rotatable } }>(
    '/worlds/:world/merchants/:mchId/rotate',
    { schema: about('Replaces a key of API v3; returns the credentials as they are now.', { body: rotation }) },
    async ({ params: { world, mchId }, body: { what, ...options } }) =>
      worlds.find(world).rotateKey(what, { ...options, mchId }),
  )

  server.get<{ Params: InWorld }>('/worlds/:world/apps', { schema: about('The apps.') }, async (request) =>
    worlds.find(request.params.world).apps(),
  )

  server.put<{ Params: OfApp; Body: AppChanges }>(
    '/worlds/:world/apps/:appid',
    { schema: about('Adds an app, or changes its secret.', { body: APP }) },
    async (request) => worlds.find(request.params.world).setApp(request.params.appid, request.body),
  )
}
