import type { Activity } from '../base/activity.ts'
import { type Delays, nativeElapsed } from '../base/real-time.ts'
import type { Clock } from '../clock/clock.ts'
import type { Outgoing } from '../faults/hooks.ts'
import type { Notice, NotificationKind } from '../wire/names.ts'
import { createDeliveryLog, type DeliveryLogDump, keptReply } from './delivery-log.ts'
import { judge } from './judge.ts'
import { type DeliverOptions, type Delivery, Entry, type NotificationData, type Subject } from './notification.ts'
import { outgoingOf, type NoticeSigner } from './outgoing.ts'
import { broken, type NoticeWire } from './passage.ts'
import type { Plan } from './schedule.ts'

export interface NotifierOptions {
  readonly clock: Pick<Clock, 'now' | 'at'>
  readonly activity: Activity
  readonly wire: NoticeWire
  readonly delays: Delays
  readonly plan: Plan
  /** Real milliseconds a merchant may take to answer. */
  readonly ackTimeoutMs: number
  /** Reject answers that production might reject. Default false. */
  readonly strict?: boolean
  /** How many deliveries are remembered. */
  readonly maxDeliveries: number
  /** May change what is sent, as the last step. */
  readonly prepare: (entry: Entry, attempt: number, outgoing: Outgoing) => Outgoing
  readonly onDelivery: (delivery: Delivery) => void
  /** Signs a notification of API v3; called for each send. */
  readonly signer?: NoticeSigner
  /** What may be wrong with the time in signatures, if anything is. */
  readonly timeHint?: () => string | undefined
  /** Whether the world has ended: nothing is sent from then on. */
  readonly hasEnded: () => boolean
  /** The sequence number of a new notification; default: the notifier's own counter. */
  readonly nextSequence?: () => number
}

export interface Notifier {
  readonly create: (outTradeNo: string, url: string, body: string, subject: Subject) => Entry
  /**
   * Starts the schedule: sends at once, or returns undefined if the first send is due later. `awaited`, the default: the
   * caller awaits the delivery.
   */
  readonly start: (entry: Entry, awaited?: boolean) => Promise<Delivery | undefined>
  readonly find: (id: string) => Entry | undefined
  readonly list: () => Entry[]
  /** The judged deliveries, in the order of sending. */
  readonly deliveries: () => Delivery[]
  /** Collects the deliveries judged from now on, until the returned function is called. */
  readonly collect: () => () => Delivery[]
  /** Drops the notifications of the given orders. */
  readonly forget: (isGone: (outTradeNo: string, mchId: string) => boolean) => void
  readonly dump: () => NotifierDump
  /** Replaces everything by a copy of a dump: what was due is due again. */
  readonly load: (dump: NotifierDump) => void
  /** Reschedules what is due after the clock has dropped its timers. */
  readonly resume: () => void
}

/** Notifications and deliveries as stored in a snapshot. */
export interface NotifierDump {
  readonly notifications: readonly NotificationData[]
  readonly log: DeliveryLogDump
}

export const NO_NOTIFICATIONS: NotifierDump = { notifications: [], log: { taken: 0, deliveries: [] } }

/** The name of a notification's exchange in the journal, for faults and for gates. */
export const noticeOf = (kind: NotificationKind): Notice => (kind === 'refund' ? 'refundnotify' : 'notify')

const nothing = () => {}

interface SendOptions {
  /** Runs before the clock is allowed to move. */
  readonly judged?: (delivery: Delivery) => void
  /** Real milliseconds to wait first. */
  readonly pauseMs?: number
  readonly awaited?: boolean
}

export function createNotifier({
  clock,
  activity,
  wire,
  delays,
  plan,
  ackTimeoutMs,
  strict,
  maxDeliveries,
  prepare,
  onDelivery,
  signer,
  timeHint,
  hasEnded,
  nextSequence,
}: NotifierOptions): Notifier {
  const { immediate } = plan
  const gapsOf = ({ gaps = plan.gaps }: NotificationData) => gaps
  const entries = new Map<string, Entry>()
  let created = 0
  const log = createDeliveryLog(maxDeliveries)

  /** No number of the protocol contains a colon, so these cannot collide. */
  function freshId(outTradeNo: string, { kind, outRefundNo, name = outRefundNo ?? outTradeNo }: Subject): string {
    const first = kind === 'pay' ? name : `${kind}:${name}`
    let id = first
    for (let n = 2; entries.has(id); n++) id = `${first}:${n}`
    return id
  }

  /** Whether the notification still belongs to the world: a reset and a restore drop what was in flight. */
  const isKnown = (entry: Entry) => entries.get(entry.id) === entry
  const isOff = (entry: Entry) => hasEnded() || !isKnown(entry)

  /** What is sent. A throwing hook fails this send only; the schedule continues. */
  function ready(entry: Entry, attempt: number): { outgoing: Outgoing; error?: Error } {
    const planned = outgoingOf(entry.data, signer)
    if (isOff(entry)) {
      return {
        outgoing: planned,
        error: broken(
          hasEnded()
            ? 'the world has ended'
            : 'the world no longer remembers it: it was reset or restored, or the notification was dropped as old',
        ),
      }
    }
    try {
      return { outgoing: prepare(entry, attempt, planned) }
    } catch (error) {
      return {
        outgoing: planned,
        error: Object.assign(new Error(`beforeNotify: ${String(error)}`, { cause: error }), { code: 'ERR_HOOK' }),
      }
    }
  }

  /** Sends once. */
  async function send(
    entry: Entry,
    attempt: number,
    { judged = nothing, pauseMs = 0, awaited = true }: SendOptions = {},
  ): Promise<Delivery> {
    const { id, version, kind, mchId, outTradeNo, outRefundNo, data } = entry
    const presence = activity.enter(`notify ${id} attempt ${attempt}`, awaited)
    try {
      if (pauseMs > 0) await delays.wait(pauseMs)
      const passage = await wire.depart(noticeOf(kind), version, outTradeNo, presence, () => isOff(entry))
      const { outgoing, error } = ready(entry, attempt)
      const place = isKnown(entry) ? log.take() : -1
      const sentAt = clock.now()
      const startedMs = nativeElapsed()
      const { exchange, headers, body } = error
        ? { ...outgoing, exchange: { durationMs: 0, error } }
        : await passage.post(outgoing, ackTimeoutMs)
      const delivery: Delivery = {
        id: `d${place + 1}`,
        notificationId: id,
        version,
        kind,
        mchId,
        outTradeNo,
        outRefundNo,
        attempt,
        sentAt,
        url: outgoing.url,
        request: { headers, body },
        ...('reply' in exchange && { response: keptReply(exchange.reply) }),
        startedMs,
        durationMs: exchange.durationMs,
        ...judge(exchange, ackTimeoutMs, { version, strict, timeHint }),
        ...(passage.fault !== undefined && { fault: passage.fault }),
      }
      // A world that was reset or restored meanwhile no longer knows it.
      if (!isKnown(entry)) return delivery
      log.fill(place, delivery)
      data.attempts.push(delivery)
      if (delivery.verdict === 'acked') {
        data.acked = true
        stopTimer(entry)
      }
      judged(delivery)
      onDelivery(delivery)
      return delivery
    } finally {
      presence.leave()
    }
  }

  function stopTimer(entry: Entry): void {
    entry.cancelRetry()
    entry.cancelRetry = nothing
  }

  function planRetry(entry: Entry, due: Date): void {
    const { id, data } = entry
    data.due = due
    if (entry.state !== 'pending') return
    entry.cancelRetry = clock.at({
      due: due.getTime(),
      sequence: data.sequence,
      what: `notify ${id} attempt ${data.sends}`,
      run: () => sendDue(entry, false),
    })
  }

  async function start(entry: Entry, awaited = true): Promise<Delivery | undefined> {
    entry.data.held = false
    if (immediate) return sendDue(entry, awaited)
    planRetry(entry, new Date(clock.now().getTime() + gapsOf(entry.data)[0]!))
    return undefined
  }

  async function sendDue(entry: Entry, awaited = true): Promise<Delivery> {
    const { data } = entry
    data.due = undefined
    entry.cancelRetry = nothing
    entry.underWay = true
    const judged = ({ attempt, sentAt }: Delivery) => {
      entry.underWay = false
      const gap = gapsOf(data)[immediate ? attempt : attempt + 1]
      // Gaps are measured from the send, so a slow merchant does not shift the schedule.
      if (gap === undefined) data.finished = true
      else planRetry(entry, new Date(sentAt.getTime() + gap))
    }
    return send(entry, data.sends++, { judged, awaited })
  }

  async function deliver(
    entry: Entry,
    { count = 1, concurrent = false, delayMs = 0, awaited = true }: DeliverOptions,
  ): Promise<Delivery[]> {
    const attempt = Math.max(0, entry.data.sends - 1)
    const one = (pauseMs: number) => send(entry, attempt, { pauseMs, awaited })
    if (concurrent) return Promise.all(Array.from({ length: count }, (_, n) => one(n * delayMs)))
    const deliveries: Delivery[] = []
    for (let n = 0; n < count; n++) {
      deliveries.push(await one(n > 0 ? delayMs : 0))
      if (isOff(entry)) break
    }
    return deliveries
  }

  function hold(entry: Entry): void {
    entry.data.held = true
    stopTimer(entry)
  }

  async function release(entry: Entry): Promise<Delivery | undefined> {
    const { data } = entry
    if (entry.state !== 'held') return undefined
    data.held = false
    if (data.due && data.due <= clock.now()) return sendDue(entry)
    if (data.due) planRetry(entry, data.due)
    // Without a due time it has not started, or a send is in flight and will schedule the next one.
    return data.sends === 0 && !data.due ? start(entry) : undefined
  }

  function cancel(entry: Entry): void {
    entry.data.cancelled = true
    stopTimer(entry)
  }

  function resume(): void {
    for (const entry of entries.values()) if (entry.data.due) planRetry(entry, entry.data.due)
  }

  /** In a restored world a send that was in flight is repeated, as its answer is not judged there. */
  function dataOf({ data, underWay }: Entry): NotificationData {
    return underWay ? { ...data, due: clock.now(), sends: data.sends - 1 } : data
  }

  function add(data: NotificationData): Entry {
    const entry = new Entry(data, { deliver, hold, release, cancel })
    entries.set(data.id, entry)
    return entry
  }

  return {
    create: (outTradeNo, url, body, subject) =>
      add({
        id: freshId(outTradeNo, subject),
        version: subject.version,
        signing: subject.signing,
        gaps: subject.gaps,
        kind: subject.kind,
        mchId: subject.mchId,
        outTradeNo,
        outRefundNo: subject.outRefundNo,
        url,
        body,
        sequence: nextSequence?.() ?? created++,
        attempts: [],
        due: undefined,
        sends: 0,
        acked: false,
        finished: false,
        held: true,
        cancelled: false,
      }),
    start,
    find: (id) => entries.get(id),
    list: () => [...entries.values()],
    deliveries: log.list,
    collect: log.collect,
    forget: (isGone) => {
      for (const { id, mchId, outTradeNo, kind, state } of entries.values()) {
        // An event has no order: it is dropped when it is finished.
        const isOver = kind === 'event' && state !== 'pending' && state !== 'held'
        if (isOver || isGone(outTradeNo, mchId)) entries.delete(id)
      }
    },
    dump: () => ({ notifications: Array.from(entries.values(), dataOf), log: log.dump() }),
    load: (dump) => {
      for (const entry of entries.values()) cancel(entry)
      entries.clear()
      log.load(dump.log)
      for (const data of dump.notifications) add(data)
      created = 1 + (dump.notifications.at(-1)?.sequence ?? -1)
      resume()
    },
    resume,
  }
}
