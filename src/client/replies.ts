import type { NotificationFault, NotificationMessage, NotificationReply, PayApi } from './pay.ts'

type Version = PayApi['version']

/** Of API v3: WeChat reads the status, and repeats whatever is not 2xx (doc/v3/merchant/4012791902). */
const STATUS: Record<NotificationFault, number> = {
  unreadable: 400,
  incomplete: 400,
  'bad-signature': 401,
  probe: 401,
  stale: 401,
  'unknown-key': 401,
  'wrong-account': 403,
  ambiguous: 409,
  'unknown-order': 404,
  mismatch: 409,
  'not-decrypted': 500,
  'not-stored': 503,
  blocked: 503,
  'no-v2-key': 500,
}

/** Of API v2: WeChat reads the body, with status 200 in any case (doc/v2/merchant/4011937248). */
const SUCCESS_V2 = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'

/**
 * What WeChat reads after a notification, for success or for a fault. A merchant may get notifications of either version, as of orders made before a change of
 * it or of refunds made in the merchant platform: to a message of API v3 the status 200 of API v2 would be success. `own` is the version of the merchant.
 */
export function replyTo(message: NotificationMessage, own: Version, fault?: NotificationFault): NotificationReply {
  if (versionOf(message, own) === 'v3') {
    const body = JSON.stringify(fault === undefined ? { code: 'SUCCESS' } : { code: 'FAIL', message: fault })
    return { status: fault === undefined ? 200 : STATUS[fault], contentType: 'application/json; charset=utf-8', body }
  }
  return {
    status: 200,
    contentType: 'text/xml; charset=utf-8',
    body:
      fault === undefined
        ? SUCCESS_V2
        : `<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[${fault}]]></return_msg></xml>`,
  }
}

/** The version that a message speaks; `own` if neither its body, which may not have been read, nor its headers tell. */
export function versionOf({ headers, body }: NotificationMessage, own: Version): Version {
  const [first] = body.subarray(0, 64).toString('latin1').trimStart()
  if (first === '<') return 'v2'
  // A proxy may have taken the headers away.
  return first === '{' || headers['wechatpay-signature'] !== undefined ? 'v3' : own
}
