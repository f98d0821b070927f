import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { Account } from './account.ts'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: { openid: string }
    user: { openid: string }
  }
}

/** Tokens of your own: `POST /wechat/login` answers with one, and the plugin's routes accept it, as yours do. */
export async function build(account: Account) {
  const app = Fastify({ requestTimeout: 10_000 })
  const carts = new Map([['cart-1', { total: 1250, isPaid: false }]])
  await app.register(jwt, { secret: 'from the environment, at least 32 characters', sign: { expiresIn: '7d' } })

  await app.register(wechatPay, {
    ...account,
    store: memoryStore(),
    issueToken: ({ openid }) => ({ token: app.jwt.sign({ openid }) }),
    async authenticate(request) {
      try {
        return { openid: (await request.jwtVerify<{ openid: string }>()).openid }
      } catch {
        return undefined
      }
    },
    price: () => ({ key: 'cart-1', description: 'Tea', totalFee: 1250 }),
    onPaid(order) {
      carts.get(order.key)!.isPaid = true
    },
  })

  app.get<{ Params: { id: string } }>(
    '/carts/:id',
    { onRequest: (request) => request.jwtVerify() },
    ({ params }, reply) => reply.send(carts.get(params.id)),
  )
  return app
}
