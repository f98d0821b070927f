import { badInput, checkNames, checkOneOf } from '../base/checks.ts'
import { APIS, VERDICTS } from '../wire/names.ts'
import { flatJson } from '../wire/json-fields.ts'
import { readXml } from '../wire/xml.ts'
import type { JournalEntry } from './entry.ts'

/** A string that must be equal, or a pattern that must match. */
export type TextMatch = string | RegExp

/** What a journal entry must look like; every given property must match. */
export interface JournalMatch {
  readonly api?: JournalEntry['api']
  readonly direction?: JournalEntry['direction']
  readonly outTradeNo?: TextMatch
  readonly note?: TextMatch
  readonly fault?: TextMatch
  readonly verdict?: NonNullable<JournalEntry['verdict']>
  /** Fields of the request: of its XML, its JSON or its query. */
  readonly fields?: Readonly<Record<string, TextMatch>>
  /** Fields of the reply. */
  readonly reply?: Readonly<Record<string, TextMatch>>
}

/** A field in which an entry differs from a match. */
export interface Difference {
  /** `api`, `fields.total_fee`, … */
  readonly field: string
  /** The string, or the pattern as `/…/`. */
  readonly expected: string
  /** Undefined if the entry has no such field. */
  readonly actual: string | undefined
}

/** The properties of a match whose value is one of a list; the others are strings. */
const LISTS = { api: [...APIS, 'unknown'], direction: ['in', 'out'], verdict: VERDICTS }
const TEXTS = ['outTradeNo', 'note', 'fault']
const MESSAGES = ['fields', 'reply']
const NAMES = [...Object.keys(LISTS), ...TEXTS, ...MESSAGES]

function checkTexts(place: string, texts: object): void {
  for (const [name, text] of Object.entries(texts)) {
    if (typeof text === 'string' || text instanceof RegExp) continue
    const field = `${place}${name}`
    throw badInput(field, 'type', `must be a string or a pattern; got ${JSON.stringify(text)}`)
  }
}

/**
 * Checks what the types say, for untyped callers.
 * @throws MockError BAD_INPUT
 */
export function checkMatch(match: JournalMatch): void {
  checkNames('match.', match, NAMES)
  const { fields = {}, reply = {}, ...plain } = match
  for (const [name, known] of Object.entries(LISTS)) {
    if (name in plain) checkOneOf(`match.${name}`, plain[name as keyof typeof LISTS], known)
  }
  checkTexts('match.', plain)
  checkTexts('match.fields.', fields)
  checkTexts('match.reply.', reply)
}

/** For JSON: each part of an object as JSON, and also by its path, `amount.total`. */
function fieldsOf(text: string): Record<string, string> {
  try {
    if (text.startsWith('<')) return Object.fromEntries(readXml(text))
    const json = JSON.parse(text) as Readonly<Record<string, unknown>>
    const parts = Object.entries(json).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ])
    return { ...(Object.fromEntries(parts) as Record<string, string>), ...flatJson(json) }
  } catch {
    return {}
  }
}

/** The fields of a request, from its query and its body. */
export const requestFields = ({ request: { url, body } }: Pick<JournalEntry, 'request'>): Record<string, string> => ({
  ...Object.fromEntries(new URLSearchParams(url.split('?').slice(1).join('?'))),
  ...fieldsOf(body),
})

/** The fields of a reply. */
export const replyFields = ({ response }: Pick<JournalEntry, 'response'>): Record<string, string> =>
  fieldsOf(response?.body ?? '')

const isSame = (expected: TextMatch, actual: string | undefined) =>
  actual !== undefined && (typeof expected === 'string' ? expected === actual : actual.search(expected) >= 0)

/** Where the entry differs from the match. */
export function differences(entry: JournalEntry, { fields, reply, ...plain }: JournalMatch): Difference[] {
  const found: Difference[] = []
  function compare(
    prefix: string,
    expected: Readonly<Record<string, TextMatch>>,
    actual: Readonly<Record<string, unknown>>,
  ): void {
    for (const [name, wanted] of Object.entries(expected)) {
      const value = Object.hasOwn(actual, name) ? (actual[name] as string | undefined) : undefined
      if (!isSame(wanted, value)) {
        found.push({
          field: `${prefix}${name}`,
          expected: typeof wanted === 'string' ? JSON.stringify(wanted) : String(wanted),
          actual: value,
        })
      }
    }
  }
  compare('', plain, { ...entry })
  if (fields) compare('fields.', fields, requestFields(entry))
  if (reply) compare('reply.', reply, replyFields(entry))
  return found
}
