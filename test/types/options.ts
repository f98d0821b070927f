// Compiled by `npm run typecheck`: what register() and wechatPayOptions() infer, and what does not compile.
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import type mysql2 from 'mysql2/promise'
import type pg from 'pg'
import { z } from 'zod'
import wechatPay, { fromMysql2, fromPg, memoryStore, sqlStore, wechatPayOptions } from '../../src/index.ts'
import type { BodyOf, Hooks, Merchant, Partner, Price, WechatPayOptions } from '../../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <Holds extends true>(holds?: Holds) => holds

declare const merchant: Merchant
declare const pool: pg.Pool
declare const mysqlPool: mysql2.Pool
declare const app: FastifyInstance

const account = { appid: 'wx0123456789abcdef', appSecret: 's', merchant, publicUrl: 'https://shop.example.com' }
const tea: Price = { key: 'k', description: 'tea', totalFee: 1 }

export async function transaction(): Promise<void> {
  await app.register(
    wechatPay,
    wechatPayOptions({
      ...account,
      store: sqlStore(fromPg(pool)),
      price: () => tea,
      onPaid: async (order, { tx }) => {
        is<Equal<typeof tx, pg.PoolClient>>()
        await tx.query('update carts set paid = true where id = $1', [order.key])
        // @ts-expect-error PostgreSQL's client has no such method
        await tx.execute('update carts')
      },
      onRefunded: (_order, refund, { tx, log }) => {
        is<Equal<typeof tx, pg.PoolClient>>()
        refund.refundFee satisfies number
        log.info('Money is back')
        log.warn({ refund }, 'Money is back')
        log.error(new Error('No more tea'))
        // @ts-expect-error the details come first
        log.info('Money is back', { refund })
      },
    }),
  )
  const ship: Hooks<mysql2.PoolConnection>['onPaid'] = async (order, { tx }) => {
    await tx.query('insert into shipments (order_id) values (?)', [order.outTradeNo])
  }
  wechatPayOptions({ ...account, store: sqlStore(fromMysql2(mysqlPool)), price: () => tea, onPaid: ship })
  // @ts-expect-error a hook for MySQL, and a store on PostgreSQL
  wechatPayOptions({ ...account, store: sqlStore(fromPg(pool)), price: () => tea, onPaid: ship })
  const annotated: WechatPayOptions<pg.PoolClient> = {
    ...account,
    store: sqlStore(fromPg(pool)),
    price: () => tea,
    onPaid() {},
  }
  // @ts-expect-error the same, by annotation
  annotated.onPaid = ship
}

export async function registered(): Promise<void> {
  const orderBody = { type: 'object', required: ['cart'], properties: { cart: { type: 'string' } } } as const
  await app.register(
    wechatPay,
    wechatPayOptions({
      ...account,
      store: sqlStore(fromPg(pool)),
      orderBody,
      price: ({ body }) => ({ ...tea, key: body.cart }),
      onPaid() {},
    }),
  )
}

export function body(): void {
  const rest = { ...account, store: memoryStore(), onPaid: () => {} }
  wechatPayOptions({
    ...rest,
    orderBody: Type.Object({ cart: Type.String(), gift: Type.Optional(Type.Boolean()) }),
    price: ({ body }) => {
      is<Equal<typeof body, { cart: string; gift?: boolean }>>()
      return { ...tea, key: body.cart }
    },
  })
  wechatPayOptions({
    ...rest,
    orderBody: {
      type: 'object',
      required: ['cart', 'size'],
      properties: {
        cart: { type: 'string', maxLength: 64 },
        size: { enum: ['small', 'large'] },
        items: { type: 'array', items: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } } },
      },
    },
    price: ({ body }) => {
      is<Equal<typeof body, { cart: string; size: 'small' | 'large'; items?: { id: number }[] }>>()
      // @ts-expect-error the schema has no such property
      return { ...tea, key: body.basket }
    },
  })
  wechatPayOptions({
    ...rest,
    orderBody: z.object({ cart: z.string().max(64) }),
    price: ({ body }) => ({ ...tea, key: body.cart }),
  })
  wechatPayOptions({
    ...rest,
    price: ({ body }) => {
      is<Equal<typeof body, unknown>>()
      // @ts-expect-error without a schema nothing is known of it
      return { ...tea, key: body.cart }
    },
  })
  is<Equal<BodyOf<{ type: 'null' }>, null>>()
  is<Equal<BodyOf<{ anyOf: [{ const: 1 }, { type: 'boolean' }] }>, 1 | boolean>>()
  is<Equal<BodyOf<{ type: 'object' }>, unknown>>()
}

/** What is not set may be `undefined`, under `exactOptionalPropertyTypes` too. */
export const unset: WechatPayOptions = {
  ...account,
  store: memoryStore(),
  price: () => ({ ...tea, attach: undefined, expiresAt: undefined }),
  onPaid: () => {},
  onRefunded: undefined,
  authenticate: undefined,
  issueToken: undefined,
  orderBody: undefined,
  baseUrl: process.env.WECHAT_BASE_URL,
  proxy: process.env.HTTPS_PROXY,
  timeoutMs: undefined,
  now: undefined,
  merchant: { version: 'v2', mchId: '1900000109', apiKey: 'k', cert: undefined, signType: undefined },
}

/** A service provider, of either version. */
export const provider: WechatPayOptions = {
  ...unset,
  merchant: {
    ...{ version: 'v2', mchId: '1900000109', apiKey: 'k' },
    partner: { spAppid: 'wx0123456789abcdef', subMchIds: ['1900000201'] },
  },
  price: () => ({ ...tea, subMchId: '1900000201' }),
}
// @ts-expect-error whose provider
export const nobodys: Partner = { subMchIds: 'any' }
// @ts-expect-error for nobody
export const forNobody: Partner = { spAppid: 'wx0123456789abcdef', subMchIds: [] }
// @ts-expect-error 'all' is 'any'
export const forAll: Partner = { spAppid: 'wx0123456789abcdef', subMchIds: 'all' }
// @ts-expect-error beside the provider's number, a sub-merchant is in partner
export const flat: Merchant = { version: 'v2', mchId: '1900000109', apiKey: 'k', subMchId: '1900000201' }

// @ts-expect-error no such option
export const misspelt: WechatPayOptions = { ...unset, orderTTL: 1 }
// @ts-expect-error onPaid is missing
wechatPayOptions({ ...account, store: memoryStore(), price: () => tea })
// @ts-expect-error a price has a key
wechatPayOptions({ ...account, store: memoryStore(), price: () => ({ description: 'tea', totalFee: 1 }), onPaid() {} })
