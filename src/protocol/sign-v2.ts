import { createHmac, hash, timingSafeEqual } from 'node:crypto'

/** The two algorithms of API v2, by their wire names. */
export type SignType = 'MD5' | 'HMAC-SHA256'

/**
 * Signs a message of API v2 (pay.weixin.qq.com, "security rules" 4_3): all fields but `sign`, empty values left out, names in ASCII order,
 * `name=value` joined by `&`, then `&key=` and the API key; upper-case hex.
 */
export function signV2(fields: ReadonlyMap<string, string>, apiKey: string, signType: SignType): string {
  const text = stringToSign(fields, apiKey)
  const digest = signType === 'MD5' ? hash('md5', text, 'hex') : createHmac('sha256', apiKey).update(text).digest('hex')
  return digest.toUpperCase()
}

/**
 * Whether `sign` is the signature of `fields`, compared in constant time. The algorithm is the merchant's, never the message's, so that nobody can
 * choose the weaker one; and a message that names another algorithm is refused.
 */
export function verifyV2(fields: ReadonlyMap<string, string>, apiKey: string, signType: SignType): boolean {
  const sign = fields.get('sign')
  const declared = fields.get('sign_type')
  if (!sign || (declared !== undefined && declared !== '' && declared !== signType)) return false
  const expected = Buffer.from(signV2(fields, apiKey, signType))
  const received = Buffer.from(sign)
  return expected.length === received.length && timingSafeEqual(expected, received)
}

function stringToSign(fields: ReadonlyMap<string, string>, apiKey: string): string {
  let text = ''
  let last = ''
  for (const [name, value] of fields) {
    // Messages of WeChat come sorted. The comparison is of UTF-16 units, which for the ASCII names of the wire is ASCII order.
    if (name < last) return stringToSign(new Map([...fields].sort(([a], [b]) => (a < b ? -1 : 1))), apiKey)
    last = name
    if (name !== 'sign' && value !== '') text += `${name}=${value}&`
  }
  return `${text}key=${apiKey}`
}
