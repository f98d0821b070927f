import { constants, createCipheriv, createDecipheriv, privateDecrypt, publicEncrypt, type KeyObject } from 'node:crypto'

/**
 * AEAD_AES_256_GCM under the APIv3 key: the ciphertext followed by its 16-byte tag, in base64. The nonce and the associated
 * data are texts.
 */
export function sealAead(plain: string, apiV3Key: string, nonce: string, associatedData: string): string {
  const cipher = createCipheriv('aes-256-gcm', apiV3Key, nonce)
  cipher.setAAD(Buffer.from(associatedData))
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

/** @throws an error if the key, the associated data or the ciphertext is wrong. */
export function openAead(ciphertext: string, apiV3Key: string, nonce: string, associatedData: string): string {
  const bytes = Buffer.from(ciphertext, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', apiV3Key, nonce)
  decipher.setAAD(Buffer.from(associatedData)).setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString()
}

/** RSA-OAEP with SHA-1, for single fields: 214 bytes at most. */
const oaep = (key: KeyObject) => ({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' })

export const sealField = (plain: string, publicKey: KeyObject) =>
  publicEncrypt(oaep(publicKey), Buffer.from(plain)).toString('base64')

/** Undefined if the field was not encrypted for this key. */
export function openField(ciphertext: string, privateKey: KeyObject): string | undefined {
  try {
    return privateDecrypt(oaep(privateKey), Buffer.from(ciphertext, 'base64')).toString()
  } catch {
    return undefined
  }
}
