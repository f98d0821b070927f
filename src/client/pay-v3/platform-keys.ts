import { X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { WechatError } from '../../errors.ts'
import { decryptV3 } from '../../protocol/aead-v3.ts'
import type { Sealed } from '../../protocol/aead-v3.ts'
import type { Secret } from '../../base/secret.ts'

/** A key of WeChat Pay: verifies what WeChat signs, encrypts what only WeChat may read. */
export interface PlatformKey {
  /** A certificate's serial number, or the id of a WeChat Pay public key: `PUB_KEY_ID_…`. */
  serial: string
  key: KeyObject
  /** When a certificate expires; a public key does not. */
  expiresAt?: Date | undefined
}

export interface PlatformKeysOptions {
  /** Keys from the options: downloads do not replace them. */
  given: readonly PlatformKey[]
  /** Downloads WeChat's certificates. Without it no other key is accepted. */
  download?: (() => Promise<PlatformKey[]>) | undefined
  now: () => Date
}

export interface PlatformKeys {
  /**
   * The key of this name, or `undefined` if WeChat has none. An unknown name may cause a download: one at a time, and none for five minutes after a
   * successful one, so that made-up names cost nothing.
   */
  find(serial: string): Promise<KeyObject | undefined>
  /** The same, without a download. */
  known(serial: string): KeyObject | undefined
  /** The key to encrypt with, and to request replies under: the public key if there is one, otherwise the newest certificate. */
  preferred(): Promise<PlatformKey>
  /** The id of the WeChat Pay public key, if one was given. */
  readonly publicKeyId: string | undefined
}

/** WeChat asks for intervals under 12 h (doc/v3/merchant/4012551764). */
const REFRESH_MS = 11 * 60 * 60_000

/** New certificates are announced months ahead, so nothing waits for this. */
const AFTER_SUCCESS_MS = 5 * 60_000
const AFTER_FAILURE_MS = 10_000

const PUBLIC_KEY = 'PUB_KEY_ID_'

export function createPlatformKeys({ given, download, now }: PlatformKeysOptions): PlatformKeys {
  const known = new Map(given.map((key) => [named(key.serial), key]))
  const isGiven = ({ serial }: PlatformKey) => given.some((key) => named(key.serial) === named(serial))
  const publicKey = given.find(({ serial }) => serial.startsWith(PUBLIC_KEY))
  let underWay: Promise<void> | undefined
  /** When the last download ended, and how long it stays valid. */
  let last: { at: number; rest: number } | undefined
  let refreshedAt: number | undefined

  /** Adds WeChat's keys. Only expired keys are removed: a message signed shortly before a change may still be on its way. */
  function refresh(): Promise<void> {
    underWay ??= load().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  async function load(): Promise<void> {
    try {
      for (const key of await download!()) if (!isGiven(key)) known.set(named(key.serial), key)
      refreshedAt = now().getTime()
      last = { at: refreshedAt, rest: AFTER_SUCCESS_MS }
    } catch (error) {
      last = { at: now().getTime(), rest: AFTER_FAILURE_MS }
      throw error
    }
  }

  /** Setting the clock back ends the pause. */
  function rests(): boolean {
    if (last === undefined) return false
    const since = now().getTime() - last.at
    return since >= 0 && since < last.rest
  }

  function isStale(): boolean {
    return refreshedAt === undefined || Math.abs(now().getTime() - refreshedAt) >= REFRESH_MS
  }

  function current(serial: string): KeyObject | undefined {
    const found = known.get(named(serial))
    return found === undefined || isOver(found) ? undefined : found.key
  }

  function isOver({ expiresAt }: PlatformKey): boolean {
    return expiresAt !== undefined && expiresAt <= now()
  }

  return {
    publicKeyId: publicKey?.serial,
    known: current,

    async find(serial) {
      const found = current(serial)
      if (download === undefined || serial.startsWith(PUBLIC_KEY)) return found
      if (found !== undefined) {
        // A failure shows up when a missing key is needed.
        if (isStale() && !rests()) refresh().catch(() => {})
        return found
      }
      if (underWay === undefined && rests()) return undefined
      await refresh()
      return current(serial)
    },

    async preferred() {
      if (publicKey !== undefined) return publicKey
      const newest = () =>
        [...known.values()].filter((key) => !isOver(key)).sort((a, b) => Number(b.expiresAt) - Number(a.expiresAt))[0]
      if (newest() === undefined && download !== undefined) await refresh()
      const found = newest()
      if (found === undefined) {
        throw new WechatError(
          'WECHAT_ACCOUNT_REFUSED',
          'There is no valid key of WeChat Pay. Give the option merchant.publicKey, or new certificates.',
          { sent: false },
        )
      }
      return found
    },
  }
}

/** Serial numbers are numbers: case and leading zeros do not count. */
function named(serial: string): string {
  return serial.startsWith(PUBLIC_KEY) ? serial : serial.replace(/^0+/, '').toUpperCase()
}

/** A platform certificate from its PEM text. @throws {Error} if it is not one */
export function readCertificate(pem: string | Buffer): PlatformKey {
  const { serialNumber, publicKey, validTo } = new X509Certificate(pem)
  return { serial: serialNumber, key: publicKey, expiresAt: new Date(validTo) }
}

/**
 * The certificates of a reply of `GET /v3/certificates` (doc/v3/merchant/4012551764). They are trusted because they were encrypted with the APIv3 key.
 *
 * @throws {WechatError} `WECHAT_REPLY_INVALID`
 */
export function readCertificates(reply: unknown, apiV3Keys: readonly Secret[]): PlatformKey[] {
  const entries = (reply as { data?: unknown } | null)?.data
  if (!Array.isArray(entries)) throw invalid('holds no list')
  return entries.map((entry: { encrypt_certificate?: Sealed } | null) => {
    const sealed = entry?.encrypt_certificate
    if (typeof sealed?.ciphertext !== 'string' || typeof sealed.nonce !== 'string') {
      throw invalid('holds something else')
    }
    const pem = apiV3Keys.map((key) => decryptV3(sealed, key.reveal())).find((text) => text !== undefined)
    if (pem === undefined) throw invalid('does not decrypt with merchant.apiV3Key')
    try {
      return readCertificate(pem.toString())
    } catch {
      throw invalid('contains something that is not a certificate')
    }
  })
}

function invalid(what: string): WechatError {
  return new WechatError('WECHAT_REPLY_INVALID', `WeChat Pay's list of platform certificates ${what}.`, {
    advice: 'repeat',
  })
}
