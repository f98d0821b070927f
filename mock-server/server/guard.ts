import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { MockError } from '../base/errors.ts'

/**
 * Keeps foreign web pages out: a page can make the browser call a loopback port, by a name of its own that resolves to
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
      `the control API answers to an IP address, localhost or ${hosts.join(', ')}, not to the Host ${JSON.stringify(host)}; allow it with --allow-host ${name} (allowedHosts)`,
    )
  }
  const { origin } = headers
  if (origin !== undefined && origin !== `${protocol}://${host}`) {
    throw new MockError('FORBIDDEN_ORIGIN', `a page of ${origin} may not steer the mock`)
  }
}
