import Fastify from 'fastify'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { Account } from './account.ts'

/** All that is required, for tests and demos: the memory store forgets everything when the process ends. */
export async function build(account: Account) {
  const app = Fastify({ requestTimeout: 10_000 })
  const carts = new Map([['cart-1', { total: 1250, isPaid: false }]])

  await app.register(wechatPay, {
    ...account,
    store: memoryStore(),
    price(request) {
      const { cart: id } = request.body as { cart: string }
      const cart = carts.get(id)
      if (!cart) throw Object.assign(new Error('No such cart.'), { statusCode: 404 })
      return { key: id, description: 'Tea', totalFee: cart.total }
    },
    onPaid(order) {
      carts.get(order.key)!.isPaid = true
    },
  })

  app.get<{ Params: { id: string } }>('/carts/:id', { preHandler: app.wechat.requireUser }, ({ params }, reply) =>
    reply.send(carts.get(params.id)),
  )
  return app
}
