import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { billDay, isBillDate } from '../../bills/day.ts'
import { fundFlow } from '../../bills/fund-flow.ts'
import { tradeBill, type BillType } from '../../bills/trade-bill.ts'
import type { Account } from '../../ledger/account.ts'
import type { WorldCore } from '../core.ts'
import { paramError, V3Error } from './answers.ts'
import { required, string, type Fields } from './fields.ts'
import type { V3Endpoint, V3Request } from './receive.ts'

/** A download URL is valid for five minutes. */
const DOWNLOAD_MS = 5 * 60_000

/** Which statement a download URL leads to. */
interface Ticket {
  readonly kind: 'trade' | 'fund'
  /** `2026-01-15` */
  readonly date: string
  /** bill_type or account_type. */
  readonly type: string
  /** Only the trades of one sub-merchant; '': all. */
  readonly subMchId: string
  readonly until: number
}

/** @throws V3Error */
function statement(world: WorldCore, account: Account, { kind, date, type, subMchId }: Omit<Ticket, 'until'>): string {
  const compact = date.replaceAll('-', '')
  if (!/^\d{4}-\d\d-\d\d$/.test(date) || !isBillDate(compact)) {
    throw paramError('输入源“/query/bill_date”映射到值字段“账单日期”字符串规则校验失败，日期格式错误', 'query', date)
  }
  const day = billDay(compact, account.now())
  if (day.state === 'future') throw new V3Error('INVALID_REQUEST', { cause: `${date} is not over` })
  if (day.state === 'creating') throw new V3Error('STATEMENT_CREATING')
  const text =
    kind === 'trade'
      ? tradeBill(account, day, type as BillType, world.behaviour.billColumns === 'old', subMchId)
      : type === 'BASIC'
        ? fundFlow(account, day)
        : undefined
  if (text === undefined) throw new V3Error('NO_STATEMENT_EXIST')
  return text
}

/** The token contains what it is for, so nothing has to be stored; its last part cannot be guessed. */
function tokenOf({ random }: Account, ticket: Ticket): string {
  const told = Buffer.from(JSON.stringify(ticket)).toString('base64url')
  return `${told}.${random.hex(32, 'bill token', told)}`
}

function readToken({ random }: Account, token: string): Ticket | undefined {
  const [told = '', tag] = token.split('.')
  if (tag !== random.hex(32, 'bill token', told)) return undefined
  return JSON.parse(Buffer.from(told, 'base64url').toString()) as Ticket
}

const COMMON: Fields = {
  bill_date: string('账单日期', 10, required),
  tar_type: string('压缩类型', 8, { values: ['GZIP'] }),
}

function answer({ world, account, query, origin, subMchId }: V3Request, kind: Ticket['kind'], type: string) {
  const ticket = { kind, date: query.bill_date!, type, subMchId }
  const text = statement(world, account, ticket)
  const sha1 = createHash('sha1').update(text).digest('hex')
  const token = tokenOf(account, { ...ticket, until: account.now().getTime() + DOWNLOAD_MS })
  const gzip = query.tar_type === 'GZIP' ? '&tartype=gzip' : ''
  return {
    download_url: `${origin}/v3/billdownload/file?token=${token}${gzip}`,
    hash_type: 'SHA1',
    hash_value:
      world.behaviour.billHash === 'right'
        ? sha1
        : sha1.replace(/./g, (digit) => (15 - parseInt(digit, 16)).toString(16)),
  }
}

/** GET tradebill (4012791907). */
export const tradebill: V3Endpoint = {
  api: 'downloadbill',
  method: 'GET',
  path: '/v3/bill/tradebill',
  subMerchant: 'optional',
  query: {
    ...COMMON,
    sub_mchid: string('特约商户号', 32),
    bill_type: string('账单类型', 32, { values: ['ALL', 'SUCCESS', 'REFUND'] }),
  },
  handle: (request) => answer(request, 'trade', request.query.bill_type ?? 'ALL'),
}

/** GET fundflowbill (4012791908). */
export const fundflowbill: V3Endpoint = {
  api: 'downloadfundflow',
  method: 'GET',
  path: '/v3/bill/fundflowbill',
  query: { ...COMMON, account_type: string('资金账户类型', 32, { values: ['BASIC', 'OPERATION', 'FEES'] }) },
  handle: (request) => answer(request, 'fund', request.query.account_type ?? 'BASIC'),
}

/** GET what `download_url` leads to (4012791909): the file, without a signature. */
export const billDownload: V3Endpoint = {
  api: 'billdownload',
  method: 'GET',
  path: '/v3/billdownload/file',
  query: { token: string('token', 1024, required), tartype: string('压缩类型', 8) },
  handle: ({ world, account, query }) => {
    const ticket = readToken(account, query.token!)
    if (!ticket) {
      throw new V3Error('INVALID_REQUEST', { cause: 'the token belongs to another merchant', unsigned: true })
    }
    if (account.now().getTime() > ticket.until) {
      throw new V3Error('INVALID_REQUEST', {
        message: '账单下载地址已失效',
        cause: 'the download_url is older than five minutes',
        unsigned: true,
      })
    }
    const text = statement(world, account, ticket)
    return query.tartype === 'gzip'
      ? { text, bytes: gzipSync(text), contentType: 'application/x-gzip' }
      : { text, bytes: Buffer.from(text), contentType: 'text/plain;charset=utf-8' }
  },
}
