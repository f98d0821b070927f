/** What a field of a request must look like; lengths count bytes of UTF-8. */
export interface FieldRule {
  readonly name: string
  readonly max: number
  readonly required?: true
  readonly form?: (value: string) => boolean
}

export const matches = (pattern: RegExp) => (value: string) => pattern.test(value)

export const APPID: FieldRule = { name: 'appid', max: 32, required: true }

export const COMMON: readonly FieldRule[] = [
  { name: 'mch_id', max: 32, required: true, form: matches(/^\d+$/) },
  { name: 'nonce_str', max: 32, required: true },
  { name: 'sign', max: 64, required: true },
  { name: 'sign_type', max: 32, form: matches(/^(?:MD5|HMAC-SHA256)$/) },
  { name: 'device_info', max: 32 },
  { name: 'sub_appid', max: 32 },
  { name: 'sub_mch_id', max: 32 },
]
