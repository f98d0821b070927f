import { WechatError } from '../errors.ts'

/** A service provider (服务商): what WeChat Pay has to know besides its merchant number and keys. */
export interface PartnerConfig {
  /** The provider's own app, bound to its merchant number. */
  spAppid: string
  /** The sub-merchants (特约商户) that it orders for. */
  subMchIds: readonly string[] | 'any'
}

/** Whose order a call is about: a merchant number may have several apps, and a service provider has several sub-merchants. */
export interface Party {
  /** The app of the order; by default the first of the options. */
  appid?: string | undefined
  /** For a service provider: the sub-merchant of the order. Its calls need it. */
  subMchId?: string | undefined
  /** For a service provider: its own appid at the time of ordering; by default that of the options. */
  spAppid?: string | undefined
}

export interface Merchants {
  /** The apps of the merchant; a call about no order uses the first. */
  appids: readonly string[]
  mchId: string
  /** Set for a service provider. */
  partner?: PartnerConfig | undefined
}

/** Who makes a call: the app bound to the merchant number that signs, and for a service provider the sub-merchant. */
export interface Caller {
  appid: string
  sub?: { subMchId: string; subAppid: string | undefined } | undefined
}

/** Whether it is one of the provider's sub-merchants. */
export function isSub({ subMchIds }: PartnerConfig, subMchId: string | undefined): subMchId is string {
  return subMchId !== undefined && (subMchIds === 'any' ? /^\d{8,10}$/.test(subMchId) : subMchIds.includes(subMchId))
}

/**
 * The app that the payer is in.
 *
 * @throws {WechatError} `WECHAT_INPUT_INVALID` for one that is not registered
 */
export function appOf(appids: readonly string[], { appid = appids[0]! }: Party = {}): string {
  if (appids.includes(appid)) return appid
  throw refused(`${appid} is not an app of this registration: it has ${appids.join(', ')}.`)
}

/**
 * Who makes a call about an order. Nothing is guessed: under another merchant WeChat denies that the order exists, and a paid order would be taken for closed.
 *
 * @throws {WechatError} `WECHAT_INPUT_INVALID` for an app that is not registered, and without the right kind of merchant
 */
export function callerOf({ appids, partner }: Merchants, of: Party = {}): Caller {
  const { subMchId, appid } = of
  if (partner === undefined) {
    if (subMchId === undefined) return { appid: appOf(appids, of) }
    throw refused(
      `The order of the sub-merchant ${subMchId} needs its service provider: see the option merchant.partner.`,
    )
  }
  if (subMchId === undefined) {
    throw refused('A service provider calls for one of its sub-merchants: name it, as { subMchId }.')
  }
  const spAppid = of.spAppid ?? partner.spAppid
  const payers = appid === undefined || appid === spAppid ? undefined : appOf(appids, of)
  return { appid: spAppid, sub: { subMchId, subAppid: payers } }
}

function refused(what: string): WechatError {
  return new WechatError('WECHAT_INPUT_INVALID', what, { sent: false })
}
