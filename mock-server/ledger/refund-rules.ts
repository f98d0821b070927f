import { integer, oneOf, text, type Properties } from '../base/schema.ts'
import { MockError } from '../base/errors.ts'
import type { ApiVersion } from '../wire/names.ts'
import { checkNotifyUrl } from '../wire/notify-url.ts'
import { wechatTime } from '../wire/time.ts'
import { Refusal, type Account } from './account.ts'
import type { Order } from './orders.ts'
import {
  divideRefund,
  nothing,
  refundedFee,
  type Refund,
  type RefundAccount,
  type RefundChannel,
  type RefundEnd,
} from './refunds.ts'

const DAY_MS = 24 * 3_600_000
const REFUNDABLE_MS = 365 * DAY_MS
const MAX_REFUNDS = 50

export interface RefundRequest {
  readonly version: ApiVersion
  readonly outRefundNo: string
  /** Fen. */
  readonly refundFee: number
  /** The order's total, according to the merchant. */
  readonly totalFee: number
  readonly desc: string
  readonly account: RefundAccount
  readonly from?: Refund['from']
  readonly source: Refund['source']
  readonly notifyUrl: string
}

/** Where the money of a refund goes. */
export interface EndOptions {
  /** Default `ORIGINAL`. */
  readonly channel?: RefundChannel
  /** refund_recv_accout; default 支付用户零钱 (the payer's balance). */
  readonly receivedBy?: string
}

export const END: Properties = {
  channel: oneOf('ORIGINAL', 'BALANCE', 'OTHER_BALANCE', 'OTHER_BANKCARD'),
  receivedBy: text(64),
}

function checkCeilings({ refunds, now }: Account, order: Order, refundFee: number): void {
  const earlier = refunds.ofOrder(order.outTradeNo)
  const left = order.totalFee - refundedFee(earlier)
  if (now().getTime() - order.payment!.paidAt.getTime() > REFUNDABLE_MS) throw new Refusal('overdue')
  if (left === 0) throw new Refusal('refunded-in-full')
  if (refundFee > left) throw new Refusal('above-what-is-left')
  if (earlier.length === MAX_REFUNDS) throw new Refusal('too-many')
}

/**
 * Accepts a refund of a paid order: PROCESSING until it ends. Repeating the number addresses the same refund.
 * @throws Refusal other-order, terms-differ, other-total, overdue, refunded-in-full, above-what-is-left, too-many
 */
export function acceptRefund(account: Account, order: Order, request: RefundRequest): Refund {
  const { refunds, random, refundDelayMs } = account
  const { version, outRefundNo, refundFee, totalFee, desc, from = [], source, notifyUrl } = request
  const { outTradeNo } = order
  const existing = refunds.find(outRefundNo)
  if (existing && existing.outTradeNo !== outTradeNo) throw new Refusal('other-order')
  if (totalFee !== order.totalFee) throw new Refusal('other-total')
  if (existing && existing.refundFee !== refundFee) throw new Refusal('terms-differ')
  if (existing) return existing
  checkCeilings(account, order, refundFee)

  const now = account.now()
  const refund: Refund = {
    version,
    outRefundNo,
    refundId: `50000${random.digits(5, 'refund', outRefundNo, 'head')}${wechatTime(now).slice(0, 8)}${random.digits(11, 'refund', outRefundNo, 'tail')}`,
    ordinal: refunds.next(),
    outTradeNo,
    refundFee,
    ...divideRefund(order.totalFee, order.payment!, refunds.ofOrder(outTradeNo), refundFee),
    desc,
    account: request.account,
    from,
    source,
    notifyUrl,
    requestedAt: now,
    status: 'PROCESSING',
    channel: 'ORIGINAL',
    receivedBy: '支付用户零钱',
    endedAt: undefined,
    dueAt: undefined,
    cancelTimer: nothing,
    notificationId: undefined,
  }
  refunds.add(refund)
  Object.assign(order, { tradeState: 'REFUND', forcedState: undefined })
  if (refundDelayMs !== undefined) endLater(account, refund, now.getTime() + refundDelayMs)
  return refund
}

function endLater(account: Account, refund: Refund, due: number): void {
  refund.dueAt = new Date(due)
  refund.cancelTimer = account.at({
    due,
    // At any one moment refunds end before anything is sent, in the order of their requests.
    sequence: Number.MIN_SAFE_INTEGER + refund.ordinal,
    what: `refund ${refund.outRefundNo} succeeds`,
    run: async () => {
      refund.cancelTimer = nothing
      const notificationId = endRefund(account, refund, 'SUCCESS')
      if (notificationId !== undefined) await account.send(notificationId)
    },
  })
}

/** Reschedules the automatic ends after the clock has dropped its timers. */
export function resumeRefunds(account: Account): void {
  for (const refund of account.refunds.list()) if (refund.dueAt) endLater(account, refund, refund.dueAt.getTime())
}

export const canEnd = ({ status }: Pick<Refund, 'status'>) => status === 'PROCESSING' || status === 'CHANGE'

/**
 * Ends a refund: from PROCESSING, or from CHANGE after the merchant has handled it manually. Returns the id of the
 * notification, which is not sent yet; undefined if there is none.
 * @throws MockError REFUND_ENDED
 */
export function endRefund(
  account: Account,
  refund: Refund,
  status: RefundEnd,
  options: EndOptions = {},
): string | undefined {
  const { outRefundNo, outTradeNo } = refund
  if (refund.status !== 'PROCESSING' && (refund.status !== 'CHANGE' || status === 'CHANGE')) {
    throw new MockError('REFUND_ENDED', `refund ${outRefundNo} cannot become ${status}: it is already ${refund.status}`)
  }
  refund.cancelTimer()
  if (refund.status === 'CHANGE') {
    refund.firstEnd = { status: refund.status, channel: refund.channel, endedAt: refund.endedAt }
  }
  Object.assign(refund, options, { status, endedAt: account.now(), dueAt: undefined, cancelTimer: nothing })
  if (refund.notifyUrl === '') return undefined
  refund.notificationId = account.tell({ kind: 'refunded', order: account.orders.find(outTradeNo)!, refund })
  return refund.notificationId
}

/**
 * Handles a refund that is CHANGE: the money goes to another bank card. It is PROCESSING again, and ends as any other.
 * @throws Refusal not-abnormal
 */
export function retryRefund(account: Account, refund: Refund, receivedBy: string): void {
  const { status, channel, endedAt } = refund
  if (status !== 'CHANGE') throw new Refusal('not-abnormal')
  Object.assign(refund, {
    firstEnd: { status, channel, endedAt },
    status: 'PROCESSING',
    channel: 'OTHER_BANKCARD',
    receivedBy,
    endedAt: undefined,
  })
  const { refundDelayMs } = account
  if (refundDelayMs !== undefined) endLater(account, refund, account.now().getTime() + refundDelayMs)
}

/** A refund that the merchant makes in WeChat's console. */
export interface ConsoleRefund {
  /** Fen; default: everything not yet refunded. */
  readonly refundFee?: number
  /** Default: one generated by the console. */
  readonly outRefundNo?: string
  readonly desc?: string
  readonly account?: RefundAccount
  /** Where the end is notified; default: the URL set in the merchant platform (`refundNotifyUrl`), else nowhere. `null`: nowhere. */
  readonly notifyUrl?: string | null
}

export const CONSOLE_REFUND: Properties = {
  refundFee: integer(1),
  outRefundNo: {
    type: 'string',
    pattern: '^[0-9A-Za-z_\\-|*@]{1,64}$',
    description: '1 to 64 of 0-9 A-Z a-z _ - | * @',
  },
  desc: { type: 'string', maxLength: 80 },
  account: oneOf('REFUND_SOURCE_UNSETTLED_FUNDS', 'REFUND_SOURCE_RECHARGE_FUNDS'),
  notifyUrl: { type: ['string', 'null'], maxLength: 256 },
}

/**
 * The merchant refunds manually, in its console.
 * @throws MockError BAD_INPUT
 * @throws Refusal as {@link acceptRefund}, and not-paid
 */
export function refundFromConsole(account: Account, order: Order, options: ConsoleRefund = {}): Refund {
  const { outTradeNo, totalFee, payment } = order
  const earlier = account.refunds.ofOrder(outTradeNo)
  const {
    refundFee = totalFee - refundedFee(earlier),
    outRefundNo = account.random.digits(28, 'console-refund', outTradeNo, earlier.length),
    desc = '',
    account: source = 'REFUND_SOURCE_UNSETTLED_FUNDS',
    notifyUrl = account.refundNotifyUrl || null,
  } = options
  if (notifyUrl !== null) checkNotifyUrl('notifyUrl', notifyUrl)
  if (!payment) throw new Refusal('not-paid')
  return acceptRefund(account, order, {
    version: 'v2',
    outRefundNo,
    refundFee,
    totalFee,
    desc,
    account: source,
    source: 'VENDOR_PLATFORM',
    notifyUrl: notifyUrl ?? '',
  })
}

/** The current state of a refund; amounts in fen. */
export interface RefundSnapshot {
  readonly mchId: string
  /** The API of the call that requested it; `v2` for the console. */
  readonly version: ApiVersion
  readonly outRefundNo: string
  readonly refundId: string
  readonly outTradeNo: string
  readonly transactionId: string
  readonly status: Refund['status']
  readonly refundFee: number
  readonly totalFee: number
  readonly cashRefundFee: number
  readonly coupons: Refund['coupons']
  readonly desc: string
  readonly account: RefundAccount
  readonly from: Refund['from']
  readonly source: Refund['source']
  readonly channel: RefundChannel
  readonly receivedBy: string
  /** '' if no notification is sent. */
  readonly notifyUrl: string
  /** Its last notification, if any. */
  readonly notificationId: string | undefined
  readonly requestedAt: Date
  /** When it will succeed automatically. */
  readonly dueAt: Date | undefined
  readonly endedAt: Date | undefined
}

export function refundSnapshot(
  { orders, mchId }: Account,
  { cancelTimer: _timer, ordinal: _ordinal, firstEnd: _firstEnd, ...refund }: Refund,
): RefundSnapshot {
  const { totalFee, payment } = orders.find(refund.outTradeNo)!
  return { mchId, ...refund, totalFee, transactionId: payment!.transactionId }
}
