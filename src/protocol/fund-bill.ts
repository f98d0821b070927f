import { counted, money, moments, named, oneOf, readBill } from './bill.ts'
import type { Columns, UnreadableLine } from './bill.ts'
import { parseYuan } from './money.ts'

/** A line of a day's fund flow: one movement of the merchant's account. */
export interface FundRow {
  at: Date
  /** WeChat's number for what moved the money: a transaction, a refund, a withdrawal. */
  transactionId: string
  flowId: string
  /** Such as `交易`, `退款`, `扣除交易手续费`. */
  name: string
  type: string
  direction: 'in' | 'out'
  /** Fen. */
  fee: number
  /** Fen, after the movement. */
  balance: number
  applicant: string
  note: string
  /** The merchant's number of the order or the refund. */
  voucher: string
}

/** The last line of a bill of funds. Amounts are fen. */
export interface FundSummary {
  count: number
  inCount: number
  inFee: number
  outCount: number
  outFee: number
}

/** Reads a fund flow bill in the same way. */
export function readFundBill(
  chunks: AsyncIterable<Buffer>,
  unreadable?: (line: UnreadableLine) => void,
): AsyncGenerator<FundRow[], FundSummary> {
  return readBill(chunks, '资金流水总笔数', fundRow, fundSummary, unreadable)
}

function fundRow(columns: Columns): (cells: string[]) => FundRow {
  const moment = moments()
  const at = columns.need('记账时间')
  const transactionId = columns.need('微信支付业务单号')
  const flowId = columns.need('资金流水单号')
  const name = columns.need('业务名称')
  const type = columns.need('业务类型')
  const direction = columns.need('收支类型')
  const fee = columns.need('收支金额(元)')
  const balance = columns.need('账户结余(元)')
  const applicant = columns.need('资金变更提交申请人')
  const note = columns.need('备注')
  const voucher = columns.need('业务凭证号')
  return (cells) => ({
    at: moment(cells[at]!),
    transactionId: cells[transactionId]!,
    flowId: named(cells[flowId]!),
    name: cells[name]!,
    type: cells[type]!,
    direction: oneOf(['收入', '支出'], cells[direction]!) === '收入' ? 'in' : 'out',
    fee: money(cells[fee]!),
    balance: money(cells[balance]!),
    applicant: cells[applicant]!,
    note: cells[note]!,
    voucher: cells[voucher]!,
  })
}

function fundSummary(columns: Columns): (cells: string[]) => FundSummary {
  const count = counted(columns, '资金流水总笔数')
  const inCount = counted(columns, '收入笔数')
  const outCount = counted(columns, '支出笔数')
  const [inFee, outFee] = [columns.need('收入金额'), columns.need('支出金额')]
  return (cells) => ({
    count: count(cells),
    inCount: inCount(cells),
    inFee: parseYuan(cells[inFee]!) ?? 0,
    outCount: outCount(cells),
    outFee: parseYuan(cells[outFee]!) ?? 0,
  })
}
