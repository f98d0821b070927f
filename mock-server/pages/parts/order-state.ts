import type { OrderSnapshot, TradeState } from '../../ledger/orders.ts'
import type { Notification } from '../../notify/notification.ts'
import { html, type Markup } from '../frame/markup.ts'
import type { View } from '../frame/view.ts'
import { notificationKind, notificationWord } from './strip.ts'

/** The notifications of every order of the world: those of a merchant and a number, oldest first. */
export function notificationsOf({ world }: Pick<View, 'world'>) {
  const byOrder = new Map<string, Notification[]>()
  const key = (mchId: string, outTradeNo: string) => `${mchId} ${outTradeNo}`
  for (const notification of world.notifications()) {
    const name = key(notification.mchId, notification.outTradeNo)
    const known = byOrder.get(name)
    if (known) known.push(notification)
    else byOrder.set(name, [notification])
  }
  return ({ mchId, outTradeNo }: Pick<OrderSnapshot, 'mchId' | 'outTradeNo'>): readonly Notification[] =>
    byOrder.get(key(mchId, outTradeNo)) ?? []
}

/** The notification whose progress is shown for an order: the newest that is not acknowledged, or the newest if all are. */
export const shownOf = (notifications: readonly Notification[]) =>
  notifications.findLast(({ state }) => state !== 'acked') ?? notifications.at(-1)

/** An order's state in words, with what its notification is waiting for. */
export function orderWord({ world, say }: View, order: OrderSnapshot, notification: Notification | undefined): string {
  const state = say(order.tradeState)
  if (!notification || (order.tradeState !== 'SUCCESS' && order.tradeState !== 'REFUND')) return state
  return `${state}${say('comma')}${notificationWord(notification, world, say)}`
}

const OVER: readonly TradeState[] = ['CLOSED', 'REVOKED', 'PAYERROR']

/** ● accepted, ✕ refused or failed, ◐ in progress, ○ still to come, ⊘ held. */
export function orderMark(view: View, order: OrderSnapshot, notification: Notification | undefined): Markup {
  const kind = notification ? notificationKind(notification) : OVER.includes(order.tradeState) ? 'bad' : 'dim'
  const sign = notification?.state === 'held' ? '⊘' : { good: '●', bad: '✕', wait: '◐', dim: '○' }[kind]
  const word = orderWord(view, order, notification)
  return html`<span class="st ${kind}" title="${word}" role="img" aria-label="${word}">${sign}</span>`
}
