import type { NotificationFault, NotificationMessage, NotificationReply, PayApi } from './pay.ts'

type Version = PayApi['version']

/** For API v3: WeChat reads the status, and repeats the notification unless it is 2xx (doc/v3/merchant/4012791902). */
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

/** For API v2: WeChat reads the body; the status is always 200 (doc/v2/merchant/4011937248). */
const SUCCESS_V2 = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'

/**
 * What WeChat reads after a notification, for success or for a fault. A merchant may get notifications of either version, e.g. for orders made before
 * a change of version or refunds made in the merchant platform. For a message of API v3, the status 200 of an API v2 reply would mean success. `own`
 * is the merchant's version.
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

/** The API version of a message; `own` if neither its body, which may not have been read, nor its headers tell. */
export function versionOf({ headers, body }: NotificationMessage, own: Version): Version {
  const [first] = body.subarray(0, 64).toString('latin1').trimStart()
  if (first === '<') return 'v2'
  // A proxy may have removed the headers.
  return first === '{' || headers['wechatpay-signature'] !== undefined ? 'v3' : own
}
