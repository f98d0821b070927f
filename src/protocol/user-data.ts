import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { WechatError } from '../errors.ts'

/** What the client sends of a user: `wx.getUserProfile`, `wx.getWeRunData`, `wx.getShareInfo`. */
export interface EncryptedData {
  encryptedData: string
  iv: string
}

/** Whether `signature` is that of the client's `rawData`, the text as it came: SHA-1 of it and the session key (open-ability/signature). */
export function isUserData(rawData: string, signature: string, sessionKey: string): boolean {
  const expected = createHash('sha1')
    .update(rawData + sessionKey)
    .digest('hex')
  return signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected))
}

/** Proves to WeChat that we have the session key. Its text is the key here, not the bytes that it encodes (vectors: `sessionHmac`). */
export function signSession(sessionKey: string): string {
  return createHmac('sha256', sessionKey).update('').digest('hex')
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The bytes of strict base64, `undefined` for anything else: Node skips what it does not know, such as a `+` that became a space. */
function bytesOf(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

/**
 * Decrypts what the client sends (AES-128-CBC; open-ability/signature), and checks that it is for this app.
 *
 * @throws {WechatError} `WECHAT_INPUT_INVALID` for what is no encrypted data; `WECHAT_SESSION_KEY_STALE` when the session key is not the one that it was encrypted under;
 * `WECHAT_DATA_FOREIGN` when its watermark names another app
 */
export function decryptUserData(
  { encryptedData, iv }: EncryptedData,
  sessionKey: string,
  appid: string,
): Record<string, unknown> {
  const [data, start, key] = [bytesOf(encryptedData), bytesOf(iv), bytesOf(sessionKey)]
  if (data === undefined || data.length === 0 || data.length % 16 !== 0 || start?.length !== 16 || key?.length !== 16) {
    throw new WechatError(
      'WECHAT_INPUT_INVALID',
      'encryptedData and iv must be the base64 texts that the client got, unchanged, and the session key that of code2Session: a "+" may have become a space on the way.',
    )
  }
  const value = decrypt(data, key, start)
  if (value === undefined) {
    // One answer, whatever failed: the client may send any ciphertext.
    throw new WechatError(
      'WECHAT_SESSION_KEY_STALE',
      'The session key is not the one that the data was encrypted under: call wx.login, log in, and get the data after that.',
    )
  }
  const { watermark } = value as { watermark?: { appid?: unknown } | null }
  if (watermark?.appid !== appid) {
    throw new WechatError(
      'WECHAT_DATA_FOREIGN',
      `The data was made for another app than ${appid}, and was not believed.`,
    )
  }
  return value
}

function decrypt(data: Buffer, key: Buffer, iv: Buffer): Record<string, unknown> | undefined {
  try {
    const decipher = createDecipheriv('aes-128-cbc', key, iv)
    const bytes = Buffer.concat([decipher.update(data), decipher.final()])
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // A wrong key passes the padding about once in 256 times, and then gives no JSON.
    return undefined
  }
}

function keyOf(secret: string, purpose: string): Buffer {
  return createHash('sha256').update(`${purpose}\n${secret}`).digest()
}

/** Encrypts a text for the store (AES-256-GCM) under a secret that is not in it. `nonce`: 24 hex digits, never used before. */
export function seal(text: string, secret: string, purpose: string, nonce: string): string {
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, purpose), Buffer.from(nonce, 'hex'))
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
  return `${nonce}.${sealed.toString('base64')}`
}

/** `undefined` for what was not sealed under this secret. */
export function unseal(sealed: string, secret: string, purpose: string): string | undefined {
  try {
    const [nonce, text] = sealed.split('.') as [string, string]
    const bytes = Buffer.from(text, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', keyOf(secret, purpose), Buffer.from(nonce, 'hex'))
    decipher.setAuthTag(bytes.subarray(-16))
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString()
  } catch {
    return undefined
  }
}
