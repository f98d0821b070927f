import { html, type Markup } from '../frame/markup.ts'
import { here, type View } from '../frame/view.ts'

const ROWS = 50

/** The part of a list, newest first, that the page shows, and the links to the others. */
export function paged<T>(
  view: View,
  list: readonly T[],
): { readonly rows: readonly T[]; readonly pages: Markup | false } {
  const last = Math.max(0, Math.ceil(list.length / ROWS) - 1)
  const page = Math.min(last, Math.max(0, Math.floor(Number(view.query.get('page') ?? 0)) || 0))
  const rows = list.slice(page * ROWS, (page + 1) * ROWS)
  const { say } = view
  const link = (wanted: number, word: 'newer' | 'older') =>
    wanted >= 0 && wanted <= last && html`<a href="${here(view, { page: wanted })}">${say(word)}</a>`
  return {
    rows,
    pages:
      last > 0 &&
      html`<p class="pages"><span>${say('page', { from: page * ROWS + 1, to: page * ROWS + rows.length, n: list.length })}</span>${link(page - 1, 'newer')}${link(page + 1, 'older')}</p>`,
  }
}
