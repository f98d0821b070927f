import type { Account } from '../../ledger/account.ts'
import { openField } from '../../wire/aead-v3.ts'
import { NUMBER } from '../../wire/error-codes-v3.ts'
import type { RsaKey } from '../../wire/pki/rsa-key.ts'
import type { Behaviour } from '../behaviour.ts'
import { paramError, V3Error } from './answers.ts'

/** Where a parameter is, in the words of the error texts. */
export type Place = 'body' | 'query' | 'uri_template'

/** The rule for a parameter. Lengths are bytes of UTF-8, whatever the documentation says. */
export interface Field {
  readonly type: 'string' | 'integer' | 'boolean' | 'object' | 'array'
  /** The Chinese name in the error texts. */
  readonly label: string
  readonly required?: true
  /** The least and the greatest length in bytes, or the least value. */
  readonly least?: number
  readonly most?: number
  readonly pattern?: RegExp
  /** The place named in the error text, if different from the real one. */
  readonly place?: Place
  readonly values?: readonly string[]
  /** The fields of an object, or of each item of a list. */
  readonly fields?: Fields
}

export type Fields = Readonly<Record<string, Field>>

export const string = (label: string, most: number, rest: Partial<Field> = {}): Field => ({
  type: 'string',
  label,
  most,
  ...rest,
})
export const integer = (label: string, rest: Partial<Field> = {}): Field => ({ type: 'integer', label, ...rest })
export const boolean = (label: string): Field => ({ type: 'boolean', label })
export const object = (label: string, fields: Fields, rest: Partial<Field> = {}): Field => ({
  type: 'object',
  label,
  fields,
  ...rest,
})
export const array = (label: string, fields: Fields): Field => ({ type: 'array', label, fields })
export const required = { required: true } as const

/** A missing parameter. */
export const missing = (name: string, label: string, place: Place = 'body', at = `/${place}`) =>
  paramError(
    `输入源“${at}/${name}”映射到字段“${label}”必填性规则校验失败，此字段为必填项`,
    place,
    '',
    name === 'openid' ? NUMBER.noOpenid : undefined,
  )

type Values = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const IS: Readonly<Record<Field['type'], (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: Number.isSafeInteger,
  boolean: (value) => typeof value === 'boolean',
  object: isObject,
  array: Array.isArray,
}

const TYPE: Readonly<Record<Field['type'], string>> = {
  string: '一个 string 类型的 Json 值',
  integer: '一个合法的 64 位有符号整数',
  boolean: '一个 bool 类型的 Json 值',
  object: '一个 object 类型的 Json 值',
  array: '一个 array 类型的 Json 值',
}

const UNDEFINED = '请求中含有未在API文档中定义的参数'

/** The rules of a world for parameters. */
export type Rules = Pick<Behaviour, 'v3Lengths' | 'v3UnknownFields'>

function checkString(
  value: string,
  { label, least = 1, most, pattern, values }: Field,
  at: string,
  place: Place,
  rules: Rules,
) {
  const [length, unit] =
    rules.v3Lengths === 'bytes' ? [Buffer.byteLength(value), '字节数'] : [Array.from(value).length, '字符数']
  const fail = (what: string, told: unknown, number?: number) =>
    paramError(`输入源“${at}”映射到值字段“${label}”字符串规则校验失败，${what}`, place, told, number)
  const outOfRange = (what: string, told: number) => fail(what, told, NUMBER.outOfRange)
  if (value === '') throw outOfRange(`字符数 0，小于最小值 ${least}`, 0)
  if (length < least) throw outOfRange(`${unit} ${length}，小于最小值 ${least}`, length)
  if (most !== undefined && length > most) throw outOfRange(`${unit} ${length}，大于最大值 ${most}`, length)
  const form = pattern ?? (values && new RegExp(`^(${values.join('|')})$`))
  if (form && !form.test(value)) throw fail(`字符串必须匹配正则表达式“${form.source}”`, value)
}

function checkValue(value: unknown, field: Field, at: string, place: Place, rules: Rules): void {
  const { type, label, least, fields = {} } = field
  if (!IS[type](value)) {
    throw paramError(`无法将 JSON 输入源“${at}”映射到目标字段“${label}”中，此字段需要${TYPE[type]}`, place, value)
  }
  if (type === 'string') checkString(value as string, field, at, place, rules)
  if (type === 'integer' && least !== undefined && (value as number) < least) {
    throw paramError(
      `输入源“${at}”映射到数值字段“${label}”规则校验失败，值低于最小值 ${least}`,
      place,
      value,
      NUMBER.outOfRange,
    )
  }
  if (type === 'object') checkEach(value as Values, fields, at, place, rules)
  if (type === 'array') {
    ;(value as unknown[]).forEach((item, n) =>
      checkValue(item, { type: 'object', label, fields }, `${at}/${n}`, place, rules),
    )
  }
}

function checkEach(values: Values, fields: Fields, at: string, place: Place, rules: Rules): void {
  for (const [name, field] of Object.entries(fields)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value !== undefined) checkValue(value, field, `${at}/${name}`, place, rules)
    else if (field.required) {
      const told = field.place ?? place
      throw missing(name, field.label, told, field.place ? `/${field.place}` : at)
    }
  }
}

/** Pointers to the parameters that no table has, at any depth. */
function unknownIn(value: unknown, fields: Fields, at: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item, n) => unknownIn(item, fields, `${at}/${n}`))
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([name, item]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!field) return [`${at}/${name}`]
    return field.fields ? unknownIn(item, field.fields, `${at}/${name}`) : []
  })
}

/** @throws V3Error PARAM_ERROR */
export function checkParameters(values: unknown, fields: Fields, place: Place, rules: Rules): void {
  const at = `/${place}`
  const unknown = rules.v3UnknownFields === 'refused' ? unknownIn(values, fields, at) : []
  if (unknown.length > 0) throw paramError(UNDEFINED, null, unknown, NUMBER.undefinedParameter)
  if (!isObject(values)) throw new V3Error('PARAM_ERROR', { cause: `the ${place} is not a JSON object` })
  checkEach(values, fields, at, place, rules)
}

interface WithSecrets {
  readonly account: Pick<Account, 'keys' | 'now'>
  readonly wechatSerial: string
  readonly body: Values
}

/** The key named by a request, among those that parameters may be encrypted for.
 * @throws V3Error
 */
export function namedKey({ account: { keys, now }, wechatSerial }: Omit<WithSecrets, 'body'>): RsaKey {
  if (wechatSerial === '') {
    throw new V3Error('PARAM_ERROR', { message: 'HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)' })
  }
  const certificate = keys.platformCertificates().find(({ serialNo }) => serialNo === wechatSerial)
  if (certificate && certificate.validTo < now()) throw new V3Error('NOT_ENOUGH', { message: '平台证书已过期失效' })
  const named = certificate ?? keys.publicKeys().find(({ id }) => id === wechatSerial)
  if (!named) {
    throw new V3Error('PARAM_ERROR', {
      message: '平台证书序列号Wechatpay-Serial错误',
      cause: `Wechatpay-Serial is ${wechatSerial}`,
    })
  }
  return named.key
}

/**
 * A parameter that is encrypted for WeChat, under the key that the request names.
 * @throws V3Error
 */
export function openSecret(request: WithSecrets, name: string, label: string): string {
  const { body, wechatSerial } = request
  const key = namedKey(request)
  if (body[name] === undefined) throw missing(name, label)
  const plain = openField(String(body[name]), key.privateKey)
  if (plain !== undefined) return plain
  throw new V3Error('PARAM_ERROR', { cause: `${name} is not encrypted for ${wechatSerial} (RSA-OAEP with SHA-1)` })
}
