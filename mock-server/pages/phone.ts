import { encode } from 'uqr'
import { PREPAY_LIFE_MS, type OrderSnapshot } from '../ledger/orders.ts'
import { relative, yuan } from './frame/format.ts'
import { button } from './frame/layout.ts'
import { html, Markup } from './frame/markup.ts'
import { here, to, type Page, type View } from './frame/view.ts'
import { empty } from './orders.ts'
import { keysLink, orderCommands } from './parts/commands.ts'
import { paged } from './parts/paging.ts'
import type { Word } from './frame/words.ts'

/** The numbers in a path need no escaping. */
function qr(text: string, label: string): Markup {
  const { data, size } = encode(text)
  const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return html`<svg class="qr" role="img" aria-label="${label}" viewBox="0 0 ${size} ${size}"><path d="${dark.join('')}" shape-rendering="crispEdges"/></svg>`
}

/** The orders that can be paid. */
export function phonesPage(view: View): Page {
  const { world, say } = view
  const unpaid = world
    .orders()
    .filter(({ tradeState }) => tradeState === 'NOTPAY')
    .reverse()
  const { rows, pages } = paged(view, unpaid)
  return {
    title: say('phone'),
    tab: 'phone',
    main:
      unpaid.length === 0
        ? empty(say('emptyPhone'), say('emptyOrdersHint'), html`${orderCommands(view)}${keysLink(view)}`)
        : html`<h1>${say('choosePhone')}</h1><ol class="rows">${rows.map(
            ({ body, outTradeNo, totalFee, prepayId, openid, createdAt }) =>
              html`<li id="o-${outTradeNo}"><a class="row" href="${to(view, `phone/${prepayId}`)}"><span class="st dim">○</span><span class="what"><span>${body}</span><span class="dim mono">${outTradeNo}</span></span><span class="payer dim mono">${openid}</span><span class="fee">${yuan(totalFee)}</span><span></span><span class="ago">${relative(createdAt, world.clock.now(), say)}</span></a></li>`,
          )}</ol>${pages}`,
  }
}

function checksOf(view: View, order: OrderSnapshot): Markup {
  const { say, world } = view
  const age = world.clock.now().getTime() - order.createdAt.getTime()
  const checks: readonly (readonly [word: Word, passed: boolean])[] = [
    ['checkKnown', true],
    ['checkOpen', order.tradeState !== 'CLOSED' && order.tradeState !== 'REVOKED'],
    ['checkUnpaid', order.paidAt === undefined],
    ['checkAge', age < PREPAY_LIFE_MS],
  ]
  return html`<details id="checks"><summary>${say('checks')}</summary><ul>${checks.map(
    ([word, passed]) => html`<li class="${passed ? 'good' : 'bad'}">${passed ? '✓' : '✕'} ${say(word)}</li>`,
  )}<li class="dim">${say('checkSign')}</li></ul></details>`
}

/** The result for a page of an app that shows this one as its cashier: the script sends it on a click. */
const PAID = 'requestPayment:ok'
const CANCELLED = 'requestPayment:fail cancel'

function result(view: View, order: OrderSnapshot, isPaid: boolean): Markup {
  const { say } = view
  return html`<div class="tick${!isPaid && ' no'}" aria-hidden="true">${isPaid ? '✓' : '✕'}</div><h1 class="who">${say(isPaid ? 'payDone' : 'payCancelled')}</h1><p class="big">${yuan(order.totalFee)}</p><p class="who dim">${say('payCallback')}<br><code>${isPaid ? PAID : CANCELLED}</code></p>`
}

/** The payer's page of one order. */
export function phonePage(view: View, prepayId: string): Page {
  const { world, say, query, origin } = view
  const order = world.orders().find((order) => order.prepayId === prepayId)
  if (!order) {
    return {
      title: say('notFound'),
      tab: 'phone',
      status: 404,
      main: empty(
        say('notFound'),
        say('noPrepay', { id: prepayId }),
        html`<p>${say('forgets')}</p><a href="${to(view, 'phone')}">${say('choosePhone')}</a>`,
      ),
    }
  }
  const { outTradeNo: no, mchId, subMchId = mchId, body, totalFee, paidAt } = order
  const isCancelled = query.get('result') === 'cancel'
  const isDone = paidAt !== undefined || isCancelled
  const isFramed = query.get('in') === 'app'
  const cancel = here(view, { result: 'cancel' })
  const cancels = isFramed && html` data-result="${CANCELLED}"`
  const back = isFramed
    ? html`<button type="button" class="main" data-result="${paidAt === undefined ? CANCELLED : PAID}">${say('done')}</button>`
    : html`<a class="button" href="${to(view, `orders/${no}`, { mchId })}">${say('back')}</a>`
  return {
    title: say('payTitle'),
    tab: 'phone',
    bare: true,
    main: html`<div class="sheet"><a class="x" href="${cancel}"${cancels} aria-label="${say('cancel')}">×</a>${
      isDone
        ? html`${result(view, order, paidAt !== undefined)}<div class="act">${back}</div>${paidAt === undefined && html`<div class="act"><a class="button" href="${here(view, { result: undefined })}">${say('payNow', { fee: yuan(totalFee) })}</a></div>`}`
        : html`<p class="who">${say('merchant')} ${subMchId}</p><p class="big">${yuan(totalFee)}</p><dl><dt>${say('description')}</dt><dd>${body}</dd><dt>${say('orderNo')}</dt><dd class="mono">${no}</dd><dt>${say('method')}</dt><dd>${say('balance')}</dd></dl>
<div class="act">${button(view, 'pay', { no, mchId }, say('payNow', { fee: yuan(totalFee) }), { kind: 'main', key: 'p' })}</div><div class="act"><a class="button" href="${cancel}"${cancels}>${say('cancel')}</a></div>`
    }${checksOf(view, order)}<details id="scan"><summary>${say('scan')}</summary>${qr(`${origin}${to(view, `phone/${prepayId}`)}`, say('scan'))}<small>${say('scanHint')}</small></details></div>`,
  }
}
