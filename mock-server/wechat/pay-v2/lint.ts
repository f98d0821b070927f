import type { Account } from '../../ledger/account.ts'
import { isIP } from 'node:net'
import type { Finding } from '../../journal/entry.ts'
import { PAY_APIS, type PayApi } from '../../wire/names.ts'
import { parseWechatTime } from '../../wire/time.ts'
import { BusinessFail, INVALID_NOTIFY_URL, ProtocolFail, TIME_EXPIRE_SHORT, WRONG_OPENID } from './answers.ts'

interface Rule {
  readonly rule: string
  readonly level: Finding['level']
  readonly apis: readonly PayApi[]
  readonly field: string
  /** How a strict world refuses; default: as a wrong format. */
  readonly refuse?: () => ProtocolFail | BusinessFail
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
    rule: 'notify-url-port',
    level: 'info',
    apis: ['unifiedorder', 'refund'],
    field: 'notify_url',
    check: (url) =>
      new URL(url).port !== '' && !isLocal(hostOf(url))
        ? `${url} has a port; no recording shows whether WeChat calls such a URL`
        : undefined,
  },
  {
    rule: 'notify-url-http',
    level: 'warning',
    apis: ['unifiedorder', 'refund'],
    field: 'notify_url',
    refuse: () => new ProtocolFail(INVALID_NOTIFY_URL),
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
      nonces.isFresh(nonce) ? undefined : `${nonce} was used before; each request needs its own random one`,
  },
  {
    rule: 'time-expire-short',
    level: 'warning',
    apis: ['unifiedorder'],
    field: 'time_expire',
    refuse: () => new ProtocolFail(TIME_EXPIRE_SHORT),
    check: (text, { now }) =>
      parseWechatTime(text)!.getTime() - now().getTime() < 5 * MINUTE_MS
        ? `${text} is less than five minutes away, which WeChat refuses for older merchants`
        : undefined,
  },
  {
    rule: 'openid-form',
    level: 'warning',
    apis: ['unifiedorder'],
    field: 'openid',
    refuse: () => new ProtocolFail(WRONG_OPENID),
    check: (openid) =>
      openid.startsWith('o') ? undefined : `${openid} does not begin with o, unlike every recorded one`,
  },
  {
    rule: 'client-ip-local',
    level: 'info',
    apis: ['unifiedorder'],
    field: 'spbill_create_ip',
    check: (ip) =>
      isIP(ip) !== 0 && isLocal(ip) ? `${ip} is not the address of a payer on the public internet` : undefined,
  },
  {
    rule: 'close-early',
    level: 'warning',
    apis: ['closeorder'],
    field: 'out_trade_no',
    refuse: () => new BusinessFail('SYSTEMERROR'),
    check: (outTradeNo, account) => {
      const order = account.orders.find(outTradeNo)
      return order && ageMs(account, order.createdAt) < 5 * MINUTE_MS
        ? `${outTradeNo} is less than five minutes old; the documentation forbids closing it yet (wxa chapter 9_3)`
        : undefined
    },
  },
  {
    rule: 'refund-repeated',
    level: 'warning',
    apis: ['refund'],
    field: 'out_refund_no',
    refuse: () => new BusinessFail('FREQUENCY_LIMITED'),
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

/** A finding, and how a strict world refuses. */
interface Found extends Finding {
  readonly refuse?: (() => ProtocolFail | BusinessFail) | undefined
}

const ROOT_NAME = 'root-name'

function rootFindings(root: string): Found[] {
  if (root === 'xml') return []
  const message = `the root element is <${root}>instead of the documented <xml>; no refusal of another one is on record`
  const refuse = () => new ProtocolFail('XML格式错误')
  return [{ rule: ROOT_NAME, level: 'warning', field: root, message, refuse }]
}

/** What production might refuse about a request that is accepted here. */
export function lint(
  account: Account,
  api: PayApi,
  root: string,
  get: (name: string) => string,
  outTradeNo: string,
): { readonly findings: Finding[]; readonly refusal: ProtocolFail | BusinessFail | undefined } {
  const found: Found[] = [
    ...rootFindings(root),
    ...RULES.filter(({ apis, field }) => apis.includes(api) && get(field) !== '').flatMap(
      ({ rule, level, field, refuse, check }): Found[] => {
        const message = check(get(field), account, outTradeNo)
        return message === undefined ? [] : [{ rule, level, field, message, refuse }]
      },
    ),
  ]
  const worst = found.find(({ level }) => level === 'warning')
  return {
    findings: found.map(({ refuse: _refuse, ...finding }) => finding),
    refusal: worst && strictRefusal(worst),
  }
}

/** How a strict world refuses: in WeChat's own words, where they are on record. */
function strictRefusal({ field, message, refuse }: Found): ProtocolFail | BusinessFail {
  const refusal = refuse?.() ?? new ProtocolFail(`${field}参数格式错误`)
  refusal.cause = `strict: ${message}`
  return refusal
}
