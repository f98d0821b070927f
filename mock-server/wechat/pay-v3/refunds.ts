import type { Account } from '../../ledger/account.ts'
import { isOf, type Order } from '../../ledger/orders.ts'
import { acceptRefund, retryRefund } from '../../ledger/refund-rules.ts'
import { couponRefundFee, refundSettlement, type FundsPart, type Refund } from '../../ledger/refunds.ts'
import { rfc3339 } from '../../wire/time.ts'
import { V3Error } from './answers.ts'
import { array, integer, missing, object, openSecret, required, string } from './fields.ts'
import { REFUND_STATUS, refundAmounts, refundPromotions } from './money.ts'
import type { V3Endpoint, V3Request } from './receive.ts'
import { NOTIFY_URL } from './transactions.ts'

const OUT_REFUND_NO = string('商户退款单号', 64, { pattern: /^[0-9a-zA-Z_\-|*@]+$/ })

const FUNDS = { REFUND_SOURCE_UNSETTLED_FUNDS: 'UNSETTLED', REFUND_SOURCE_RECHARGE_FUNDS: 'AVAILABLE' } as const

/** A refund as answers show it; keys are in alphabetical order, as recorded. */
function reply({ orders }: Account, refund: Refund): Record<string, unknown> {
  const order: Order = orders.find(refund.outTradeNo)!
  const payment = order.payment!
  const { total, refund: asked, payer_total: payerTotal, payer_refund: payerRefund } = refundAmounts(order, refund)
  const settled = refundSettlement(order, refund)
  return {
    amount: {
      currency: order.feeType,
      discount_refund: couponRefundFee(refund),
      from: refund.from,
      payer_refund: payerRefund,
      payer_total: payerTotal,
      refund: asked,
      refund_fee: 0,
      settlement_refund: settled.refundFee,
      settlement_total: settled.totalFee,
      total,
    },
    channel: refund.channel,
    create_time: rfc3339(refund.requestedAt),
    funds_account: FUNDS[refund.account],
    out_refund_no: refund.outRefundNo,
    out_trade_no: refund.outTradeNo,
    promotion_detail: refundPromotions(payment, refund),
    refund_id: refund.refundId,
    status: REFUND_STATUS[refund.status],
    ...(refund.status === 'SUCCESS' && { success_time: rfc3339(refund.endedAt!) }),
    transaction_id: payment.transactionId,
    user_received_account: refund.receivedBy,
  }
}

/** A service provider's refund names the sub-merchant (4012886219). */
const SUB_MCHID = string('子商户号', 32)

/** @throws V3Error */
function own({ account: { orders }, subMchId }: V3Request, refund: Refund | undefined): Refund {
  if (refund && isOf(orders.find(refund.outTradeNo)!, subMchId)) return refund
  throw new V3Error('RESOURCE_NOT_EXISTS')
}

function findPaid({ account: { orders }, body, subMchId }: V3Request): Order {
  const { transaction_id: transactionId, out_trade_no: outTradeNo } = body
  if (transactionId === undefined && outTradeNo === undefined) {
    throw missing('transaction_id', '微信支付订单号')
  }
  const order = transactionId === undefined ? orders.find(outTradeNo) : orders.findTransaction(transactionId)
  if (!order?.payment || !isOf(order, subMchId)) throw new V3Error('RESOURCE_NOT_EXISTS', { message: '订单不存在' })
  if (outTradeNo !== undefined && order.outTradeNo !== outTradeNo) {
    throw new V3Error('INVALID_REQUEST', { message: '您的请求参数与订单信息不一致' })
  }
  return order
}

/** The parts add up to the refund, and no account pays twice. */
function checkParts(parts: readonly FundsPart[], refund: number): void {
  if (parts.length === 0) return
  const accounts = new Set(parts.map(({ account }) => account))
  const sum = parts.reduce((sum, { amount }) => sum + amount, 0)
  if (accounts.size === parts.length && sum === refund) return
  throw new V3Error('INVALID_REQUEST', {
    message: '您的请求参数与订单信息不一致',
    cause: `amount.from: ${parts.map(({ account, amount }) => `${account} ${amount}`).join(', ')}, amount.refund: ${refund}`,
  })
}

const byNumbers: NonNullable<V3Endpoint['orderOf']> = ({ orders, refunds }, values) =>
  orders.findTransaction(values.transaction_id ?? '')?.outTradeNo ??
  values.out_trade_no ??
  refunds.find(values.out_refund_no!)?.outTradeNo

/** POST refund (4012791903). 200 means accepted, not refunded. */
export const refund: V3Endpoint = {
  api: 'refund',
  method: 'POST',
  path: '/v3/refund/domestic/refunds',
  orderOf: byNumbers,
  subMerchant: 'always',
  body: {
    sub_mchid: SUB_MCHID,
    transaction_id: string('微信支付订单号', 32),
    out_trade_no: string('商户订单号', 32),
    out_refund_no: { ...OUT_REFUND_NO, ...required },
    reason: string('退款原因', 80),
    notify_url: string('退款结果回调url', 256, { pattern: NOTIFY_URL }),
    funds_account: string('退款资金来源', 32, { values: ['AVAILABLE', 'UNSETTLED'] }),
    amount: object(
      '金额信息',
      {
        refund: integer('退款金额', { ...required, least: 1 }),
        from: array('退款出资账户及金额', {
          account: string('出资账户类型', 32, { ...required, values: ['AVAILABLE', 'UNAVAILABLE'] }),
          amount: integer('出资金额', { ...required, least: 1 }),
        }),
        total: integer('原订单金额', { ...required, least: 1 }),
        currency: string('退款币种', 16, { ...required, values: ['CNY'] }),
      },
      required,
    ),
    goods_detail: array('退款商品', {
      merchant_goods_id: string('商户侧商品编码', 32, required),
      wechatpay_goods_id: string('微信支付商品编码', 32),
      goods_name: string('商品名称', 256),
      unit_price: integer('商品单价', required),
      refund_amount: integer('商品退款金额', required),
      refund_quantity: integer('商品退货数量', required),
    }),
  },
  handle: (request) => {
    const { account, body } = request
    const order = findPaid(request)
    const { amount, reason: desc = '', notify_url: notifyUrl = account.refundNotifyUrl } = body
    checkParts(amount.from ?? [], amount.refund)
    return reply(
      account,
      acceptRefund(account, order, {
        version: 'v3',
        outRefundNo: body.out_refund_no,
        refundFee: amount.refund,
        totalFee: amount.total,
        desc,
        account: body.funds_account === 'AVAILABLE' ? 'REFUND_SOURCE_RECHARGE_FUNDS' : 'REFUND_SOURCE_UNSETTLED_FUNDS',
        from: amount.from ?? [],
        source: 'API',
        notifyUrl,
      }),
    )
  },
}

/** GET refund (4012791904). */
export const refundQuery: V3Endpoint = {
  api: 'refundquery',
  method: 'GET',
  path: '/v3/refund/domestic/refunds/:out_refund_no',
  params: { out_refund_no: OUT_REFUND_NO },
  query: { sub_mchid: SUB_MCHID },
  orderOf: byNumbers,
  subMerchant: 'always',
  handle: (request) => {
    const { account, params } = request
    return reply(account, own(request, account.refunds.find(params.out_refund_no!)))
  },
}

/** POST apply-abnormal-refund (4012791905): the money goes to a bank card instead. */
export const abnormalRefund: V3Endpoint = {
  api: 'abnormalrefund',
  method: 'POST',
  path: '/v3/refund/domestic/refunds/:refund_id/apply-abnormal-refund',
  params: { refund_id: string('微信支付退款单号', 32) },
  orderOf: byNumbers,
  subMerchant: 'always',
  body: {
    sub_mchid: SUB_MCHID,
    out_refund_no: { ...OUT_REFUND_NO, ...required },
    type: string('异常退款处理方式', 32, { ...required, values: ['USER_BANK_CARD', 'MERCHANT_BANK_CARD'] }),
    bank_type: string('开户银行', 16),
    bank_account: string('收款银行卡号', 1024),
    real_name: string('收款用户姓名', 1024),
  },
  handle: (request) => {
    const { account, params, body } = request
    const found = own(request, account.refunds.findId(params.refund_id!))
    if (found.outRefundNo !== body.out_refund_no) throw new V3Error('RESOURCE_NOT_EXISTS')
    let receivedBy = '商户结算银行账户'
    if (body.type === 'USER_BANK_CARD') {
      if (body.bank_type === undefined) {
        throw missing('bank_type', '开户银行')
      }
      openSecret(request, 'real_name', '收款用户姓名')
      receivedBy = `${body.bank_type}${openSecret(request, 'bank_account', '收款银行卡号').slice(-4)}`
    }
    retryRefund(account, found, receivedBy)
    return reply(account, found)
  },
}
