import { parseWechatTime } from '../../wire/time.ts'
import type { Fields } from '../../wire/xml.ts'
import { missing, ProtocolFail } from './answers.ts'

/** The rule for a field of a request; lengths count UTF-8 bytes. */
export interface FieldRule {
  readonly name: string
  readonly max: number
  readonly required?: true
  readonly form?: (value: string) => boolean
  /** The recorded text for a wrong format; default: the one used for most fields. */
  readonly text?: string
  /** The recorded text for a field that is missing; default 缺少参数. */
  readonly missing?: string
}

export const matches = (pattern: RegExp) => (value: string) => pattern.test(value)
export const isTime = (text: string) => parseWechatTime(text) !== undefined
export const isAmount = matches(/^[1-9]\d*$/)
export const isGzip = matches(/^GZIP$/)

const APPID: FieldRule = { name: 'appid', max: 32, required: true }

/** The fields of every call. */
export const commonFields = (withAppid: boolean): readonly FieldRule[] => [
  ...(withAppid ? [APPID] : []),
  { name: 'mch_id', max: 32, required: true, form: matches(/^\d+$/) },
  { name: 'nonce_str', max: 32, required: true },
  { name: 'sign', max: 64, required: true },
  { name: 'sign_type', max: 32, form: matches(/^(?:MD5|HMAC-SHA256)$/) },
  { name: 'device_info', max: 32 },
  { name: 'sub_appid', max: 32 },
  { name: 'sub_mch_id', max: 32 },
]

/** @throws ProtocolFail */
export function checkFields(fields: Fields, rules: readonly FieldRule[]): void {
  const lacking = rules.filter(({ name, required }) => required && !fields.get(name))
  const [only] = lacking
  if (lacking.length === 1 && only!.missing !== undefined) throw new ProtocolFail(only!.missing)
  if (only) throw missing(...lacking.map(({ name }) => name))
  for (const { name, max, form, text = `${name}参数格式错误` } of rules) {
    const value = fields.get(name) ?? ''
    const length = Buffer.byteLength(value)
    if (length > max) {
      throw new ProtocolFail(`${name}参数长度有误`, {
        cause: `${name} has ${length} bytes, at most ${max} are allowed`,
      })
    }
    if (value !== '' && form && !form(value)) {
      throw new ProtocolFail(text, { cause: `${name} is ${JSON.stringify(value)}` })
    }
  }
}
