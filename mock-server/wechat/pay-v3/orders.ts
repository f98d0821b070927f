import { closeOrder } from '../../ledger/ordering.ts'
import { couponFee, isOf, isOver, stateOf, type Order, type TradeState } from '../../ledger/orders.ts'
import { rfc3339 } from '../../wire/time.ts'
import { V3Error } from './answers.ts'
import { required, string, type Fields } from './fields.ts'
import type { V3Endpoint } from './receive.ts'
import { partiesOf, payerOf, promotions } from './money.ts'

export const DESCRIPTION: Readonly<Record<TradeState, string>> = {
  NOTPAY: '订单未支付',
  SUCCESS: '支付成功',
  REFUND: '订单发生过退款，退款详情请查询退款单',
  CLOSED: '订单已关闭',
  REVOKED: '已撤销',
  USERPAYING: '需要用户输入支付密码',
  PAYERROR: '支付失败(其他原因，如银行返回失败)',
  ACCEPT: '已接收，等待扣款',
}

/** Keys are in alphabetical order, as recorded. */
function reply(mchId: string, order: Order): Record<string, unknown> {
  const { appid, outTradeNo, totalFee, feeType, tradeType, attach, deviceInfo, forcedState, sub } = order
  const payment = forcedState ? undefined : order.payment
  const state = stateOf(order)
  return {
    amount: payment
      ? {
          currency: feeType,
          payer_currency: feeType,
          payer_total: totalFee - couponFee(payment),
          total: totalFee,
        }
      : { payer_currency: feeType, total: totalFee },
    ...(!sub && { appid }),
    ...((payment ?? attach !== '') && { attach }),
    ...(payment && { bank_type: payment.bankType }),
    ...(!sub && { mchid: mchId }),
    out_trade_no: outTradeNo,
    ...(payment && { payer: payerOf(order, payment) }),
    promotion_detail: payment ? promotions(payment) : [],
    scene_info: { device_id: deviceInfo },
    ...(sub && partiesOf(mchId, order, sub)),
    ...(payment && { success_time: rfc3339(payment.paidAt) }),
    trade_state: state,
    trade_state_desc: DESCRIPTION[state],
    ...(payment && { trade_type: tradeType, transaction_id: payment.transactionId }),
  }
}

/** The same call for a merchant itself, and for a service provider about one of its sub-merchants. */
const both = (endpoint: V3Endpoint, in_: 'query' | 'body', direct: Fields, partner: Fields): V3Endpoint[] => [
  { ...endpoint, path: `/v3/pay${endpoint.path}`, subMerchant: 'never', [in_]: direct },
  { ...endpoint, path: `/v3/pay/partner${endpoint.path}`, subMerchant: 'always', [in_]: partner },
]

const MCHID = string('直连商户号', 32, required)
const SP_MCHID = string('服务商户号', 32, required)
const SUB_MCHID = string('子商户号', 32, required)

const asked = (endpoint: V3Endpoint) =>
  both(endpoint, 'query', { mchid: MCHID }, { sp_mchid: SP_MCHID, sub_mchid: SUB_MCHID })

/** GET by the merchant's number (4012791900; for a service provider chapter4_2_2). */
const queryByOutTradeNo = asked({
  api: 'orderquery',
  method: 'GET',
  path: '/transactions/out-trade-no/:out_trade_no',
  params: { out_trade_no: string('商户订单号', 32, { least: 6 }) },
  handle: ({ account, params, subMchId }) => {
    const order = account.orders.find(params.out_trade_no!)
    if (!order || !isOf(order, subMchId)) throw new V3Error('ORDER_NOT_EXIST')
    return reply(account.mchId, order)
  },
})

/** GET by WeChat's number (4012791899). */
const queryById = asked({
  api: 'orderquery',
  method: 'GET',
  path: '/transactions/id/:transaction_id',
  params: { transaction_id: string('微信支付订单号', 32) },
  orderOf: ({ orders }, values) => orders.findTransaction(values.transaction_id!)?.outTradeNo,
  handle: ({ account, params, subMchId }) => {
    const order = account.orders.findTransaction(params.transaction_id!)
    if (!order || !isOf(order, subMchId)) throw new V3Error('ORDER_NOT_EXIST')
    return reply(account.mchId, order)
  },
})

/** As recorded, the text about a missing number places it in the path. */
const inPath = { place: 'uri_template' } as const

/** POST close (4012791901). It may be repeated; a number that was never ordered is closed too, and cannot be used any more. */
const close = both(
  {
    api: 'closeorder',
    method: 'POST',
    path: '/transactions/out-trade-no/:out_trade_no/close',
    params: { out_trade_no: string('商户订单号', 32, { least: 6 }) },
    handle: ({ account, params, subMchId }) => {
      const outTradeNo = params.out_trade_no!
      const order = account.orders.find(outTradeNo)
      if (!order) account.orders.burn(outTradeNo)
      // That of another sub-merchant stays open (the mock's choice: numbers are unique for the provider).
      else if (!isOf(order, subMchId)) throw new V3Error('ORDER_NOT_EXIST')
      else if (!isOver(order)) closeOrder(order)
      return undefined
    },
  },
  'body',
  { mchid: { ...MCHID, ...inPath } },
  { sp_mchid: { ...SP_MCHID, ...inPath }, sub_mchid: { ...SUB_MCHID, ...inPath } },
)

export const orderCalls: readonly V3Endpoint[] = [...queryByOutTradeNo, ...queryById, ...close]
