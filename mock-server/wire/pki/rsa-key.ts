import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { integer, sequence } from './der.ts'

/** An RSA key of the pool, created on first use. */
export interface RsaKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** PKCS #8. */
  readonly privateDer: Buffer
  /** SubjectPublicKeyInfo. */
  readonly publicDer: Buffer
}

const read = new Map<string, RsaKey>()

/** The key of two primes, which the pool stores one after the other in base64; each key is created once per process. */
export function rsaKey(primes: string): RsaKey {
  const known = read.get(primes)
  if (known) return known
  const privateKey = createPrivateKey({ key: pkcs1(primes), format: 'der', type: 'pkcs1' })
  const publicKey = createPublicKey(privateKey)
  const key = {
    privateKey,
    publicKey,
    privateDer: privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicDer: publicKey.export({ format: 'der', type: 'spki' }),
  }
  read.set(primes, key)
  return key
}

/** The usual public exponent. */
const E = 65537n

/** RFC 8017, A.1.2: everything else of a key follows from its primes. */
function pkcs1(primes: string): Buffer {
  const bytes = Buffer.from(primes, 'base64')
  const half = bytes.length / 2
  const [p, q] = [number(bytes.subarray(0, half)), number(bytes.subarray(half))]
  const d = inverse(E, ((p - 1n) * (q - 1n)) / gcd(p - 1n, q - 1n))
  const others = [p * q, E, d, p, q, d % (p - 1n), d % (q - 1n), inverse(q, p)]
  return sequence(integer(0), ...others.map((each) => integer(bytesOf(each))))
}

const number = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`)

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b)
}

/** The inverse of `value` modulo `modulus`, by the extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [rest, next] = [modulus, value]
  let [factor, nextFactor] = [0n, 1n]
  while (next > 0n) {
    const times = rest / next
    ;[rest, next] = [next, rest - times * next]
    ;[factor, nextFactor] = [nextFactor, factor - times * nextFactor]
  }
  return ((factor % modulus) + modulus) % modulus
}
