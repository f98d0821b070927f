// DER (X.690), the part that a certificate and a PKCS #12 file need.

/** An ASN.1 element: its tag, and its content in one or several pieces. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const bytes = Buffer.from(length.toString(16).padStart(length > 0xffff ? 6 : length > 0xff ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | bytes.length]), bytes, content])
}

export const sequence = (...contents: readonly Uint8Array[]) => element(0x30, ...contents)
export const set = (...contents: readonly Uint8Array[]) => element(0x31, ...contents)
export const octets = (bytes: Uint8Array) => element(0x04, bytes)
/** A bit string of whole bytes: no unused bits. */
export const bits = (bytes: Uint8Array) => element(0x03, Buffer.from([0]), bytes)
export const utf8 = (text: string) => element(0x0c, Buffer.from(text))
export const printable = (text: string) => element(0x13, Buffer.from(text))
export const TRUE = element(0x01, Buffer.from([0xff]))
export const NULL = element(0x05)
/** Explicit tag `[n]`. */
export const tagged = (n: number, ...contents: readonly Uint8Array[]) => element(0xa0 + n, ...contents)

/** An unsigned number: a leading zero keeps it from being negative. */
export function integer(value: number | Uint8Array): Buffer {
  const bytes =
    typeof value === 'number' ? Buffer.from(value.toString(16).padStart(value > 0xff ? 4 : 2, '0'), 'hex') : value
  return element(0x02, ...(bytes[0]! & 0x80 ? [Buffer.from([0])] : []), bytes)
}

/** `1.2.840.113549` */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...others] = text.split('.').map(Number)
  const base128 = (value: number): number[] =>
    value < 0x80 ? [value] : [...base128(value >> 7).map((byte) => byte | 0x80), value & 0x7f]
  return element(0x06, Buffer.from([first * 40 + second, ...others.flatMap(base128)]))
}

/** `yyMMddHHmmssZ`, for the years up to 2049. */
export const utcTime = (date: Date) =>
  element(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))

export const pem = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
