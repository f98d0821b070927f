import type { Finding } from '../../journal/entry.ts'
import type { Account } from '../../ledger/account.ts'
import type { PayApi } from '../../wire/names.ts'
import { localIp, localUrl, oddOpenid, plainHttp, repeatedNonce, secondRefund, urlWithPort } from '../doubts.ts'
import { V3Error } from './answers.ts'

interface Rule {
  readonly rule: string
  readonly level: Finding['level']
  readonly field: string
  /** Only for this call. */
  readonly api?: PayApi
  /** The value that it is about; undefined if there is none. */
  readonly of: (body: any, nonce: string) => string | undefined
  readonly check: (value: string, account: Account, outTradeNo: string) => string | undefined
  /** How a strict world refuses; default: 参数错误. */
  readonly code?: string
}

const notifyUrl = { field: 'notify_url', of: (body: any) => body.notify_url as string | undefined }

const RULES: readonly Rule[] = [
  { rule: 'notify-url-local', level: 'info', ...notifyUrl, check: localUrl },
  { rule: 'notify-url-port', level: 'info', ...notifyUrl, check: urlWithPort },
  { rule: 'notify-url-http', level: 'warning', ...notifyUrl, check: plainHttp },
  { rule: 'nonce-repeated', level: 'warning', field: 'nonce_str', of: (_body, nonce) => nonce, check: repeatedNonce },
  ...['openid', 'sp_openid', 'sub_openid'].map((name): Rule => ({
    rule: 'openid-form',
    level: 'warning',
    field: `payer.${name}`,
    of: ({ payer }) => payer?.[name],
    check: oddOpenid,
  })),
  {
    rule: 'client-ip-local',
    level: 'info',
    field: 'scene_info.payer_client_ip',
    of: ({ scene_info: scene }) => scene?.payer_client_ip,
    check: localIp,
  },
  {
    rule: 'refund-repeated',
    level: 'warning',
    field: 'out_refund_no',
    api: 'refund',
    of: (body) => body.out_refund_no,
    check: secondRefund,
    code: 'FREQUENCY_LIMITED',
  },
  {
    rule: 'four-byte-characters',
    level: 'warning',
    field: 'body',
    of: (body) => JSON.stringify(body),
    check: (text) => {
      const [character] = /[\u{10000}-\u{10FFFF}]/u.exec(text) ?? []
      return character && `${character} has four bytes in UTF-8; WeChat supports characters of one to three`
    },
  },
]

/** What production might refuse about a request that is accepted here. */
export function lint(
  api: PayApi,
  { account, body }: { readonly account: Account; readonly body: any },
  nonce: string,
  outTradeNo: string,
): { readonly findings: Finding[]; readonly refusal: V3Error | undefined } {
  const found = RULES.flatMap(({ rule, level, field, api: only = api, of, check, code = 'PARAM_ERROR' }) => {
    const value = only === api ? of(body, nonce) : undefined
    const message = value === undefined ? undefined : check(value, account, outTradeNo)
    return message === undefined ? [] : [{ code, finding: { rule, level, field, message } }]
  })
  const worst = found.find(({ finding }) => finding.level === 'warning')
  return {
    findings: found.map(({ finding }) => finding),
    refusal: worst && new V3Error(worst.code, { cause: `strict: ${worst.finding.message}` }),
  }
}
