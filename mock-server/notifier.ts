import type { Activity } from './activity.ts'
import type { Notice } from './apis.ts'
import type { Clock } from './clock.ts'
import type { NoticeWire } from './notices.ts'
import type { Reply } from './sender.ts'
import { judge, type Verdict } from './verdict.ts'

/** What a notification tells: a payment, a refund's end, or (documented, but not seen in the wild) a payment that failed. */
export type NotificationKind = 'pay' | 'refund' | 'fail'

/** One POST of a notification, and what WeChat makes of the answer. */
export interface Delivery {
  readonly id: string
  /** The notification it is a send of. */
  readonly notificationId: string
  readonly kind: NotificationKind
  readonly outTradeNo: string
  /** Of a refund's notification. */
  readonly outRefundNo: string | undefined
  /** 0 is the first send, 1…15 are the retries; one sent by hand has the number of the send it repeats. */
  readonly attempt: number
  /** World time. */
  readonly sentAt: Date
  readonly url: string
  readonly request: { readonly headers: Readonly<Record<string, string>>, readonly body: string }
  /** Absent when no whole reply arrived. */
  readonly response?: Reply
  /** Real milliseconds. */
  readonly durationMs: number
  readonly verdict: Verdict
  /** One sentence: why this verdict, and what to do. */
  readonly reason: string
}

export type NotificationState = 'pending' | 'acked' | 'exhausted' | 'held'

export interface DeliverOptions {
  /** How many times; default 1. */
  readonly count?: number
  /** All at once instead of one after the other; default false. */
  readonly concurrent?: boolean
}

/** A notification: a live view. */
export interface Notification {
  /** A payment's: the out_trade_no. A refund's: `refund:<out_refund_no>`. A failure's: `fail:<out_trade_no>`. Then `…:2`, `…:3`. */
  readonly id: string
  readonly kind: NotificationKind
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
}

export interface NotifierOptions {
  readonly clock: Clock
  readonly activity: Activity
  readonly wire: NoticeWire
  /** Milliseconds between a send and its retry. */
  readonly gaps: readonly number[]
  /** Real milliseconds a merchant may take to answer. */
  readonly ackTimeoutMs: number
  readonly onDelivery: (delivery: Delivery) => void
}

export interface Subject { readonly kind: NotificationKind, readonly outRefundNo?: string }

export interface Notifier {
  /** Default: a payment's notification. */
  readonly create: (outTradeNo: string, url: string, body: string, subject?: Subject) => Entry
  /** Sends for the first time and keeps the schedule from then on. */
  readonly start: (entry: Entry) => Promise<Delivery>
  readonly find: (id: string) => Entry | undefined
  /** Every judged delivery, in the order of sending. */
  readonly deliveries: () => Delivery[]
  readonly deliveriesSince: (mark: number) => Delivery[]
  readonly mark: () => number
}

/** V2 retry gaps in seconds (doc/global/v2/zh/4013634999: 24 h 4 min in all), and those in use until about 2018. */
const SCHEDULES = {
  current: [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600],
  legacy: [15, 15, 30, 180, 1800, 1800, 1800, 1800, 3600]
}

/** `current`, `legacy` or the gaps between the sends in seconds. */
export type Schedule = keyof typeof SCHEDULES | readonly number[]

export const gapsOf = (schedule: Schedule): number[] =>
  (typeof schedule === 'string' ? SCHEDULES[schedule] : schedule).map(seconds => seconds * 1000)

const HEADERS = { 'content-type': 'text/xml', 'user-agent': 'Mozilla/4.0' }

/** The exchange that a notification is: its name in the journal, for faults and for gates. */
export const noticeOf = (kind: NotificationKind): Notice => kind === 'refund' ? 'refundnotify' : 'notify'

const nothing = () => {}

/** A notification with the notifier's own notes on it. */
export class Entry implements Notification {
  readonly id: string
  readonly kind: NotificationKind
  readonly outTradeNo: string
  readonly outRefundNo: string | undefined
  readonly url: string
  readonly body: string
  readonly attempts: Delivery[] = []
  nextDueAt: Date | undefined
  acked = false
  /** How often the schedule has sent it. */
  sends = 0
  finished = false
  cancelRetry = nothing
  readonly sequence: number
  readonly deliver: Notification['deliver']

  constructor (id: string, { kind, outRefundNo }: Subject, outTradeNo: string, url: string, body: string, sequence: number, deliver: (entry: Entry, options: DeliverOptions) => Promise<Delivery[]>) {
    this.id = id
    this.kind = kind
    this.outTradeNo = outTradeNo
    this.outRefundNo = outRefundNo
    this.url = url
    this.body = body
    this.sequence = sequence
    this.deliver = (options = {}) => deliver(this, options)
  }

  get state (): NotificationState {
    if (this.acked) return 'acked'
    if (this.finished) return 'exhausted'
    return this.sends === 0 ? 'held' : 'pending'
  }
}

export function createNotifier ({ clock, activity, wire, gaps, ackTimeoutMs, onDelivery }: NotifierOptions): Notifier {
  const entries = new Map<string, Entry>()
  // A slot is taken when a delivery is sent and filled when it is judged, so concurrent ones stay in the order of sending.
  const log: (Delivery | undefined)[] = []

  /** A colon stands in no number of the protocol's, so these cannot meet. */
  function freshId (outTradeNo: string, { kind, outRefundNo }: Subject): string {
    const first = kind === 'pay' ? outTradeNo : `${kind}:${outRefundNo ?? outTradeNo}`
    let id = first
    for (let n = 2; entries.has(id); n++) id = `${first}:${n}`
    return id
  }

  /** Sends once; `judged` runs before the clock may move. */
  async function send (entry: Entry, attempt: number, judged = (_delivery: Delivery) => {}): Promise<Delivery> {
    const { id, outTradeNo, url } = entry
    const presence = activity.enter(`notify ${id} attempt ${attempt}`)
    try {
      const passage = await wire.depart(noticeOf(entry.kind), outTradeNo, presence)
      const slot = log.push(undefined) - 1
      const sentAt = clock.now()
      const { exchange, body } = await passage.post(url, HEADERS, entry.body, ackTimeoutMs)
      const delivery: Delivery = {
        id: `d${slot + 1}`,
        notificationId: entry.id,
        kind: entry.kind,
        outTradeNo,
        outRefundNo: entry.outRefundNo,
        attempt,
        sentAt,
        url,
        request: { headers: HEADERS, body },
        ...('reply' in exchange && { response: exchange.reply }),
        durationMs: exchange.durationMs,
        ...judge(exchange, ackTimeoutMs)
      }
      log[slot] = delivery
      entry.attempts.push(delivery)
      if (delivery.verdict === 'acked') {
        entry.acked = true
        entry.nextDueAt = undefined
        entry.cancelRetry()
      }
      judged(delivery)
      onDelivery(delivery)
      return delivery
    } finally {
      presence.leave()
    }
  }

  function planRetry (entry: Entry, { attempt, sentAt }: Delivery): void {
    const gap = gaps[attempt]
    if (entry.acked) return
    if (gap === undefined) {
      entry.finished = true
      return
    }
    // Gaps count from the send, so a slow merchant does not shift the schedule.
    const due = sentAt.getTime() + gap
    entry.nextDueAt = new Date(due)
    entry.cancelRetry = clock.at({
      due,
      sequence: entry.sequence,
      what: `notify ${entry.id} attempt ${attempt + 1}`,
      run: () => start(entry)
    })
  }

  async function start (entry: Entry): Promise<Delivery> {
    entry.nextDueAt = undefined
    entry.cancelRetry = nothing
    return send(entry, entry.sends++, delivery => planRetry(entry, delivery))
  }

  async function deliverByHand (entry: Entry, { count = 1, concurrent = false }: DeliverOptions): Promise<Delivery[]> {
    const attempt = Math.max(0, entry.sends - 1)
    if (concurrent) return Promise.all(Array.from({ length: count }, () => send(entry, attempt)))
    const deliveries: Delivery[] = []
    while (deliveries.length < count) deliveries.push(await send(entry, attempt))
    return deliveries
  }

  const judged = (delivery: Delivery | undefined): delivery is Delivery => delivery !== undefined

  return {
    create: (outTradeNo, url, body, subject = { kind: 'pay' }) => {
      const entry = new Entry(freshId(outTradeNo, subject), subject, outTradeNo, url, body, entries.size, deliverByHand)
      entries.set(entry.id, entry)
      return entry
    },
    start,
    find: id => entries.get(id),
    deliveries: () => log.filter(judged),
    deliveriesSince: mark => log.slice(mark).filter(judged),
    mark: () => log.length
  }
}
