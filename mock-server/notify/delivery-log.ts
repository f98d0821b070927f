import type { Delivery } from './notification.ts'
import type { Reply } from './sender.ts'

/** No genuine answer to a notification is longer; anything longer is an error page, whose beginning is enough. */
const KEPT_BYTES = 64 * 1024

/** A reply as it is remembered: a long body is truncated. */
export function keptReply(reply: Reply): Reply {
  const { raw, body } = reply
  if ((raw?.length ?? Buffer.byteLength(body)) <= KEPT_BYTES) return reply
  const whole = raw ?? Buffer.from(body)
  // Copies the part: a view would keep the whole body in memory.
  const start = Buffer.from(whole.subarray(0, KEPT_BYTES))
  return {
    ...reply,
    // Streaming mode omits a character that was cut in two.
    body: new TextDecoder('utf-8', { ignoreBOM: true }).decode(start, { stream: true }),
    ...(raw && { raw: start }),
    length: whole.length,
  }
}

/** The newest deliveries of a world in the order of sending. */
export interface DeliveryLog {
  /** Reserves a place at the moment of sending. */
  readonly take: () => number
  /** Fills the place once the delivery is judged: concurrent ones stay in the order of sending. */
  readonly fill: (place: number, delivery: Delivery) => void
  readonly list: () => Delivery[]
  /** Collects all deliveries judged from now on; the returned function stops and returns them. */
  readonly collect: () => () => Delivery[]
  readonly dump: () => DeliveryLogDump
  readonly load: (dump: DeliveryLogDump) => void
}

/** A log of deliveries as stored in a snapshot. */
export interface DeliveryLogDump {
  readonly taken: number
  readonly deliveries: readonly Delivery[]
}

type Placed = readonly [place: number, delivery: Delivery]
const inOrder = (placed: Iterable<Placed>) => [...placed].sort(([a], [b]) => a - b).map(([, delivery]) => delivery)

export function createDeliveryLog(limit: number): DeliveryLog {
  let taken = 0
  let kept: Placed[] = []
  const collectors = new Set<Placed[]>()
  const newest = () => kept.slice(-limit)
  return {
    take: () => taken++,
    fill: (place, delivery) => {
      const placed = [place, delivery] as const
      kept.push(placed)
      for (const collector of collectors) collector.push(placed)
      // Trimmed in blocks, so that adding to a full log stays cheap.
      if (kept.length >= 2 * limit) kept = newest()
    },
    list: () => inOrder(newest()),
    collect: () => {
      const collector: Placed[] = []
      collectors.add(collector)
      return () => {
        collectors.delete(collector)
        return inOrder(collector)
      }
    },
    dump: () => ({ taken, deliveries: inOrder(newest()) }),
    load: (dump) => {
      // Never decreases: an id that was seen once must not be reused for another delivery.
      taken = Math.max(taken, dump.taken)
      kept = dump.deliveries.map((delivery, n) => [taken - dump.deliveries.length + n, delivery])
    },
  }
}
