import type { Account } from '../../ledger/account.ts'
import { isIP } from 'node:net'
import type { Finding } from '../../journal/entry.ts'
import { PAY_APIS, type PayApi } from '../../wire/names.ts'
import { parseWechatTime } from '../../wire/time.ts'
import { ProtocolFail, TIME_EXPIRE_SHORT } from './answers.ts'

interface Rule {
  readonly rule: string
  readonly level: Finding['level']
  readonly apis: readonly PayApi[]
  readonly field: string
  /** What is wrong, if anything is. */
  readonly check: (value: string, account: Account, outTradeNo: string) => string | undefined
}

const ALL: readonly PayApi[] = PAY_APIS.filter((api) => api !== 'getsignkey' && api !== 'report')

const LOCAL =
  /^(?:localhost|.*\.local(?:host)?|127\..*|10\..*|192\.168\..*|172\.(?:1[6-9]|2\d|3[01])\..*|\[?::1\]?|0\.0\.0\.0|\[?f[cd].*)$/i

const MINUTE_MS = 60_000

const hostOf = (url: string) => new URL(url).hostname

const isLocal = (host: string) => LOCAL.test(host)

const ageMs = ({ now }: Account, since: Date) => now().getTime() - since.getTime()

const RULES: readonly Rule[] = [
  {
    rule: 'notify-url-local',
    level: 'info',
    apis: ['unifiedorder', 'refund'],
    field: 'notify_url',
    check: (url) => (isLocal(hostOf(url)) ? `${url} cannot be reached from WeChat's servers` : undefined),
  },
  {
    rule: 'notify-url-http',
    level: 'warning',
    apis: ['unifiedorder', 'refund'],
    field: 'notify_url',
    check: (url) =>
      url.startsWith('http:') && !isLocal(hostOf(url))
        ? `${url} must be https on the public internet (doc/v2/partner/4011984734)`
        : undefined,
  },
  {
    rule: 'nonce-repeated',
    level: 'warning',
    apis: ALL,
    field: 'nonce_str',
    check: (nonce, { nonces }) =>
      nonces.isFresh(nonce) ? undefined : `${nonce} was used before; each request needs a random one of its own`,
  },
  {
    rule: 'time-expire-short',
    level: 'warning',
    apis: ['unifiedorder'],
    field: 'time_expire',
    check: (text, { now }) =>
      parseWechatTime(text)!.getTime() - now().getTime() < 5 * MINUTE_MS
        ? `${text} is less than five minutes away, which older merchants are refused`
        : undefined,
  },
  {
    rule: 'client-ip-local',
    level: 'info',
    apis: ['unifiedorder'],
    field: 'spbill_create_ip',
    check: (ip) =>
      isIP(ip) !== 0 && isLocal(ip) ? `${ip} is no address of a payer on the public internet` : undefined,
  },
  {
    rule: 'close-early',
    level: 'warning',
    apis: ['closeorder'],
    field: 'out_trade_no',
    check: (outTradeNo, account) => {
      const order = account.orders.find(outTradeNo)
      return order && ageMs(account, order.createdAt) < 5 * MINUTE_MS
        ? `${outTradeNo} is less than five minutes old; the documents forbid to close it yet (wxa chapter 9_3)`
        : undefined
    },
  },
  {
    rule: 'refund-repeated',
    level: 'warning',
    apis: ['refund'],
    field: 'out_refund_no',
    check: (outRefundNo, account, outTradeNo) => {
      const young = account.refunds
        .ofOrder(outTradeNo)
        .find((refund) => refund.outRefundNo !== outRefundNo && ageMs(account, refund.requestedAt) < MINUTE_MS)
      return (
        young &&
        `refund ${young.outRefundNo} of the same order is less than a minute old; two refunds of one order must be a minute apart`
      )
    },
  },
]

/** What production may not like about a request that is accepted here. */
export function lint(account: Account, api: PayApi, get: (name: string) => string, outTradeNo: string): Finding[] {
  return RULES.filter(({ apis, field }) => apis.includes(api) && get(field) !== '')
    .map(({ rule, level, field, check }) => ({ rule, level, field, message: check(get(field), account, outTradeNo) }))
    .filter((finding): finding is Finding => finding.message !== undefined)
}

/** The refusal of a strict world. Only that of a short time_expire is on record. */
export function refusalOfStrict(findings: readonly Finding[]): ProtocolFail | undefined {
  const worst = findings.find(({ level }) => level === 'warning')
  if (!worst) return undefined
  const text = worst.rule === 'time-expire-short' ? TIME_EXPIRE_SHORT : `${worst.field}参数格式错误`
  return new ProtocolFail(text, { cause: `strict: ${worst.message}` })
}
