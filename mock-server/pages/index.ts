import { MockError } from '../base/errors.ts'
import { keepNewest } from '../base/keep-newest.ts'
import type { Worlds } from '../world/worlds.ts'
import { ACTIONS } from './actions.ts'
import { ICON } from './assets/icon.ts'
import { SCRIPT } from './assets/script.ts'
import { STYLE } from './assets/style.ts'
import { cardPage, casePage } from './card.ts'
import { clockPage } from './clock.ts'
import { deliveriesPage, deliveryPage, notificationPage } from './deliveries.ts'
import { faultsPage } from './faults.ts'
import { html } from './frame/markup.ts'
import { documentOf } from './frame/layout.ts'
import { told } from './frame/told.ts'
import { PAGES, type Notice, type Page, type View } from './frame/view.ts'
import { languageOf, sayIn, type Language } from './frame/words.ts'
import { entryPage, journalPage } from './journal.ts'
import { orderPage } from './order.ts'
import { empty, ordersPage } from './orders.ts'
import { phonePage, phonesPage } from './phone.ts'
import { setupPage } from './setup.ts'
import { usersPage } from './users.ts'

/** A request below {@link PAGES}. */
export interface PageRequest {
  readonly method: 'GET' | 'POST'
  /** The URL with its query. */
  readonly url: string
  /** `http://127.0.0.1:8090`, as the browser calls it. */
  readonly origin: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The fields of a form. */
  readonly body: string
}

export interface PageReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The pages of a world: lists, and single items. */
export const LISTS: Readonly<Record<string, (view: View) => Page>> = {
  orders: ordersPage,
  deliveries: deliveriesPage,
  phone: phonesPage,
  users: usersPage,
  faults: faultsPage,
  clock: clockPage,
  journal: journalPage,
  card: cardPage,
  setup: setupPage,
}
export const THINGS: Readonly<Record<string, (view: View, name: string) => Page>> = {
  orders: orderPage,
  deliveries: deliveryPage,
  notifications: notificationPage,
  phone: phonePage,
  journal: entryPage,
  card: casePage,
}

const ASSETS: Readonly<Record<string, readonly [type: string, body: string]>> = {
  'style.css': ['text/css', STYLE],
  'script.js': ['text/javascript', SCRIPT],
  'icon.svg': ['image/svg+xml', ICON],
}

/** Only the mock's own files are loaded, no text can become a script, and no other site can frame a page. */
const SAFE = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-content-type-options': 'nosniff',
  // With no-referrer a browser would send the Origin "null" with the mock's own forms.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

const framedBy = (origins: readonly string[]) =>
  SAFE['content-security-policy'].replace("frame-ancestors 'none'", `frame-ancestors ${origins.join(' ')}`)

const reply = (status: number, type: string, body: string, headers = {}): PageReply => ({
  status,
  headers: { ...SAFE, 'content-type': `${type}; charset=utf-8`, 'cache-control': 'no-store', ...headers },
  body,
})
const redirect = (location: string, headers = {}) => reply(303, 'text/plain', '', { location, ...headers })

const MAX_NOTICES = 100
const MAX_NOTICE_LENGTH = 2000

/** Serves the pages of a mock. Pages of an app may show only the cashier in a frame. */
export function createPages(
  worlds: Worlds,
  appOrigins: readonly string[] = [],
): (request: PageRequest) => Promise<PageReply> {
  const notices = new Map<string, Notice>()
  let noticed = 0

  function note(ok: boolean, text: string): string {
    const id = String(++noticed)
    notices.set(id, { ok, text: text.slice(0, MAX_NOTICE_LENGTH) })
    keepNewest(notices, MAX_NOTICES)
    return id
  }

  function viewOf({ url, origin, headers }: PageRequest, worldId: string): View {
    const cookies = String(headers.cookie ?? '')
    const chosen = /(?:^|; )mock-lang=(en|zh)(?:;|$)/.exec(cookies)?.[1] as Language | undefined
    const language = chosen ?? languageOf(headers['accept-language'] as string | undefined)
    const query = new URL(url, origin).searchParams
    return {
      worlds,
      world: worlds.find(worldId),
      say: sayIn(language),
      language,
      theme: (/(?:^|; )mock-theme=(light|dark)(?:;|$)/.exec(cookies)?.[1] as 'light' | 'dark' | undefined) ?? '',
      origin,
      url,
      query,
      notice: notices.get(query.get('done') ?? ''),
    }
  }

  async function act(view: View, name: string, body: string): Promise<PageReply> {
    const form = Object.fromEntries([...new URLSearchParams(body)].filter(([, value]) => value !== ''))
    const { back = '', ...fields } = form
    const home = `${PAGES}/${view.world.id}/orders`
    const asked = new URL(back, view.origin)
    // Only to a page: a path that has been normalised cannot lead to another host.
    const where = isPage(asked) ? asked : new URL(home, view.origin)
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name]! : undefined
    let done: string
    try {
      if (!action) throw new MockError('BAD_INPUT', `the pages have no action ${name}`)
      done = note(true, await action(view, fields))
    } catch (error) {
      if (!(error instanceof MockError)) throw error
      done = note(false, told(view, error.message))
    }
    where.searchParams.set('done', done)
    return redirect(`${where.pathname}${where.search}`)
  }

  /** The choice of language or theme is kept in the browser. */
  function choose({ url, origin }: PageRequest): PageReply | undefined {
    const { pathname, searchParams } = new URL(url, origin)
    const chosen = (['lang', 'theme'] as const).find((name) => searchParams.has(name))
    if (chosen === undefined) return undefined
    const value = searchParams.get(chosen)!
    searchParams.delete(chosen)
    const known = /^(en|zh|light|dark)$/.test(value) ? value : ''
    return redirect(`${pathname}${searchParams.size > 0 ? `?${searchParams}` : ''}`, {
      'set-cookie': `mock-${chosen}=${known}; Path=${PAGES}; Max-Age=31536000; SameSite=Strict; HttpOnly`,
    })
  }

  function pageOf(view: View, path: readonly string[]): Page {
    const [kind = '', name] = path
    const missing = (): Page => ({
      title: view.say('notFound'),
      tab: '',
      status: 404,
      main: empty(view.say('notFound'), view.say('forgets')),
    })
    if (path.length > 2) return missing()
    try {
      if (name === undefined) return Object.hasOwn(LISTS, kind) ? LISTS[kind]!(view) : missing()
      return Object.hasOwn(THINGS, kind) ? THINGS[kind]!(view, name) : missing()
    } catch (error) {
      if (!(error instanceof MockError)) throw error
      return { ...missing(), main: html`${missing().main}<p class="refused">${told(view, error.message)}</p>` }
    }
  }

  return async (request) => {
    const { method, url, origin } = request
    const asked = new URL(url, origin)
    const path = isPage(asked)
      ? asked.pathname
          .slice(PAGES.length + 1)
          .split('/')
          .map((part) => decodeURIComponent(part))
      : []
    const [first = '', ...rest] = path
    const asset = path.length === 1 && Object.hasOwn(ASSETS, first) ? ASSETS[first] : undefined
    if (method === 'GET' && asset) return reply(200, ...asset, { 'cache-control': 'no-cache' })
    const known = worlds.list().find(({ id }) => id === first)
    if (!known || rest.length === 0 || rest[0] === '') {
      return redirect(`${PAGES}/${(known ?? worlds.list()[0]!).id}/orders`)
    }
    if (method === 'POST') {
      return rest[0] === 'do' && rest.length === 2
        ? act(viewOf(request, first), rest[1]!, request.body)
        : reply(405, 'text/plain', 'only forms are posted\n', { allow: 'GET' })
    }
    const chosen = choose(request)
    if (chosen) return chosen
    const view = viewOf(request, first)
    const page = pageOf(view, rest)
    return reply(page.status ?? 200, 'text/html', documentOf(view, page), {
      vary: 'accept-language, cookie',
      ...(page.bare === true && appOrigins.length > 0 && { 'content-security-policy': framedBy(appOrigins) }),
    })
  }
}

const isPage = ({ pathname }: URL) => pathname.startsWith(`${PAGES}/`)
