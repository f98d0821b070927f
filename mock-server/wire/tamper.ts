import { type SignType, signV2 } from './sign-v2.ts'
import { type Fields, readXml } from './xml.ts'

/** New values of fields; null removes a field. */
export type FieldChanges = Readonly<Record<string, string | null>>

const cdata = (value: string) => `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`

/** Changes fields of a flat message and leaves everything else byte for byte as it was. */
export function changeFields(xml: string, changes: FieldChanges): string {
  return Object.entries(changes).reduce((text, [name, value]) => {
    const element = value === null ? '' : `<${name}>${cdata(value)}</${name}>`
    const present = new RegExp(`<${name}>(?:(?:<!\\[CDATA\\[[\\s\\S]*?\\]\\]>)+|[^<]*)</${name}>`)
    return present.test(text) ? text.replace(present, () => element) : text.replace('</xml>', () => `${element}</xml>`)
  }, xml)
}

/** What happens to the signature: recomputed for the changed message, kept, wrong, or removed. */
export type Resign = 'again' | 'keep' | 'wrong' | 'none'

/** The length of a signature reveals its algorithm. */
function signature(fields: Fields, key: string): string {
  const type: SignType = fields.get('sign')?.length === 64 ? 'HMAC-SHA256' : 'MD5'
  return signV2(fields, key, type)
}

/** Signs the message as it is now, with the algorithm of its old signature. */
export const signAgain = (xml: string, key: string) => changeFields(xml, { sign: signature(readXml(xml), key) })

const complement = (sign: string) =>
  sign.replace(/[0-9A-F]/g, (digit) => (15 - parseInt(digit, 16)).toString(16).toUpperCase())

/** The message with a well-formed but wrong signature, added if there was none. */
export function withBadSign(xml: string): string {
  // Every digit changes, so the value is certainly wrong.
  const distorted = xml.replace(/(?<=<sign><!\[CDATA\[)[0-9A-F]+/, complement)
  return distorted === xml ? xml.replace('</xml>', `<sign><![CDATA[${'0'.repeat(32)}]]></sign></xml>`) : distorted
}
