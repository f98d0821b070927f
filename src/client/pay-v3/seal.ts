import type { KeyObject } from 'node:crypto'
import { isFresh, isProbe, readSeal, verifyV3 } from '../../protocol/sign-v3.ts'
import { WechatError } from '../../errors.ts'

/** Why a message is rejected. */
export interface Flaw {
  fault: 'incomplete' | 'probe' | 'stale' | 'unknown-key' | 'bad-signature'
  /** Completes the sentence "The notification …". */
  reason: string
}

interface Message {
  /** By lower-case name. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** The bytes as they came. */
  body: Buffer
}

/**
 * Verifies a reply or a notification, over its raw bytes, before anything is parsed (doc/v3/merchant/4013053420). Resolves with `undefined` if the
 * signature is valid. `find` resolves with the key of this name.
 */
export async function flawOf(
  { headers, body }: Message,
  find: (serial: string) => Promise<KeyObject | undefined>,
  now: Date,
): Promise<Flaw | undefined> {
  const seal = readSeal(headers)
  if (seal === undefined) {
    return {
      fault: 'incomplete',
      reason: 'lacks Wechatpay-Timestamp, -Nonce, -Serial or -Signature, or has one of them twice',
    }
  }
  if (isProbe(seal)) {
    return { fault: 'probe', reason: 'has a deliberately wrong signature: WeChat tests whether we refuse it' }
  }
  if (!isFresh(seal, now)) {
    return {
      fault: 'stale',
      reason: "was signed more than five minutes before or after now: check this server's clock",
    }
  }
  const name = seal.serial.slice(0, 64)
  let key: KeyObject | undefined
  try {
    key = await find(seal.serial)
  } catch (error) {
    if (!(error instanceof WechatError)) throw error
    return {
      fault: 'unknown-key',
      reason: `names the key ${name}, which is unknown here: ${error.message.replace(/\.$/, '')}`,
    }
  }
  if (key === undefined) {
    return {
      fault: 'unknown-key',
      reason: `names the key ${name}, which is unknown here: check merchant.publicKeyId and merchant.platformCertificates`,
    }
  }
  if (verifyV3(seal, body, key)) return undefined
  return {
    fault: 'bad-signature',
    reason: `has a signature that does not match the key ${name}: it is forged or was changed on its way, or merchant.publicKey is wrong`,
  }
}
