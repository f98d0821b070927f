import { WechatError } from '../errors.ts'
import type { Advice, WechatErrorCode } from '../errors.ts'

/** What to do where the advice alone does not say it. */
export const BILLS_FROM = 'Bills are made from 9:00 the next day: ask again after 10:00.'

type Refusal = [code: WechatErrorCode, advice: Advice, toDo: string]

const AGAIN = 'WeChat is busy: repeat it unchanged.'
const SLOWER = 'Repeat it unchanged, later and less often.'
const OTHER_TERMS = 'WeChat knows this number with other terms: query it, close it, and order under a new number.'
const BOUND = 'Check appid and merchant.mchId, and that they are bound to each other in the merchant platform.'
const KEYS = 'Check the keys of the option merchant.'
const FORM = 'A field is missing or WeChat does not accept its form: check the terms.'
const SENT = 'The request did not arrive as it was sent: check baseUrl and proxies.'
const NO_BILL = 'Nothing was traded that day.'

/**
 * What each refusal means for the caller (v2: unifiedorder 4011940985, orderquery wxa 9_2, closeorder wxa 9_3, refund micropay 9_4; v3: doc/v3/merchant/4012081717
 * and the pages of each call). WeChat writes codes with and without underscores, even within one version; here they have none. An unlisted code is final.
 */
const REFUSALS = new Map(
  Object.entries<Refusal>({
    SYSTEMERROR: ['WECHAT_UNAVAILABLE', 'repeat', AGAIN],
    SERVICEUNAVAILABLE: ['WECHAT_UNAVAILABLE', 'repeat', AGAIN],
    FREQUENCYLIMITED: ['WECHAT_RATE_LIMITED', 'repeat', SLOWER],
    RATELIMITEXCEEDED: ['WECHAT_RATE_LIMITED', 'repeat', SLOWER],
    ORDERPAID: ['WECHAT_ORDER_PAID', 'query', 'It is paid: query it, and take the payment from the answer.'],
    ORDERCLOSED: ['WECHAT_ORDER_CONFLICT', 'new-number', 'It is closed: order under a new number.'],
    ORDERREVERSED: ['WECHAT_ORDER_CONFLICT', 'new-number', 'It was reversed: order under a new number.'],
    ORDERNOTEXIST: ['WECHAT_ORDER_NOT_FOUND', 'query', 'WeChat has no such order, or none that is paid: query it.'],
    RESOURCENOTEXISTS: ['WECHAT_ORDER_NOT_FOUND', 'query', 'WeChat has nothing under this number: query the order.'],
    REFUNDNOTEXIST: [
      'WECHAT_ORDER_NOT_FOUND',
      'query',
      'WeChat has no such refund: ask again in a minute, as it books with a delay.',
    ],
    // v2: "201 商户订单号重复", on the wire instead of the documented OUT_TRADE_NO_USED. v3: "请求重入时，参数与首次请求时不一致".
    INVALIDREQUEST: ['WECHAT_ORDER_CONFLICT', 'query', OTHER_TERMS],
    OUTTRADENOUSED: ['WECHAT_ORDER_CONFLICT', 'new-number', OTHER_TERMS],
    TRADESTATEERROR: ['WECHAT_ORDER_CONFLICT', 'query', "The order's state does not allow it: query it."],
    TRADEERROR: ['WECHAT_ORDER_CONFLICT', 'query', "The order's state does not allow it: query it."],
    APPIDNOTEXIST: ['WECHAT_ACCOUNT_REFUSED', 'configure', BOUND],
    MCHIDNOTEXIST: ['WECHAT_ACCOUNT_REFUSED', 'configure', BOUND],
    MCHNOTEXISTS: ['WECHAT_ACCOUNT_REFUSED', 'configure', BOUND],
    APPIDMCHIDNOTMATCH: ['WECHAT_ACCOUNT_REFUSED', 'configure', BOUND],
    SIGNERROR: ['WECHAT_ACCOUNT_REFUSED', 'configure', KEYS],
    CERTERROR: ['WECHAT_ACCOUNT_REFUSED', 'configure', 'Check merchant.cert: WeChat does not accept this certificate.'],
    NOAUTH: [
      'WECHAT_ACCOUNT_REFUSED',
      'configure',
      'Open the product for this merchant, and see its list of addresses for refunds, in the merchant platform.',
    ],
    PARAMERROR: ['WECHAT_REFUSED', 'stop', FORM],
    LACKPARAMS: ['WECHAT_REFUSED', 'stop', FORM],
    XMLFORMATERROR: ['WECHAT_ACCOUNT_REFUSED', 'configure', SENT],
    REQUIREPOSTMETHOD: ['WECHAT_ACCOUNT_REFUSED', 'configure', SENT],
    POSTDATAEMPTY: ['WECHAT_ACCOUNT_REFUSED', 'configure', SENT],
    NOTUTF8: ['WECHAT_ACCOUNT_REFUSED', 'configure', SENT],
    RULELIMIT: [
      'WECHAT_REFUSED',
      'stop',
      'A rule of WeChat or a limit of the merchant forbids it: see the merchant platform.',
    ],
    STATEMENTCREATING: ['WECHAT_UNAVAILABLE', 'repeat', BILLS_FROM],
    BILLCREATING: ['WECHAT_UNAVAILABLE', 'repeat', BILLS_FROM],
    NOSTATEMENTEXIST: ['WECHAT_REFUSED', 'stop', NO_BILL],
    NOBILLEXIST: ['WECHAT_REFUSED', 'stop', NO_BILL],
    // Final although their status is 500 (doc/v3/merchant/4012556931).
    OPENIDMISMATCH: ['WECHAT_REFUSED', 'stop', 'The payer must have logged in to the mini program appid.'],
    INVALIDTRANSACTIONID: ['WECHAT_REFUSED', 'stop', 'WeChat has no transaction of this number for this merchant.'],
    // Refunds that are requested again under the same number (v2: refund, micropay 9_4; v3: doc/v3/merchant/4014959631).
    BIZERRNEEDRETRY: ['WECHAT_UNAVAILABLE', 'repeat', AGAIN],
    ORDERNOTREADY: ['WECHAT_UNAVAILABLE', 'repeat', 'It was paid a moment ago: repeat it unchanged in a minute.'],
    INVALIDREQTOOMUCH: ['WECHAT_RATE_LIMITED', 'repeat', SLOWER],
    NOTENOUGH: [
      'WECHAT_REFUSED',
      'repeat',
      "Top up the merchant's account; the refund goes on under the same number. Or let refunds.retry take the money out of another account.",
    ],
    // Refunds that are not.
    USERACCOUNTABNORMAL: ['WECHAT_REFUSED', 'stop', "The payer's account is closed: pay them back in another way."],
    TRADEOVERDUE: ['WECHAT_REFUSED', 'stop', 'It was paid more than a year ago: pay the money back in another way.'],
    REFUNDFEEMISMATCH: [
      'WECHAT_REFUSED',
      'new-number',
      'WeChat knows this refund number with another amount: query it, or refund under a new number.',
    ],
    REFUNDFEEINVALID: [
      'WECHAT_REFUSED',
      'stop',
      'It is more than can still be refunded: query the refunds of the order.',
    ],
    ERROR: ['WECHAT_REFUSED', 'query', 'Query the order and its refunds, and read what WeChat says.'],
  }),
)

/** What an unlisted code means. */
export const UNKNOWN_REFUSAL: Refusal = ['WECHAT_REFUSED', 'stop', 'Repeating it cannot help.']

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
  'new-number': 'Take a new number.',
  configure: 'The operator has to act first.',
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
  [/sub_mch_id/, 'server', '`merchant.mchId` is a service provider: set `merchant.partner`'],
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
