import { wechatDateTime } from '../../wire/time.ts'
import { html, type Markup } from './markup.ts'
import type { Say } from './words.ts'

/** Fen as yuan: ¥12.50. */
export const yuan = (fen: number) => `¥${(fen / 100).toFixed(2)}`

/** An amount with its fen in the title. */
export const amount = (fen: number, say: Say): Markup =>
  html`<span class="fee" title="${say('fen', { n: fen })}">${yuan(fen)}</span>`

const UNITS = [
  ['days', 86_400_000],
  ['hours', 3_600_000],
  ['minutes', 60_000],
  ['seconds', 1000],
] as const

/** The largest unit of a span. */
export function span(ms: number, say: Say): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ['seconds', 1000]
  return say(unit, { n: Math.floor(ms / size) })
}

/** How long ago a time was, or how far ahead it is. */
export function relative(moment: Date, now: Date, say: Say): string {
  const ms = moment.getTime() - now.getTime()
  if (Math.abs(ms) < 1000) return say('now')
  return ms > 0 ? say('in', { span: span(ms, say) }) : say('ago', { span: span(-ms, say) })
}

/** A time in GMT+8; the year is in the title. */
export const time = (moment: Date): Markup =>
  html`<time datetime="${moment.toISOString()}" title="${wechatDateTime(moment)}">${wechatDateTime(moment).slice(5)}</time>`
