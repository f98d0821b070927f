import t from 'tap'
import { Secret, WechatError } from '../src/index.ts'
import type { Wechat } from '../src/index.ts'
import { newOrder } from './engine/helpers.ts'
import { both, merchant } from './helpers.ts'
import { NO_ANSWERS } from './nonsense.ts'

const ORDER = newOrder()
const REFUND = { key: 'return', outRefundNo: 'refund-1', refundFee: 1 }
const IDENTITY = { appid: ORDER.appid, openid: ORDER.openid }
const MESSAGE = { headers: {}, body: Buffer.from('<xml></xml>') }
const TERMS = {
  key: 'cart-1',
  openid: ORDER.openid,
  description: 'tea',
  totalFee: 1,
  clientIp: '::1',
  expiresAt: ORDER.expiresAt,
}

const PAID = { ...ORDER, payment: { transactionId: '4200', openid: 'oAlice' } }
const SHIPMENT = { logisticsType: 'express', parcels: [{ itemDesc: 'tea', trackingNo: '1', expressCompany: 'YTO' }] }

/** Every call with valid arguments, by name. */
const CALLS: [path: string, args: Record<string, unknown>][] = [
  ['login.exchange', { code: 'code', app: 'tea' }],
  ['login.issueToken', { identity: IDENTITY }],
  ['login.identify', { token: 'token' }],
  ['login.revokeToken', { token: 'token' }],
  ['orders.create', { terms: TERMS }],
  ['orders.get', { outTradeNo: 'order-1' }],
  ['orders.refresh', { outTradeNo: 'order-1' }],
  ['orders.cancel', { outTradeNo: 'order-1', reason: 'cancelled' }],
  ['orders.history', { outTradeNo: 'order-1' }],
  ['refunds.create', { outTradeNo: 'order-1', request: { key: 'return', refundFee: 1 } }],
  ['refunds.list', { outTradeNo: 'order-1' }],
  ['refunds.get', { outTradeNo: 'order-1', outRefundNo: 'refund-1' }],
  ['refunds.refresh', { outTradeNo: 'order-1', outRefundNo: 'refund-1' }],
  ['refunds.retry', { outTradeNo: 'order-1', outRefundNo: 'refund-1', refundAccount: 'AVAILABLE' }],
  ['refunds.settleAbnormal', { outTradeNo: 'order-1', outRefundNo: 'refund-1', account: 'merchant' }],
  ['anomalies.resolve', { id: 'anomaly', action: 'dismiss', note: 'seen\nand known' }],
  ['bills.trades', { date: '2026-01-31', options: { type: 'ALL' } }],
  ['bills.funds', { date: '2026-01-31', options: { account: 'BASIC' } }],
  ['miniProgram.code2Session', { code: new Secret('code') }],
  ['miniProgram.phoneNumber', { code: new Secret('code') }],
  ['miniProgram.checkSession', { openid: 'oAlice', sessionKey: new Secret('key') }],
  ['miniProgram.resetSession', { openid: 'oAlice', sessionKey: new Secret('key') }],
  ['miniProgram.paidUnionid', { openid: 'oAlice', transactionId: '4200' }],
  ['miniProgram.isUserData', { rawData: '{}', signature: 'x', sessionKey: new Secret('key') }],
  ['miniProgram.uploadShippingInfo', { order: PAID, shipment: SHIPMENT }],
  ['miniProgram.shippingOrder', { order: PAID }],
  ['miniProgram.notifyConfirmReceive', { order: PAID, receivedAt: new Date() }],
  ['miniProgram.decryptUserData', { data: { encryptedData: '', iv: '' }, sessionKey: new Secret('key') }],
  ['pay.prepay', { order: ORDER }],
  ['pay.payParams', { prepayId: 'wx1', now: new Date(), of: ORDER }],
  ['pay.query', { outTradeNo: 'order-1' }],
  ['pay.close', { outTradeNo: 'order-1' }],
  ['pay.appParams', { prepayId: 'wx1', now: new Date() }],
  ['pay.textFault', { text: 'tea' }],
  ['pay.extrasFault', { extras: { goodsTag: 'tea' } }],
  ['pay.refund', { order: ORDER, refund: REFUND }],
  ['pay.queryRefund', { outRefundNo: 'refund-1' }],
  ['pay.listRefunds', { outTradeNo: 'order-1' }],
  ['pay.tradeBill', { date: '2026-01-31', options: { type: 'REFUND' } }],
  ['pay.fundFlowBill', { date: '2026-01-31', options: {} }],
  ['pay.readNotification', { message: MESSAGE }],
  ['pay.reply', { message: MESSAGE, fault: 'mismatch' }],
  ['ship', { order: PAID, request: SHIPMENT }],
  ['reconcile', { date: '2026-01-31' }],
  ['forget', { openid: 'oAlice' }],
  ['perform', { job: { kind: 'onPaid', mchId: ORDER.mchId, outTradeNo: 'order-1', claims: 0 } }],
  ['idle', { limitMs: 0 }],
  ['app', { nameOrAppid: 'tea' }],
]
/** Calls without arguments. */
/** Only in API v3. */
const CARD = { bankType: 'ICBC_DEBIT', bankAccount: '6222', realName: '张三' }
const V3_CALLS: typeof CALLS = [
  ['pay.queryTransaction', { transactionId: '4200' }],
  ['pay.applyAbnormalRefund', { refundId: '50', request: { outRefundNo: 'refund-1', account: CARD } }],
  ['pay.applyAbnormalRefund', { refundId: '50', request: { outRefundNo: 'refund-1', account: 'merchant' } }],
]
const BARE = ['anomalies.list', 'sweep', 'selfTest', 'requireUser']
/** Arguments that may be left out. */
const OPTIONAL = ['reason', 'fault', 'limitMs', 'options', 'refundAccount', 'app', 'of', 'nameOrAppid']

type Call = (...args: unknown[]) => unknown

function callOf(wechat: Wechat, path: string): Call {
  return path.split('.').reduce<any>((object, name) => object[name], wechat) as Call
}

/** All nonsense, and strings and objects that are nearly right. */
const WRONG: Record<string, () => unknown> = {
  ...NO_ANSWERS,
  'an invalid Date': () => new Date(NaN),
  'a negative number': () => -1,
  'a fraction': () => 0.5,
  NUL: () => 'a\0b',
  'half a character': () => '\ud83c',
}

t.test('every existing call is covered', async (t) => {
  const { app } = await merchant(t)
  const found = Object.entries(app.wechat).flatMap(([group, value]: [string, unknown]) =>
    typeof value === 'function'
      ? [group]
      : Object.entries(value as object).flatMap(([name, each]) =>
          typeof each === 'function' ? `${group}.${name}` : [],
        ),
  )
  // The objects of orders and refunds have more than they declare; the compiler checks that nothing declared is missing here.
  const offered = [...CALLS.map(([path]) => path), ...BARE]
  t.strictSame(
    offered.filter((path) => !found.includes(path)),
    [],
  )
  t.strictSame(
    found.filter((path) => !/^(orders|refunds)\./.test(path) && !offered.includes(path)),
    [],
  )
})

both('nonsense leads to an error that names the argument, and nothing is sent', async (t, open, version) => {
  const { app, world } = await open(t)
  // A call would await these instead of receiving them.
  const wrong = Object.entries(WRONG)
    .filter(([what]) => !/promise of|thenable/.test(what))
    .map(([what, make]) => [what, make()] as const)
  for (const [path, args] of version === 'v2' ? CALLS : V3_CALLS) {
    await t.test(path, async (t) => {
      const call = callOf(app.wechat, path)
      for (const name of Object.keys(args)) {
        for (const [what, value] of wrong) {
          if (value === undefined && OPTIONAL.includes(name)) continue
          if (['now', 'receivedAt'].includes(name) && what === 'a moment') continue
          if (name === 'limitMs' && what === 'a number') continue
          const outcome = await (async () => await call(...Object.values({ ...args, [name]: value })))().then(
            () => 'done',
            (error: unknown) => error,
          )
          // An object that says nothing is as good as none.
          if (['options', 'extras'].includes(name) && outcome === 'done' && Object.keys(value as object).length === 0) {
            continue
          }
          // Of an order only the app matters.
          if (name === 'of' && outcome === 'done') continue
          // Any string is valid: it is just an unknown order or token, or a note.
          if (typeof value === 'string' && (outcome === 'done' || value.length < 100)) {
            t.ok(outcome === 'done' || outcome instanceof WechatError, `${name}: ${what}`)
            continue
          }
          const { code, message } = outcome as WechatError
          t.equal(code, path === 'orders.create' ? 'WECHAT_PRICE_INVALID' : 'WECHAT_INPUT_INVALID', `${name}: ${what}`)
          t.ok(message.length < 2000, `${message.length} characters`)
          if (typeof value === 'string') continue
          t.match(message, path, `${name}: ${what}`)
          if (!['terms', 'request'].includes(name)) t.match(message, ` ${name} `, `${name}: ${what}`)
        }
      }
    })
  }
  t.strictSame(world.journal.entries(), [], 'WeChat received nothing')
})

both('valid arguments are accepted', async (t, open, version) => {
  const { app } = await open(t)
  for (const [path, args] of version === 'v2' ? CALLS : V3_CALLS) {
    const outcome = await (async () => await callOf(app.wechat, path)(...Object.values(args)))().catch(
      (error: Error) => error.message,
    )
    t.notMatch(outcome, / was called with wrong arguments/, path)
  }
})

t.test('synchronous calls throw, asynchronous ones reject', async (t) => {
  const { app } = await merchant(t)
  const { pay, orders } = app.wechat
  for (const call of [
    () => pay.payParams(7 as never, new Date()),
    () => pay.readNotification({ headers: {}, body: '<xml></xml>' } as never),
    () => pay.reply(MESSAGE, 'SUCCESS' as never),
  ]) {
    t.throws(call, { code: 'WECHAT_INPUT_INVALID' })
  }
  await t.rejects(orders.get(7 as never), {
    code: 'WECHAT_INPUT_INVALID',
    sent: false,
    message: 'orders.get was called with wrong arguments: outTradeNo must be a string, not 7.',
  })
  await t.rejects(app.wechat.login.issueToken({ openid: 'oAlice' } as never), {
    message: /identity is wrong: appid must/,
  })
  t.same(await app.wechat.anomalies.list({ limit: 5 }), [])
  await t.rejects(app.wechat.anomalies.list({ limit: 0 }), {
    message: /limit must be a whole number from 1 to 1000, not 0/,
  })
  await t.rejects(app.wechat.anomalies.resolve('id', 'forget' as never, ''), {
    message: /action must be one of refund, fulfil, dismiss, not a string of 6 characters/,
  })
  t.notOk((await app.wechat.login.identify('a'.repeat(99)).catch((error: Error) => error)) instanceof Error)
})
