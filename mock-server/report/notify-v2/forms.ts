import { signV2, type SignType } from '../../wire/sign-v2.ts'
import { readXml } from '../../wire/xml.ts'
import type { FieldChanges } from '../../wire/tamper.ts'
import type { Bench } from '../parts/bench.ts'
import type { Shot } from '../parts/shoot.ts'

export type Field = readonly [name: string, value: string]

/** The fields of the genuine notification without its signature, with these changes; null removes a field. */
export function fieldsOf(bench: Bench, outTradeNo: string, changes: FieldChanges = {}): Field[] {
  const fields = new Map(readXml(String(bench.message(outTradeNo).body)))
  fields.delete('sign')
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) fields.delete(name)
    else fields.set(name, value)
  }
  return [...fields]
}

export const keyOf = (bench: Bench) => bench.world.credentials.apiKey

/** How the backend signs its orders, and so how WeChat signs their notifications. */
export function signTypeOf(bench: Bench, outTradeNo: string): SignType {
  return bench.world.order(outTradeNo).signType === 'HMAC-SHA256' ? 'HMAC-SHA256' : 'MD5'
}

export const signOf = (bench: Bench, outTradeNo: string, fields: readonly Field[], key = keyOf(bench)) =>
  signV2(fields, key, signTypeOf(bench, outTradeNo))

export const cdata = (value: string) => `<![CDATA[${value.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`
export const escaped = (value: string) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

interface Style {
  readonly write?: (value: string, name: string) => string
  readonly between?: string
  readonly before?: string
  readonly after?: string
}

/** XML with the fields in this order. */
export function xmlOf(fields: readonly Field[], style: Style = {}): string {
  const { write = cdata, between = '', before = '', after = '' } = style
  const elements = fields.map(([name, value]) => `<${name}>${write(value, name)}</${name}>`)
  return `${before}<xml>${between}${elements.join(between)}${between}</xml>${after}`
}

/** The fields, plus a valid signature. */
export const sealed = (bench: Bench, outTradeNo: string, fields: readonly Field[], key?: string): Field[] => [
  ...fields,
  ['sign', signOf(bench, outTradeNo, fields, key)],
]

/** A validly signed notification with these changes, written in this style. */
export const signedShot =
  (changes: FieldChanges = {}, style?: Style) =>
  (bench: Bench, outTradeNo: string): Shot =>
    bench.bytes(xmlOf(sealed(bench, outTradeNo, fieldsOf(bench, outTradeNo, changes)), style))

/** The genuine XML, edited; the signature stays as it was. */
export const editedShot =
  (edit: (xml: string, bench: Bench, outTradeNo: string) => string | Buffer) =>
  (bench: Bench, outTradeNo: string): Shot =>
    bench.bytes(edit(xmlOf(sealed(bench, outTradeNo, fieldsOf(bench, outTradeNo))), bench, outTradeNo))

/** A validly signed notification with extra elements that the signature does not cover. */
export const withElements = (elements: string) => editedShot((xml) => xml.replace('</xml>', () => `${elements}</xml>`))
