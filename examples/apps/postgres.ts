import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import pg from 'pg'
import wechatPay, { fromPg, sqlStore, wechatPayOptions } from '../../src/index.ts'
import type { Account } from './account.ts'

/** TypeScript and PostgreSQL: `body` and `tx` are typed, and what `onPaid` writes commits together with "delivered". */
export async function build(account: Account, databaseUrl: string) {
  const app = Fastify({ requestTimeout: 10_000 })
  const pool = new pg.Pool({ connectionString: databaseUrl })
  await pool.query('create table if not exists carts (id text primary key, total integer, paid boolean default false)')
  await pool.query("insert into carts (id, total) values ('cart-1', 1250) on conflict do nothing")
  const store = sqlStore(fromPg(pool))
  await store.migrate()

  await app.register(
    wechatPay,
    wechatPayOptions({
      ...account,
      store,
      orderBody: Type.Object({ cart: Type.String({ maxLength: 64 }) }),
      price: async ({ body }) => {
        const { rows } = await pool.query<{ total: number }>('select total from carts where id = $1', [body.cart])
        if (!rows[0]) throw Object.assign(new Error('No such cart.'), { statusCode: 404 })
        return { key: body.cart, description: 'Tea', totalFee: rows[0].total }
      },
      onPaid: async (order, { tx }) => {
        await tx.query('update carts set paid = true where id = $1', [order.key])
      },
    }),
  )

  app.get<{ Params: { id: string } }>('/carts/:id', { preHandler: app.wechat.requireUser }, async ({ params }) => {
    const { rows } = await pool.query('select total, paid as "isPaid" from carts where id = $1', [params.id])
    return rows[0] as unknown
  })
  app.addHook('onClose', () => pool.end())
  return app
}
