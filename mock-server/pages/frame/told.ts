import { inChinese } from '../../report/zh/index.ts'
import type { View } from './view.ts'

/** A text of the mock in the language of the page. The control API keeps the English one. */
export const told = ({ language }: Pick<View, 'language'>, text: string): string =>
  language === 'zh' ? inChinese(text) : text

/** The same for a remark that a name and a colon precede. */
export function toldAfter(view: Pick<View, 'language'>, note: string): string {
  const start = note.indexOf(':') + 2
  return `${note.slice(0, start)}${told(view, note.slice(start))}`
}
