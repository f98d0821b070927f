import { constants, createDecipheriv, publicEncrypt } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** A part of a message that only the merchant can read: AEAD_AES_256_GCM with the APIv3 key (doc/v3/merchant/4012071382). */
export interface Sealed {
  /** Base64: the ciphertext and the 16 bytes of its tag. */
  ciphertext: string
  nonce: string
  associated_data?: string | null | undefined
}

const KEY_BYTES = 32
const TAG_BYTES = 16
/** Real nonces have 12 characters; the documents allow 16. */
const NONCE = /^[\x20-\x7e]{12,16}$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * The plaintext, or `undefined` if it was not encrypted with this key, or was altered. A wrong key, a flipped bit and different associated data cannot be distinguished.
 */
export function decryptV3(
  { ciphertext, nonce, associated_data: associated }: Sealed,
  apiV3Key: string,
): Buffer | undefined {
  const key = Buffer.from(apiV3Key)
  if (key.length !== KEY_BYTES || !NONCE.test(nonce) || !BASE64.test(ciphertext)) return undefined
  const bytes = Buffer.from(ciphertext, 'base64')
  if (bytes.length < TAG_BYTES) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(associated ?? ''))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
  } catch {
    return undefined
  }
}

/** A field that only WeChat can read, such as a bank account: base64 of RSA-OAEP with SHA-1 (doc/v3/merchant/4013053264). */
export function encryptField(text: string, platformKey: KeyObject): string {
  return publicEncrypt(
    { key: platformKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    Buffer.from(text),
  ).toString('base64')
}
