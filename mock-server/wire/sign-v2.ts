import { createHmac, hash } from 'node:crypto'

/** The algorithm of a signature in API v2. */
export type SignType = 'MD5' | 'HMAC-SHA256'

/**
 * The V2 string to sign (V2 4_3 security rules): every field except `sign`, without empty values, names in ASCII order,
 * values raw. {@link signV2} appends the key, so this text can be shown.
 */
export function stringToSign(fields: Iterable<readonly [string, string]>): string {
  return [...fields]
    .filter(([name, value]) => name !== 'sign' && value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

/** Upper-case hex: 32 characters for MD5, 64 for HMAC-SHA256. */
export function signV2(fields: Iterable<readonly [string, string]>, key: string, type: SignType): string {
  const text = `${stringToSign(fields)}&key=${key}`
  const digest = type === 'MD5' ? hash('md5', text) : createHmac('sha256', key).update(text).digest('hex')
  return digest.toUpperCase()
}
