import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/** An RSA key of the pool, read on first use. */
export interface RsaKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** PKCS #8. */
  readonly privateDer: Buffer
  /** SubjectPublicKeyInfo. */
  readonly publicDer: Buffer
}

const read = new Map<string, RsaKey>()

/** Reads a key in base64; each key is read once per process. */
export function rsaKey(base64: string): RsaKey {
  const known = read.get(base64)
  if (known) return known
  const privateDer = Buffer.from(base64, 'base64')
  const privateKey = createPrivateKey({ key: privateDer, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const key = { privateKey, publicKey, privateDer, publicDer: publicKey.export({ format: 'der', type: 'spki' }) }
  read.set(base64, key)
  return key
}
