import { HOSTILE } from './hostile.ts'
import { LOGIN } from './login.ts'
import { NOTIFY_V2 } from './notify-v2.ts'
import { NOTIFY_V3 } from './notify-v3.ts'
import { REFUNDS } from './refunds.ts'
import { REFUSALS } from './refusals.ts'
import { REMARKS } from './remarks.ts'
import { SAID } from './said.ts'
import { SHARED, TRANSPORT } from './shared.ts'
import { SIGNATURES } from './signatures.ts'

/** Chinese by English. `{name}` stands for any text, or for one without white space if it is one of {@link WORDS}. */
export const CHINESE: Readonly<Record<string, string>> = {
  ...SHARED,
  ...NOTIFY_V2,
  ...NOTIFY_V3,
  ...HOSTILE,
  ...TRANSPORT,
  ...REFUNDS,
  ...LOGIN,
  ...REMARKS,
  ...REFUSALS,
  ...SIGNATURES,
  ...SAID,
}

/** Values without white space. Their patterns would otherwise match whole sentences. */
const WORDS = ['field', 'no', 'state']

/** Values that are texts of the card themselves; others, such as a body, stay as they are. */
const TEXTS = [
  'after',
  'because',
  'goal',
  'hint',
  'mistake',
  'n',
  'one',
  'reason',
  'said',
  'two',
  'what',
  'which',
  'why',
]

interface Pattern {
  readonly key: string
  readonly matches: RegExp
  readonly chinese: string
}

const patternOf = ([key, chinese]: readonly [string, string]): Pattern => ({
  key,
  chinese,
  matches: new RegExp(
    `^${key
      .split(/\{(\w+)\}/)
      .map((part, n) =>
        n % 2 === 0
          ? part.replace(/[.*+?^$()[\]{}|\\]/g, '\\$&')
          : `(?<${part}>${WORDS.includes(part) ? '\\S*' : '.*?'})`,
      )
      .join('')}$`,
    's',
  ),
})

let patterns: readonly Pattern[] | undefined

/** The entry that a text is translated by, and the values in it. */
export function entryOf(
  text: string,
): { key: string; chinese: string; values: Readonly<Record<string, string>> } | undefined {
  if (Object.hasOwn(CHINESE, text)) return { key: text, chinese: CHINESE[text]!, values: {} }
  patterns ??= Object.entries(CHINESE)
    .filter(([key]) => key.includes('{'))
    .map(patternOf)
  for (const { key, chinese, matches } of patterns) {
    const found = matches.exec(text)
    if (found) return { key, chinese, values: { ...found.groups } }
  }
  return undefined
}

/** A text of the report card in Chinese. What has no translation, such as a value, stays as it is. */
export function inChinese(text: string): string {
  const entry = entryOf(text)
  if (!entry) return text
  return entry.chinese.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = entry.values[name]!
    return TEXTS.includes(name) ? inChinese(value) : value
  })
}
