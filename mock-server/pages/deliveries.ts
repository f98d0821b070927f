import { MockError } from '../base/errors.ts'
import { rawRequest } from '../notify/replay.ts'
import type { Notification } from '../notify/notification.ts'
import { relative, time } from './frame/format.ts'
import { button, copyable } from './frame/layout.ts'
import { told } from './frame/told.ts'
import { html, type Markup } from './frame/markup.ts'
import { segment, to, type Page, type View } from './frame/view.ts'
import { verdictWord } from './frame/words.ts'
import { empty, orderLink } from './orders.ts'
import { commandOf } from './parts/commands.ts'
import { exchange } from './parts/exchange.ts'
import { paged } from './parts/paging.ts'
import { notificationKind, notificationWord, strip } from './parts/strip.ts'

function rowOf(view: View, notification: Notification): Markup {
  const { world, say } = view
  const { id, kind, url, attempts } = notification
  const last = attempts.at(-1)
  const why =
    last && last.verdict !== 'acked' ? `${say(verdictWord(last.verdict))}${say('colon')}${told(view, last.reason)}` : ''
  return html`<li id="n-${id}"><a class="row" href="${to(view, `notifications/${segment(id)}`)}"><span class="st ${notificationKind(notification)}">${{ good: '●', bad: '✕', wait: '◐' }[notificationKind(notification)]}</span><span class="what"><span>${say(`kind${kind}`)} <span class="mono">${id}</span></span><span class="dim" title="${why}">${why || notificationWord(notification, world, say)}</span></span><span class="payer dim" title="${url}">${url}</span><span class="fee">${attempts.length}</span>${strip(view, notification)}<span class="ago">${last && relative(last.sentAt, world.clock.now(), say)}</span></a></li>`
}

/** The page of notifications: which answers of the app did WeChat not accept? */
export function deliveriesPage(view: View): Page {
  const { world, say } = view
  const all = world.notifications().reverse()
  const newest = ({ attempts }: Notification) => attempts.at(-1)?.sentAt.getTime() ?? 0
  const { rows, pages } = paged(
    view,
    [...all].sort((a, b) => newest(b) - newest(a)),
  )
  return {
    title: say('deliveries'),
    tab: 'deliveries',
    main:
      all.length === 0
        ? empty(say('emptyDeliveries'), say('emptyDeliveriesHint'), copyable(view, commandOf(view, 'pay')))
        : html`<h1>${say('deliveries')}</h1><ol class="rows">${rows.map((notification) => rowOf(view, notification))}</ol>${pages}`,
  }
}

/** Every send of one notification. */
export function notificationPage(view: View, id: string): Page {
  const { world, say } = view
  const notification = world.notification(id)
  return {
    title: id,
    tab: 'deliveries',
    main: html`<h1>${say(`kind${notification.kind}`)} <a class="mono" href="${orderLink(view, notification)}">${notification.outTradeNo}</a></h1>
<p class="${notificationKind(notification)}">${notificationWord(notification, world, say)}</p><p>${strip(view, notification, true)}</p>
<div class="acts">${button(view, 'deliver', { id, count: '1' }, say('again'))}${button(view, 'deliver', { id, count: '20' }, say('twenty'))}${
      notification.state === 'held'
        ? button(view, 'release', { id }, say('release'))
        : button(view, 'hold', { id }, say('hold'))
    }${button(view, 'cancel', { id }, say('cancel'))}</div>
<div class="scroll"><table><tbody>${[...notification.attempts]
      .reverse()
      .slice(0, 100)
      .map(
        ({ id, attempt, sentAt, verdict, reason, durationMs }) =>
          html`<tr><td>${time(sentAt)}</td><td class="when"><a href="${to(view, `deliveries/${id}`)}">${say('attempt', { n: attempt + 1 })}</a></td><td class="${verdict === 'acked' ? 'good' : 'bad'}">${say(verdictWord(verdict))}</td><td>${told(view, reason)}</td><td class="num">${say('took', { ms: Math.round(durationMs) })}</td></tr>`,
      )}</tbody></table></div>`,
  }
}

/** The page of one send, with its bytes. */
export function deliveryPage(view: View, id: string): Page {
  const { world, say } = view
  const delivery = world.deliveries().find((delivery) => delivery.id === id)
  if (!delivery) {
    throw new MockError(
      'UNKNOWN_DELIVERY',
      `world ${world.id} has no delivery ${id}; it remembers the newest ones only`,
    )
  }
  const {
    notificationId,
    kind,
    sentAt,
    attempt,
    url,
    request,
    response,
    verdict,
    reason,
    lint = [],
    durationMs,
  } = delivery
  const entry = world.journal.entries({ direction: 'out' }).find(({ deliveryId }) => deliveryId === id) ?? {
    cursor: 0,
    at: sentAt,
    direction: 'out' as const,
    api: kind === 'refund' ? ('refundnotify' as const) : ('notify' as const),
    request: { method: 'POST', url, ...request },
    ...(response && { response }),
    note: `${verdict}: ${reason}`,
    verdict,
    lint,
  }
  const raw = response?.raw
  return {
    title: id,
    tab: 'deliveries',
    main: html`<h1><a href="${to(view, `notifications/${segment(notificationId)}`)}">${notificationId}</a> · ${say('attempt', { n: attempt + 1 })}</h1><p>${time(sentAt)} · ${say('took', { ms: Math.round(durationMs) })}</p>
${exchange(view, entry)}<h2>${say('copyBytes')}</h2>${copyable(view, rawRequest(delivery), 'copyBytes')}${
      raw &&
      html`<h2>${say('reply')} (hex)</h2><pre class="bytes" tabindex="0">${raw.subarray(0, 512).toString('hex').replace(/(..)/g, '$1 ')}</pre>`
    }`,
  }
}
