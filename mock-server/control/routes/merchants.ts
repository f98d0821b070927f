import type { FastifyInstance } from 'fastify'
import type { AppChanges, MerchantChanges } from '../../ledger/merchant.ts'
import type { Worlds } from '../../world/worlds.ts'
import { type InWorld, oneOf, strict, text } from '../schemas.ts'

const merchant = strict({
  apiKey: text(),
  signType: oneOf('any', 'MD5', 'HMAC-SHA256'),
  certMode: oneOf('none', 'required'),
})
const app = strict({ appSecret: text() })

interface OfMerchant extends InWorld {
  readonly mchId: string
}
interface OfApp extends InWorld {
  readonly appid: string
}

export function merchantRoutes(server: FastifyInstance, worlds: Worlds): void {
  server.get<{ Params: InWorld }>('/worlds/:world/merchants', async (request) =>
    worlds.find(request.params.world).merchants(),
  )

  server.put<{ Params: OfMerchant; Body: MerchantChanges }>(
    '/worlds/:world/merchants/:mchId',
    { schema: { body: merchant } },
    async (request) => worlds.find(request.params.world).merchant(request.params.mchId, request.body),
  )

  server.get<{ Params: InWorld }>('/worlds/:world/apps', async (request) => worlds.find(request.params.world).apps())

  server.put<{ Params: OfApp; Body: AppChanges }>(
    '/worlds/:world/apps/:appid',
    { schema: { body: app } },
    async (request) => worlds.find(request.params.world).app(request.params.appid, request.body),
  )
}
