import { VERSION } from '../../version.ts'
import { span, time } from './format.ts'
import { html, type Markup, type Piece } from './markup.ts'
import { here, PAGES, to, type Page, type View } from './view.ts'
import type { Word } from './words.ts'

/** A form for an action; it works without JavaScript. */
export function form(view: View, action: string, fields: Readonly<Record<string, string | undefined>>, body: Piece) {
  const hidden = Object.entries({ ...fields, back: here(view, {}) }).map(
    ([name, value]) => value !== undefined && html`<input type="hidden" name="${name}" value="${value}">`,
  )
  return html`<form method="post" action="${to(view, `do/${action}`)}">${hidden}${body}</form>`
}

/** One button in its own form. */
export const button = (
  view: View,
  action: string,
  fields: Readonly<Record<string, string | undefined>>,
  label: string,
  { kind = '', off, key }: { readonly kind?: string; readonly off?: string | undefined; readonly key?: string } = {},
): Markup =>
  form(
    view,
    action,
    fields,
    html`<button class="${kind}"${off !== undefined && html` disabled title="${off}"`}${key !== undefined && html` data-key="${key}"`}>${label}</button>`,
  )

/** A text with a button to copy it, if JavaScript is enabled. */
export const copyable = ({ say }: View, text: string, name = 'copy'): Markup =>
  html`<div class="copy"><pre tabindex="0">${text}</pre><button type="button" class="script" data-copy>${say(name as Word)}</button></div>`

const NAV = ['orders', 'deliveries', 'phone', 'users', 'faults', 'clock', 'journal', 'card', 'setup'] as const

/** Counts above zero are shown beside the name of the page. */
function counts({ world }: View): Readonly<Record<string, number>> {
  return {
    orders: world.notifications().filter(({ state }) => state === 'pending' || state === 'exhausted').length,
    faults: [...world.faults().filter(({ used }) => !used), ...world.gates().filter(({ state }) => state !== 'open')]
      .length,
  }
}

function navigation(view: View, current: string): Markup {
  const count = counts(view)
  return html`<nav id="nav" aria-label="wechat-mock">${NAV.map(
    (name) =>
      html`<a href="${to(view, name)}"${name === current && html` aria-current="page"`}>${view.say(name)}${(count[name] ?? 0) > 0 && html`<b>${count[name]}</b>`}</a>`,
  )}</nav>`
}

function clockBar(view: View): Markup {
  const { world, say } = view
  const now = world.clock.now()
  const [next] = world.clock.timers()
  const ahead = next === undefined ? undefined : span(Math.max(0, next.due.getTime() - now.getTime()), say)
  return html`<div id="time" class="time"><a href="${to(view, 'clock')}">${time(now)} <small>GMT+8</small></a>${
    world.clock.mode === 'virtual'
      ? [
          button(view, 'advance', { by: '15s' }, say('plus15s')),
          button(view, 'advance', { next: '1' }, ahead === undefined ? say('next') : say('nextIn', { span: ahead }), {
            off: ahead === undefined ? say('nothingDue') : undefined,
            key: 'n',
          }),
          button(view, 'advance', { by: '24h4m' }, say('plus24h4m')),
        ]
      : html`<small>${say('realClock')}</small>`
  }</div>`
}

function worldMenu({ worlds, world, say }: View): Markup | false {
  const all = worlds.list()
  return (
    all.length > 1 &&
    html`<details class="menu"><summary>${say('world')} ${world.id}</summary><ul>${all
      .slice(0, 50)
      .map(
        ({ id }) =>
          html`<li><a href="${PAGES}/${id}/orders"${id === world.id && html` aria-current="true"`}>${id}</a></li>`,
      )}</ul></details>`
  )
}

const otherLanguage = (view: View) =>
  view.language === 'en'
    ? html`<a lang="zh" href="${here(view, { lang: 'zh' })}">中文</a>`
    : html`<a lang="en" href="${here(view, { lang: 'en' })}">English</a>`

const OTHER = { '': ['dark', 'light'], light: ['dark'], dark: ['light'] } as const

/** Until one is chosen, only the browser knows which theme it shows: the stylesheet hides the link to that one. */
const otherTheme = (view: View) =>
  OTHER[view.theme].map(
    (theme) =>
      html`<a${view.theme === '' && html` class="to${theme}"`} href="${here(view, { theme })}">${view.say(theme)}</a>`,
  )

/** The result of an action, shown above the page. */
const noticeOf = ({ notice }: View) =>
  notice && html`<p id="notice" role="status" class="${notice.ok ? 'did' : 'refused'}">${notice.text}</p>`

const bar = (view: View, current: string) => html`
<a class="skip" href="#main">${view.say('skip')}</a>
<header><a class="name" href="${to(view, 'orders')}"><img src="${PAGES}/icon.svg" alt="" width="20" height="20"> wechat-mock</a>
${worldMenu(view)}
<form role="search" action="${to(view, 'orders')}"><input type="search" name="q" value="${current === 'orders' ? (view.query.get('q') ?? '') : ''}" placeholder="${view.say('searchHint')}" aria-label="${view.say('search')}" data-key="/"></form>
${clockBar(view)}
<div class="prefs">${otherLanguage(view)}${otherTheme(view)}</div></header>
${navigation(view, current)}`

const foot = ({ say }: View) => html`
<footer><details id="keys"><summary>${say('keys')}</summary><dl>${(['/', 'j', 'k', 'p', 'n', '?'] as const).map(
  (key) => html`<dt><kbd>${key}</kbd></dt><dd>${say(`key${key}`)}</dd>`,
)}</dl></details><small>wechat-mock ${VERSION}</small></footer>`

/** The whole document. The script fetches it again when something happens in the world, and replaces what differs. */
export function documentOf(view: View, { title, main, tab, bare = false }: Page): string {
  const { world, language, theme } = view
  return html`<!doctype html>
<html lang="${language === 'zh' ? 'zh-CN' : 'en'}"${theme !== '' && html` class="${theme}"`}>
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${title} · wechat-mock</title><link rel="icon" href="${PAGES}/icon.svg"><link rel="stylesheet" href="${PAGES}/style.css?${VERSION}"><script src="${PAGES}/script.js?${VERSION}" defer></script></head>
<body class="${bare ? 'bare' : tab}" data-events="/__mock/v1/worlds/${world.id}/events?since=${world.events.newest()}" data-clock="${world.clock.mode}">
${!bare && bar(view, tab)}
<main id="main" tabindex="-1">${noticeOf(view)}${main}</main>${!bare && foot(view)}
</body></html>`.text
}
