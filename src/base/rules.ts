import { inspect } from 'node:util'
import { isDate } from 'node:util/types'

/** What is wrong with a value, as the end of a sentence that begins with its name; `undefined` if nothing is. */
export type Rule = (value: unknown) => string | undefined

// eslint-disable-next-line no-control-regex -- these are the characters to refuse: XML cannot carry them
const CONTROL = /[\x00-\x1f\ufffe\uffff]/

/** A string that XML and databases can carry; lengths in bytes of UTF-8. It is never quoted, as it may be a secret. */
export function text(min: number, max: number): Rule {
  const rule = `must be a string of ${min === 0 ? 'at most' : `${min} to`} ${max} bytes of UTF-8`
  return (value) => {
    if (typeof value !== 'string') return `${rule}, not ${shown(value)}`
    const bytes = Buffer.byteLength(value)
    if (bytes < min || bytes > max) return `${rule}, not of ${bytes}`
    const at = value.search(CONTROL)
    if (at >= 0) {
      const code = value.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0')
      return `must have no line breaks or other control characters, but character ${at + 1} is U+${code}`
    }
    return value.isWellFormed() ? undefined : 'must be well-formed Unicode, but it contains half a character'
  }
}

export const date: Rule = (value) =>
  isDate(value) && !Number.isNaN(value.getTime()) ? undefined : `must be a valid Date, not ${shown(value)}`

export function optional(rule: Rule): Rule {
  return (value) => (value === undefined ? undefined : rule(value))
}

export function oneOf(values: readonly unknown[]): Rule {
  return (value) => (values.includes(value) ? undefined : `must be one of ${values.join(', ')}, not ${kindOf(value)}`)
}

export function objectOf(rules: Record<string, Rule>, others: 'kept' | 'refused' = 'kept'): Rule {
  return (value) => {
    if (Array.isArray(value)) return 'must be an object, not an array'
    const { faults } = checkFields(value, rules, others)
    return faults.length > 0 ? `is wrong: ${faults.join('; ')}` : undefined
  }
}

export function listOf(rule: Rule, most: number): Rule {
  return (value) => {
    if (!Array.isArray(value)) return `must be an array, not ${kindOf(value)}`
    if (value.length === 0 || value.length > most) return `must have 1 to ${most} entries, not ${value.length}`
    const at = value.findIndex((entry) => rule(entry) !== undefined)
    return at < 0 ? undefined : `has an entry, number ${at + 1}, that ${rule(value[at])}`
  }
}

/** The most faults to report. */
const MAX_FAULTS = 10

/** A checked object: its fields, each read once, and all of its faults, as sentences without a full stop. */
export interface Checked {
  fields: Record<string, unknown>
  faults: string[]
}

/** Checks an object against a rule for each field. Unless other fields are `kept`, a field without a rule is a fault too, as it would be dropped silently. */
export function checkFields(
  value: unknown,
  rules: Record<string, Rule>,
  others: 'kept' | 'refused' = 'refused',
): Checked {
  const names = Object.keys(rules)
  const fields: Record<string, unknown> = {}
  if (typeof value !== 'object' || value === null) {
    return { fields, faults: [`it must be an object with ${names.join(', ')}, not ${kindOf(value)}`] }
  }
  try {
    for (const name of new Set([...names, ...Object.keys(value)])) {
      fields[name] = (value as Record<string, unknown>)[name]
    }
  } catch {
    return { fields, faults: ['it throws when it is read'] }
  }
  const faults: string[] = []
  for (const [name, field] of Object.entries(fields)) {
    if (Object.hasOwn(rules, name)) {
      const fault = faultOf(rules[name]!, field)
      if (fault !== undefined) faults.push(`${name} ${fault}`)
    } else if (others === 'refused' && field !== undefined) {
      faults.push(`${shown(name)} is none of ${names.join(', ')}`)
    }
  }
  if (faults.length > MAX_FAULTS) faults.splice(MAX_FAULTS, Infinity, `and ${faults.length - MAX_FAULTS} more`)
  return { fields, faults }
}

/** The fault of a value that may throw when it is read. */
export function faultOf(rule: Rule, value: unknown): string | undefined {
  try {
    return rule(value)
  } catch {
    return 'throws when it is read'
  }
}

/** A value, short enough for a message; for an object only its kind. */
export function shown(value: unknown): string {
  try {
    return inspect(value, { depth: -1, customInspect: false, maxStringLength: 80 }).slice(0, 100)
  } catch {
    return 'something that cannot be shown'
  }
}

/** Like `shown`, but for a string, which may be a secret, only its length. */
export function kindOf(value: unknown): string {
  return typeof value === 'string' ? `a string of ${value.length} characters` : shown(value)
}
