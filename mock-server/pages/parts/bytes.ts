import { html, type Markup, type Piece } from '../frame/markup.ts'
import type { View } from '../frame/view.ts'

/** A tag or a section of CDATA of XML, or a text of JSON with the colon of a name. */
const XML = /(<!\[CDATA\[|\]\]>|<[^>]*>)/
const JSON_TEXT = /("(?:[^"\\]|\\.)*")/

/** A byte order mark and invisible white space. */
const visible = (text: string): Piece =>
  text
    .split(/(\uFEFF|\u200B|\u00A0)/)
    .map((part, n) =>
      n % 2 === 0 ? part : html`<mark>U+${part.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}</mark>`,
    )

function coloured(text: string): Piece {
  const isXml = text.trimStart().startsWith('<')
  return text
    .split(isXml ? XML : JSON_TEXT)
    .map((part, n) => (n % 2 === 0 ? visible(part) : html`<span class="${isXml ? 't' : 's'}">${part}</span>`))
}

/** XML and JSON in one line are shown with one field per line; nothing else is changed. */
const broken = (text: string) =>
  text.includes('\n') ? text : text.replace(/(<xml>|<root>|<\/\w+>)(?=<)/g, '$1\n').replace(/,(?=")/g, ',\n')

const FOLD = 40

/** A highlighted body, folded after 40 lines. */
export function bytes({ say }: View, text: string): Markup {
  const lines = broken(text).split('\n')
  const start = lines.slice(0, FOLD).join('\n')
  const rest = lines.slice(FOLD)
  return html`<pre class="bytes" tabindex="0">${coloured(start)}</pre>${
    rest.length > 0 &&
    html`<details><summary>${say('fold', { n: rest.length })}</summary><pre class="bytes" tabindex="0">${coloured(rest.join('\n'))}</pre></details>`
  }`
}

/** A text with the first field marked that differs from another text. */
export function compared(text: string, other: string): Markup {
  let from = 0
  while (from < text.length && text[from] === other[from]) from++
  const start = text.lastIndexOf('&', from - 1) + 1
  const end = text.indexOf('&', from)
  const field = text.slice(start, end === -1 ? undefined : end)
  return text === other
    ? html`<pre class="bytes" tabindex="0">${text}</pre>`
    : html`<pre class="bytes" tabindex="0">${text.slice(0, start)}<mark>${field}</mark>${text.slice(start + field.length)}</pre>`
}

/** Headers as sent. */
export const headersOf = (headers: Readonly<Record<string, unknown>>): Markup =>
  html`<pre class="bytes" tabindex="0">${Object.entries(headers).map(
    ([name, value]) => html`<span class="h">${name}:</span> ${String(value)}${'\n'}`,
  )}</pre>`
