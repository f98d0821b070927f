import type { Account } from '../../ledger/account.ts'
import type { Finding } from '../../journal/entry.ts'
import { PAY_APIS, type PayApi } from '../../wire/names.ts'
import { parseWechatTime } from '../../wire/time.ts'
import { localIp, localUrl, oddOpenid, plainHttp, repeatedNonce, secondRefund, urlWithPort } from '../doubts.ts'
import { BusinessFail, INVALID_NOTIFY_URL, ProtocolFail, TIME_EXPIRE_SHORT, WRONG_OPENID } from './answers.ts'

interface Rule {
  readonly rule: string
  readonly level: Finding['level']
  readonly apis: readonly PayApi[]
  readonly field: string
  /** Only for this way to order. */
  readonly tradeType?: string
  /** How a strict world refuses; default: as a wrong format. */
  readonly refuse?: () => ProtocolFail | BusinessFail
  /** What is wrong, if anything is. */
  readonly check: (value: string, account: Account, outTradeNo: string) => string | undefined
}

const ALL: readonly PayApi[] = PAY_APIS.filter((api) => api !== 'getsignkey' && api !== 'report')

const MINUTE_MS = 60_000

const ageMs = ({ now }: Account, since: Date) => now().getTime() - since.getTime()

function hasH5Info(text: string): boolean {
  try {
    const { h5_info: info } = JSON.parse(text) as { readonly h5_info?: { readonly type?: unknown } }
    return typeof info?.type === 'string'
  } catch {
    return false
  }
}

const RULES: readonly Rule[] = [
  {
    rule: 'notify-url-local',
    level: 'info',
    apis: ['unifiedorder', 'refund'],
    field: 'notify_url',
    check: localUrl,
  },
  {
    rule: 'notify-url-port',
    level: 'info',
    apis: ['unifiedorder', 'refund'],
    field: 'notify_url',
    check: urlWithPort,
  },
  {
    rule: 'notify-url-http',
    level: 'warning',
    apis: ['unifiedorder', 'refund'],
    field: 'notify_url',
    refuse: () => new ProtocolFail(INVALID_NOTIFY_URL),
    check: plainHttp,
  },
  {
    rule: 'nonce-repeated',
    level: 'warning',
    apis: ALL,
    field: 'nonce_str',
    check: repeatedNonce,
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
  ...['openid', 'sub_openid'].map((field): Rule => ({
    rule: 'openid-form',
    level: 'warning',
    apis: ['unifiedorder'],
    field,
    refuse: () => new ProtocolFail(WRONG_OPENID),
    check: oddOpenid,
  })),
  {
    rule: 'client-ip-local',
    level: 'info',
    apis: ['unifiedorder'],
    field: 'spbill_create_ip',
    check: localIp,
  },
  {
    rule: 'scene-info-form',
    level: 'warning',
    apis: ['unifiedorder'],
    tradeType: 'MWEB',
    field: 'scene_info',
    check: (text) =>
      hasH5Info(text)
        ? undefined
        : 'an order for a mobile browser has JSON with h5_info and its type here, such as {"h5_info":{"type":"Wap","wap_url":"https://…","wap_name":"…"}} (H5 chapter 9_20)',
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
    check: secondRefund,
  },
]

/** A finding, and how a strict world refuses. */
interface Found extends Finding {
  readonly refuse?: (() => ProtocolFail | BusinessFail) | undefined
}

const ROOT_NAME = 'root-name'

function rootFindings(root: string): Found[] {
  if (root === 'xml') return []
  const message = `the root element is <${root}> instead of the documented <xml>; no refusal of another one is on record`
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
    ...RULES.filter(
      ({ apis, field, tradeType = get('trade_type') }) =>
        apis.includes(api) && get(field) !== '' && tradeType === get('trade_type'),
    ).flatMap(({ rule, level, field, refuse, check }): Found[] => {
      const message = check(get(field), account, outTradeNo)
      return message === undefined ? [] : [{ rule, level, field, message, refuse }]
    }),
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
