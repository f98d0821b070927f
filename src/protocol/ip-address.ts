import { isIP } from 'node:net'

const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/

/**
 * The address as WeChat takes it, or `undefined` for what is no address: Node's own definition, and one form for each address. IPv4 in its IPv6 form, as a
 * dual-stack socket gives it, becomes IPv4: WeChat has refused `::ffff:1.2.3.4` with `invalid spbill_create_ip`. A zone id means something on this machine only.
 */
export function readIpAddress(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const family = isIP(value)
  if (family !== 6) return family === 4 ? value : undefined
  const { hostname } = new URL(`http://[${value.replace(/%.*/, '')}]`)
  const [, high, low] = MAPPED.exec(hostname) ?? []
  if (high === undefined || low === undefined) return hostname.slice(1, -1)
  const bits = [parseInt(high, 16), parseInt(low, 16)]
  return bits.flatMap((part) => [part >> 8, part & 0xff]).join('.')
}
