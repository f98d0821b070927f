import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { WechatError } from '../errors.ts'

/** What the client sends about a user: `wx.getUserProfile`, `wx.getWeRunData`, `wx.getShareInfo`. */
export interface EncryptedData {
  encryptedData: string
  iv: string
}

/** Whether `signature` is that of the client's `rawData`, exactly as received: SHA-1 of it and the session key (open-ability/signature). */
export function isUserData(rawData: string, signature: string, sessionKey: string): boolean {
  const expected = createHash('sha1')
    .update(rawData + sessionKey)
    .digest('hex')
  return signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected))
}

/** Proves to WeChat that we have the session key. Its text is used as the HMAC key, not the bytes it encodes (vectors: `sessionHmac`). */
export function signSession(sessionKey: string): string {
  return createHmac('sha256', sessionKey).update('').digest('hex')
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** The bytes of strict base64, `undefined` for anything else. Node would skip unknown characters, such as a `+` that became a space. */
function bytesOf(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

/**
 * Decrypts what the client sends (AES-128-CBC; open-ability/signature), and checks that it is for this app.
 *
 * @throws {WechatError} `WECHAT_INPUT_INVALID` if it is not encrypted data; `WECHAT_SESSION_KEY_STALE` if it was encrypted with another session key;
 * `WECHAT_DATA_FOREIGN` if its watermark names another app
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
      'encryptedData and iv must be the unchanged base64 strings from the client, and the session key the one from code2Session: a "+" may have become a space in transit.',
    )
  }
  const value = decrypt(data, key, start)
  if (value === undefined) {
    // The same error for every failure, as the client may send any ciphertext.
    throw new WechatError(
      'WECHAT_SESSION_KEY_STALE',
      'The data was encrypted with another session key: call wx.login, log in, and then get the data again.',
    )
  }
  const { watermark } = value as { watermark?: { appid?: unknown } | null }
  if (watermark?.appid !== appid) {
    throw new WechatError('WECHAT_DATA_FOREIGN', `The data was made for an app other than ${appid}, and was rejected.`)
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
    // A wrong key passes the padding check about once in 256 times, but then the result is not JSON.
    return undefined
  }
}

function keyOf(secret: string, purpose: string): Buffer {
  return createHash('sha256').update(`${purpose}\n${secret}`).digest()
}

/** Encrypts a text for the store (AES-256-GCM) with a secret that is not in the store. `nonce`: 24 hex digits, never used before. */
export function seal(text: string, secret: string, purpose: string, nonce: string): string {
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, purpose), Buffer.from(nonce, 'hex'))
  const sealed = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
  return `${nonce}.${sealed.toString('base64')}`
}

/** `undefined` if it was not sealed with this secret. */
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
