import Fastify from 'fastify'
import mysql from 'mysql2/promise'
import type { RowDataPacket } from 'mysql2/promise'
import wechatPay, { fromMysql2, sqlStore, wechatPayOptions } from '../../src/index.ts'
import type { Account } from './account.ts'

/** MySQL or MariaDB through mysql2, with a body in JSON Schema. */
export async function build(account: Account, databaseUrl: string) {
  const app = Fastify({ requestTimeout: 10_000 })
  const pool = mysql.createPool(databaseUrl)
  await pool.query(
    'create table if not exists carts (id varchar(64) primary key, total integer, paid boolean default false)',
  )
  await pool.query("insert ignore into carts (id, total) values ('cart-1', 1250)")
  const store = sqlStore(fromMysql2(pool))
  await store.migrate()

  await app.register(
    wechatPay,
    wechatPayOptions({
      ...account,
      store,
      orderBody: { type: 'object', required: ['cart'], properties: { cart: { type: 'string', maxLength: 64 } } },
      price: async ({ body }) => {
        const [rows] = await pool.query<RowDataPacket[]>('select total from carts where id = ?', [body.cart])
        if (!rows[0]) throw Object.assign(new Error('No such cart.'), { statusCode: 404 })
        return { key: body.cart, description: 'Tea', totalFee: rows[0].total as number }
      },
      onPaid: async (order, { tx }) => {
        await tx.query('update carts set paid = true where id = ?', [order.key])
      },
    }),
  )

  app.get<{ Params: { id: string } }>('/carts/:id', { preHandler: app.wechat.requireUser }, async ({ params }) => {
    const [rows] = await pool.query<RowDataPacket[]>('select total, paid from carts where id = ?', [params.id])
    return { total: rows[0]!.total as number, isPaid: rows[0]!.paid === 1 }
  })
  app.addHook('onClose', () => pool.end())
  return app
}
