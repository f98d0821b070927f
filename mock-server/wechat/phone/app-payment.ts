import { MockError } from '../../base/errors.ts'
import type { Account } from '../../ledger/account.ts'
import { payingAppid, type Order } from '../../ledger/orders.ts'
import { explainSign, toldSign } from '../../wire/explain-sign.ts'
import { signV2 } from '../../wire/sign-v2.ts'
import { paymentText } from '../../wire/sign-v3.ts'
import type { WorldCore } from '../core.ts'
import { findPrepay, isOfMerchant, shutFor, unknownPrepay, wrongForm } from './prepay.ts'

/**
 * What an app hands to `sendReq` of WeChat's SDK (4011937148, 4012265144). The SDKs spell the names differently: letter case does not
 * matter, and `packageValue` is `package`.
 */
export interface AppPaymentParams {
  readonly appid: string
  readonly partnerid: string
  readonly prepayid: string
  readonly package: string
  readonly noncestr: string
  readonly timestamp: string
  readonly sign: string
}

/** What a mobile app gets if WeChat would open for its payment. */
export interface AppOpened {
  readonly errCode: 0
  readonly outTradeNo: string
}

/** The app gets -1 and nothing else. The `reason` is what WeChat would not disclose. */
export class AppPaymentError extends MockError {
  readonly errCode = -1
  readonly reason: string

  constructor(reason: string) {
    super('PAYMENT_REFUSED', `errCode -1: ${reason}`, { errCode: -1, reason })
    this.reason = reason
  }
}

const NAMES = ['appid', 'partnerid', 'prepayid', 'package', 'noncestr', 'timestamp', 'sign'] as const

/** @throws AppPaymentError */
function read(given: object): AppPaymentParams {
  const told = new Map<string, unknown>()
  for (const [name, value] of Object.entries(given)) {
    const lower = name.toLowerCase()
    told.set(lower === 'packagevalue' ? 'package' : lower, value)
  }
  for (const name of NAMES) {
    const value = told.get(name)
    if (typeof value !== 'string' || value === '') {
      throw new AppPaymentError(`${name} must be a non-empty string; got ${JSON.stringify(value) ?? 'nothing'}`)
    }
  }
  return Object.fromEntries(told) as unknown as AppPaymentParams
}

/**
 * Whom the app may name. In v2 the sub-merchant of a service provider's order (4011986561); in v3, where it is not signed, the documents
 * say `mchid` without saying whose, so both are accepted.
 */
function partnersOf({ mchId }: Account, { version, sub }: Order): readonly string[] {
  if (!sub) return [mchId]
  return version === 'v2' ? [sub.mchId] : [sub.mchId, mchId]
}

/** What is wrong about a signature of v2, if anything is. */
function wrongV2(
  { apiKey }: Account,
  { signType }: Order,
  params: AppPaymentParams,
  appSecret: string,
): string | undefined {
  const { appid, noncestr, package: pack, partnerid, prepayid, timestamp, sign } = params
  const signed = { appid, noncestr, package: pack, partnerid, prepayid, timestamp }
  if (signV2(Object.entries(signed), apiKey, signType) === sign) return undefined
  const ofMiniProgram = {
    appId: appid,
    nonceStr: noncestr,
    package: `prepay_id=${prepayid}`,
    signType,
    timeStamp: timestamp,
  }
  if (signV2(Object.entries(ofMiniProgram), apiKey, signType) === sign) {
    return 'sign is the paySign of a mini program; that of an app has other fields: appid, noncestr, package, partnerid, prepayid, timestamp'
  }
  const camel = {
    appId: appid,
    nonceStr: noncestr,
    package: pack,
    partnerId: partnerid,
    prepayId: prepayid,
    timeStamp: timestamp,
  }
  if (signV2(Object.entries(camel), apiKey, signType) === sign) {
    return 'the names were signed in camelCase; they are appid, noncestr, package, partnerid, prepayid, timestamp'
  }
  return toldSign(explainSign(new Map(Object.entries({ ...signed, sign })), signType, { apiKey, appSecret }))
}

/** The same for v3. */
function wrongV3(
  account: Account,
  { appid, noncestr, prepayid, timestamp, sign }: AppPaymentParams,
): string | undefined {
  if (isOfMerchant(account, paymentText(appid, timestamp, noncestr, prepayid), sign)) return undefined
  if (isOfMerchant(account, paymentText(appid, timestamp, noncestr, `prepay_id=${prepayid}`), sign)) {
    return 'sign is the paySign of a mini program: its fourth line is prepay_id=…, that of an app the bare prepay_id'
  }
  const text = String(paymentText(appid, timestamp, noncestr, prepayid))
  return `sign is not SHA256 with RSA, by the merchant's private key, of ${JSON.stringify(text)}`
}

/**
 * Checks the parameters of an app as WeChat does, and opens the payment dialog. Nothing is paid yet.
 * @throws AppPaymentError
 */
export function appPayment(core: WorldCore, given: object): AppOpened {
  const { accounts, apps, clock } = core
  const params = read(given)
  const { appid, partnerid, prepayid, package: pack } = params
  const refuse = (reason: string | undefined) => {
    if (reason !== undefined) throw new AppPaymentError(reason)
  }
  const form = wrongForm(['timestamp', params.timestamp], ['noncestr', params.noncestr], clock.now())
  refuse(form?.[1])
  if (pack !== 'Sign=WXPay') refuse(`package must be Sign=WXPay; got ${pack}`)
  if (prepayid.startsWith('prepay_id=')) refuse('prepayid must be the bare prepay_id, without prepay_id=')
  const { account, order } = findPrepay(accounts, prepayid)
  if (!order) throw new AppPaymentError(unknownPrepay(accounts, prepayid).reason)
  const wanted = payingAppid(order)
  if (appid !== wanted) refuse(`appid is ${appid}, the order is for ${wanted}`)
  const partners = partnersOf(account, order)
  if (!partners.includes(partnerid)) refuse(`partnerid is ${partnerid}, the order is of ${partners.join(' or ')}`)
  const { appSecret } = apps.find((app) => app.appid === appid)!
  refuse(order.version === 'v3' ? wrongV3(account, params) : wrongV2(account, order, params, appSecret))
  refuse(shutFor(core, order, prepayid, 'APP')?.reason)
  return { errCode: 0, outTradeNo: order.outTradeNo }
}
