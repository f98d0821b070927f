import type { Account, Payment } from '../../model.ts'
import { parseFen } from '../../protocol/money.ts'
import { parseTime } from '../../protocol/time.ts'
import { kept } from '../../protocol/xml.ts'
import type { Fields } from '../../protocol/xml.ts'

/** The app of the payer: for a service provider's order the provider's own, or the sub-merchant's if the order was made in it. */
export function payersApp(fields: Fields): string | undefined {
  return kept(fields, 'sub_appid') ?? kept(fields, 'appid')
}

/** The payment in a verified message for our account, or the name of the field that cannot be read. */
export function readPayment(fields: Fields, { appid, mchId }: Account): Payment | string {
  const totalFee = parseFen(fields.get('total_fee'))
  if (totalFee === undefined) return 'total_fee'
  const paidAt = parseTime(fields.get('time_end') ?? '')
  if (paidAt === undefined) return 'time_end'
  const transactionId = kept(fields, 'transaction_id')
  if (transactionId === undefined) return 'transaction_id'
  const inSubApp = fields.get('sub_appid') === appid
  const openid = (inSubApp ? kept(fields, 'sub_openid') : undefined) ?? kept(fields, 'openid')
  if (openid === undefined) return 'openid'
  return {
    transactionId,
    outTradeNo: kept(fields, 'out_trade_no')!,
    appid,
    mchId,
    openid,
    totalFee,
    currency: fields.get('fee_type') || 'CNY',
    paidAt,
    bankType: kept(fields, 'bank_type'),
    attach: kept(fields, 'attach'),
  }
}
