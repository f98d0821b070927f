import { eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { boolean, integer, pgTable, text } from 'drizzle-orm/pg-core'
import Fastify from 'fastify'
import pg from 'pg'
import wechatPay, { fromDrizzle, sqlStore, wechatPayOptions } from '../../src/index.ts'
import type { Account } from './account.ts'

const carts = pgTable('carts', {
  id: text().primaryKey(),
  total: integer().notNull(),
  isPaid: boolean('paid').notNull().default(false),
})

/** Drizzle over pg: `tx` is its own transaction. */
export async function build(account: Account, databaseUrl: string) {
  const app = Fastify({ requestTimeout: 10_000 })
  const pool = new pg.Pool({ connectionString: databaseUrl })
  const db = drizzle(pool)
  await db.execute(
    'create table if not exists carts (id text primary key, total integer not null, paid boolean not null default false)',
  )
  await db.insert(carts).values({ id: 'cart-1', total: 1250 }).onConflictDoNothing()
  const store = sqlStore(fromDrizzle(db, 'postgres', sql))
  await store.migrate()

  const cartOf = async (id: string) => (await db.select().from(carts).where(eq(carts.id, id)))[0]
  await app.register(
    wechatPay,
    wechatPayOptions({
      ...account,
      store,
      orderBody: { type: 'object', required: ['cart'], properties: { cart: { type: 'string', maxLength: 64 } } },
      price: async ({ body }) => {
        const cart = await cartOf(body.cart)
        if (!cart) throw Object.assign(new Error('No such cart.'), { statusCode: 404 })
        return { key: cart.id, description: 'Tea', totalFee: cart.total }
      },
      onPaid: async (order, { tx }) => {
        await tx.update(carts).set({ isPaid: true }).where(eq(carts.id, order.key))
      },
    }),
  )

  app.get<{ Params: { id: string } }>('/carts/:id', { preHandler: app.wechat.requireUser }, ({ params }) =>
    cartOf(params.id),
  )
  app.addHook('onClose', () => pool.end())
  return app
}
