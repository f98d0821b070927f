import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
import { FLAG, integer, strict, validate, type Schema } from '../base/schema.ts'
import type { Finding } from '../journal/entry.ts'
import type { ApiVersion, NotificationKind, Verdict } from '../wire/names.ts'
import type { FieldChanges, Resign } from '../wire/tamper.ts'
import type { Reply } from './sender.ts'

/** One POST of a notification, and WeChat's verdict on the answer. */
export interface Delivery {
  readonly id: string
  /** The notification that was sent. */
  readonly notificationId: string
  /** The API whose format it has. */
  readonly version: ApiVersion
  readonly kind: NotificationKind
  /** The merchant of its order. */
  readonly mchId: string
  readonly outTradeNo: string
  /** For a refund's notification. */
  readonly outRefundNo: string | undefined
  /** 0 is the first send, 1…15 are the retries; a manual send has the number of the send it repeats. */
  readonly attempt: number
  /** World time. */
  readonly sentAt: Date
  readonly url: string
  readonly request: { readonly headers: Readonly<Record<string, string>>; readonly body: string }
  /** Absent if no complete reply arrived. */
  readonly response?: Reply
  /** When it was sent, in real milliseconds of a monotonic clock. */
  readonly startedMs: number
  /** Real milliseconds. */
  readonly durationMs: number
  readonly verdict: Verdict
  /** One sentence: the reason for the verdict, and what to do. */
  readonly reason: string
  /** What production might reject about the answer. */
  readonly lint?: readonly Finding[]
  /** The name of the fault that was applied. */
  readonly fault?: string
}

/** Whether a notification is still to be sent, and if not, why. */
export type NotificationState = 'pending' | 'acked' | 'exhausted' | 'held' | 'cancelled'

/** How often and how fast a notification is sent. */
export interface DeliverOptions {
  /** How many times; default 1. */
  readonly count?: number
  /** All at once instead of one after the other; default false. */
  readonly concurrent?: boolean
  /** Real milliseconds between the starts (concurrent), or between an end and the next start; default 0. */
  readonly delayMs?: number
  /** False: no caller that could advance the clock awaits it, so an advance waits for it instead of being refused. */
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
  /** The API whose format it has. */
  readonly version: ApiVersion
  /**
   * Of a payment: the out_trade_no. Of a refund: `refund:<out_refund_no>`. Of a failure: `fail:<out_trade_no>`. Of a
   * crafted one: `crafted:<out_trade_no>`. Of an event of another product: `event:<its id>`. Further ones get `…:2`, `…:3`.
   */
  readonly id: string
  readonly kind: NotificationKind
  /** The merchant of its order. */
  readonly mchId: string
  readonly outTradeNo: string
  /** For a refund's notification. */
  readonly outRefundNo: string | undefined
  readonly state: NotificationState
  readonly url: string
  /** The raw XML or JSON; every send carries the same bytes. In API v3 each send has a new signature. */
  readonly body: string
  readonly attempts: readonly Delivery[]
  /** World time of the next retry, if one is due. */
  readonly nextDueAt: Date | undefined
  /** Milliseconds between its sends, if it does not follow the world's schedule. */
  readonly gaps: readonly number[] | undefined
  /** Sends it manually, outside the schedule. An acknowledgement ends the schedule; a failure leaves it as it is. */
  readonly deliver: (options?: DeliverOptions) => Promise<Delivery[]>
  /** Pauses the schedule until it is released. */
  readonly hold: () => void
  /**
   * Resumes or starts the schedule: if a send is overdue, it happens at once and its delivery is returned; undefined if
   * nothing is due yet or any more.
   */
  readonly release: () => Promise<Delivery | undefined>
  /** WeChat gives up: no further sends except manual ones. */
  readonly cancel: () => void
}

/** How much several deliveries overlapped, measured in real time. */
export interface Overlap {
  /** The largest number in flight at one moment. */
  readonly most: number
  /** From the first start to the last, in milliseconds. */
  readonly spreadMs: number
  /** How long all of them were in flight together, in milliseconds. */
  readonly sharedMs: number
}

/** How many deliveries were under way at the same time. */
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
export interface Subject extends Pick<NotificationData, 'version' | 'kind' | 'mchId' | 'signing' | 'gaps'> {
  readonly outRefundNo?: string
  /** The id, instead of one that comes from the order. */
  readonly name?: string
}

/** How a crafted notification of API v3 is signed. */
export interface Signing {
  /** `keep`: the signature of another body. */
  readonly how: Resign | 'probe-live' | 'probe-docs'
  /** The body that `keep` is the signature of. */
  readonly of: string
  /** Signed with a key that is not WeChat's. */
  readonly stranger: boolean
  /** The value of Wechatpay-Serial, if it is not that of the key. */
  readonly serial?: string | undefined
  readonly skewSeconds: number
  /** Further headers; null removes one. */
  readonly headers: FieldChanges
}

/** The data of a notification without its methods. */
export interface NotificationData {
  readonly id: string
  readonly version: ApiVersion
  /** How a crafted one is signed (API v3); default: as WeChat does. */
  readonly signing?: Signing | undefined
  /** Milliseconds between the sends, if not those of the world. */
  readonly gaps?: readonly number[] | undefined
  readonly kind: NotificationKind
  /** The merchant of its order. */
  readonly mchId: string
  readonly outTradeNo: string
  readonly outRefundNo: string | undefined
  readonly url: string
  readonly body: string
  /** The order of creation: it decides between two that are due at the same moment. */
  readonly sequence: number
  readonly attempts: Delivery[]
  /** World time of the next retry, also while it is held. */
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

/** A notification with the notifier's internal state. */
export class Entry implements Notification {
  readonly data: NotificationData
  readonly deliver: Notification['deliver']
  readonly hold: Notification['hold']
  readonly release: Notification['release']
  readonly cancel: Notification['cancel']
  cancelRetry = () => {}
  /** The schedule is sending it right now. */
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
  get version() {
    return this.data.version
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
  get gaps() {
    return this.data.gaps
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
