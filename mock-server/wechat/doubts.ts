import { isIP } from 'node:net'
import type { Account } from '../ledger/account.ts'

// What works here but might not in production, in both versions of the payment API. Each check returns what is wrong, if anything.

const LOCAL =
  /^(?:localhost|.*\.local(?:host)?|127\..*|10\..*|192\.168\..*|172\.(?:1[6-9]|2\d|3[01])\..*|\[?::1\]?|0\.0\.0\.0|\[?f[cd].*)$/i

const MINUTE_MS = 60_000

const isLocal = (url: string) => LOCAL.test(new URL(url).hostname)

type Doubt = string | undefined

export const localUrl = (url: string): Doubt =>
  isLocal(url) ? `${url} cannot be reached from WeChat's servers` : undefined

export const urlWithPort = (url: string): Doubt =>
  new URL(url).port !== '' && !isLocal(url)
    ? `${url} has a port; no recording shows whether WeChat calls such a URL`
    : undefined

export const plainHttp = (url: string): Doubt =>
  url.startsWith('http:') && !isLocal(url)
    ? `${url} must be https on the public internet (doc/v2/partner/4011984734)`
    : undefined

/** Remembers the nonce. */
export const repeatedNonce = (nonce: string, { nonces }: Account): Doubt =>
  nonces.isFresh(nonce) ? undefined : `${nonce} was used before; each request needs its own random one`

export const oddOpenid = (openid: string): Doubt =>
  openid.startsWith('o') ? undefined : `${openid} does not begin with o, unlike every recorded one`

export const localIp = (ip: string): Doubt =>
  isIP(ip) !== 0 && LOCAL.test(ip) ? `${ip} is not the address of a payer on the public internet` : undefined

export function secondRefund(outRefundNo: string, { now, refunds }: Account, outTradeNo: string): Doubt {
  const young = refunds
    .ofOrder(outTradeNo)
    .find((refund) => refund.outRefundNo !== outRefundNo && now().getTime() - refund.requestedAt.getTime() < MINUTE_MS)
  return (
    young &&
    `refund ${young.outRefundNo} of the same order is less than a minute old; two refunds of one order must be a minute apart`
  )
}
