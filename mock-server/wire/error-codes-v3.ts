import type { PayApi } from './names.ts'

interface Known {
  readonly status: number
  readonly text: string
}

/** The codes of API v3 with their HTTP status and a text: as recorded on the wire, else from the official tables. */
const ERRORS: Readonly<Record<string, Known>> = {
  PARAM_ERROR: { status: 400, text: '参数错误' },
  INVALID_REQUEST: { status: 400, text: '请求参数符合参数格式，但不符合业务规则' },
  APPID_MCHID_NOT_MATCH: { status: 400, text: 'appid和mch_id不匹配，请检查后再试' },
  MCH_NOT_EXISTS: { status: 400, text: '商户号不存在' },
  ORDER_CLOSED: { status: 400, text: '订单已关闭' },
  ORDERPAID: { status: 400, text: '该订单已支付' },
  ORDER_PAID: { status: 400, text: '该订单已支付' },
  NO_STATEMENT_EXIST: { status: 400, text: '请求的账单文件不存在' },
  STATEMENT_CREATING: { status: 400, text: '账单生成中' },
  REFUND_FEE_MISMATCH: { status: 400, text: '订单金额或退款金额与之前请求不一致，请核实后再试' },
  TRADE_OVERDUE: { status: 400, text: '订单已经超过退款期限' },
  SIGN_ERROR: { status: 401, text: '错误的签名，导致验签失败' },
  NO_AUTH: { status: 403, text: '商户号该产品权限未开通，请前往商户平台>产品中心检查后重试' },
  OUT_TRADE_NO_USED: { status: 403, text: '商户订单号重复' },
  NOT_ENOUGH: { status: 403, text: '基本账户余额不足，请充值后重新发起' },
  USER_ACCOUNT_ABNORMAL: { status: 403, text: '退款请求失败' },
  RULE_LIMIT: { status: 403, text: '业务规则限制' },
  TRADE_ERROR: { status: 403, text: '交易错误' },
  ORDER_NOT_EXIST: { status: 404, text: '订单不存在' },
  RESOURCE_NOT_EXISTS: { status: 404, text: '退款单不存在' },
  FREQUENCY_LIMITED: { status: 429, text: '频率超限，请降低频率后再重试' },
  RATELIMIT_EXCEEDED: { status: 429, text: '请求频率超限' },
  SYSTEM_ERROR: { status: 500, text: '系统异常，请稍后重试' },
  OPENID_MISMATCH: { status: 500, text: 'OpenID和AppID不匹配' },
  INVALID_TRANSACTIONID: { status: 500, text: '订单号非法' },
  SERVICE_UNAVAILABLE: { status: 503, text: '服务不可用' },
}

/** The V3 code for a V2 code. */
const FROM_V2: Readonly<Record<string, string>> = {
  SYSTEMERROR: 'SYSTEM_ERROR',
  BIZERR_NEED_RETRY: 'SYSTEM_ERROR',
  SIGNERROR: 'SIGN_ERROR',
  CERT_ERROR: 'SIGN_ERROR',
  REQUIRE_POST_METHOD: 'PARAM_ERROR',
  XML_FORMAT_ERROR: 'PARAM_ERROR',
  LACK_PARAMS: 'PARAM_ERROR',
  POST_DATA_EMPTY: 'PARAM_ERROR',
  APPID_NOT_EXIST: 'PARAM_ERROR',
  MCHID_NOT_EXIST: 'MCH_NOT_EXISTS',
  NOT_UTF8: 'INVALID_REQUEST',
  ERROR: 'INVALID_REQUEST',
  ORDER_NOT_READY: 'INVALID_REQUEST',
  REFUND_FEE_INVALID: 'INVALID_REQUEST',
  NOAUTH: 'NO_AUTH',
  NOTENOUGH: 'NOT_ENOUGH',
  ORDERCLOSED: 'ORDER_CLOSED',
  ORDERNOTEXIST: 'ORDER_NOT_EXIST',
  REFUNDNOTEXIST: 'RESOURCE_NOT_EXISTS',
  TRADE_STATE_ERROR: 'TRADE_ERROR',
  INVALID_REQ_TOO_MUCH: 'FREQUENCY_LIMITED',
  NO_BILL_EXIST: 'NO_STATEMENT_EXIST',
  BILL_CREATING: 'STATEMENT_CREATING',
}

/** The refund APIs report an unknown number in their own way. */
const OF_REFUNDS: readonly PayApi[] = ['refund', 'refundquery', 'abnormalrefund']

/** A code with its status and text; a code of V2 is translated. An unknown one has status 400 and no text. */
export function errorV3(api: PayApi, code: string): Known & { readonly code: string } {
  const name = FROM_V2[code] ?? code
  if (OF_REFUNDS.includes(api)) {
    if (name === 'ORDER_NOT_EXIST') return { ...errorV3(api, 'RESOURCE_NOT_EXISTS'), text: '订单不存在' }
    if (name === 'MCH_NOT_EXISTS') return { code: name, ...ERRORS[name]!, status: 404 }
  }
  return { code: name, ...(ERRORS[name] ?? { status: 400, text: '' }) }
}

/** The internal numbers at the end of Request-ID that are recorded for a cause rather than a code. */
export const NUMBER = {
  otherTerms: 268498688,
  overOrder: 268447914,
  undefinedParameter: 270924358,
  outOfRange: 268435464,
  noOpenid: 268501013,
} as const

/** The numbers that belong to a code. */
const NUMBERS: Readonly<Record<string, number>> = {
  SIGN_ERROR: 268443699,
  ORDER_NOT_EXIST: 268512771,
  RESOURCE_NOT_EXISTS: 268512771,
  OUT_TRADE_NO_USED: NUMBER.otherTerms,
  ORDERPAID: 268498689,
  ORDER_PAID: 268498689,
  ORDER_CLOSED: NUMBER.overOrder,
  APPID_MCHID_NOT_MATCH: 268445527,
  FREQUENCY_LIMITED: 268447840,
  RATELIMIT_EXCEEDED: 268447840,
  NOT_ENOUGH: 268892709,
}

/** Every other code gets the number of an illegal parameter. */
export const internalNumber = (code: string) => NUMBERS[code] ?? 268435461
