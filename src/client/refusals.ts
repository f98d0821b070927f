import { WechatError } from '../errors.ts'
import type { Advice, WechatErrorCode } from '../errors.ts'

/** What to do where the advice alone does not say it. */
export const BILLS_FROM = 'Bills are made from 9:00 the next day: ask again after 10:00.'

type Refusal = [code: WechatErrorCode, advice: Advice, toDo?: string]

/**
 * What each refusal means for the caller (v2: unifiedorder 4011940985, orderquery wxa 9_2, closeorder wxa 9_3; v3: doc/v3/merchant/4012081717 and the pages of
 * each call). WeChat writes codes with and without underscores, even within one version; here they have none. An unlisted code is final.
 */
const REFUSALS = new Map(
  Object.entries<Refusal>({
    SYSTEMERROR: ['WECHAT_UNAVAILABLE', 'repeat'],
    FREQUENCYLIMITED: ['WECHAT_RATE_LIMITED', 'repeat'],
    ORDERPAID: ['WECHAT_ORDER_PAID', 'query'],
    ORDERCLOSED: ['WECHAT_ORDER_CONFLICT', 'query'],
    ORDERNOTEXIST: ['WECHAT_ORDER_NOT_FOUND', 'query'],
    RESOURCENOTEXISTS: ['WECHAT_ORDER_NOT_FOUND', 'query'],
    // v2: "201 商户订单号重复", on the wire instead of the documented OUT_TRADE_NO_USED. v3: "请求重入时，参数与首次请求时不一致".
    INVALIDREQUEST: ['WECHAT_ORDER_CONFLICT', 'query'],
    OUTTRADENOUSED: ['WECHAT_ORDER_CONFLICT', 'query'],
    TRADESTATEERROR: ['WECHAT_ORDER_CONFLICT', 'query'],
    TRADEERROR: ['WECHAT_ORDER_CONFLICT', 'query'],
    APPIDNOTEXIST: ['WECHAT_ACCOUNT_REFUSED', 'stop'],
    MCHIDNOTEXIST: ['WECHAT_ACCOUNT_REFUSED', 'stop'],
    MCHNOTEXISTS: ['WECHAT_ACCOUNT_REFUSED', 'stop'],
    APPIDMCHIDNOTMATCH: ['WECHAT_ACCOUNT_REFUSED', 'stop'],
    SIGNERROR: ['WECHAT_ACCOUNT_REFUSED', 'stop'],
    CERTERROR: ['WECHAT_ACCOUNT_REFUSED', 'stop'],
    NOAUTH: ['WECHAT_ACCOUNT_REFUSED', 'stop'],
    PARAMERROR: ['WECHAT_REFUSED', 'stop'],
    RULELIMIT: ['WECHAT_REFUSED', 'stop'],
    STATEMENTCREATING: ['WECHAT_UNAVAILABLE', 'repeat', BILLS_FROM],
    // Final although their status is 500 (doc/v3/merchant/4012556931).
    OPENIDMISMATCH: ['WECHAT_REFUSED', 'stop'],
    INVALIDTRANSACTIONID: ['WECHAT_REFUSED', 'stop'],
    // Refunds: all of these are requested again under the same number (v2: refund, micropay 9_4; v3: doc/v3/merchant/4014959631).
    BIZERRNEEDRETRY: ['WECHAT_UNAVAILABLE', 'repeat'],
    ORDERNOTREADY: ['WECHAT_UNAVAILABLE', 'repeat'],
    INVALIDREQTOOMUCH: ['WECHAT_RATE_LIMITED', 'repeat'],
    NOTENOUGH: ['WECHAT_REFUSED', 'repeat'],
    USERACCOUNTABNORMAL: ['WECHAT_REFUSED', 'stop'],
  }),
)

export function refusalOf(wechatCode: string): Refusal | undefined {
  return REFUSALS.get(normal(wechatCode))
}

/** Whether the error is WeChat's refusal with this code, in either spelling. */
export function isRefusal(error: unknown, code: string): boolean {
  return error instanceof WechatError && error.wechatCode !== undefined && normal(error.wechatCode) === code
}

function normal(wechatCode: string): string {
  return wechatCode.replaceAll('_', '')
}

/** WeChat's text, short enough for a message. */
export function quoted(text: string | undefined): string {
  return (text ?? '').slice(0, 100)
}

export const ADVICE: Record<Advice, string> = {
  repeat: 'Repeat it unchanged.',
  query: 'Query the order before anything else.',
  stop: 'Repeating it cannot help.',
}

/** Fields whose value comes from one order or refund. A text that begins with one of them concerns only that order. */
const ORDER_FIELDS =
  'body|detail|attach|goods_tag|limit_pay|scene_info|out_trade_no|transaction_id|total_fee|fee_type|spbill_create_ip|openid|out_refund_no|refund_fee|refund_fee_type|refund_desc|refund_account'

/**
 * Who has to act on a communication failure. It has no code, and its texts are not documented: these are the recorded ones and their patterns. The first
 * match counts. An unknown text concerns the server: a false alarm costs less than a missed one.
 */
const COMMUNICATION: [text: RegExp, about: 'order' | 'server', toDo: string][] = [
  // "time_expire时间过短，刷卡至少1分钟，其他5分钟"
  [/^(invalid )?time_(start|expire)(?![a-z_])/, 'order', "check `orderTtlMs` and this machine's clock"],
  // "body参数格式错误", "invalid spbill_create_ip", "spbill_create_ip参数长度有误", "invalid refund_fee"
  [new RegExp(`^(invalid )?(${ORDER_FIELDS})(?![a-z_])`), 'order', 'check the terms of this order'],
  // "无效的openid", "JSAPI支付必须传openid", "appid and openid not match"
  [/^(无效的|JSAPI支付必须传|appid and )openid/, 'order', 'the payer must have logged in to the mini program `appid`'],
  // "签名错误", "签名错误，请检查后再试"
  [/^签名错误/, 'server', 'check `merchant.apiKey` and `merchant.signType`'],
  // "appid不存在", "AppID不存在，请检查后再试", "mch_id参数格式错误", "mch_id和appid没有关联关系", "商户号mch_id与appid不匹配"
  [/^(商户号)?(appid|mch_id)/i, 'server', 'check `appid` and `merchant.mchId`, and that they are bound to each other'],
  // "商户号该产品权限未开通，请前往商户平台>产品中心检查后重试", "您没有JSAPI支付权限"
  [/权限/, 'server', 'open JSAPI payment for this merchant in the merchant platform'],
  // "受理机构必须传入sub_mch_id"
  [/sub_mch_id/, 'server', '`merchant.mchId` is a service provider, which this package does not support'],
  // "invalid notify_url"
  [/notify_url/, 'server', 'check `publicUrl`'],
  // "缺少参数", "missing parameter", "XML格式错误", and all unknown texts
  [/^/, 'server', 'check `merchant`, `appid`, `baseUrl` and proxies'],
]

/** Whether a communication failure concerns one order or all of them, and what the operator can do about it. */
export function readCommunicationFailure(text: string): { about: 'order' | 'server'; toDo: string } {
  const [, about, toDo] = COMMUNICATION.find(([pattern]) => pattern.test(text))!
  return { about, toDo }
}
