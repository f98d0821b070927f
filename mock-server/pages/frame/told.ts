import { inChinese } from '../../report/zh/index.ts'
import type { View } from './view.ts'

type Language = Pick<View, 'language'>

/** A text of the mock in the language of the page. The control API keeps the English one. */
export const told = ({ language }: Language, text: string): string => (language === 'zh' ? inChinese(text) : text)

/** The reason after a verdict and a colon. */
export const toldReason = (view: Language, note: string): string => told(view, note.slice(note.indexOf(':') + 2))

/** A remark on a call: what WeChat says, as on the wire, and what the mock adds in the language of the page. */
export interface Told {
  readonly wire: string
  readonly added: string
}

/** Where the mock's words begin in English: after a colon, in parentheses, or at once; and the same in Chinese. */
const FORMS: readonly (readonly [english: RegExp, open: string, close: string])[] = [
  [/^([^:;/]*): (.*)$/s, '：', ''],
  [/^(.+?) \((.*)\)$/s, '（', '）'],
  [/^()(.*)$/s, '', ''],
]

export function toldNote(view: Pick<View, 'language' | 'say'>, note: string): Told {
  const [, before, name, kind] = /^(.*); fault (\S+): (\w+)$/s.exec(note) ?? []
  if (before !== undefined) {
    const { wire, added } = toldNote(view, before)
    return { wire, added: `${added}${view.say('noteFault', { name: name!, kind: kind! })}` }
  }
  for (const [english, open, close] of FORMS) {
    const [, wire = '', text = ''] = english.exec(note) ?? []
    const added = told(view, text)
    if (added !== text) return { wire, added: `${open}${added}${close}` }
  }
  return { wire: note, added: '' }
}
