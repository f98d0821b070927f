import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../clock/duration.ts'
import { planOf, type Schedule } from '../notify/schedule.ts'

// Reads a flag, its environment variable or a line of the configuration file.

export const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
  }
  return value
}

/** Milliseconds. */
export function duration(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('It must be a duration such as 20m, 5s or 100ms.')
  }
}

/** A duration for the mock to read. A number alone could be seconds or milliseconds. */
export function span(text: string): string {
  if (/^\d+$/.test(text)) throw new InvalidArgumentError(`It needs a unit: ${text}s, ${text}m or ${text}ms.`)
  return text
}

export function durationOrNever(text: string): number | 'never' {
  return text === 'never' ? text : duration(text)
}

/** Comma-separated, and the flag may be repeated. */
export const list = (text: string, before: readonly string[] = []) => [
  ...before,
  ...text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
]

/** Amounts in fen. */
export const amounts = (text: string, before: readonly number[] = []) => [
  ...before,
  ...list(text).map(whole(1, 100_000_000)),
]

/** Without a time zone it would be local to the machine: refused, as the control API does. */
const MOMENT = /^\d+$|T.+(?:Z|[+-]\d\d:\d\d)$/i

export function moment(text: string): Date {
  const date = new Date(/^\d+$/.test(text) ? Number(text) : text)
  if (!MOMENT.test(text) || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('It must be a date such as 2026-01-15T12:00:00+08:00, or milliseconds since 1970.')
  }
  return date
}

export function name(text: string): string {
  if (!/^[\w.-]{1,64}$/.test(text)) {
    throw new InvalidArgumentError('It must be 1 to 64 letters, digits, dots, dashes and underscores.')
  }
  return text
}

export function address(text: string): URL {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('It must be a URL such as http://127.0.0.1:8090.')
  }
  return new URL(text)
}

export function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** An object with the gaps and `immediate`, as the control API accepts it. */
function wholeSchedule(json: string): Schedule {
  try {
    const told = JSON.parse(json) as Schedule
    planOf(told)
    return told
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

const SCHEDULES =
  'It must be current, legacy, gaps in seconds such as 15,15,30, {"gaps":"current","immediate":false}, or a file with such gaps.'

function fileOf(path: string): string {
  try {
    return text(path)
  } catch (error) {
    throw new InvalidArgumentError(`${SCHEDULES} ${(error as Error).message}`)
  }
}

/** `legacy`; `current` (of 2019); gaps in seconds; an object with gaps and `immediate`; or a file with one of the latter two. */
export function schedule(told: string): Schedule {
  if (told === 'current' || told === 'legacy') return told
  if (told === '2019') return 'current'
  const content = /^[\d,]+$|^\{/.test(told) ? told : fileOf(told).trim()
  if (content.startsWith('{')) return wholeSchedule(content)
  const gaps = content
    .replace(/[[\]\s]+/g, ' ')
    .trim()
    .replace(/[ ,]+/g, ',')
  if (!/^\d+(,\d+)*$/.test(gaps)) {
    throw new InvalidArgumentError(SCHEDULES)
  }
  return gaps.split(',').map(Number)
}
