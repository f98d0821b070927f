import { MockError } from '../base/errors.ts'
import { time } from './frame/format.ts'
import { copyable } from './frame/layout.ts'
import { html } from './frame/markup.ts'
import { to, type Page, type View } from './frame/view.ts'
import { empty } from './orders.ts'
import { exchange, isRefused, remark } from './parts/exchange.ts'
import { paged } from './parts/paging.ts'

/** The page of the journal. */
export function journalPage(view: View): Page {
  const { world, say, query } = view
  const wanted = query.get('dir')
  const all = world.journal.entries(wanted === 'in' || wanted === 'out' ? { direction: wanted } : {}).reverse()
  const { rows, pages } = paged(view, all)
  const filters = (
    [
      ['all', undefined],
      ['toWechat', 'in'],
      ['fromWechat', 'out'],
    ] as const
  ).map(
    ([word, dir]) =>
      html`<a href="${to(view, 'journal', { dir })}"${(wanted ?? undefined) === dir && html` aria-current="true"`}>${say(word)}</a>`,
  )
  return {
    title: say('journal'),
    tab: 'journal',
    main:
      all.length === 0 && wanted === null
        ? empty(say('emptyJournal'), say('emptyJournalHint'), copyable(view, `WECHAT_BASE_URL=${world.baseUrl}`))
        : html`<h1>${say('journal')}</h1><div class="filters">${filters}</div><ol class="rows">${rows.map((entry) => {
            const { cursor, at, direction, api, outTradeNo = '', request, response } = entry
            const isOut = direction === 'out'
            return html`<li id="j-${cursor}"><a class="row" href="${to(view, `journal/${cursor}`)}"><span class="st ${isRefused(entry) ? 'bad' : 'good'}" title="${say(isOut ? 'fromWechat' : 'toWechat')}">${isOut ? '←' : '→'}</span><span class="what"><span><b>${api}</b> <span class="mono">${outTradeNo}</span></span><span class="dim">${remark(view, entry)}</span></span><span class="payer dim mono" title="${request.url}">${request.url}</span><span class="fee">${response?.status}</span><span></span><span class="ago">${time(at)}</span></a></li>`
          })}</ol>${pages}`,
  }
}

/** One exchange. */
export function entryPage(view: View, id: string): Page {
  const { world } = view
  const entry = world.journal.entries().find(({ cursor }) => String(cursor) === id)
  if (!entry) throw new MockError('BAD_INPUT', `the journal of world ${world.id} no longer holds entry ${id}`)
  const { api, outTradeNo, at } = entry
  return {
    title: api,
    tab: 'journal',
    main: html`<h1>${api} ${outTradeNo !== undefined && html`<a class="mono" href="${to(view, 'orders', { q: outTradeNo })}">${outTradeNo}</a>`}</h1><p>${time(at)}</p>${exchange(view, entry)}`,
  }
}
