import { oneOf, strict, text, validate, type Schema } from '../base/schema.ts'
import { badInput } from '../base/checks.ts'
import type { CertificateFile, CertificatePair } from '../wire/certificates.ts'
import type { SignType } from '../wire/sign-v2.ts'

/** The nonces of the last requests. */
export interface Nonces {
  /** Remembers the nonce; false if it was already there. */
  readonly isFresh: (nonce: string) => boolean
  readonly clear: () => void
}

const MAX_NONCES = 10_000

export function createNonces(): Nonces {
  const seen = new Set<string>()
  return {
    isFresh: (nonce) => {
      if (seen.has(nonce)) return false
      seen.add(nonce)
      // A Set iterates in insertion order: the first is the oldest.
      if (seen.size > MAX_NONCES) seen.delete(seen.values().next().value!)
      return true
    },
    clear: () => seen.clear(),
  }
}

export interface Credentials {
  readonly appid: string
  readonly appSecret: string
  readonly mchId: string
  /** The APIv2 key, 32 bytes. */
  readonly apiKey: string
}

/** The credentials of a world: those of its first merchant and app. */
export interface WorldCredentials extends Credentials {
  /** The merchant's API certificate, for refunds: PEM texts, as the plugin's `merchant.cert` takes them. */
  readonly cert: CertificatePair
  /** The same as a PKCS #12 file; the passphrase is the mch_id, as with WeChat. */
  readonly p12: CertificateFile
}

/** The value for the plugin's `merchant` option. */
export interface MerchantOptions {
  readonly version: 'v2'
  readonly mchId: string
  readonly apiKey: string
  readonly cert: CertificatePair
  /** Only if the merchant is bound to one algorithm. */
  readonly signType?: SignType
}

/** `none`: no call requires it. `required`: a client certificate whose common name is the mch_id, as WeChat issues them. */
export type CertMode = 'none' | 'required'

/** What can be changed about a merchant; omitted properties stay as they are. */
export interface MerchantChanges {
  /** Exactly 32 bytes. */
  readonly apiKey?: string
  /** The only algorithm it may sign with; `any`: each request chooses. */
  readonly signType?: SignType | 'any'
  /** `required` needs a mock with TLS. */
  readonly certMode?: CertMode
}

export const MERCHANT: Schema = strict({
  apiKey: { ...text(), writeOnly: true },
  signType: oneOf('any', 'MD5', 'HMAC-SHA256'),
  certMode: oneOf('none', 'required'),
})

export interface Merchant extends Required<MerchantChanges> {
  readonly mchId: string
}

/** @throws MockError BAD_INPUT */
export function checkApiKey(apiKey: string | undefined): void {
  if (apiKey === undefined || Buffer.byteLength(apiKey) === 32) return
  throw badInput(
    'apiKey',
    '32 bytes',
    `must be exactly 32 bytes, as the merchant platform requires; got ${Buffer.byteLength(apiKey)}`,
  )
}

/** @throws MockError BAD_INPUT */
export function checkCertMode(certMode: CertMode | undefined, tls: boolean): void {
  if (certMode !== 'required' || tls) return
  throw badInput(
    'certMode',
    'tls',
    'required needs a mock with TLS, so that clients can present a certificate; start it with tls',
  )
}

/** @throws MockError BAD_INPUT */
export function checkMerchant(changes: MerchantChanges, tls: boolean): void {
  validate(MERCHANT, changes)
  const { apiKey, certMode } = changes
  checkApiKey(apiKey)
  checkCertMode(certMode, tls)
}

export const MCH_ID: Schema = { type: 'string', pattern: '^\\d{1,32}$', description: '1 to 32 digits' }
