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

/**
 * Keeps foreign web pages out: a page can make the browser call a loopback port, through its own domain resolving to
 * 127.0.0.1 (so the Host must be an address, a local name or one of `hosts`) or across origins (so an Origin must be the
 * mock itself).
 */
export function checkCaller(
  { headers, protocol }: Pick<FastifyRequest, 'headers' | 'protocol'>,
  hosts: readonly string[],
): void {
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
  const { origin } = headers
  if (origin !== undefined && origin !== `${protocol}://${host}`) {
    throw new MockError('FORBIDDEN_ORIGIN', `a page of ${origin} may not control the mock`)
  }
}
