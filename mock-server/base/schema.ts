import { types } from 'node:util'
import { badInput } from './checks.ts'

type TypeName = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'null'

/**
 * A JSON schema, of the few kinds used here. The control API and in-process calls check their input with the same
 * schemas. A schema library would double the mock's start-up time.
 */
export interface Schema {
  readonly type?: TypeName | readonly TypeName[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: 'date-time'
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Schema
  readonly properties?: Properties
  readonly required?: readonly string[]
  readonly additionalProperties?: false | Schema
  readonly minProperties?: number
  readonly anyOf?: readonly Schema[]
  /** Documentation only: the code that reads the value checks it against the alternative that applies. */
  readonly oneOf?: readonly Schema[]
  /** The rule in words, for errors and OpenAPI; it continues from "must be". */
  readonly description?: string
  /** A secret: errors do not show the value. */
  readonly writeOnly?: true
}

export type Properties = Readonly<Record<string, Schema>>

/** An object that refuses unknown fields: a typo must not be ignored. */
export const strict = (properties: Properties, ...required: string[]) =>
  ({ type: 'object', properties, required, additionalProperties: false }) as const

export const text = (maxLength = 1000) => ({ type: 'string', minLength: 1, maxLength }) as const
export const integer = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  ({ type: 'integer', minimum, maximum }) as const
export const oneOf = (...values: string[]) => ({ type: 'string', enum: values }) as const
export const FLAG = { type: 'boolean' } as const

const IS: Readonly<Record<TypeName, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: Number.isSafeInteger,
  number: Number.isFinite,
  boolean: (value) => typeof value === 'boolean',
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  null: (value) => value === null,
}

const NAMES: Readonly<Record<TypeName, string>> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}

/** With a time zone: without one it would be local to the machine. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i
const isDateTime = (value: string) => DATE_TIME.test(value) && !Number.isNaN(Date.parse(value))

function bounds(least: number | undefined, most: number | undefined): string {
  const from = least === undefined ? '' : ` from ${least}`
  return most === undefined || most === Number.MAX_SAFE_INTEGER ? from : `${from} to ${most}`
}

/** The rule in words. */
function described(schema: Schema): string {
  const { type = [], enum: values, anyOf, description, format, minLength, maxLength, minimum, maximum } = schema
  if (description !== undefined) return description
  if ('const' in schema) return JSON.stringify(schema.const)
  if (values) return `one of ${values.join(', ')}`
  if (anyOf) return anyOf.map(described).join(' or ')
  if (format) return 'a date with a time zone, such as 2026-01-15T12:00:00+08:00'
  const names = [type].flat().map((name) => NAMES[name as TypeName])
  const length = maxLength === undefined ? '' : ` of ${minLength!} to ${maxLength} characters`
  return `${names.join(' or ')}${length}${bounds(minimum, maximum)}`
}

const isOfType = (type: NonNullable<Schema['type']>, value: unknown) =>
  [type].flat().some((name) => IS[name as TypeName](value))

/** The keyword violated by a value that is neither an object nor a list, if any. */
function broken(schema: Schema, value: unknown): string | undefined {
  const { type, enum: values, minLength, maxLength, pattern, format, minimum, maximum } = schema
  if (type && !isOfType(type, value)) {
    // In process, a moment is a Date.
    return format && types.isDate(value) ? undefined : 'type'
  }
  if ('const' in schema && value !== schema.const) return 'const'
  if (values && !values.includes(value)) return 'enum'
  if (typeof value === 'string') {
    if (minLength !== undefined && value.length < minLength) return 'minLength'
    if (maxLength !== undefined && value.length > maxLength) return 'maxLength'
    if (pattern !== undefined && !new RegExp(pattern).test(value)) return 'pattern'
    if (format && !isDateTime(value)) return 'format'
  }
  if (typeof value === 'number') {
    if (minimum !== undefined && value < minimum) return 'minimum'
    if (maximum !== undefined && value > maximum) return 'maximum'
  }
  return undefined
}

const isValid = (schema: Schema, value: unknown) => {
  try {
    validate(schema, value)
    return true
  } catch {
    return false
  }
}

function validateObject(schema: Schema, value: Readonly<Record<string, unknown>>, place: string): void {
  const { properties = {}, required = [], additionalProperties, minProperties = 0 } = schema
  const at = (name: string) => (place === '' ? name : `${place}.${name}`)
  const given = Object.entries(value).filter(([, item]) => item !== undefined)
  const lacking = required.find((name) => value[name] === undefined)
  if (lacking !== undefined) throw badInput(at(lacking), 'required', 'is missing')
  if (given.length < minProperties) {
    throw badInput(
      place || 'body',
      'minProperties',
      `must have at least ${minProperties} of ${Object.keys(properties).join(', ')}`,
    )
  }
  for (const [name, item] of given) {
    const own = Object.hasOwn(properties, name) ? properties[name] : additionalProperties
    if (own === false) {
      const names = Object.keys(properties)
      throw badInput(
        at(name),
        'additionalProperties',
        names.length === 0 ? 'no input is expected here' : `unknown name; known: ${names.join(', ')}`,
      )
    }
    if (own) validate(own, item, at(name))
  }
}

/**
 * Checks a value; `place` names it in errors.
 * @throws MockError BAD_INPUT for the first rule broken
 */
export function validate(schema: Schema, value: unknown, place = ''): void {
  const { anyOf } = schema
  if (anyOf && !anyOf.some((other) => isValid(other, value))) {
    // If only one alternative can be meant, check against it: its message is more specific.
    const [only, ...others] = anyOf.filter(({ type }) => type && isOfType(type, value))
    if (only && others.length === 0) validate(only, value, place)
    throw badInput(place || 'body', 'anyOf', `must be ${described(schema)}; got ${JSON.stringify(value)}`)
  }
  const rule = broken(schema, value)
  if (rule !== undefined) {
    const got = schema.writeOnly ? '' : `; got ${JSON.stringify(value) ?? String(value)}`
    throw badInput(place || 'body', rule, `must be ${described(schema)}${got}`)
  }
  if (Array.isArray(value) && schema.items) {
    value.forEach((item, n) => validate(schema.items!, item, place === '' ? String(n) : `${place}.${n}`))
  }
  if (IS.object(value) && !types.isDate(value)) validateObject(schema, value as Record<string, unknown>, place)
}
