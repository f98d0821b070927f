import { isOf, stateOf, type Order, type TradeState } from '../../ledger/orders.ts'
import { wechatTime } from '../../wire/time.ts'
import type { WireField } from '../../wire/xml.ts'
import { BusinessFail, missing } from './answers.ts'
import { hasEmptyAttach, paymentFields, subUserFields } from './notifications.ts'
import type { PayEndpoint } from './receive.ts'

const DESCRIPTION: Record<TradeState, string> = {
  NOTPAY: '订单未支付',
  SUCCESS: '支付成功',
  REFUND: '订单发生过退款，退款详情请查询退款单',
  CLOSED: '订单已关闭',
  REVOKED: '已撤销',
  USERPAYING: '需要用户输入支付密码',
  PAYERROR: '支付失败(其他原因，如银行返回失败)',
  ACCEPT: '已接收，等待扣款',
}

function reply(order: Order, own: readonly WireField[], emptyAttach: boolean): WireField[] {
  const state: WireField[] = [
    ['trade_state', stateOf(order)],
    ['trade_state_desc', DESCRIPTION[stateOf(order)]],
  ]
  const payment = order.forcedState ? undefined : order.payment
  if (stateOf(order) === 'NOTPAY') {
    return [...own, ['total_fee', order.totalFee], ['out_trade_no', order.outTradeNo], ...state]
  }
  const attach: WireField[] = order.attach !== '' || emptyAttach ? [['attach', order.attach]] : []
  if (!payment) return [['out_trade_no', order.outTradeNo], ...attach, ...state]
  return [
    ...own,
    ['openid', payment.openid],
    ['is_subscribe', 'N'],
    ...subUserFields(payment),
    ['trade_type', order.tradeType],
    ['bank_type', payment.bankType],
    ...paymentFields(order, payment),
    ['transaction_id', payment.transactionId],
    ['out_trade_no', order.outTradeNo],
    ...attach,
    ['time_end', wechatTime(payment.paidAt)],
    ...state,
  ]
}

/** V2 orderquery (wxa chapter 9_2). */
export const orderquery: PayEndpoint = {
  api: 'orderquery',
  path: '/pay/orderquery',
  orderBy: ['transaction_id', 'out_trade_no'],
  fields: [
    { name: 'transaction_id', max: 32 },
    { name: 'out_trade_no', max: 32 },
  ],
  handle: ({ world, account, get, subMchId }) => {
    const transactionId = get('transaction_id')
    if (transactionId === '' && get('out_trade_no') === '') throw missing('transaction_id or out_trade_no')
    const order =
      transactionId === '' ? account.orders.find(get('out_trade_no')) : account.orders.findTransaction(transactionId)
    if (!order || !isOf(order, subMchId)) throw new BusinessFail('ORDERNOTEXIST')
    // The ones of the request, if any, are already echoed.
    const unsaid = (name: string, value = ''): WireField[] => (value === '' || get(name) !== '' ? [] : [[name, value]])
    const own = [...unsaid('sub_appid', order.sub?.appid), ...unsaid('device_info', order.deviceInfo)]
    return reply(order, own, hasEmptyAttach(world.random))
  },
}
