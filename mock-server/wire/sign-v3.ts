import { createSign, createVerify, type KeyObject } from 'node:crypto'

/** RSASSA-PKCS1-v1_5 with SHA-256: the scheme of Authorization, and the Wechatpay-Signature-Type of what WeChat signs. */
export const SCHEME = 'WECHATPAY2-SHA256-RSA2048' as const

type Body = string | Uint8Array

/** Each line ends with a line feed, the last one too. The body is the bytes on the wire. */
const linesOf = (lines: readonly string[], body: Body) =>
  Buffer.concat([Buffer.from(lines.map((line) => `${line}\n`).join('')), Buffer.from(body), Buffer.from('\n')])

export interface SignedRequest {
  readonly method: string
  /** The path and the raw query of the request line. */
  readonly url: string
  /** Unix seconds, as in the header. */
  readonly timestamp: string
  readonly nonce: string
  /** Empty for a request without one. */
  readonly body: Body
}

/** What a merchant signs for a request: five lines. */
export const requestText = ({ method, url, timestamp, nonce, body }: SignedRequest) =>
  linesOf([method, url, timestamp, nonce], body)

/** What WeChat signs for a reply or a notification: three lines. */
export const messageText = ({ timestamp, nonce, body }: Pick<SignedRequest, 'timestamp' | 'nonce' | 'body'>) =>
  linesOf([timestamp, nonce], body)

/** What a merchant signs for a payment dialog: four lines. `what` is `prepay_id=…`, or the bare prepay_id for an app. */
export const paymentText = (appId: string, timeStamp: string, nonceStr: string, what: string) =>
  linesOf([appId, timeStamp, nonceStr], what)

/** The signature in base64. */
export const signRsa = (text: Uint8Array, key: KeyObject) => createSign('RSA-SHA256').update(text).sign(key, 'base64')

export const isSignedBy = (text: Uint8Array, signature: string, key: KeyObject) =>
  createVerify('RSA-SHA256').update(text).verify(key, signature, 'base64')

/** What WeChat signs a message with. */
export interface Signer {
  /** The value of Wechatpay-Serial. */
  readonly serial: string
  readonly key: { readonly privateKey: KeyObject }
}

/** The header of the signature, in WeChat's spelling: some clients look up header names with their case. */
export const SIGNATURE = 'Wechatpay-Signature'

export type SignedHeaders = Readonly<Record<string, string>>

/** The headers of what WeChat signs. `at`: milliseconds. */
export function signedHeaders({ serial, key }: Signer, at: number, nonce: string, body: Body): SignedHeaders {
  const timestamp = String(Math.floor(at / 1000))
  return {
    'Wechatpay-Timestamp': timestamp,
    'Wechatpay-Nonce': nonce,
    [SIGNATURE]: signRsa(messageText({ timestamp, nonce, body }), key.privateKey),
    'Wechatpay-Serial': serial,
    'Wechatpay-Signature-Type': SCHEME,
  }
}

/** The fields of an Authorization header. */
export interface Authorization {
  readonly mchid: string
  readonly nonce_str: string
  readonly signature: string
  readonly timestamp: string
  readonly serial_no: string
}

const FIELDS = ['mchid', 'nonce_str', 'serial_no', 'signature', 'timestamp']

/**
 * Reads `WECHATPAY2-SHA256-RSA2048 mchid="…",…`: its five fields in any order. `scheme`: another scheme, or none; `form`:
 * not these five fields, or not written like this.
 */
export function readAuthorization(header: string | undefined): Authorization | 'missing' | 'scheme' | 'form' {
  if (header === undefined || header === '') return 'missing'
  if (header !== SCHEME && !header.startsWith(`${SCHEME} `)) return 'scheme'
  const pairs = header.slice(SCHEME.length + 1).split(',')
  const fields = new Map(
    pairs.flatMap((pair) => {
      const [, name, value] = /^(\w+)="([^"]+)"$/.exec(pair) ?? []
      return name === undefined ? [] : [[name, value!] as const]
    }),
  )
  const isWhole = pairs.length === FIELDS.length && FIELDS.every((name) => fields.has(name))
  return isWhole ? (Object.fromEntries(fields) as unknown as Authorization) : 'form'
}

const PROBE = 'WECHATPAY/SIGNTEST/'
export type ProbeShape = 'live' | 'docs'

/**
 * A probe: a signature that is wrong on purpose, to test whether the merchant verifies. `live`, as recorded: the prefix and 250
 * bytes, 355 characters that a strict decoder of base64 refuses. `docs`, as in the documentation: the prefix written over
 * the head of the right signature, which decodes to 256 bytes.
 */
export const probeOf = (signature: string, shape: ProbeShape) =>
  PROBE +
  (shape === 'live'
    ? Buffer.from(signature, 'base64').subarray(0, 250).toString('base64')
    : signature.slice(PROBE.length))

/** A signature of the right form and the wrong value. */
export function wrongSignature(signature: string): string {
  const bytes = Buffer.from(signature, 'base64')
  bytes[0]! ^= 0x55
  return bytes.toString('base64')
}
