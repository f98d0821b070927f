import { type Dispatcher, getGlobalDispatcher, Headers } from 'undici'
import type { MockWechat } from '../../../mock-server/index.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly html: string
  /** The visible text, without markup. */
  readonly text: string
  readonly location: string | null
}

export const plain = (html: string) =>
  html
    .replace(/<(script|style|title)\b.*?<\/\1>/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&#34;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')
    .replace(/\s+/g, ' ')

/** Not fetch, which sets its own headers, as a browser does. */
async function ask({ url }: MockWechat, path: string, options: Partial<Dispatcher.RequestOptions>): Promise<Answer> {
  // The path is sent unchanged, which a URL would not allow.
  const {
    statusCode: status,
    headers: received,
    body,
  } = await getGlobalDispatcher().request({
    method: 'GET',
    ...options,
    origin: url,
    path,
  })
  const html = await body.text()
  const headers = new Headers(received as Record<string, string>)
  return { status, headers, html, text: plain(html), location: headers.get('location') }
}

/** A page, by its path from the world: `orders?q=tea`. */
export async function visit(mock: MockWechat, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const url = path.startsWith('/') ? path : `/__mock/ui/${mock.default.id}/${path}`
  return ask(mock, url, { headers })
}

/** A form of a page, as a browser posts it. */
export async function post(
  mock: MockWechat,
  action: string,
  fields: Record<string, string> = {},
  headers: Record<string, string> = { 'sec-fetch-site': 'same-origin', origin: mock.url },
): Promise<Answer> {
  return ask(mock, `/__mock/ui/${mock.default.id}/do/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: String(new URLSearchParams(fields)),
  })
}

/** Posts a form, follows the redirect, and returns the notice on the page. */
export async function does(mock: MockWechat, action: string, fields: Record<string, string> = {}): Promise<string> {
  const { status, location } = await post(mock, action, fields)
  if (status !== 303) throw new Error(`the form was answered with ${status}`)
  const { html } = await visit(mock, location!)
  return plain(/<p id="notice".*?<\/p>/s.exec(html)![0]).trim()
}
