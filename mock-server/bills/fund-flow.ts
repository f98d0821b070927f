import type { Account } from '../ledger/account.ts'
import { refundSettlement, settledFee } from '../ledger/refunds.ts'
import { wechatDateTime, wechatTime } from '../wire/time.ts'
import { billText, feeOf, refundedFees, yuan, type BillDay, type Column } from './day.ts'

/** A credit or a debit; `fen` is negative for a debit. */
interface Movement {
  readonly at: Date
  readonly fen: number
  /** 业务名称 */
  readonly name: string
  /** 业务类型 */
  readonly kind: string
  /** WeChat's number for the transaction, and the merchant's. */
  readonly number: string
  readonly voucher: string
  readonly note: string
}

/** A movement with its number in the account's journal, and the balance after it. */
interface Line extends Movement {
  readonly flowNumber: string
  readonly balance: number
}

/**
 * The movements of the basic account, which was empty when the world began. Money returned by a closed refund is booked
 * under a name invented by the mock.
 */
function movements({ orders, refunds }: Account): Movement[] {
  return orders.list().flatMap((order) => {
    const { payment, outTradeNo, sub } = order
    // The money of a service provider's orders goes to the accounts of its sub-merchants.
    if (!payment || sub) return []
    const paid = { at: payment.paidAt, kind: '交易', number: payment.transactionId, voucher: outTradeNo, note: '' }
    const fee = feeOf(settledFee(order))
    const ofOrder = refunds.ofOrder(outTradeNo)
    const feesBack = refundedFees(order, ofOrder)
    return [
      { ...paid, name: '交易', fen: settledFee(order) },
      ...(fee > 0 ? [{ ...paid, name: '扣除交易手续费', fen: -fee }] : []),
      ...ofOrder.flatMap((refund, n) => {
        // The fee on a refunded amount is refunded too, as in the bill.
        const fen = refundSettlement(order, refund).refundFee - feesBack[n]!
        const back = { kind: '退款', number: refund.refundId, voucher: refund.outRefundNo, note: refund.desc }
        return [
          { ...back, at: refund.requestedAt, name: '退款', fen: -fen },
          ...(refund.status === 'REFUNDCLOSE' ? [{ ...back, at: refund.endedAt!, name: '退款关闭退回', fen }] : []),
        ]
      }),
    ]
  })
}

function linesOf(account: Account): Line[] {
  const { mchId, random } = account
  let balance = 0
  return movements(account)
    .sort((a, b) => a.at.getTime() - b.at.getTime())
    .map((movement) => {
      balance += movement.fen
      return {
        ...movement,
        balance,
        flowNumber: `${mchId}${wechatTime(movement.at).slice(0, 8)}${random.digits(10, 'flow', movement.number, movement.name)}`,
      }
    })
}

const COLUMNS: readonly Column<Line>[] = [
  ['记账时间', ({ at }) => wechatDateTime(at)],
  ['微信支付业务单号', ({ number }) => number],
  ['资金流水单号', ({ flowNumber }) => flowNumber],
  ['业务名称', ({ name }) => name],
  ['业务类型', ({ kind }) => kind],
  ['收支类型', ({ fen }) => (fen > 0 ? '收入' : '支出')],
  ['收支金额(元)', ({ fen }) => yuan(Math.abs(fen))],
  ['账户结余(元)', ({ balance }) => yuan(balance)],
  ['资金变更提交申请人', () => 'system'],
  ['备注', ({ note }) => note],
  ['业务凭证号', ({ voucher }) => voucher],
]

function summaryOf(lines: readonly Line[]): [name: string, value: string][] {
  const [come, gone] = [lines.filter(({ fen }) => fen > 0), lines.filter(({ fen }) => fen < 0)]
  const sum = (list: readonly Line[]) => yuan(Math.abs(list.reduce((total, { fen }) => total + fen, 0)))
  return [
    ['资金流水总笔数', String(lines.length)],
    ['收入笔数', String(come.length)],
    ['收入金额', sum(come)],
    ['支出笔数', String(gone.length)],
    ['支出金额', sum(gone)],
  ]
}

/** The day's movements of the basic account; undefined if there are none. */
export function fundFlow(account: Account, day: BillDay): string | undefined {
  const lines = linesOf(account).filter(({ at }) => day.has(at))
  return lines.length === 0 ? undefined : billText(COLUMNS, lines, summaryOf(lines))
}
