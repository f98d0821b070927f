import { MockError } from '../../base/errors.ts'
import type { Account } from '../../ledger/account.ts'
import { payingAppid } from '../../ledger/orders.ts'
import { signV2, type SignType } from '../../wire/sign-v2.ts'
import { paymentText } from '../../wire/sign-v3.ts'
import type { WorldCore } from '../core.ts'
import { findPrepay, isOfMerchant, shutFor, unknownPrepay, wrongForm, type Shut } from './prepay.ts'

/** What a mini program hands to `wx.requestPayment`. `appId` is signed but not passed by the client; here it may be. */
export interface RequestPaymentParams {
  readonly timeStamp: string
  readonly nonceStr: string
  readonly package: string
  readonly signType?: string
  readonly paySign: string
  readonly appId?: string
}

/** What `requestPayment` answers if the cashier would open. */
export interface CashierOpened {
  readonly errMsg: 'requestPayment:ok'
  readonly outTradeNo: string
}

/** The failure passed to a mini program's `fail` callback, and the `reason`, which WeChat would not disclose. */
export class RequestPaymentError extends MockError {
  readonly errMsg: string
  readonly err_code?: string
  readonly err_desc?: string
  readonly reason: string

  constructor(errMsg: string, reason: string, told?: { err_code: string; err_desc: string }) {
    super('PAYMENT_REFUSED', `${errMsg}: ${reason}`, { errMsg, ...told, reason })
    this.errMsg = errMsg
    this.reason = reason
    Object.assign(this, told)
  }
}

const badParameter = (name: string, reason: string) =>
  new RequestPaymentError(`requestPayment:fail parameter error: ${name}`, reason)
const badSignature = (reason: string) =>
  new RequestPaymentError('requestPayment:fail', reason, { err_code: '-1', err_desc: '支付验证签名失败' })
const expired = (reason: string) =>
  new RequestPaymentError('requestPayment:fail', reason, { err_code: '2', err_desc: '该订单已过期,请重新下单' })

/** What the client shows. For another way to order only the text is documented (v3.md 4.3). */
const SHUT: Readonly<Record<Shut['kind'], (reason: string) => RequestPaymentError>> = {
  expired,
  paid: (reason) => new RequestPaymentError('requestPayment:fail 该订单已支付', reason),
  scene: (reason) => new RequestPaymentError('requestPayment:fail 支付场景非法', reason),
}

function checkForm(params: RequestPaymentParams, now: Date): void {
  for (const name of ['timeStamp', 'nonceStr', 'package', 'paySign'] as const) {
    const value: unknown = params[name]
    if (typeof value !== 'string' || value === '') {
      throw badParameter(name, `${name} must be a non-empty string; got ${JSON.stringify(value) ?? 'nothing'}`)
    }
  }
  const { timeStamp, nonceStr, package: pack, signType = 'MD5' } = params
  const wrong = wrongForm(['timeStamp', timeStamp], ['nonceStr', nonceStr], now)
  if (wrong) throw badParameter(...wrong)
  if (!pack.startsWith('prepay_id=')) {
    throw badParameter('package', `package must be 'prepay_id=' and the prepay_id; got ${pack}`)
  }
  if (!['MD5', 'HMAC-SHA256', 'RSA'].includes(signType)) {
    throw badParameter('signType', `signType must be MD5 or HMAC-SHA256 in V2, RSA in V3; got ${signType}`)
  }
}

/** What is wrong about a signature of v2, if anything is. */
function wrongV2(
  { apiKey }: Account,
  appId: string,
  signType: SignType,
  { timeStamp, nonceStr, package: what, paySign }: RequestPaymentParams,
): string | undefined {
  const expected = signV2(Object.entries({ appId, timeStamp, nonceStr, package: what, signType }), apiKey, signType)
  return paySign === expected
    ? undefined
    : `paySign is not the upper-case ${signType} of appId=${appId}&nonceStr=${nonceStr}&package=${what}&signType=${signType}&timeStamp=${timeStamp}&key=<apiKey>`
}

/** The same for v3. Any valid certificate of the merchant will do. */
function wrongV3(
  account: Account,
  appId: string,
  { timeStamp, nonceStr, package: what, paySign }: RequestPaymentParams,
): string | undefined {
  const text = paymentText(appId, timeStamp, nonceStr, what)
  return isOfMerchant(account, text, paySign)
    ? undefined
    : `paySign is not SHA256 with RSA, by the merchant's private key, of ${JSON.stringify(String(text))}`
}

/** Checks the parameters as the WeChat client does, and opens the payment dialog. Nothing is paid yet. */
export function requestPayment(core: WorldCore, params: RequestPaymentParams): CashierOpened {
  const { accounts, apps, clock } = core
  checkForm(params, clock.now())
  const prepayId = params.package.slice('prepay_id='.length)
  const { account, order } = findPrepay(accounts, prepayId)
  const appid = order ? payingAppid(order) : apps[0]!.appid
  const { signType = 'MD5' } = params
  if (params.appId !== undefined && params.appId !== appid) {
    throw badSignature(`the mini program is ${appid}, not ${params.appId}`)
  }

  const wrong =
    signType === 'RSA' ? wrongV3(account, appid, params) : wrongV2(account, appid, signType as SignType, params)
  if (wrong !== undefined) throw badSignature(wrong)

  if (!order) throw expired(unknownPrepay(accounts, prepayId).reason)
  const signedWith = order.version === 'v3' ? 'RSA' : order.signType
  if (signType !== signedWith) {
    throw badSignature(`signType is ${signType}, but the order was signed with ${signedWith}`)
  }
  const shut = shutFor(core, order, prepayId, 'JSAPI')
  if (shut) throw SHUT[shut.kind](shut.reason)
  return { errMsg: 'requestPayment:ok', outTradeNo: order.outTradeNo }
}
