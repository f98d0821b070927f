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
