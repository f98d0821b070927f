import type { JournalEntry } from '../../journal/entry.ts'
import type { OrderSnapshot } from '../../ledger/orders.ts'
import type { RefundSnapshot } from '../../ledger/refund-rules.ts'
import type { Notification } from '../../notify/notification.ts'
import { relative, time, yuan } from '../frame/format.ts'
import { toldNote, toldReason } from '../frame/told.ts'
import { html, type Markup, type Piece } from '../frame/markup.ts'
import { here, type View } from '../frame/view.ts'
import { verdictWord } from '../frame/words.ts'
import { isRefused } from './exchange.ts'
import { nextAttempt, planned } from './strip.ts'

interface Item {
  readonly at: Date
  readonly kind: string
  readonly text: Piece
  readonly inside?: boolean
}

/** A call that the application made while its notify handler was running is shown inside the notification. */
function nested(entries: readonly JournalEntry[]): (readonly [entry: JournalEntry, inside: boolean])[] {
  const inside = new Map<number, JournalEntry[]>()
  const isQuery = ({ direction, api }: JournalEntry) => direction === 'in' && /query/i.test(api)
  for (const out of entries.filter(({ direction }) => direction === 'out')) {
    for (const entry of entries) {
      const isDuring = entry.cursor < out.cursor && entry.at >= out.at
      if (isDuring && isQuery(entry) && ![...inside.values()].flat().includes(entry)) {
        inside.set(out.cursor, [...(inside.get(out.cursor) ?? []), entry])
      }
    }
  }
  const moved = new Set([...inside.values()].flat())
  return entries
    .filter((entry) => !moved.has(entry))
    .flatMap((entry) => [
      [entry, false] as const,
      ...(inside.get(entry.cursor) ?? []).map((query) => [query, true] as const),
    ])
}

const LONGEST = 80

const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text)

/** Only the verdict, or the start of the remark. */
function short(view: View, { verdict, note = '' }: JournalEntry): Markup {
  if (verdict !== undefined) {
    return html`<span class="said" title="${toldReason(view, note)}">${view.say(verdictWord(verdict))}</span>`
  }
  const { wire, added } = toldNote(view, note)
  return html`<span class="said" title="${wire}${added}"${added === '' && html` translate="no"`}>${cut(`${wire}${added}`)}</span>`
}

function itemOf(view: View, entry: JournalEntry, inside: boolean): Item {
  const { say, query } = view
  const isOut = entry.direction === 'out'
  const chosen = query.get('e') === String(entry.cursor)
  return {
    at: entry.at,
    kind: isRefused(entry) ? 'bad' : 'good',
    inside,
    text: html`<a href="${here(view, { e: entry.cursor })}"${chosen && html` aria-current="true"`}>${time(entry.at)}<span title="${say(isOut ? 'fromWechat' : 'toWechat')}">${isOut ? '←' : '→'}</span> <b>${entry.api}</b> ${short(view, entry)}${entry.fault !== undefined && html` <span class="flag">⚑ ${say('fault', { name: entry.fault })}</span>`}</a>`,
  }
}

/** The timeline: what each side sent and what people did, in the order of the world's time. */
export function timeline(
  view: View,
  order: OrderSnapshot,
  entries: readonly JournalEntry[],
  refunds: readonly RefundSnapshot[],
  notifications: readonly Notification[],
): Markup {
  const { say, world } = view
  const items = nested(entries).map(([entry, inside]) => itemOf(view, entry, inside))
  const add = (at: Date, kind: string, text: Piece, isBefore: (entry: Item) => boolean) => {
    const place = items.findIndex(isBefore)
    items.splice(place === -1 ? items.length : place, 0, { at, kind, text: html`${time(at)}${text}` })
  }
  const { paidAt } = order
  if (paidAt !== undefined) {
    const first = entries.find(({ direction, at }) => direction === 'out' && at >= paidAt)
    const place = first && nested(entries).findIndex(([entry]) => entry === first)
    add(paidAt, 'good', say('isPaid', { fee: yuan(order.totalFee) }), (item) =>
      place === undefined ? item.at > paidAt : item === items[place],
    )
  }
  for (const { outRefundNo: no, refundFee, status, endedAt } of refunds) {
    if (endedAt === undefined) continue
    const text = say('isRefunded', { no, fee: yuan(refundFee), status })
    add(endedAt, status === 'SUCCESS' ? 'good' : 'bad', text, ({ at }) => at > endedAt)
  }
  if (order.tradeState === 'CLOSED') items.push({ at: world.clock.now(), kind: 'bad', text: say('isClosed') })
  for (const notification of notifications) {
    const { nextDueAt } = notification
    if (nextDueAt === undefined) continue
    const text = say('isDue', { n: nextAttempt(notification), all: planned(notification, world) })
    items.push({
      at: nextDueAt,
      kind: 'wait',
      text: html`${time(nextDueAt)}${text} · ${relative(nextDueAt, world.clock.now(), say)}`,
    })
  }
  return html`<ol class="line">${items.map(({ kind, text, inside = false }) => html`<li class="${kind}${inside && ' in'}">${text}</li>`)}</ol>`
}
