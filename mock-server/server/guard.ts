import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { MockError } from '../base/errors.ts'

const hostnameOf = (origin: string) => (URL.canParse(origin) ? new URL(origin).hostname : '')

/**
 * Whether a web page of another site made the browser call one of WeChat's paths. A merchant's server never sends these
 * headers, so the call cannot come from the application under test.
 */
export function isForeignPage({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  const { origin, host = '', 'sec-fetch-site': site } = headers
  if (site === 'cross-site') return true
  return origin !== undefined && hostnameOf(origin) !== hostnameOf(`http://${host}`)
}

/** A user follows a link: the browser shows the answer, and the page with the link cannot read it. */
const isVisit = (headers: FastifyRequest['headers']) =>
  headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'

/** A page of an app shows a page of the mock in a frame: the cashier. The browser refuses to, unless the reply allows this origin. */
const isFramedBy = ({ referer = '', ...headers }: FastifyRequest['headers'], appOrigins: readonly string[]) =>
  headers['sec-fetch-dest'] === 'iframe' && URL.canParse(referer) && appOrigins.includes(new URL(referer).origin)

/** A page of another site made the browser send the request, not a user following a link. */
export function isForeignVisit(request: Pick<FastifyRequest, 'headers'>): boolean {
  return isForeignPage(request) && !isVisit(request.headers)
}

/**
 * Protects the mock's pages from foreign web pages, in addition to {@link checkCaller}: a page may be opened by a link from anywhere, but only the
 * mock's own pages may post its forms and load its parts.
 */
export function checkBrowser(
  { method, headers }: Pick<FastifyRequest, 'method' | 'headers'>,
  appOrigins: readonly string[] = [],
): void {
  const { origin, 'sec-fetch-site': site } = headers
  const isOwn = site === 'same-origin' || (site === undefined && origin !== undefined)
  const isAllowed =
    method === 'POST'
      ? isOwn
      : site === undefined ||
        site === 'same-origin' ||
        site === 'none' ||
        isVisit(headers) ||
        isFramedBy(headers, appOrigins)
  if (isAllowed) return
  throw new MockError(
    'FORBIDDEN_ORIGIN',
    method === 'POST' && site === undefined
      ? 'the forms of the pages are for browsers; a program calls the control API'
      : 'a page of another site may not use the pages of the mock',
  )
}

/**
 * Keeps out all pages but those of the apps that may use `wx`, and anything that is not a page.
 * @returns the origin of the page
 */
export function checkApp({ headers }: Pick<FastifyRequest, 'headers'>, appOrigins: readonly string[]): string {
  const { origin = '' } = headers
  if (appOrigins.includes(origin)) return origin
  throw new MockError(
    'FORBIDDEN_ORIGIN',
    `wx is for pages of ${appOrigins.join(', ') || 'nobody'}, not of ${JSON.stringify(origin)}; allow them with --app-origin <origin> (appOrigins)`,
  )
}

/**
 * Keeps foreign web pages out: a page can make the browser call a loopback port, through its own domain resolving to
 * 127.0.0.1 (so the Host must be an address, a local name or one of `hosts`) or across origins (so an Origin must be the
 * mock itself).
 */
export function checkCaller(request: Pick<FastifyRequest, 'headers' | 'protocol'>, hosts: readonly string[]): void {
  checkHost(request, hosts)
  const { headers, protocol } = request
  const { origin, host = '' } = headers
  if (origin !== undefined && origin !== `${protocol}://${host}`) {
    throw new MockError('FORBIDDEN_ORIGIN', `a page of ${origin} may not control the mock`)
  }
}

/** The part of {@link checkCaller} about the name by which the mock is called. */
export function checkHost({ headers }: Pick<FastifyRequest, 'headers'>, hosts: readonly string[]): void {
  const host = headers.host ?? ''
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
  if (
    isIP(name) === 0 &&
    name !== 'localhost' &&
    !name.endsWith('.localhost') &&
    !hosts.some((allowed) => allowed.toLowerCase() === name)
  ) {
    throw new MockError(
      'FORBIDDEN_HOST',
      `the control API accepts an IP address, localhost or ${hosts.join(', ')} as Host, not ${JSON.stringify(host)}; allow it with --allow-host ${name} (allowedHosts)`,
    )
  }
}
