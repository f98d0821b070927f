import { createCipheriv, createHash } from 'node:crypto'
import { XMLParser } from 'fast-xml-parser'
import t from 'tap'
import { Hash } from 'wechatpay-axios-plugin'
import { KeyRing } from '../../src/client/key-ring.ts'
import type { PartnerConfig } from '../../src/client/partner.ts'
import type { Notification, NotificationMessage, PayApi } from '../../src/client/pay.ts'
import { createPayV2 } from '../../src/client/pay-v2/pay-v2.ts'
import type { PayV3Api } from '../../src/client/pay-v3/api.ts'
import { Secret } from '../../src/base/secret.ts'
import type { Order, Refund } from '../../src/model.ts'
import { httpReply } from '../fixtures.ts'
import { newOrder } from '../engine/helpers.ts'
import { notification } from './pay-v3/messages.ts'
import { answer, merchant as merchantV3 } from './pay-v3/wechat.ts'

/** Service-provider mode of both versions: doc/v3/partner/4012714678, and the fields sub_* of v2 (doc/v2/partner/4011983228). */

type Values = Record<string, string>

const SP_APPID = 'wxd678ef0567a96787'
const SUB_APPID = 'wx8888888888888888'
const APPIDS = [SP_APPID, SUB_APPID]
const MCH_ID = '1900000109'
const SUB = '1900000201'
const OTHER = '1900000202'
const API_KEY = 'd6b41c7fe92a05385fb0c6e1d97a2483'
const PARTNER: PartnerConfig = { spAppid: SP_APPID, subMchIds: [SUB, OTHER] }

const ORDER = newOrder({ mchId: MCH_ID, subMchId: SUB, spAppid: SP_APPID, appid: SUB_APPID, openid: 'oInSubApp' })
const IN_SP_APP: Order = { ...ORDER, appid: SP_APPID, openid: 'oInSpApp' }
const { outTradeNo } = ORDER
const REFUND: Refund = {
  ...{ outRefundNo: `${outTradeNo}-1`, key: 'back', refundFee: 250, origin: 'local', state: 'created' },
  ...{ createdAt: ORDER.createdAt, attempts: 0, dueAt: null, fulfilment: 'none' },
}
const { outRefundNo } = REFUND
const TRANSACTION = '4200000001202601011234567890'

const V2_OK: Values = {
  ...{ return_code: 'SUCCESS', result_code: 'SUCCESS', nonce_str: 'n' },
  ...{ appid: SP_APPID, mch_id: MCH_ID, sub_appid: SUB_APPID, sub_mch_id: SUB },
}
const V2_PAID: Values = {
  ...{ ...V2_OK, trade_type: 'JSAPI', openid: 'oInSpApp', sub_openid: 'oInSubApp', total_fee: '1250' },
  ...{ transaction_id: TRANSACTION, out_trade_no: outTradeNo, time_end: '20260101080001', bank_type: 'CMC' },
}
const V2_REFUNDS: Values = {
  ...{ ...V2_OK, out_trade_no: outTradeNo, refund_count: '1', out_refund_no_0: outRefundNo, refund_id_0: '50' },
  ...{ refund_fee_0: '250', refund_status_0: 'SUCCESS' },
}
const V3_PAID = {
  ...{ sp_appid: SP_APPID, sp_mchid: MCH_ID, sub_appid: SUB_APPID, sub_mchid: SUB, out_trade_no: outTradeNo },
  ...{ transaction_id: TRANSACTION, trade_state: 'SUCCESS', success_time: '2026-01-01T08:00:01+08:00' },
  payer: { sp_openid: 'oInSpApp', sub_openid: 'oInSubApp' },
  amount: { total: 1250, currency: 'CNY' },
}
const V3_REFUND = {
  ...{ out_trade_no: outTradeNo, out_refund_no: outRefundNo, refund_id: '50', status: 'SUCCESS' },
  amount: { refund: 250 },
}

const signed = (values: Values) => xml({ ...values, sign: Hash.sign('HMAC-SHA256', values, API_KEY) })
const xml = (values: Values) =>
  `<xml>${Object.entries(values)
    .map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`)
    .join('')}</xml>`
const parsed = (body: string) => new XMLParser({ parseTagValue: false, trimValues: false }).parse(body).xml as Values

/** A provider whose WeChat answers everything with `reply`; `sent` is what it got, without what is in every request. */
function provider(
  version: 'v2' | 'v3',
  reply: object | undefined,
  options: { appids?: string[]; partner?: PartnerConfig } = {},
) {
  const { appids = APPIDS, partner = PARTNER } = options
  if (version === 'v3') {
    const { pay, asked } = merchantV3([answer(reply), answer(reply)], { appids, partner })
    return { pay: pay as PayApi, sent: () => ({ to: asked[0]!.target, ...asked[0]!.body }) as Values }
  }
  const sent: Values[] = []
  const http = {
    async send({ path, body }: { path: string; body?: string }) {
      const { sign, ...fields } = parsed(body!)
      t.equal(sign, Hash.sign('HMAC-SHA256', fields, API_KEY), `${path} is signed`)
      sent.push({ to: path, ...fields })
      return httpReply(signed(reply as Values))
    },
    async stream({ path, body }: { path: string; body?: string }) {
      sent.push({ to: path, ...parsed(body!) })
      return { ...httpReply(''), body: (async function* () {})() }
    },
    async close() {},
  }
  const pay = createPayV2({
    ...{ http, certHttp: http, appids, mchId: MCH_ID, partner, apiKeys: new KeyRing([new Secret(API_KEY)]) },
    ...{ signType: 'HMAC-SHA256', notifyUrl: 'https://shop.example.com/notify', nonce: () => 'n' },
  })
  return { pay: pay as PayApi, sent: () => sent[0]! }
}

const V2_NAMES = { appid: SP_APPID, mch_id: MCH_ID, sub_mch_id: SUB, sub_appid: SUB_APPID }
const V3_BASE = '/v3/pay/partner/transactions'
const V3_QUERY = `?sp_mchid=${MCH_ID}&sub_mchid=${SUB}`
const V3_REFUNDS = '/v3/refund/domestic/refunds'

interface Row {
  name: string
  call: (pay: PayApi, order: Order) => Promise<unknown>
  /** What has to be sent; a name with `undefined` must not be. */
  sent: Record<string, unknown>
  reply: object | undefined
}

const rows: Record<'v2' | 'v3', Row[]> = {
  v2: [
    {
      name: 'an order',
      call: async (pay, order) => await pay.prepay(order),
      sent: { to: '/pay/unifiedorder', sub_openid: 'oInSubApp', openid: undefined },
      reply: { ...V2_OK, prepay_id: 'p', trade_type: 'JSAPI' },
    },
    {
      name: 'a query',
      call: async (pay, order) => await pay.query(outTradeNo, order),
      sent: { to: '/pay/orderquery', out_trade_no: outTradeNo },
      reply: { ...V2_PAID, trade_state: 'SUCCESS' },
    },
    {
      name: 'a close',
      call: async (pay, order) => await pay.close(outTradeNo, order),
      sent: { to: '/pay/closeorder' },
      reply: V2_OK,
    },
    {
      name: 'a refund',
      call: async (pay, order) => await pay.refund(order, REFUND),
      sent: { to: '/secapi/pay/refund', out_refund_no: outRefundNo },
      reply: { ...V2_OK, refund_id: '50', out_refund_no: outRefundNo, refund_fee: '250' },
    },
    {
      name: 'a refund query',
      call: async (pay, order) => await pay.queryRefund(outRefundNo, order),
      sent: { to: '/pay/refundquery', out_refund_no: outRefundNo },
      reply: V2_REFUNDS,
    },
    {
      name: 'the refunds of an order',
      call: async (pay, order) => await pay.listRefunds!(outTradeNo, order),
      sent: { to: '/pay/refundquery', out_trade_no: outTradeNo },
      reply: V2_REFUNDS,
    },
  ],
  v3: [
    {
      name: 'an order',
      call: async (pay, order) => await pay.prepay(order),
      sent: {
        ...{ to: `${V3_BASE}/jsapi`, sp_appid: SP_APPID, sp_mchid: MCH_ID, sub_appid: SUB_APPID, sub_mchid: SUB },
        ...{ payer: { sub_openid: 'oInSubApp' }, appid: undefined, mchid: undefined },
      },
      reply: { prepay_id: 'p' },
    },
    {
      name: 'a query',
      call: async (pay, order) => await pay.query(outTradeNo, order),
      sent: { to: `${V3_BASE}/out-trade-no/${outTradeNo}${V3_QUERY}` },
      reply: V3_PAID,
    },
    {
      name: 'a query by transaction',
      call: async (pay, order) => await (pay as PayV3Api).queryTransaction(TRANSACTION, order),
      sent: { to: `${V3_BASE}/id/${TRANSACTION}${V3_QUERY}` },
      reply: V3_PAID,
    },
    {
      name: 'a close',
      call: async (pay, order) => await pay.close(outTradeNo, order),
      sent: { to: `${V3_BASE}/out-trade-no/${outTradeNo}/close`, sp_mchid: MCH_ID, sub_mchid: SUB, mchid: undefined },
      reply: undefined,
    },
    {
      name: 'a refund',
      call: async (pay, order) => await pay.refund(order, REFUND),
      sent: { to: V3_REFUNDS, sub_mchid: SUB, out_refund_no: outRefundNo },
      reply: V3_REFUND,
    },
    {
      name: 'a refund query',
      call: async (pay, order) => await pay.queryRefund(outRefundNo, order),
      sent: { to: `${V3_REFUNDS}/${outRefundNo}?sub_mchid=${SUB}` },
      reply: V3_REFUND,
    },
    {
      name: 'an abnormal refund',
      call: async (pay, order) => await pay.applyAbnormalRefund!('50', { outRefundNo, account: 'merchant' }, order),
      sent: { to: `${V3_REFUNDS}/50/apply-abnormal-refund`, sub_mchid: SUB, out_refund_no: outRefundNo },
      reply: V3_REFUND,
    },
  ],
}

t.test('requests name the merchants and apps of the order, whatever the options say by now', async (t) => {
  for (const version of ['v2', 'v3'] as const) {
    for (const { name, call, sent: expected, reply } of rows[version]) {
      const { pay, sent } = provider(version, reply)
      await call(pay, ORDER)
      t.match(sent(), { ...(version === 'v2' && V2_NAMES), ...expected }, `${version}: ${name}`)
      for (const [field, value] of Object.entries(expected)) if (value === undefined) t.notOk(field in sent(), field)
    }

    // The options name another appid of the provider by now.
    const [SP_BEFORE, then] = ['wx0000000000000000', { ...ORDER, spAppid: 'wx0000000000000000' }]
    const { pay, sent } = provider(version, {
      ...rows[version][0]!.reply,
      ...(version === 'v2' && { appid: SP_BEFORE }),
    })
    await pay.prepay(then)
    t.match(sent(), { [version === 'v2' ? 'appid' : 'sp_appid']: SP_BEFORE }, `${version}: an earlier order`)

    const own = provider(version, rows[version][0]!.reply)
    await own.pay.prepay(IN_SP_APP)
    t.notOk('sub_appid' in own.sent(), `${version}: an order in the provider's app names no app of the sub-merchant`)
    t.match(own.sent(), version === 'v2' ? { openid: 'oInSpApp' } : { payer: { sp_openid: 'oInSpApp' } })
  }
})

t.test('a call without the right kind of merchant is not sent', async (t) => {
  const { subMchId: _, spAppid: __, ...unnamed } = ORDER
  for (const version of ['v2', 'v3'] as const) {
    for (const { name, call, reply } of rows[version]) {
      const refused = { code: 'WECHAT_INPUT_INVALID', sent: false }
      await t.rejects(
        call(provider(version, reply).pay, unnamed),
        { ...refused, message: /name it/ },
        `${version}: ${name}`,
      )
      const direct =
        version === 'v2'
          ? createPayV2({
              ...{ http: undefined as never, certHttp: {} as never, appids: APPIDS, mchId: MCH_ID, nonce: () => 'n' },
              ...{ apiKeys: new KeyRing([new Secret(API_KEY)]), signType: 'MD5', notifyUrl: '' },
            })
          : merchantV3([], { appids: APPIDS }).pay
      await t.rejects(call(direct, ORDER), { ...refused, message: /merchant\.partner/ }, `${version}: ${name}`)
    }
    const unknown = { ...ORDER, appid: 'wx1111111111111111' }
    await t.rejects(provider(version, {}).pay.prepay(unknown), { code: 'WECHAT_INPUT_INVALID', sent: false })
  }
})

t.test('a reply for another merchant or app is rejected', async (t) => {
  const changes: Record<'v2' | 'v3', [string, object][]> = {
    v2: [
      ['another sub-merchant', { sub_mch_id: OTHER }],
      ['no sub-merchant', { sub_mch_id: '' }],
      ['another app of a sub-merchant', { sub_appid: 'wx1111111111111111' }],
      ['another provider', { mch_id: '1900000110' }],
      ["another provider's app", { appid: SUB_APPID }],
    ],
    v3: [
      ['another sub-merchant', { sub_mchid: OTHER }],
      ['no sub-merchant', { sub_mchid: undefined }],
      ['another app of a sub-merchant', { sub_appid: 'wx1111111111111111' }],
      ['no app of the sub-merchant', { sub_appid: undefined }],
      ['another provider', { sp_mchid: '1900000110' }],
      ["another provider's app", { sp_appid: SUB_APPID }],
      ['the fields of a merchant of its own', { sp_mchid: undefined, mchid: MCH_ID }],
    ],
  }
  for (const version of ['v2', 'v3'] as const) {
    // Of API v3 only replies with a trade name merchants.
    for (const { name, call, reply } of rows[version].filter((row) => version === 'v2' || row.reply === V3_PAID)) {
      for (const [what, change] of changes[version]) {
        const { pay } = provider(version, { ...reply, ...change })
        await t.rejects(
          call(pay, ORDER),
          { code: 'WECHAT_REPLY_INVALID', advice: 'query' },
          `${version}: ${name}: ${what}`,
        )
      }
    }
  }
})

t.test('the payment of a reply names the payer in the app of the order', async (t) => {
  for (const [version, reply, bare] of [
    ['v2', { ...V2_PAID, trade_state: 'SUCCESS' }, { sub_appid: '', sub_openid: '' }],
    ['v3', V3_PAID, { sub_appid: undefined, payer: { sp_openid: 'oInSpApp' } }],
  ] as const) {
    t.match(await provider(version, reply).pay.query(outTradeNo, ORDER), {
      payment: { appid: SUB_APPID, mchId: MCH_ID, openid: 'oInSubApp', totalFee: 1250 },
    })
    t.match(await provider(version, { ...reply, ...bare }).pay.query(outTradeNo, IN_SP_APP), {
      payment: { appid: SP_APPID, openid: 'oInSpApp' },
    })
  }
  // Of an order that anybody may pay, only the openid in the provider's app may be known.
  const { sub_openid: _, ...known } = V2_PAID
  t.match(await provider('v2', { ...known, trade_state: 'SUCCESS' }).pay.query(outTradeNo, ORDER), {
    payment: { appid: SUB_APPID, openid: 'oInSpApp' },
  })
})

t.test('wx.requestPayment is signed for the app that the payer is in', async (t) => {
  const at = ORDER.createdAt
  for (const [order, appid] of [
    [ORDER, SUB_APPID],
    [IN_SP_APP, SP_APPID],
  ] as const) {
    const { paySign, ...params } = provider('v2', {}).pay.payParams('p', at, order)
    t.equal(paySign, Hash.sign('HMAC-SHA256', { appId: appid, ...params }, API_KEY))
    const alone = merchantV3([], { appids: [appid] }).pay
    t.equal(provider('v3', {}).pay.payParams('p', at, order).paySign, alone.payParams('p', at).paySign)
    for (const version of ['v2', 'v3'] as const) {
      t.match(provider(version, {}).pay.appParams('p', at, order), { appid, partnerid: MCH_ID })
    }
  }
})

/** A refund notification of API v2: AES-256-ECB under the lower-case MD5 of the key. */
function refundV2(outer: Values): NotificationMessage {
  const cipher = createCipheriv('aes-256-ecb', createHash('md5').update(API_KEY).digest('hex'), null)
  const plain = `<root><out_trade_no>${outTradeNo}</out_trade_no><out_refund_no>${outRefundNo}</out_refund_no><refund_fee>250</refund_fee></root>`
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]).toString('base64')
  return { headers: {}, body: Buffer.from(xml({ ...outer, req_info: sealed })) }
}

const payV2 = (values: Values): NotificationMessage => ({ headers: {}, body: Buffer.from(signed(values)) })
const refundV3 = { sp_mchid: MCH_ID, sub_mchid: SUB, ...V3_REFUND, refund_status: 'SUCCESS' }

t.test('notifications name their sub-merchant, and those of another are refused', async (t) => {
  const kinds: Record<'v2' | 'v3', [kind: Notification['kind'], of: (change: object) => NotificationMessage][]> = {
    v2: [
      ['payment', (change) => payV2({ ...V2_PAID, ...change })],
      ['payment-hint', (change) => payV2({ ...V2_PAID, attach: 'a&out_trade_no=b', ...change })],
      ['payment-failed', (change) => payV2({ ...V2_PAID, result_code: 'FAIL', err_code: 'E', ...change })],
      ['refund-hint', (change) => refundV2({ ...V2_OK, ...change })],
    ],
    v3: [
      ['payment', (change) => notification({ resource: { ...V3_PAID, ...change } })],
      ['payment-hint', (change) => notification({ resource: { ...V3_PAID, trade_state: 'REFUND', ...change } })],
      ['payment-failed', (change) => notification({ resource: { ...V3_PAID, trade_state: 'PAYERROR', ...change } })],
      ['refund', (change) => notification({ type: 'REFUND.SUCCESS', resource: { ...refundV3, ...change } })],
    ],
  }
  const others: Record<'v2' | 'v3', [what: string, change: object, isOfRefunds?: boolean][]> = {
    v2: [
      ['an unknown sub-merchant', { sub_mch_id: '1900000299' }, true],
      ['no sub-merchant', { sub_mch_id: '' }],
      ['another provider', { mch_id: '1900000110' }, true],
      ["another provider's app", { appid: 'wx1111111111111111' }],
      ['an unknown app of the sub-merchant', { sub_appid: 'wx1111111111111111' }],
    ],
    v3: [
      ['an unknown sub-merchant', { sub_mchid: '1900000299' }, true],
      ['no sub-merchant', { sub_mchid: undefined }, true],
      ['another provider', { sp_mchid: '1900000110' }, true],
      ['a merchant of its own', { sp_mchid: undefined, mchid: MCH_ID }, true],
      ["another provider's app", { sp_appid: 'wx1111111111111111' }],
      ['an unknown app of the sub-merchant', { sub_appid: 'wx1111111111111111' }],
    ],
  }
  for (const version of ['v2', 'v3'] as const) {
    const { pay } = provider(version, {})
    const anyone = provider(version, {}, { partner: { spAppid: SP_APPID, subMchIds: 'any' } }).pay
    for (const [kind, of] of kinds[version]) {
      t.match(await pay.readNotification(of({})), { kind, subMchId: SUB }, `${version}: ${kind}`)
      const [, unknown] = others[version][0]!
      t.match(await anyone.readNotification(of(unknown)), { kind, subMchId: '1900000299' }, `${version}: ${kind}: any`)
      for (const [what, change, isOfRefunds] of others[version]) {
        if (kind.startsWith('refund') && !isOfRefunds) continue
        const read = Promise.resolve().then(async () => await pay.readNotification(of(change)))
        t.match(await read.catch((error: unknown) => error), { fault: 'wrong-account' }, `${version}: ${kind}: ${what}`)
      }
    }
  }
  const { pay } = provider('v2', {})
  t.match(await pay.readNotification(payV2(V2_PAID)), { payment: { appid: SUB_APPID, openid: 'oInSubApp' } })
  t.match(
    await pay.readNotification(payV2({ ...V2_PAID, sub_appid: '', sub_openid: '' })),
    { payment: { appid: SP_APPID, openid: 'oInSpApp' } },
    "in the provider's app",
  )
  t.match(await pay.readNotification(refundV2(V2_OK)), { appid: SUB_APPID })
  const { sub_appid: _, sub_mch_id: __, ...outer } = V2_OK
  t.match(
    await pay.readNotification(refundV2(outer)),
    { appid: undefined, subMchId: undefined },
    'a hint that names less',
  )
  t.match(await provider('v3', {}).pay.readNotification(kinds.v3[0]![1]({})), { payment: { openid: 'oInSubApp' } })
})

t.test('bills: of all sub-merchants, or of one', async (t) => {
  for (const [version, all, one] of [
    ['v2', { appid: SP_APPID, mch_id: MCH_ID, sub_mch_id: undefined }, { appid: SP_APPID, sub_mch_id: SUB }],
    [
      'v3',
      { to: '/v3/bill/tradebill?bill_date=2026-01-01&bill_type=ALL&tar_type=GZIP' },
      { to: `/v3/bill/tradebill?bill_date=2026-01-01&sub_mchid=${SUB}&bill_type=ALL&tar_type=GZIP` },
    ],
  ] as const) {
    for (const [options, expected] of [
      [undefined, all],
      [{ subMchId: SUB }, one],
    ] as const) {
      const { pay, sent } = provider(version, {})
      await pay
        .tradeBill('2026-01-01', options)
        .next()
        .catch(() => {})
      t.match(sent(), Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)))
      t.equal('sub_mch_id' in sent(), 'sub_mch_id' in expected && expected.sub_mch_id !== undefined)
    }
  }
})
