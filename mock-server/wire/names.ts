/** The calls of api.mch.weixin.qq.com, by the last part of their path. */
export const PAY_APIS = [
  'unifiedorder',
  'orderquery',
  'closeorder',
  'refund',
  'refundquery',
  'downloadbill',
  'downloadfundflow',
  'getsignkey',
  'report',
] as const
/** The calls of api.weixin.qq.com. */
export const LOGIN_APIS = [
  'jscode2session',
  'checksession',
  'resetusersessionkey',
  'token',
  'stable_token',
  'getuserphonenumber',
] as const
/** What WeChat sends by itself. */
export const NOTICES = ['notify', 'refundnotify'] as const

export type PayApi = (typeof PAY_APIS)[number]
export type LoginApi = (typeof LOGIN_APIS)[number]
export type Notice = (typeof NOTICES)[number]
/** Every exchange that faults and gates can be set for. */
export type Api = PayApi | LoginApi | Notice

export const APIS: readonly Api[] = [...PAY_APIS, ...LOGIN_APIS, ...NOTICES]

const isOneOf =
  <T extends string>(names: readonly T[]) =>
  (api: string): api is T =>
    (names as readonly string[]).includes(api)
export const isPayApi = isOneOf(PAY_APIS)
export const isLoginApi = isOneOf(LOGIN_APIS)
export const isNotice = isOneOf(NOTICES)

export const VERDICTS = [
  'acked',
  'fail_xml',
  'timeout_5s',
  'http_status',
  'empty_body',
  'not_xml',
  'json_body',
  'html_page',
  'stray_characters',
  'wrong_field_name',
  'redirect',
  'connection_refused',
  'reset',
  'tls',
] as const

/** How WeChat takes a merchant's answer to a notification. Everything but `acked` is delivered again. */
export type Verdict = (typeof VERDICTS)[number]

/**
 * What a notification tells: a payment, a refund's end, (documented, but not seen in the wild) a payment that failed, or
 * what a test has made up.
 */
export type NotificationKind = 'pay' | 'refund' | 'fail' | 'crafted'
