import type { WechatError } from '../../errors.ts'
import { parseFen } from '../../protocol/money.ts'
import { decryptRefundNotify } from '../../protocol/refund-notify-v2.ts'
import { isAmbiguous } from '../../protocol/sign-v2.ts'
import type { SignType } from '../../protocol/sign-v2.ts'
import { kept, readXml } from '../../protocol/xml.ts'
import type { Fields } from '../../protocol/xml.ts'
import type { Secret } from '../../base/secret.ts'
import type { KeyRing } from '../key-ring.ts'
import { isSub } from '../partner.ts'
import type { Merchants } from '../partner.ts'
import { NotificationError } from '../pay.ts'
import type { Notification, NotificationMessage } from '../pay.ts'
import { quoted } from '../refusals.ts'
import { versionOf } from '../replies.ts'
import { isSigned } from './exchange.ts'
import { payersApp, readPayment } from './trades.ts'

export interface ReaderOptions extends Merchants {
  apiKeys: KeyRing
  signType: SignType
}

const REQUIRED = ['appid', 'mch_id', 'sign', 'result_code']
const REQUIRED_PAID = [...REQUIRED, 'openid', 'out_trade_no', 'transaction_id', 'total_fee', 'time_end']

/** Reads a notification of API v2: a payment, signed, or a refund, encrypted. @throws {NotificationError} */
export function readNotificationV2(message: NotificationMessage, options: ReaderOptions): Notification {
  const { mchId, apiKeys, signType } = options
  if (versionOf(message, 'v2') === 'v3') {
    throw new NotificationError(
      'unreadable',
      'The notification is in API v3, e.g. for an order made before merchant.version was changed to v2: WeChat is queried about that order instead.',
    )
  }
  let fields: Fields
  try {
    fields = readXml(message.body)
  } catch (error) {
    throw new NotificationError('unreadable', (error as WechatError).message)
  }
  if (fields.get('return_code') !== 'SUCCESS') {
    throw new NotificationError('incomplete', 'The notification does not say return_code SUCCESS.')
  }
  if (fields.has('req_info')) return readRefundHint(fields, options)
  const paid = fields.get('result_code') === 'SUCCESS'
  for (const name of paid ? REQUIRED_PAID : REQUIRED) {
    if (!fields.get(name)) throw new NotificationError('incomplete', `The notification lacks ${name}.`)
  }
  if (!isSigned(fields, apiKeys, signType)) {
    throw new NotificationError('bad-signature', 'The signature of the notification is wrong.')
  }
  const { appid, subMchId } = accountOf(fields, options)
  // The reply to a query has all fields of a notification, and also the state of the payment.
  const tradeState = fields.get('trade_state')
  if (tradeState && tradeState !== 'SUCCESS') {
    throw new NotificationError(
      'incomplete',
      `A trade_state of ${quoted(tradeState)} belongs in the reply to a query, not in a notification.`,
    )
  }
  if (!paid) {
    if (fields.get('result_code') !== 'FAIL') {
      throw new NotificationError('incomplete', 'The result_code of the notification is neither SUCCESS nor FAIL.')
    }
    return {
      kind: 'payment-failed',
      subMchId,
      outTradeNo: fields.get('out_trade_no'),
      reason: `${quoted(fields.get('err_code'))} ${quoted(fields.get('err_code_des'))}`,
    }
  }
  if (isAmbiguous(fields)) {
    return {
      kind: 'payment-hint',
      subMchId,
      outTradeNo: kept(fields, 'out_trade_no')!,
      transactionId: kept(fields, 'transaction_id')!,
    }
  }
  const payment = readPayment(fields, { appid, mchId })
  if (typeof payment === 'string') {
    throw new NotificationError('incomplete', `The ${payment} of the notification cannot be read.`)
  }
  return { kind: 'payment', payment, subMchId }
}

/** The payer's app and the sub-merchant of a message for one of our accounts. */
function accountOf(fields: Fields, { appids, mchId, partner }: Merchants) {
  const subMchId = partner && kept(fields, 'sub_mch_id')
  const appid = partner === undefined ? fields.get('appid')! : payersApp(fields)!
  const isOurs =
    fields.get('mch_id') === mchId &&
    appids.includes(appid) &&
    (partner === undefined || (fields.get('appid') === partner.spAppid && isSub(partner, subMchId)))
  if (!isOurs) throw new NotificationError('wrong-account', 'The notification is for another appid or merchant.')
  return { appid, subMchId }
}

/** A refund notification has no signature. One that decrypts and names our merchant number is a reason to query WeChat. */
function readRefundHint(fields: Fields, { mchId, apiKeys, partner }: ReaderOptions): Notification {
  let refund: Fields
  try {
    refund = readXml(decrypt(fields.get('req_info')!, apiKeys), 'root')
  } catch (error) {
    throw new NotificationError('bad-signature', (error as WechatError).message)
  }
  const app = kept(fields, 'appid') ?? ''
  const subMchId = partner && kept(fields, 'sub_mch_id')
  const isForeign = partner !== undefined && subMchId !== undefined && !isSub(partner, subMchId)
  if (fields.get('mch_id') !== mchId || !/^\w{1,32}$/.test(app) || isForeign) {
    throw new NotificationError('wrong-account', 'The notification is for another merchant.')
  }
  const outTradeNo = refund.get('out_trade_no')
  const outRefundNo = refund.get('out_refund_no')
  const refundFee = parseFen(refund.get('refund_fee'))
  if (!outTradeNo || !outRefundNo || outRefundNo.length > 64 || refundFee === undefined) {
    throw new NotificationError(
      'incomplete',
      'The refund notification lacks out_trade_no, out_refund_no or refund_fee.',
    )
  }
  // The outer message may omit the app of the sub-merchant.
  const appid = partner === undefined ? app : kept(fields, 'sub_appid')
  return { kind: 'refund-hint', appid, outTradeNo, outRefundNo, refundFee, subMchId }
}

/** @throws {WechatError} if no key decrypts it */
function decrypt(reqInfo: string, apiKeys: KeyRing): Buffer {
  const [first, second] = apiKeys.all as [Secret, Secret?]
  try {
    return decryptRefundNotify(reqInfo, first.reveal())
  } catch (error) {
    if (second === undefined) throw error
    return decryptRefundNotify(reqInfo, second.reveal())
  }
}
