import type { JournalEntry } from '../journal/entry.ts'
import { requestFields } from '../journal/matching.ts'
import type { OrderSnapshot, TradeState } from '../ledger/orders.ts'
import { amount, relative, yuan } from './frame/format.ts'
import { button, form } from './frame/layout.ts'
import { html, type Markup } from './frame/markup.ts'
import { to, type Page, type View } from './frame/view.ts'
import { exchange } from './parts/exchange.ts'
import { notificationsOf, orderMark, orderWord, shownOf } from './parts/order-state.ts'
import { notificationWord, strip } from './parts/strip.ts'
import { timeline } from './parts/timeline.ts'
import type { Notification } from '../notify/notification.ts'
import type { RefundSnapshot } from '../ledger/refund-rules.ts'

function facts(view: View, order: OrderSnapshot): Markup {
  const { say, world } = view
  const { body, totalFee, openid, mchId, outTradeNo, transactionId, coupons, createdAt, subMchId } = order
  const names = (...texts: readonly (string | undefined)[]) =>
    html`<span class="mono">${texts.filter(Boolean).join(' · ')}</span>`
  const row = (name: string, value: Markup | string | false) =>
    value !== false && html`<dt>${name}</dt><dd>${value}</dd>`
  return html`<dl class="facts">${row(say('description'), body)}${row(say('amount'), amount(totalFee, say))}${row(say('orderNo'), html`<span class="mono">${outTradeNo}</span> · ${relative(createdAt, world.clock.now(), say)}`)}${row(say('payer'), names(openid || (order.subOpenid ? '' : say('anybody')), order.subOpenid))}${row(say('merchant'), names(mchId))}${row(say('subMerchant'), subMchId !== undefined && names(subMchId, order.subAppid))}${row(say('transaction'), transactionId !== undefined && html`<span class="mono">${transactionId}</span>`)}${row(say('coupons'), coupons.length > 0 && coupons.map(({ fee }) => yuan(fee)).join(' + '))}</dl>`
}

const OPEN: readonly string[] = ['NOTPAY', 'USERPAYING', 'ACCEPT'] satisfies TradeState[]

function actions(
  view: View,
  order: OrderSnapshot,
  notification: Notification | undefined,
  refunds: readonly RefundSnapshot[],
) {
  const { say } = view
  const { outTradeNo: no, mchId, totalFee, paidAt } = order
  const state = say(order.tradeState)
  const unpayable = OPEN.includes(order.tradeState) && paidAt === undefined ? undefined : state
  const unpaid = paidAt === undefined ? state : undefined
  const unsent = notification === undefined ? state : undefined
  const left =
    totalFee - refunds.reduce((sum, { refundFee, status }) => (status === 'REFUNDCLOSE' ? sum : sum + refundFee), 0)
  const ofOrder = { no, mchId }
  const ofNotification = { id: notification?.id ?? '' }
  return html`<div class="acts">
${button(view, 'pay', ofOrder, say('pay'), { kind: 'main', off: unpayable, key: 'p' })}
${unpayable === undefined && form(view, 'pay', ofOrder, html`<label>${say('couponFen')}<input type="number" name="coupon" min="1" max="${totalFee}" value="${Math.max(1, Math.floor(totalFee / 10))}" required></label><button>${say('payCoupon')}</button>`)}
${button(view, 'fail', ofOrder, say('failPay'), { off: unpayable })}
${button(view, 'close', ofOrder, say('close'), { off: unpayable })}
${button(view, 'refund', ofOrder, say('refund'), { off: unpaid ?? (left > 0 ? undefined : state) })}
${refunds.filter(({ status }) => status === 'PROCESSING').map(({ outRefundNo }) => button(view, 'settle', { no: outRefundNo, mchId, status: 'SUCCESS' }, `${say('settle')} ${outRefundNo}`))}
${button(view, 'deliver', { ...ofNotification, count: '1' }, say('again'), { off: unsent })}
${button(view, 'deliver', { ...ofNotification, count: '20' }, say('twenty'), { off: unsent })}
${notification?.state === 'pending' && button(view, 'hold', ofNotification, say('hold'))}
${notification?.state === 'held' && button(view, 'release', ofNotification, say('release'))}
${unpayable === undefined && html`<a class="button" href="${to(view, `phone/${order.prepayId}`)}">${say('openPhone')}</a>`}</div>`
}

/** Whether an exchange about the number is about this merchant's order: another one may have the same number. */
function isOf(entry: JournalEntry, mchId: string): boolean {
  const { mch_id: v2 = mchId, sp_mchid: provider = v2, mchid: told = provider } = requestFields(entry)
  return told === mchId
}

/** The page of one order: what each side sent, in order, and what is still to come. */
export function orderPage(view: View, outTradeNo: string): Page {
  const { world, say, query } = view
  const wanted = query.get('mchId')
  const order = world.order(outTradeNo, wanted === null ? {} : { mchId: wanted })
  const notifications = notificationsOf(view)(order)
  const shown = shownOf(notifications)
  const refunds = world.refunds().filter((refund) => refund.outTradeNo === outTradeNo && refund.mchId === order.mchId)
  const entries = world.journal.entries().filter((entry) => entry.outTradeNo === outTradeNo && isOf(entry, order.mchId))
  const chosen = entries.find(({ cursor }) => String(cursor) === query.get('e')) ?? entries.at(-1)
  return {
    title: order.body,
    tab: 'orders',
    main: html`<h1>${orderMark(view, order, shown)} ${orderWord(view, order, shown)}</h1>
${actions(view, order, shown, refunds)}
${notifications.map(
  (notification) =>
    html`<p><small>${say(`kind${notification.kind}`)} · ${notificationWord(notification, world, say)}</small><br>${strip(view, notification, true)}</p>`,
)}
<div class="split"><section>${facts(view, order)}<h2>${say('timeline')}</h2>${
      entries.length === 0 && html`<p class="dim">${say('noneKept')}</p>`
    }${timeline(view, order, entries, refunds, notifications)}</section><section>${chosen ? exchange(view, chosen) : html`<p>${say('noEntry')}</p>`}</section></div>`,
  }
}
