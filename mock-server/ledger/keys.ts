import { createRandom } from '../base/random.ts'
import { FLAG, oneOf, type Properties } from '../base/schema.ts'
import {
  ALWAYS_VALID,
  certificatePem,
  issueCertificate,
  LONG_EXPIRED,
  merchantSubject,
  PLATFORM_SUBJECT,
  privateKeyPem,
  publicKeyPem,
  serialNoOf,
  type CertificateData,
  type CertificatePair,
} from '../wire/pki/certificates.ts'
import { MERCHANT_KEYS, PLATFORM_KEYS, WECHAT_PAY_KEYS } from '../wire/pki/key-pool.ts'
import { certificateFile, type CertificateFile } from '../wire/pki/pkcs12.ts'
import { rsaKey, type RsaKey } from '../wire/pki/rsa-key.ts'

/** The keys that can be replaced. */
const ROTATABLE = ['merchant-certificate', 'platform-certificate', 'public-key'] as const
/** A key of API v3 that can be replaced. */
export type Rotatable = (typeof ROTATABLE)[number]

export const KEY = oneOf(...ROTATABLE)
export const ROTATION: Properties = { keepOld: FLAG }

/** Whether the earlier key stays valid. */
export interface RotationOptions {
  /** Default false. */
  readonly keepOld?: boolean
}

/** A certificate; it is issued on first use. */
export interface Certificate extends Pick<CertificateData, 'serialNo' | 'key' | 'validFrom' | 'validTo'> {
  readonly pair: () => CertificatePair
  readonly file: () => CertificateFile
}

/** A WeChat Pay public key. */
export interface PublicKey {
  readonly id: string
  readonly key: RsaKey
  readonly pem: () => string
}

/** The keys of a merchant number in API v3, by their generations: how often each was replaced before. */
export interface KeysDump {
  /** The valid ones, the current one last. */
  readonly merchantCertificates: readonly number[]
  /** Those in the list, the newest last; one or two. */
  readonly platformCertificates: readonly number[]
  readonly publicKeys: readonly number[]
}

/** Where each kind is kept, and how many may be valid at once. */
const LISTS: Readonly<Record<Rotatable, { readonly list: keyof KeysDump; readonly most: number }>> = {
  'merchant-certificate': { list: 'merchantCertificates', most: 3 },
  'platform-certificate': { list: 'platformCertificates', most: 2 },
  'public-key': { list: 'publicKeys', most: 2 },
}

const FIRST: KeysDump = { merchantCertificates: [0], platformCertificates: [0], publicKeys: [0] }

/** The keys of a merchant number: its API certificates, and what WeChat signs with. */
export interface Keys {
  /** The current ones. */
  readonly merchantCertificate: () => Certificate
  readonly platformCertificate: () => Certificate
  readonly publicKey: () => PublicKey
  /** Whether a merchant certificate of this serial number is valid; undefined if there was never one. */
  readonly findMerchantCertificate: (
    serialNo: string,
  ) => { readonly certificate: Certificate; readonly isValid: boolean } | undefined
  /** All that ever existed, the current one first. */
  readonly merchantCertificates: () => Certificate[]
  /** Those in use, the newest last. */
  readonly platformCertificates: () => Certificate[]
  readonly publicKeys: () => PublicKey[]
  /** Replaces one; `keepOld`: the previous one stays valid. */
  readonly rotate: (what: Rotatable, keepOld: boolean) => void
  readonly dump: () => KeysDump
  readonly load: (dump: KeysDump) => void
}

const last = <T>(values: readonly T[]): T => values.at(-1)!

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

/** Creates each generation once. */
function generations<T>(make: (generation: number) => T): (generation: number) => T {
  const made = new Map<number, T>()
  return (generation) => {
    const known = made.get(generation) ?? make(generation)
    made.set(generation, known)
    return known
  }
}

/**
 * They depend only on the number, so a world created again for the same merchant has the same ones. `expired`: the platform certificates expired long ago.
 */
export function createKeys(mchId: string, expired: boolean): Keys {
  const random = createRandom(`keys of ${mchId}`)
  let current = FIRST

  /** The next key of the pool for each generation, starting at a place determined by the seed. */
  function keyOf(pool: readonly string[], what: Rotatable, generation: number): RsaKey {
    const start = Math.floor(random.fraction('key', what) * pool.length)
    return rsaKey(pool[(start + generation) % pool.length]!)
  }

  function certificate(
    what: Rotatable,
    pool: readonly string[],
    generation: number,
    subject: CertificateData['subject'],
    validity: Pick<CertificateData, 'validFrom' | 'validTo'>,
  ): Certificate {
    const data = {
      serialNo: serialNoOf(random.hex(40, 'serial', what, generation)),
      key: keyOf(pool, what, generation),
      ...validity,
    }
    const der = once(() => issueCertificate({ ...data, subject }))
    return {
      ...data,
      pair: once(() => ({ cert: certificatePem(der()), key: privateKeyPem(data.key) })),
      file: once(() => certificateFile(der(), data.key, mchId)),
    }
  }

  const merchant = generations((n) =>
    certificate('merchant-certificate', MERCHANT_KEYS, n, merchantSubject(mchId), ALWAYS_VALID),
  )
  const platform = generations((n) =>
    certificate('platform-certificate', PLATFORM_KEYS, n, PLATFORM_SUBJECT, expired ? LONG_EXPIRED : ALWAYS_VALID),
  )
  const publicKey = generations((n): PublicKey => {
    const key = keyOf(WECHAT_PAY_KEYS, 'public-key', n)
    // 34 digits: 01, the mch_id, a date, and a number.
    const id = `PUB_KEY_ID_01${mchId.slice(0, 10).padStart(10, '0')}20241126${random.digits(14, 'public-key', 'id', n)}`
    return { id, key, pem: once(() => publicKeyPem(key)) }
  })

  return {
    merchantCertificate: () => merchant(last(current.merchantCertificates)),
    platformCertificate: () => platform(last(current.platformCertificates)),
    publicKey: () => publicKey(last(current.publicKeys)),
    findMerchantCertificate: (serialNo) => {
      const { merchantCertificates: valid } = current
      const wanted = serialNo.toUpperCase()
      const generation = Array.from({ length: last(valid) + 1 }, (_, n) => n).find(
        (n) => merchant(n).serialNo === wanted,
      )
      return generation === undefined
        ? undefined
        : { certificate: merchant(generation), isValid: valid.includes(generation) }
    },
    merchantCertificates: () =>
      Array.from({ length: last(current.merchantCertificates) + 1 }, (_, n) => merchant(n)).reverse(),
    platformCertificates: () => current.platformCertificates.map(platform),
    publicKeys: () => current.publicKeys.map(publicKey),
    rotate: (what, keepOld) => {
      const { list, most } = LISTS[what]
      const valid = current[list]
      current = { ...current, [list]: [...(keepOld ? valid.slice(1 - most) : []), last(valid) + 1] }
    },
    dump: () => current,
    load: (dump) => {
      current = dump
    },
  }
}
