import type { OrderSnapshot } from '../ledger/orders.ts'
import type { Notification } from '../notify/notification.ts'
import { amount, relative } from './frame/format.ts'
import { html, type Markup } from './frame/markup.ts'
import { segment, to, type Page, type View } from './frame/view.ts'
import { keysLink, orderCommands } from './parts/commands.ts'
import { notificationsOf, orderMark, orderWord, shownOf } from './parts/order-state.ts'
import { paged } from './parts/paging.ts'
import { strip } from './parts/strip.ts'

interface Row {
  readonly order: OrderSnapshot
  readonly notifications: readonly Notification[]
}

const STATES: Readonly<Record<string, (row: Row) => boolean>> = {
  unpaid: ({ order }) => order.tradeState === 'NOTPAY',
  paid: ({ order }) => order.paidAt !== undefined,
  waiting: ({ notifications }) => notifications.some(({ state }) => state !== 'acked'),
  closed: ({ order }) => order.tradeState === 'CLOSED',
}

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '': (a, b) => a === b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
}

function counts(told: string, actual: number): boolean {
  const [, operator = '', number] = /^([<>]?)(\d+)$/.exec(told) ?? []
  return number !== undefined && COMPARE[operator]!(actual, Number(number))
}

/** The filters of words with a colon. */
const FIELDS: Readonly<Record<string, (told: string, row: Row) => boolean>> = {
  state: (told, row) => STATES[told]?.(row) ?? row.order.tradeState.toLowerCase() === told,
  fee: (told, { order }) => counts(told, order.totalFee),
  attempt: (told, { notifications }) =>
    counts(told, Math.max(0, ...notifications.map(({ attempts }) => attempts.length))),
  verdict: (told, { notifications }) =>
    notifications.some(({ attempts }) => attempts.some(({ verdict }) => verdict === told)),
  payer: (told, { order: { openid, subOpenid = '' } }) => `${openid} ${subOpenid}`.toLowerCase().includes(told),
}

const TEXTS = [
  'outTradeNo',
  'body',
  'attach',
  'openid',
  'transactionId',
  'prepayId',
  'mchId',
  'subMchId',
  'subOpenid',
] as const

/** Whether a row matches every word of a search. */
function matcher(search: string): (row: Row) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  return (row) =>
    words.every((word) => {
      const [, field = '', told = ''] = /^(\w+):(.*)$/.exec(word) ?? []
      if (Object.hasOwn(FIELDS, field)) return FIELDS[field]!(told, row)
      return TEXTS.some((name) => row.order[name]?.toLowerCase().includes(word))
    })
}

export const empty = (title: string, hint: string, body: Markup | false = false): Markup =>
  html`<div class="empty"><h2>${title}</h2><p>${hint}</p>${body}</div>`

export const orderLink = (view: View, { outTradeNo, mchId }: Pick<OrderSnapshot, 'outTradeNo' | 'mchId'>) =>
  to(view, `orders/${segment(outTradeNo)}`, { mchId: mchId === view.world.credentials.mchId ? undefined : mchId })

function rowOf(view: View, { order, notifications }: Row): Markup {
  const { say, world } = view
  const notification = shownOf(notifications)
  const { outTradeNo, body, totalFee, createdAt } = order
  // A user of the sub-merchant's app, where the order is paid.
  const openid = order.subOpenid || order.openid
  const word = orderWord(view, order, notification)
  return html`<li id="o-${outTradeNo}"><a class="row" href="${orderLink(view, order)}">${orderMark(view, order, notification)}<span class="what"><span title="${body}">${body}</span><span class="dim" title="${word}"><span class="mono">${outTradeNo}</span> ${word}</span></span><span class="payer dim mono" title="${openid}">${openid}</span>${amount(totalFee, say)}${
    notification ? strip(view, notification) : html`<span class="marks"></span>`
  }<span class="ago">${relative(createdAt, world.clock.now(), say)}</span></a></li>`
}

/** The page of orders, newest first, with the progress of their notifications. */
export function ordersPage(view: View): Page {
  const { world, say, query } = view
  const search = query.get('q') ?? ''
  const find = notificationsOf(view)
  const all = world.orders().reverse()
  const isWanted = matcher(search)
  const wanted = all
    .map((order) => ({ order, notifications: find(order) }))
    .filter(isWanted)
    .sort((a, b) => b.order.createdAt.getTime() - a.order.createdAt.getTime())
  const { rows, pages } = paged(view, wanted)
  const filters = (['all', 'unpaid', 'waiting', 'paid', 'closed'] as const).map((name) => {
    const q = name === 'all' ? '' : `state:${name}`
    return html`<a href="${to(view, 'orders', { q })}"${q === search && html` aria-current="true"`}>${say(name)}</a>`
  })
  const main =
    all.length === 0
      ? empty(
          say('emptyOrders'),
          say('emptyOrdersHint'),
          html`${orderCommands(view)}${keysLink(view)}<p class="dim">${say('forgets')}</p>`,
        )
      : html`<h1>${say('orders')}</h1><div class="filters">${filters}</div>${
          rows.length === 0
            ? html`<p>${say('nothingFound', { q: search })}</p><p class="dim">${say('searchHelp')}</p>`
            : html`<ol class="rows">${rows.map((row) => rowOf(view, row))}</ol>${pages}`
        }`
  return { title: say('orders'), tab: 'orders', main }
}
