import { ERR_CODES, ERRCODES } from './error-codes.ts'

/** The two interfaces of api.mch.weixin.qq.com. */
export type ApiVersion = 'v2' | 'v3'

/** What WeChat sends on its own initiative. */
export const NOTICES = ['notify', 'refundnotify'] as const

/** The name of a payment call. */
export type PayApi = keyof typeof ERR_CODES
/** The name of a call about users. */
export type LoginApi = keyof typeof ERRCODES
/** The name of a kind of notification. */
export type Notice = (typeof NOTICES)[number]
/** Every exchange that faults and gates can be set for. */
export type Api = PayApi | LoginApi | Notice

export const PAY_APIS = Object.keys(ERR_CODES) as PayApi[]
export const LOGIN_APIS = Object.keys(ERRCODES) as LoginApi[]
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

/** WeChat's verdict on a merchant's answer to a notification. Everything but `acked` is delivered again. */
export type Verdict = (typeof VERDICTS)[number]

/**
 * What a notification reports: a payment, the end of a refund, a failed payment (documented, but not seen in the wild),
 * something crafted by a test, or an event of another product (API v3).
 */
export type NotificationKind = 'pay' | 'refund' | 'fail' | 'crafted' | 'event'
