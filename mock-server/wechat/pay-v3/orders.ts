import { closeOrder } from '../../ledger/ordering.ts'
import { couponFee, isOver, stateOf, type Order, type TradeState } from '../../ledger/orders.ts'
import { rfc3339 } from '../../wire/time.ts'
import { V3Error } from './answers.ts'
import { required, string, type Fields } from './fields.ts'
import type { V3Endpoint } from './receive.ts'
import { promotions } from './money.ts'

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
  const { appid, outTradeNo, totalFee, feeType, tradeType, attach, deviceInfo, forcedState } = order
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
    appid,
    ...((payment ?? attach !== '') && { attach }),
    ...(payment && { bank_type: payment.bankType }),
    mchid: mchId,
    out_trade_no: outTradeNo,
    ...(payment && { payer: { openid: payment.openid } }),
    promotion_detail: payment ? promotions(payment) : [],
    scene_info: { device_id: deviceInfo },
    ...(payment && { success_time: rfc3339(payment.paidAt) }),
    trade_state: state,
    trade_state_desc: DESCRIPTION[state],
    ...(payment && { trade_type: tradeType, transaction_id: payment.transactionId }),
  }
}

const MCHID: Fields = { mchid: string('直连商户号', 32, required) }

/** GET by the merchant's number (4012791900). */
export const queryByOutTradeNo: V3Endpoint = {
  api: 'orderquery',
  method: 'GET',
  path: '/v3/pay/transactions/out-trade-no/:out_trade_no',
  params: { out_trade_no: string('商户订单号', 32, { least: 6 }) },
  query: MCHID,
  handle: ({ account, params }) => {
    const order = account.orders.find(params.out_trade_no!)
    if (!order) throw new V3Error('ORDER_NOT_EXIST')
    return reply(account.mchId, order)
  },
}

/** GET by WeChat's number (4012791899). */
export const queryById: V3Endpoint = {
  api: 'orderquery',
  method: 'GET',
  path: '/v3/pay/transactions/id/:transaction_id',
  params: { transaction_id: string('微信支付订单号', 32) },
  query: MCHID,
  orderOf: ({ orders }, values) => orders.findTransaction(values.transaction_id!)?.outTradeNo,
  handle: ({ account, params }) => {
    const order = account.orders.findTransaction(params.transaction_id!)
    if (!order) throw new V3Error('ORDER_NOT_EXIST')
    return reply(account.mchId, order)
  },
}

/** POST close (4012791901). It may be repeated; a number that was never ordered is closed too, and cannot be used any more. */
export const close: V3Endpoint = {
  api: 'closeorder',
  method: 'POST',
  path: '/v3/pay/transactions/out-trade-no/:out_trade_no/close',
  params: { out_trade_no: string('商户订单号', 32, { least: 6 }) },
  body: { mchid: string('直连商户号', 32, { ...required, place: 'uri_template' }) },
  handle: ({ account, params }) => {
    const outTradeNo = params.out_trade_no!
    const order = account.orders.find(outTradeNo)
    if (!order) account.orders.burn(outTradeNo)
    else if (!isOver(order)) closeOrder(order)
    return undefined
  },
}
