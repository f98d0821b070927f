import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import { FLAG, integer, strict, validate, type Schema } from '../base/schema.ts'
import type { Finding } from '../journal/entry.ts'
import type { NotificationKind, Verdict } from '../wire/names.ts'
import type { Reply } from './sender.ts'

/** One POST of a notification, and what WeChat makes of the answer. */
export interface Delivery {
  readonly id: string
  /** The notification it is a send of. */
  readonly notificationId: string
  readonly kind: NotificationKind
  /** Whose order it is about. */
  readonly mchId: string
  readonly outTradeNo: string
  /** Of a refund's notification. */
  readonly outRefundNo: string | undefined
  /** 0 is the first send, 1…15 are the retries; one sent by hand has the number of the send it repeats. */
  readonly attempt: number
  /** World time. */
  readonly sentAt: Date
  readonly url: string
  readonly request: { readonly headers: Readonly<Record<string, string>>; readonly body: string }
  /** Absent when no whole reply arrived. */
  readonly response?: Reply
  /** Real milliseconds of a clock that only runs forward: when it was sent. */
  readonly startedMs: number
  /** Real milliseconds. */
  readonly durationMs: number
  readonly verdict: Verdict
  /** One sentence: why this verdict, and what to do. */
  readonly reason: string
  /** What production may not like about the answer. */
  readonly lint?: readonly Finding[]
}

export type NotificationState = 'pending' | 'acked' | 'exhausted' | 'held' | 'cancelled'

export interface DeliverOptions {
  /** How many times; default 1. */
  readonly count?: number
  /** All at once instead of one after the other; default false. */
  readonly concurrent?: boolean
  /** Real milliseconds between the beginnings (concurrent), or between an end and the next beginning; default 0. */
  readonly delayMs?: number
  /** False: nobody waits for it who could advance the clock meanwhile, so that an advance waits for it instead of being refused. */
  readonly awaited?: boolean
}

export const DELIVER: Schema = strict({
  count: integer(1, 1000),
  concurrent: FLAG,
  delayMs: integer(0, LONGEST_TIMEOUT_MS),
  awaited: FLAG,
})

/** A notification: a live view. */
export interface Notification {
  /**
   * A payment's: the out_trade_no. A refund's: `refund:<out_refund_no>`. A failure's: `fail:<out_trade_no>`. A made-up one:
   * `crafted:<out_trade_no>`. Then `…:2`, `…:3`.
   */
  readonly id: string
  readonly kind: NotificationKind
  /** Whose order it is about. */
  readonly mchId: string
  readonly outTradeNo: string
  /** Of a refund's notification. */
  readonly outRefundNo: string | undefined
  readonly state: NotificationState
  readonly url: string
  /** The raw XML; every send carries the same bytes. */
  readonly body: string
  readonly attempts: readonly Delivery[]
  /** World time of the next retry, if one is due. */
  readonly nextDueAt: Date | undefined
  /** Sends it by hand, beside the schedule. An acknowledgement ends the schedule; a failure does not touch it. */
  readonly deliver: (options?: DeliverOptions) => Promise<Delivery[]>
  /** Stops the schedule until it is released. */
  readonly hold: () => void
  /**
   * Lets the schedule go on, or begin: what should have been sent by now is sent at once, and resolves as the delivery;
   * undefined when nothing is due yet, or any more.
   */
  readonly release: () => Promise<Delivery | undefined>
  /** WeChat gives up: no more sends but by hand. */
  readonly cancel: () => void
}

/** How far several deliveries were under way together, measured in real time. */
export interface Overlap {
  /** The most that were under way at one moment. */
  readonly most: number
  /** From the first beginning to the last, in milliseconds. */
  readonly spreadMs: number
  /** How long all of them were under way together, in milliseconds. */
  readonly sharedMs: number
}

export function overlapOf(deliveries: readonly Pick<Delivery, 'startedMs' | 'durationMs'>[]): Overlap {
  if (deliveries.length === 0) return { most: 0, spreadMs: 0, sharedMs: 0 }
  const starts = deliveries.map(({ startedMs }) => startedMs)
  const ends = deliveries.map(({ startedMs, durationMs }) => startedMs + durationMs)
  const under = (moment: number) => deliveries.filter((_, n) => starts[n]! <= moment && moment < ends[n]!).length
  return {
    most: Math.max(...starts.map(under)),
    spreadMs: Math.max(...starts) - Math.min(...starts),
    sharedMs: Math.max(0, Math.min(...ends) - Math.max(...starts)),
  }
}

/** What a notification is about. */
export interface Subject {
  readonly kind: NotificationKind
  readonly mchId: string
  readonly outRefundNo?: string
}

/** Everything about a notification but what can be done with it: plain data. */
export interface NotificationData {
  readonly id: string
  readonly kind: NotificationKind
  /** Whose order it is about. */
  readonly mchId: string
  readonly outTradeNo: string
  readonly outRefundNo: string | undefined
  readonly url: string
  readonly body: string
  /** The order of creation: it decides between two that are due at one moment. */
  readonly sequence: number
  readonly attempts: Delivery[]
  /** World time of the next retry, also of one that is held. */
  due: Date | undefined
  /** How often the schedule has sent it. */
  sends: number
  acked: boolean
  finished: boolean
  held: boolean
  cancelled: boolean
}

export interface NotificationActions {
  readonly deliver: (entry: Entry, options: DeliverOptions) => Promise<Delivery[]>
  readonly hold: (entry: Entry) => void
  readonly release: (entry: Entry) => Promise<Delivery | undefined>
  readonly cancel: (entry: Entry) => void
}

/** A notification with the notifier's own notes on it. */
export class Entry implements Notification {
  readonly data: NotificationData
  readonly deliver: Notification['deliver']
  readonly hold: Notification['hold']
  readonly release: Notification['release']
  readonly cancel: Notification['cancel']
  cancelRetry = () => {}
  /** The schedule is sending it just now. */
  underWay = false

  constructor(data: NotificationData, { deliver, hold, release, cancel }: NotificationActions) {
    this.data = data
    this.deliver = async (options = {}) => {
      validate(DELIVER, options)
      return deliver(this, options)
    }
    this.hold = () => hold(this)
    this.release = () => release(this)
    this.cancel = () => cancel(this)
  }

  get id() {
    return this.data.id
  }
  get kind() {
    return this.data.kind
  }
  get mchId() {
    return this.data.mchId
  }
  get outTradeNo() {
    return this.data.outTradeNo
  }
  get outRefundNo() {
    return this.data.outRefundNo
  }
  get url() {
    return this.data.url
  }
  get body() {
    return this.data.body
  }
  get attempts(): readonly Delivery[] {
    return this.data.attempts
  }
  get nextDueAt() {
    return this.state === 'pending' ? this.data.due : undefined
  }

  get state(): NotificationState {
    const { acked, cancelled, finished, held } = this.data
    if (acked) return 'acked'
    if (cancelled) return 'cancelled'
    if (finished) return 'exhausted'
    return held ? 'held' : 'pending'
  }
}
