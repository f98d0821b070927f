import { createCipheriv, hash } from 'node:crypto'
import type { Order } from '../orders.ts'
import type { Random } from '../random.ts'
import { refundSettlement, type Refund } from '../refunds.ts'
import { wechatDateTime } from '../time.ts'
import { writeXml, type WireField } from '../wire.ts'

/** AES-256-ECB under the 32 characters of the lower-case hex md5 of the API key (V2 refund notification, chapter 9_16). */
export function encryptReqInfo(plain: string, apiKey: string): string {
  const cipher = createCipheriv('aes-256-ecb', hash('md5', apiKey), null)
  return Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]).toString('base64')
}

/** The secret part: alphabetical, every value in CDATA, numbers too. */
function reqInfo(order: Order, refund: Refund, random: Random): string {
  const { totalFee, refundFee } = refundSettlement(order, refund)
  const fields: [string, string | number][] = [
    ['out_refund_no', refund.outRefundNo],
    ['out_trade_no', refund.outTradeNo],
    ['refund_account', refund.account],
    ['refund_fee', refund.refundFee],
    ['refund_id', refund.refundId],
    // Spelled so on the wire.
    ['refund_recv_accout', refund.receivedBy],
    ['refund_request_source', refund.source],
    ['refund_status', refund.status],
    ['settlement_refund_fee', refundFee],
    ['settlement_total_fee', totalFee],
    ['total_fee', order.totalFee],
    ['transaction_id', order.payment!.transactionId],
  ]
  if (refund.status === 'SUCCESS') fields.push(['success_time', wechatDateTime(refund.endedAt!)])
  if (random.flip('refund-notify', 'cash_refund_fee')) fields.push(['cash_refund_fee', refund.cashRefundFee])
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return writeXml(
    fields.map(([name, value]) => [name, String(value)]),
    random.flip('refund-notify', 'plain lines') ? '\n' : '',
    'root',
  )
}

/** The body of a refund's notification. Nothing is signed; who can read req_info knows the key. */
export function refundNotifyBody(
  order: Order,
  refund: Refund,
  merchant: { mchId: string; apiKey: string },
  random: Random,
): string {
  const fields: WireField[] = [
    ['return_code', 'SUCCESS'],
    ['appid', order.appid],
    ['mch_id', merchant.mchId],
    ['nonce_str', random.alphanumeric(16, 'refund-notify', refund.outRefundNo, refund.status)],
    ['req_info', encryptReqInfo(reqInfo(order, refund, random), merchant.apiKey)],
  ]
  if (random.flip('refund-notify', 'return_msg')) fields.splice(1, 0, ['return_msg', 'OK'])
  return writeXml(fields, random.flip('refund-notify', 'lines') ? '\n' : '')
}
