import { BlockList, isIP } from 'node:net'

const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/

/**
 * The address as WeChat accepts it, one form for each address, or `undefined` if Node does not consider it an address. IPv4 in IPv6 form, as from a
 * dual-stack socket, becomes IPv4: WeChat has refused `::ffff:1.2.3.4` with `invalid spbill_create_ip`. A zone id is left out, as it is only valid on
 * this machine.
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

const PRIVATE = new BlockList()
for (const [address, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(address, bits, 'ipv4')
}
for (const [address, bits] of [
  ['::', 128],
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(address, bits, 'ipv6')
}

/** Whether the address is unreachable from outside (RFC 1918, 6598, 3927, 4193, 4291). */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
