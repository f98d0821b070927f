import { Readable } from 'node:stream'
import express from '@fastify/express'
import bodyParser from 'body-parser'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import wechatPay, { memoryStore } from '../../src/index.ts'
import type { PaidOrder, Refund, Wechat, WechatPayOptions } from '../../src/index.ts'
import { BAD, notification, REFUND, TRADE } from '../client/pay-v3/messages.ts'
import { API_V3_KEY, APPID, MCH_ID, MERCHANT_KEY, NOW, PUBLIC_KEY, SERIAL_NO } from '../client/pay-v3/wechat.ts'
import { newOrder, paymentOf } from '../engine/helpers.ts'
import { ANSWERS, HARMLESS, READERS } from './hosts.ts'

/**
 * An API v3 merchant with one order, and its answers to notifications over real HTTP. Another app of the merchant
 * number may be on the same server and store.
 */
async function shop(
  t: Test,
  { other, host = () => {} }: { other?: string; host?: (app: FastifyInstance) => Promise<void> | void } = {},
) {
  const app = Fastify()
  await host(app)
  const store = memoryStore()
  const paid: string[] = []
  const refunded: string[] = []
  const options = {
    appid: APPID,
    appSecret: '0123456789abcdef'.repeat(2),
    merchant: {
      version: 'v3',
      mchId: MCH_ID,
      apiV3Key: API_V3_KEY,
      privateKey: MERCHANT_KEY.export({ type: 'pkcs8', format: 'pem' }) as string,
      serialNo: SERIAL_NO,
      publicKeyId: PUBLIC_KEY.serial,
      publicKey: PUBLIC_KEY.key.export({ type: 'spki', format: 'pem' }) as string,
    },
    baseUrl: 'http://127.0.0.1:9',
    publicUrl: 'http://127.0.0.1:9',
    store,
    now: () => NOW,
    sweepIntervalMs: 0,
    price: () => ({ key: 'k', description: 'tea', totalFee: 1250 }),
    onPaid: ({ outTradeNo }: PaidOrder) => {
      paid.push(outTradeNo)
    },
    onRefunded: (_order: PaidOrder, { outRefundNo }: Refund) => {
      refunded.push(`${APPID} ${outRefundNo}`)
    },
  } satisfies WechatPayOptions<undefined>
  let beside: Wechat | undefined
  if (other !== undefined) {
    const onRefunded = (_order: PaidOrder, { outRefundNo }: Refund) => {
      refunded.push(`${other} ${outRefundNo}`)
    }
    await app.register(
      async (scope) => {
        await scope.register(wechatPay, { ...options, appid: other, onRefunded })
        beside = scope.wechat
      },
      { prefix: '/other' },
    )
  }
  await app.register(wechatPay, options)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    await app.close()
  })
  const order = newOrder({
    outTradeNo: TRADE.out_trade_no,
    appid: APPID,
    mchId: MCH_ID,
    openid: TRADE.payer.openid,
    totalFee: TRADE.amount.total,
    state: 'prepaid',
    createdAt: NOW,
    expiresAt: new Date(NOW.getTime() + 3_600_000),
  })
  await store.insertOrder({ order, history: [], anomalies: [] })
  async function notify({ headers, body }: ReturnType<typeof notification>, type = 'application/json') {
    const all = { 'content-type': type, ...headers } as Record<string, string | undefined>
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const response = await fetch(`${url}/wechat/notify`, { method: 'POST', headers: given, body })
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
  }
  return { app, beside, store, paid, refunded, notify }
}

const changed = (part: object) => notification({ resource: { ...TRADE, ...part } })

t.test('a bad notification gets 4xx or 5xx, changes nothing, and the next genuine one is served', async (t) => {
  const { app, paid, notify } = await shop(t)
  const bad: [name: string, message: ReturnType<typeof notification>, fault: string][] = [
    ...BAD,
    ['of another amount', changed({ amount: { ...TRADE.amount, total: 1249 } }), 'mismatch'],
    ['of another currency', changed({ amount: { ...TRADE.amount, currency: 'USD' } }), 'mismatch'],
    ['of another payer', changed({ payer: { openid: 'oMallory' } }), 'mismatch'],
    ['of an unknown order', changed({ out_trade_no: 'T2026010100002' }), 'unknown-order'],
    [
      'of a refund of an unknown order',
      notification({ type: 'REFUND.SUCCESS', resource: { ...REFUND, out_trade_no: 'T2026010100002' } }),
      'unknown-order',
    ],
  ]
  const before = await app.wechat.orders.get(TRADE.out_trade_no)
  for (const [name, message, fault] of bad) {
    const reply = await notify(message)
    t.ok(reply.status >= 400, `${name}: ${reply.status}`)
    const unread = message.body.length > 64 * 1024 ? 'unreadable' : fault
    t.strictSame(JSON.parse(reply.text), { code: 'FAIL', message: unread }, name)
    t.strictSame(await app.wechat.orders.get(TRADE.out_trade_no), before, `${name}: the order is unchanged`)
  }
  t.strictSame(paid, [])
  const kinds = new Set((await app.wechat.anomalies.list()).map(({ kind }) => kind))
  t.strictSame(kinds, new Set(['mismatch', 'unknown-order']), 'what WeChat signed is stored with its evidence')

  t.match(await notify(notification()), { status: 200, type: /json/, text: '{"code":"SUCCESS"}' })
  t.match(await notify(notification()), { status: 200 }, 'and again')
  await app.wechat.idle()
  t.strictSame(paid, [TRADE.out_trade_no])
})

t.test('the Content-Type does not matter', async (t) => {
  for (const type of [
    'application/json; charset=utf-8',
    'text/json',
    'text/xml',
    'text/plain',
    'multipart/form-data',
  ]) {
    const { notify } = await shop(t)
    t.match(await notify(notification(), type), { status: 200 }, type)
  }
})

t.test('API v2 XML is answered in XML, and not believed without the v2 key', async (t) => {
  const { notify } = await shop(t)
  const body = Buffer.from('<xml><return_code>SUCCESS</return_code></xml>')
  t.match(await notify({ headers: {}, body }, 'text/xml'), { status: 200, type: /xml/, text: /FAIL.*no-v2-key/ })
})

t.test('a refund of an order not known to be paid has to be sent again, and WeChat is queried meanwhile', async (t) => {
  const { app, notify } = await shop(t)
  const reply = await notify(notification({ type: 'REFUND.SUCCESS', resource: REFUND }))
  t.match(reply, { status: 409, text: /mismatch/ })
  t.match(await app.wechat.orders.get(TRADE.out_trade_no), { state: 'prepaid', refunds: [], dueAt: NOW })
})

t.test(
  'a refund of another app of the merchant number is handled by the registration that owns the order',
  async (t) => {
    const other = 'wx00000000000000bb'
    const { beside, store, refunded, notify } = await shop(t, { other })
    const order = newOrder({ outTradeNo: 'other-1', key: 'other', liveKey: 'other', appid: other, mchId: MCH_ID })
    const payment = paymentOf(order, { transactionId: TRADE.transaction_id })
    const paid = { ...order, state: 'paid', payment, fulfilment: 'done' } as const
    await store.insertOrder({ order: paid, history: [], anomalies: [] })
    const resource = { ...REFUND, out_trade_no: order.outTradeNo }
    t.match(await notify(notification({ type: 'REFUND.SUCCESS', resource })), { status: 200 })
    await beside!.idle()
    await beside!.idle()
    t.strictSame(refunded, [`${other} ${REFUND.out_refund_no}`], 'at once, without a sweep')
  },
)

t.test('a refund of one merchant number never counts for an order of another in the same store', async (t) => {
  const { app, store, notify } = await shop(t)
  const order = newOrder({ outTradeNo: 'foreign-1', key: 'foreign', liveKey: 'foreign', appid: APPID, mchId: '1' })
  const paid = { ...order, state: 'paid', payment: paymentOf(order), fulfilment: 'done' } as const
  await store.insertOrder({ order: paid, history: [], anomalies: [] })
  const resource = { ...REFUND, out_trade_no: order.outTradeNo }
  const reply = await notify(notification({ type: 'REFUND.SUCCESS', resource }))
  t.match(reply, { status: 404, text: /unknown-order/ })
  t.strictSame(await app.wechat.refunds.list(order.outTradeNo), [])
})

t.test('a payment of one merchant number never counts for an order of another in the same store', async (t) => {
  const { app, store, notify } = await shop(t)
  const foreign = { key: 'foreign', liveKey: 'foreign', appid: APPID, mchId: '1' }
  const order = newOrder({ ...foreign, outTradeNo: 'foreign-1', openid: TRADE.payer.openid, state: 'prepaid' })
  await store.insertOrder({ order, history: [], anomalies: [] })
  const reply = await notify(notification({ resource: { ...TRADE, out_trade_no: order.outTradeNo } }))
  t.match(reply, { status: 404, text: /unknown-order/ })
  t.strictSame([await store.findOrder(order.outTradeNo), await store.history(order.outTradeNo)], [order, []])
  t.match(await app.wechat.anomalies.list(), [{ kind: 'unknown-order', payment: { mchId: MCH_ID } }])
})

const { 'body-parser for text': _texts, ...readers } = READERS
/**
 * What the app does with the body, and the status WeChat then reads, which alone says whether the notification was
 * accepted.
 */
const HOSTS: [name: string, host: (app: FastifyInstance) => Promise<void> | void, status: RegExp, fault?: string][] = [
  ...Object.entries(HARMLESS).map(([name, host]): (typeof HOSTS)[number] => [name, host, /^200$/]),
  [
    'a middleware that keeps the bytes it read',
    async (app) => {
      await app.register(express)
      app.use(bodyParser.raw({ type: '*/*' }))
    },
    /^200$/,
  ],
  ...Object.entries(readers).map(([name, host]): (typeof HOSTS)[number] => [name, host, /^(400|503)$/, 'blocked']),
  [
    'a middleware that read it as JSON',
    async (app) => {
      await app.register(express)
      app.use(bodyParser.json())
    },
    /^503$/,
    'blocked',
  ],
  [
    'a hook that re-serialises the JSON, so the signature no longer covers it',
    (app) => {
      app.addHook('preParsing', async ({ raw }, _reply, payload) => {
        delete raw.headers['content-length']
        const chunks: Buffer[] = []
        for await (const chunk of payload) chunks.push(chunk as Buffer)
        return Readable.from([JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()), null, 1)])
      })
    },
    /^401$/,
    'bad-signature',
  ],
  ...Object.entries(ANSWERS).flatMap(([name, { host, past }]): typeof HOSTS =>
    past === true ? [] : [[`in our place: ${name}`, host, /^[45]\d\d$/, 'blocked']],
  ),
]

t.test(
  'a notification that was not accepted never gets a success status, whatever the app does with the body',
  async (t) => {
    for (const [name, host, status, fault] of HOSTS) {
      const { app, paid, notify } = await shop(t, { host })
      const reply = await notify(notification())
      t.match(String(reply.status), status, name)
      t.match(reply.type, /^application\/json/, name)
      t.strictSame(
        JSON.parse(reply.text),
        fault === undefined ? { code: 'SUCCESS' } : { code: 'FAIL', message: fault },
        name,
      )
      await app.wechat.idle()
      t.strictSame(paid, fault === undefined ? [TRADE.out_trade_no] : [], name)
    }
  },
)
