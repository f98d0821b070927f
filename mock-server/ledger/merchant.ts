import { oneOf, strict, text, validate, type Schema } from '../base/schema.ts'
import { badInput } from '../base/checks.ts'
import type { CertificatePair } from '../wire/pki/certificates.ts'
import type { CertificateFile } from '../wire/pki/pkcs12.ts'
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

/** What an app needs to talk to the mock: its numbers, secrets and keys. */
export interface Credentials {
  readonly appid: string
  readonly appSecret: string
  readonly mchId: string
  /** The APIv2 key, 32 bytes. */
  readonly apiKey: string
}

/** A sub-merchant of a service provider, and its first app. */
export interface SubCredentials {
  readonly mchId: string
  readonly appid: string
  readonly appSecret: string
}

/** The credentials of a world: those of its first merchant and app. */
export interface WorldCredentials extends Credentials {
  /** The merchant's API certificate, for refunds: PEM texts, as the plugin's `merchant.cert` takes them. */
  readonly cert: CertificatePair
  /** The same as a PKCS #12 file; the passphrase is the mch_id, as with WeChat. */
  readonly p12: CertificateFile
  readonly v3: V3Credentials
  /** Present if the merchant is a service provider. */
  readonly subMerchants?: readonly SubCredentials[]
}

/** The credentials of API v3. Keys and certificates are PEM texts. */
export interface V3Credentials {
  /** Decrypts notifications and the list of certificates. */
  readonly apiV3Key: string
  /** Of the merchant API certificate. */
  readonly serialNo: string
  readonly privateKey: string
  readonly certificate: string
  /** `PUB_KEY_ID_…` */
  readonly publicKeyId: string
  readonly publicKey: string
  readonly platformSerialNo: string
  readonly platformCertificate: string
  readonly keyMode: KeyMode
}

/** The plugin's option `merchant.partner`, of a service provider. */
export interface PartnerOptions {
  /** The first app of the world. */
  readonly spAppid: string
  readonly subMchIds: readonly [string, ...string[]]
}

/** The value for the plugin's `merchant` option, API v2. */
export interface MerchantOptions {
  readonly version: 'v2'
  readonly mchId: string
  readonly apiKey: string
  readonly cert: CertificatePair
  /** Only if the merchant is bound to one algorithm. */
  readonly signType?: SignType
  /** Present if the merchant is a service provider. */
  readonly partner?: PartnerOptions
}

/** The same for API v3. */
export interface MerchantV3Options {
  readonly version: 'v3'
  readonly mchId: string
  readonly apiV3Key: string
  readonly privateKey: string
  readonly serialNo: string
  /** Absent with the key mode `certificate`. */
  readonly publicKeyId?: string
  readonly publicKey?: string
  /** Absent with the key mode `public-key`. */
  readonly platformCertificates?: 'download'
  /** The APIv2 key of the same merchant: refunds made in the console are notified in v2. */
  readonly apiKey: string
  /** Present if the merchant is a service provider. */
  readonly partner?: PartnerOptions
}

const KEY_MODES = ['public-key', 'certificate', 'changing'] as const
/**
 * What WeChat signs with in API v3: its public key, its platform certificate, or both during the change from one to the other, when a request chooses with `Wechatpay-Serial`.
 */
export type KeyMode = (typeof KEY_MODES)[number]
export const KEY_MODE = oneOf(...KEY_MODES)

/** `none`: no call requires it. `required`: a client certificate whose common name is the mch_id, as WeChat issues them. */
export type CertMode = 'none' | 'required'

/** A merchant that a service provider acts for, and the apps that the provider has bound to it. */
export interface SubMerchant {
  readonly mchId: string
  readonly appids: readonly string[]
}

/** What can be changed about a merchant; omitted properties stay as they are. */
export interface MerchantChanges {
  /** Exactly 32 bytes. */
  readonly apiKey?: string
  /** The only algorithm it may sign with; `any`: each request chooses. */
  readonly signType?: SignType | 'any'
  /** `required` needs a mock with TLS. */
  readonly certMode?: CertMode
  /** 32 letters and digits. */
  readonly apiV3Key?: string
  readonly keyMode?: KeyMode
  /** The share, from 0 to 1, of notifications signed with the public key while `keyMode` is `changing`. Default 0.5. */
  readonly publicKeyShare?: number
  /** The share of messages signed with the newer of two keys, while an old one is kept. Default 1. */
  readonly newKeyShare?: number
  /** A merchant with any is a service provider (服务商): each of its orders belongs to one of them. Default: none. */
  readonly actsFor?: readonly SubMerchant[]
}

export const SHARE: Schema = { type: 'number', minimum: 0, maximum: 1 }
export const API_V3_KEY: Schema = {
  type: 'string',
  pattern: '^[0-9A-Za-z]{32}$',
  description: '32 letters and digits',
  writeOnly: true,
}

export const MCH_ID: Schema = { type: 'string', pattern: '^\\d{1,32}$', description: '1 to 32 digits' }

export const MERCHANT: Schema = strict({
  apiKey: { ...text(), writeOnly: true },
  signType: oneOf('any', 'MD5', 'HMAC-SHA256'),
  certMode: oneOf('none', 'required'),
  apiV3Key: API_V3_KEY,
  keyMode: KEY_MODE,
  publicKeyShare: SHARE,
  newKeyShare: SHARE,
  actsFor: {
    type: 'array',
    items: strict({ mchId: MCH_ID, appids: { type: 'array', items: text(32) } }, 'mchId', 'appids'),
  },
})

/** The defaults of a merchant. */
export const STANDARD = {
  signType: 'any',
  certMode: 'none',
  keyMode: 'public-key',
  publicKeyShare: 0.5,
  newKeyShare: 1,
  actsFor: [],
} as const

/** A merchant of a world. */
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
    'required needs a mock with TLS, so that clients can present a certificate; start it with tls (--cert and --key)',
  )
}

/** @throws MockError BAD_INPUT */
export function checkMerchant(changes: MerchantChanges, tls: boolean): void {
  validate(MERCHANT, changes)
  const { apiKey, certMode } = changes
  checkApiKey(apiKey)
  checkCertMode(certMode, tls)
}
