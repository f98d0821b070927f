import { signV2, type SignType } from '../sign-v2.ts'
import { readXml, type Fields } from '../wire.ts'

/** New values of fields; null takes a field out. */
export type FieldChanges = Readonly<Record<string, string | null>>

const cdata = (value: string) => `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`

/** Changes fields of a flat message and leaves everything else, to the byte, as it was. */
export function changeFields(xml: string, changes: FieldChanges): string {
  return Object.entries(changes).reduce((text, [name, value]) => {
    const element = value === null ? '' : `<${name}>${cdata(value)}</${name}>`
    const present = new RegExp(`<${name}>(?:(?:<!\\[CDATA\\[[\\s\\S]*?\\]\\]>)+|[^<]*)</${name}>`)
    return present.test(text) ? text.replace(present, () => element) : text.replace('</xml>', () => `${element}</xml>`)
  }, xml)
}

/** What becomes of the signature: made anew for the changed message, left as it was, wrong, or taken out. */
export type Resign = 'again' | 'keep' | 'wrong' | 'none'

/** The length of a signature tells its algorithm. */
function signature(fields: Fields, key: string): string {
  const type: SignType = fields.get('sign')?.length === 64 ? 'HMAC-SHA256' : 'MD5'
  return signV2(fields, key, type)
}

export const isSignedWith = (fields: Fields, key: string) => signature(fields, key) === fields.get('sign')

/** Signs the message as it is now, with the algorithm of its old signature. */
export const signAgain = (xml: string, key: string) => changeFields(xml, { sign: signature(readXml(xml), key) })
