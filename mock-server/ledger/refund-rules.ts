import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import type { Entry } from '../notify/notification.ts'
import type { WorldCore } from '../wechat/core.ts'
import { BusinessFail } from '../wechat/pay-v2/answers.ts'
import { refundNotifyBody } from '../wechat/pay-v2/notifications.ts'
import { checkNotifyUrl } from '../wire/notify-url.ts'
import { wechatTime } from '../wire/time.ts'
import type { Order } from './orders.ts'
import {
  divideRefund,
  nothing,
  type Refund,
  type RefundAccount,
  type RefundChannel,
  refundedFee,
  type RefundEnd,
} from './refunds.ts'

const DAY_MS = 24 * 3_600_000
const REFUNDABLE_MS = 365 * DAY_MS
const MAX_REFUNDS = 50

export interface RefundRequest {
  readonly outRefundNo: string
  /** Fen. */
  readonly refundFee: number
  /** What the merchant believes the order's total to be. */
  readonly totalFee: number
  readonly desc: string
  readonly account: RefundAccount
  readonly source: Refund['source']
  readonly notifyUrl: string
}

export interface EndOptions {
  /** Default `ORIGINAL`. */
  readonly channel?: RefundChannel
  /** refund_recv_accout; default 支付用户零钱 (the payer's balance). */
  readonly receivedBy?: string
}

function checkCeilings({ refunds, behaviour, clock }: WorldCore, order: Order, refundFee: number): void {
  const legacy = behaviour.refundRefusals === 'legacy'
  const earlier = refunds.ofOrder(order.outTradeNo)
  const left = order.totalFee - refundedFee(earlier)
  if (clock.now().getTime() - order.payment!.paidAt.getTime() > REFUNDABLE_MS) {
    throw new BusinessFail('TRADE_OVERDUE', '订单已经超过退款期限')
  }
  if (left === 0) throw new BusinessFail(legacy ? 'ERROR' : 'INVALID_REQUEST', '订单已全额退款')
  if (refundFee > left) {
    throw legacy
      ? new BusinessFail('REFUND_FEE_INVALID', '累计退款金额大于支付金额')
      : new BusinessFail('INVALID_REQUEST', 'refund_fee大于可退金额')
  }
  if (earlier.length === MAX_REFUNDS) {
    throw new BusinessFail('INVALID_REQUEST', '请求参数符合参数格式，但不符合业务规则')
  }
}

/**
 * Accepts a refund of a paid order: PROCESSING until it ends. The same number again is the same refund.
 * @throws BusinessFail
 */
export function acceptRefund(world: WorldCore, order: Order, request: RefundRequest): Refund {
  const { refunds, random, clock, refundDelayMs } = world
  const { outRefundNo, refundFee, totalFee, desc, account, source, notifyUrl } = request
  const { outTradeNo } = order
  const existing = refunds.find(outRefundNo)
  const changed = existing && (existing.outTradeNo !== outTradeNo || existing.refundFee !== refundFee)
  if (changed || totalFee !== order.totalFee) {
    throw new BusinessFail('REFUND_FEE_MISMATCH', '订单金额或退款金额与之前请求不一致，请核实后再试')
  }
  if (existing) return existing
  checkCeilings(world, order, refundFee)

  const now = clock.now()
  const refund: Refund = {
    outRefundNo,
    refundId: `50000${random.digits(5, 'refund', outRefundNo, 'head')}${wechatTime(now).slice(0, 8)}${random.digits(11, 'refund', outRefundNo, 'tail')}`,
    ordinal: refunds.next(),
    outTradeNo,
    refundFee,
    ...divideRefund(order.totalFee, order.payment!, refunds.ofOrder(outTradeNo), refundFee),
    desc,
    account,
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
  order.tradeState = 'REFUND'
  if (refundDelayMs !== undefined) endLater(world, refund, now.getTime() + refundDelayMs)
  return refund
}

function endLater(world: WorldCore, refund: Refund, due: number): void {
  refund.dueAt = new Date(due)
  refund.cancelTimer = world.clock.at({
    due,
    // At one moment refunds end before anything is sent, in the order of their requests.
    sequence: Number.MIN_SAFE_INTEGER + refund.ordinal,
    what: `refund ${refund.outRefundNo} succeeds`,
    run: async () => {
      refund.cancelTimer = nothing
      const entry = endRefund(world, refund, 'SUCCESS')
      if (entry) await world.notifier.start(entry, false)
    },
  })
}

/** Plans again, after the clock has forgotten its timers, what is to happen by itself. */
export function resumeRefunds(world: WorldCore): void {
  for (const refund of world.refunds.list()) if (refund.dueAt) endLater(world, refund, refund.dueAt.getTime())
}

export const canEnd = ({ status }: Pick<Refund, 'status'>) => status === 'PROCESSING' || status === 'CHANGE'

/**
 * Ends a refund: from PROCESSING, or from CHANGE when the merchant has seen to it by hand. Gives the notification, not yet
 * sent, if there is anybody to be told.
 */
export function endRefund(
  world: WorldCore,
  refund: Refund,
  status: RefundEnd,
  options: EndOptions = {},
): Entry | undefined {
  const { outRefundNo, outTradeNo } = refund
  if (refund.status !== 'PROCESSING' && (refund.status !== 'CHANGE' || status === 'CHANGE')) {
    throw new MockError('REFUND_ENDED', `refund ${outRefundNo} cannot become ${status}: it is ${refund.status} already`)
  }
  refund.cancelTimer()
  if (refund.status === 'CHANGE') {
    refund.firstEnd = { status: refund.status, channel: refund.channel, endedAt: refund.endedAt }
  }
  Object.assign(refund, options, { status, endedAt: world.clock.now(), dueAt: undefined, cancelTimer: nothing })
  if (refund.notifyUrl === '') return undefined
  const body = refundNotifyBody(world.orders.find(outTradeNo)!, refund, world.credentials, world.random)
  const entry = world.notifier.create(outTradeNo, refund.notifyUrl, body, {
    kind: 'refund',
    mchId: world.credentials.mchId,
    outRefundNo,
  })
  refund.notificationId = entry.id
  return entry
}

export interface ConsoleRefund {
  /** Fen; default: all that is left. */
  readonly refundFee?: number
  /** Default: one that the console makes up. */
  readonly outRefundNo?: string
  readonly desc?: string
  readonly account?: RefundAccount
  /** Whom to tell of the end; default: the URL set for the merchant, else the order's own notify_url. `null`: nobody. */
  readonly notifyUrl?: string | null
}

/** @throws MockError BAD_INPUT, REFUND_REFUSED */
export function refundFromConsole(world: WorldCore, order: Order, options: ConsoleRefund = {}): Refund {
  const { outTradeNo, totalFee, payment } = order
  const earlier = world.refunds.ofOrder(outTradeNo)
  const {
    refundFee = totalFee - refundedFee(earlier),
    outRefundNo = world.random.digits(28, 'console-refund', outTradeNo, earlier.length),
    desc = '',
    account = 'REFUND_SOURCE_UNSETTLED_FUNDS',
    notifyUrl = world.refundNotifyUrl || order.notifyUrl,
  } = options
  const refuse = (code: string, message: string) =>
    new MockError('REFUND_REFUSED', `order ${outTradeNo} cannot be refunded: ${code} ${message}`, {
      err_code: code,
      err_code_des: message,
    })
  if (options.refundFee !== undefined && !(Number.isSafeInteger(refundFee) && refundFee > 0)) {
    throw badInput('refundFee', 'minimum', 'must be a positive integer of fen')
  }
  if (!/^[0-9A-Za-z_\-|*@]{1,64}$/.test(outRefundNo)) {
    throw badInput('outRefundNo', 'pattern', 'must be 1 to 64 of 0-9 A-Z a-z _ - | * @')
  }
  if (notifyUrl !== null) checkNotifyUrl('notifyUrl', notifyUrl)
  if (!payment) throw refuse('ORDERNOTEXIST', '订单不存在')
  try {
    return acceptRefund(world, order, {
      outRefundNo,
      refundFee,
      totalFee,
      desc,
      account,
      source: 'VENDOR_PLATFORM',
      notifyUrl: notifyUrl ?? '',
    })
  } catch (error) {
    throw error instanceof BusinessFail ? refuse(error.errCode, error.message) : error
  }
}

/** A refund as it is now; money is fen. */
export interface RefundSnapshot {
  readonly mchId: string
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
  readonly source: Refund['source']
  readonly channel: RefundChannel
  readonly receivedBy: string
  /** '' when nobody is to be told. */
  readonly notifyUrl: string
  /** Its last notification, if one has been made. */
  readonly notificationId: string | undefined
  readonly requestedAt: Date
  /** When it will succeed by itself. */
  readonly dueAt: Date | undefined
  readonly endedAt: Date | undefined
}

export function refundSnapshot(
  { orders, credentials: { mchId } }: WorldCore,
  { cancelTimer: _timer, ordinal: _ordinal, firstEnd: _firstEnd, ...refund }: Refund,
): RefundSnapshot {
  const { totalFee, payment } = orders.find(refund.outTradeNo)!
  return { mchId, ...refund, totalFee, transactionId: payment!.transactionId }
}
