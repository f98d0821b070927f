import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import wechatPay, { fromPrisma, sqlStore, wechatPayOptions } from '../../src/index.ts'
import type { PrismaLike, PrismaQueryable } from '../../src/index.ts'
import type { Account } from './account.ts'

/** What is used of the `PrismaClient` that `prisma generate` makes from your schema. */
type PrismaClient = PrismaLike<PrismaQueryable> & { $disconnect(): Promise<void> }

/**
 * Prisma: `build(account, new PrismaClient({ adapter: new PrismaPg(pool) }))`. Your own hooks use your models, here `tx.cart.update(…)`; this file has no
 * generated client, so it writes SQL.
 */
export async function build(account: Account, prisma: PrismaClient) {
  const app = Fastify({ requestTimeout: 10_000 })
  await prisma.$executeRawUnsafe(
    'create table if not exists carts (id text primary key, total integer, paid boolean default false)',
  )
  await prisma.$executeRawUnsafe("insert into carts (id, total) values ('cart-1', 1250) on conflict do nothing")
  const find = async (id: string) => {
    const rows = await prisma.$queryRawUnsafe('select total, paid as "isPaid" from carts where id = $1', id)
    return (rows as { total: number; isPaid: boolean }[])[0]
  }
  const store = sqlStore(fromPrisma(prisma, 'postgres', { timeout: 15_000 }))
  await store.migrate()

  await app.register(
    wechatPay,
    wechatPayOptions({
      ...account,
      store,
      orderBody: Type.Object({ cart: Type.String({ maxLength: 64 }) }),
      price: async ({ body }) => {
        const cart = await find(body.cart)
        if (!cart) throw Object.assign(new Error('No such cart.'), { statusCode: 404 })
        return { key: body.cart, description: 'Tea', totalFee: cart.total }
      },
      onPaid: async (order, { tx }) => {
        await tx.$executeRawUnsafe('update carts set paid = true where id = $1', order.key)
      },
    }),
  )

  app.get<{ Params: { id: string } }>('/carts/:id', { preHandler: app.wechat.requireUser }, ({ params }) =>
    find(params.id),
  )
  app.addHook('onClose', () => prisma.$disconnect())
  return app
}
