import { sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** The scheme of API v3 with RSA keys, as Authorization and `Wechatpay-Signature-Type` name it. */
export const SCHEME = 'WECHATPAY2-SHA256-RSA2048'

/**
 * The beginning of a signature that is wrong on purpose, by which WeChat tests whether merchants verify
 * (pay.weixin.qq.com doc/v3/merchant/4013053249 §5).
 */
const PROBE = 'WECHATPAY/SIGNTEST/'

/** How far the timestamp of a signed message may differ from now, in both directions (doc/v3/merchant/4013053420). */
const WINDOW_MS = 5 * 60_000

/** Who signs requests: a merchant with one of its API certificates. */
export interface Signer {
  mchId: string
  /** The serial number of the merchant's API certificate. */
  serialNo: string
  privateKey: KeyObject
}

export interface RequestToSign {
  method: string
  /** Path and query, with exactly the bytes of the request line. */
  target: string
  /** UNIX seconds. */
  timestamp: string
  nonce: string
  /** Empty for a request without a body. */
  body: string
}

/** What WeChat sends with a signed body. */
export interface Seal {
  /** UNIX seconds. */
  timestamp: string
  nonce: string
  /** Names the key: the serial number of a platform certificate, or the id of a WeChat Pay public key. */
  serial: string
  /** Base64. */
  signature: string
}

/** The value of Authorization (doc/v3/merchant/4012365334): five lines, each ending with LF, signed by RSA with PKCS#1 v1.5 and SHA-256. */
export function authorize({ method, target, timestamp, nonce, body }: RequestToSign, signer: Signer): string {
  const signature = signLines([method, target, timestamp, nonce, body], signer.privateKey)
  return `${SCHEME} mchid="${signer.mchId}",nonce_str="${nonce}",timestamp="${timestamp}",serial_no="${signer.serialNo}",signature="${signature}"`
}

/** Base64 of the signature of these lines: also the `paySign` of `wx.requestPayment` (doc/v3/merchant/4012365341). */
export function signLines(lines: readonly string[], privateKey: KeyObject): string {
  return sign('sha256', Buffer.from(`${lines.join('\n')}\n`), privateKey).toString('base64')
}

/** The seal of a message from its headers, whose names are lower-case; `undefined` if one is missing or duplicated. */
export function readSeal(headers: Readonly<Record<string, string | readonly string[] | undefined>>): Seal | undefined {
  const [timestamp, nonce, serial, signature] = ['timestamp', 'nonce', 'serial', 'signature'].map((name) => {
    const value = headers[`wechatpay-${name}`]
    // Node joins the values of a duplicated header.
    return typeof value === 'string' && value !== '' && !value.includes(', ') ? value : undefined
  })
  if (timestamp === undefined || nonce === undefined || serial === undefined || signature === undefined) {
    return undefined
  }
  return { timestamp, nonce, serial, signature }
}

/** Whether the message was signed within five minutes of `now`. A repeated notification is signed again (doc/v3/merchant/4013053420). */
export function isFresh({ timestamp }: Seal, now: Date): boolean {
  return /^[1-9][0-9]{0,11}$/.test(timestamp) && Math.abs(now.getTime() - Number(timestamp) * 1000) <= WINDOW_MS
}

/** Whether `body`, byte for byte, was signed with the key. */
export function verifyV3({ timestamp, nonce, signature }: Seal, body: Buffer, key: KeyObject): boolean {
  const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, LINE_END])
  return verify('sha256', message, key, Buffer.from(signature, 'base64'))
}

const LINE_END = Buffer.from('\n')

/** Whether WeChat is testing whether we refuse wrong signatures. Such a message is refused like any other; only counters and logs differ. */
export function isProbe({ signature }: Seal): boolean {
  return signature.startsWith(PROBE)
}
