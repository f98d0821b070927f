import Fastify from 'fastify'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import wechatPay, { fromKysely, sqlStore, wechatPayOptions } from '../../src/index.ts'
import type { Account } from './account.ts'

interface Tables {
  carts: { id: string; total: number; paid: boolean }
}

/** Kysely over pg: `tx` is its `Transaction<Tables>`. */
export async function build(account: Account, databaseUrl: string) {
  const app = Fastify({ requestTimeout: 10_000 })
  const pool = new pg.Pool({ connectionString: databaseUrl })
  // Kysely hides the pool's clients: without this line a lost connection would end the process.
  pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  await db.schema
    .createTable('carts')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('total', 'integer')
    .addColumn('paid', 'boolean', (column) => column.defaultTo(false))
    .execute()
  await db
    .insertInto('carts')
    .values({ id: 'cart-1', total: 1250, paid: false })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const store = sqlStore(fromKysely(db, 'postgres'))
  await store.migrate()

  const cartOf = (id: string) => db.selectFrom('carts').selectAll().where('id', '=', id).executeTakeFirst()
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
        await tx.updateTable('carts').set({ paid: true }).where('id', '=', order.key).execute()
      },
    }),
  )

  app.get<{ Params: { id: string } }>('/carts/:id', { preHandler: app.wechat.requireUser }, async ({ params }) => {
    const cart = await cartOf(params.id)
    return cart && { total: cart.total, isPaid: cart.paid }
  })
  app.addHook('onClose', () => db.destroy())
  return app
}
