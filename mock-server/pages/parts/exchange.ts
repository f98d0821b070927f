import type { JournalEntry } from '../../journal/entry.ts'
import { replyFields, requestFields } from '../../journal/matching.ts'
import { curlCommand } from '../../notify/replay.ts'
import { messageText, readAuthorization, requestText, SCHEME } from '../../wire/sign-v3.ts'
import { readXml } from '../../wire/xml.ts'
import type { SignExplanation } from '../../wire/explain-sign.ts'
import { told, toldNote, toldReason } from '../frame/told.ts'
import { html, type Markup } from '../frame/markup.ts'
import { copyable } from '../frame/layout.ts'
import { here, type View } from '../frame/view.ts'
import { bytes, compared, headersOf } from './bytes.ts'
import { verdictWord } from '../frame/words.ts'

const TABS = ['wire', 'fields', 'sign', 'lint', 'curl'] as const
type Tab = (typeof TABS)[number]

function wire(view: View, { request, response }: JournalEntry): Markup {
  const { say } = view
  return html`<div class="wire"><section><h2>${say('request')}</h2><p class="mono">${request.method} ${request.url}</p>${headersOf(request.headers)}${request.body !== '' && bytes(view, request.body)}</section>
<section><h2>${say('reply')}</h2>${
    response
      ? html`<p class="mono">${response.status}</p>${headersOf(response.headers)}${bytes(view, response.body)}`
      : html`<p>${say('noReply')}</p>`
  }</section></div>`
}

function table({ say }: View, values: Readonly<Record<string, string>>): Markup {
  const rows = Object.entries(values)
  if (rows.length === 0) return html`<p>${say('noFields')}</p>`
  return html`<table><thead><tr><th>${say('field')}</th><th>${say('value')}</th></tr></thead><tbody>${rows.map(
    ([name, value]) => html`<tr><td class="mono">${name}</td><td class="mono">${value}</td></tr>`,
  )}</tbody></table>`
}

const fields = (view: View, entry: JournalEntry) =>
  html`<div class="wire"><section><h2>${view.say('request')}</h2>${table(view, requestFields(entry))}</section>
<section><h2>${view.say('reply')}</h2>${table(view, replyFields(entry))}</section></div>`

/** For a refused call the journal has the explanation; for an accepted signature it is computed now. */
function explanationOf({ world }: View, { sign, request }: JournalEntry): SignExplanation | undefined {
  if (sign) return sign
  try {
    return readXml(request.body).has('sign') ? world.explainSign(request.body) : undefined
  } catch {
    return undefined
  }
}

/** The signed text of an accepted API v3 message, or of a notification what WeChat signed. */
function textV3({ direction, request: { method, url, headers, body } }: JournalEntry): string | undefined {
  if (direction === 'out') {
    const { 'Wechatpay-Timestamp': timestamp, 'Wechatpay-Nonce': nonce } = headers
    if (timestamp === undefined) return undefined
    return String(messageText({ timestamp: String(timestamp), nonce: String(nonce), body }))
  }
  const told = readAuthorization(headers.authorization as string | undefined)
  if (typeof told === 'string') return undefined
  return String(requestText({ method, url, timestamp: told.timestamp, nonce: told.nonce_str, body }))
}

function sign(view: View, entry: JournalEntry): Markup {
  const { say } = view
  const found = explanationOf(view, entry)
  if (!found) {
    const text = textV3(entry)
    if (text === undefined) return html`<p>${say('signNone')}</p>`
    return html`<p class="good">${say('signRight', { type: SCHEME })}</p><h2>${say('signOurs')}</h2>${bytes(view, text)}`
  }
  const { ours, theirs, mistake, difference, type } = found
  const isRight = theirs === ours && mistake === ''
  if (isRight) {
    return html`<p class="good">${say('signRight', { type })}</p><h2>${say('signOurs')}</h2><pre class="bytes" tabindex="0">${ours}</pre><p class="dim">${say('keyMasked')}</p>`
  }
  return html`<p class="bad">${say('signWrong')}${say('colon')}${mistake === undefined ? say('signUnknown') : told(view, mistake)}</p>
${difference && html`<p>${say('signFirst', { field: difference.field })}</p><table><tbody><tr><td>${say('signOurs')}</td><td class="mono">${difference.ours ?? '—'}</td></tr><tr><td>${say('signTheirs')}</td><td class="mono">${difference.theirs ?? '—'}</td></tr></tbody></table>`}
${theirs !== undefined && html`<h2>${say('signTheirs')}</h2>${compared(theirs, ours)}`}<h2>${say('signOurs')}</h2>${compared(ours, theirs ?? ours)}<p class="dim">${say('keyMasked')}</p>`
}

const lint = (view: View, { lint = [] }: JournalEntry) =>
  lint.length === 0
    ? html`<p>${view.say('lintNone')}</p>`
    : html`<ul>${lint.map(({ rule, level, message }) => html`<li><code class="${level === 'warning' ? 'wait' : 'dim'}">${rule}</code> ${told(view, message)}</li>`)}</ul>`

/** Headers that curl sets itself. */
const OWN = ['host', 'connection', 'content-length', 'transfer-encoding']

function curl(view: View, { direction, request }: JournalEntry): Markup {
  const headers = Object.entries(request.headers).filter(([name]) => !OWN.includes(name.toLowerCase()))
  const command = curlCommand({
    url: direction === 'out' ? request.url : `${view.world.baseUrl}${request.url}`,
    method: request.method,
    request: { headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])), body: request.body },
  })
  return html`${direction === 'out' && html`<p>${view.say('replay')}</p>`}${copyable(view, command)}`
}

const SHOW: Readonly<Record<Tab, (view: View, entry: JournalEntry) => Markup>> = { wire, fields, sign, lint, curl }

/** Whether the request was refused, or its answer was not accepted. */
export const isRefused = ({ direction, verdict, note }: JournalEntry) =>
  direction === 'out' ? verdict !== 'acked' : !['SUCCESS', 'ok'].includes(String(note))

/** The mock's remark on an exchange: the verdict in words, then the reason and what to do; on a call, what WeChat says and why. */
export function remark(view: View, { verdict, note = '' }: JournalEntry): Markup {
  if (verdict !== undefined) {
    return html`<b>${view.say(verdictWord(verdict))}</b> <span>${toldReason(view, note)}</span>`
  }
  const { wire, added } = toldNote(view, note)
  return html`<span translate="no">${wire}</span>${added}`
}

/** One exchange behind tabs. */
export function exchange(view: View, entry: JournalEntry): Markup {
  const { say, query } = view
  const wanted = TABS.find((tab) => tab === query.get('tab')) ?? 'wire'
  const findings = entry.lint?.length ?? 0
  return html`<p class="${isRefused(entry) ? 'bad' : 'good'}">${remark(view, entry)}</p>
${entry.fault !== undefined && html`<p class="flag">${say('fault', { name: entry.fault })}</p>`}
<div class="tabs">${TABS.map(
    (tab) =>
      html`<a href="${here(view, { tab })}"${tab === wanted && html` aria-current="true"`}>${say(tab)}${tab === 'lint' && findings > 0 && ` (${findings})`}</a>`,
  )}</div>${SHOW[wanted](view, entry)}`
}
