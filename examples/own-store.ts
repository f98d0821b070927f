import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { WechatError } from '../src/index.ts'
import type { Anomaly, Change, Claim, Decide, HistoryEntry, Order, Store, TokenSession } from '../src/index.ts'

/** Everything that the store keeps, in one file. */
interface Data {
  orders: Map<string, Order>
  history: Map<string, HistoryEntry[]>
  anomalies: Map<string, Anomaly>
  sessions: Map<string, TokenSession>
  shared: Map<string, string>
  processes: Map<string, number>
  /** Your own: what the hooks write through `tx`. */
  own: Map<string, unknown>
}

/** The transaction of the hooks: what they set is committed with "delivered". */
export interface FileTx {
  set(key: string, value: unknown): void
}

export interface FileStore extends Store<FileTx> {
  /** What the hooks have committed. */
  get(key: string): unknown
}

const EMPTY: Data = {
  orders: new Map(),
  history: new Map(),
  anomalies: new Map(),
  sessions: new Map(),
  shared: new Map(),
  processes: new Map(),
  own: new Map(),
}

/**
 * A store of your own, on one file: for one process with a few thousand orders, and to read. Each change works on a copy, and takes effect when the file has
 * been replaced; if anything throws before, nothing has happened. Changes are synchronous, so no other comes between.
 */
export function fileStore(path: string): FileStore {
  let data = read(path)

  function transaction<T>(work: (draft: Data) => T): T {
    const draft = Object.fromEntries(Object.entries(data).map(([name, map]) => [name, new Map(map)])) as unknown as Data
    const result = work(draft)
    writeFileSync(`${path}.new`, serialize(draft), { flush: true })
    renameSync(`${path}.new`, path)
    data = draft
    return result
  }

  const orders = () => [...data.orders.values()]

  return {
    async insertOrder(change) {
      const { outTradeNo, mchId, liveKey } = change.order
      const existing = data.orders.get(outTradeNo) ?? live(data, liveKey, mchId)
      if (existing !== undefined) return { inserted: false, existing }
      transaction((draft) => write(draft, undefined, change))
      return { inserted: true }
    },
    findOrder: async (outTradeNo) => data.orders.get(outTradeNo),
    findLiveOrder: async (key, mchId) => live(data, key, mchId),
    findOrders: async (outTradeNos) => outTradeNos.flatMap((number) => data.orders.get(number) ?? []),
    ordersBetween: async (after, before, limit) =>
      byNumber(orders().filter(({ outTradeNo }) => outTradeNo > after && outTradeNo < before)).slice(0, limit),
    refundedBetween: async (from, to, after, limit) =>
      byNumber(
        orders().filter(
          ({ outTradeNo, refunds }) =>
            outTradeNo > after && refunds.some(({ createdAt }) => createdAt >= from && createdAt < to),
        ),
      ).slice(0, limit),
    async updateOrder(outTradeNo, decide, callers) {
      if (callers !== undefined) {
        const order = data.orders.get(outTradeNo)
        const change = order && decide(order)
        await change?.also?.(callers)
        ;(callers as Buffer).update(outTradeNo, decide)
        return order && { order: change?.order ?? order, raised: [] }
      }
      for (;;) {
        const order = data.orders.get(outTradeNo)
        if (order === undefined) return undefined
        const change = decide(order)
        if (change === undefined) return { order, raised: [] }
        const tx = buffer()
        await change.also?.(tx)
        // Something else may have changed the order while a job was enqueued.
        if (data.orders.get(outTradeNo) !== order) continue
        return transaction((draft) => {
          tx.apply(draft)
          return { order: change.order, raised: write(draft, order, change) }
        })
      }
    },
    async claimDue(owner, now, limit, leaseMs, { outTradeNo, claimer, plan } = {}) {
      const due = orders()
        .filter((order) => isDue(order, now) && (outTradeNo === undefined || order.outTradeNo === outTradeNo))
        .filter((order) => order.mchId === owner.mchId && owner.appids.includes(order.appid))
        .sort((a, b) => Number(a.dueAt) - Number(b.dueAt))
        .slice(0, limit)
      if (due.length === 0) return []
      return transaction((draft) =>
        due.map((order): Claim => {
          const claims = order.claims + 1
          const claimed = { ...order, claims, claimedBy: claimer }
          const planned = plan?.(claimed)
          if (planned !== undefined) {
            write(draft, order, planned)
            return { order: planned.order, claims, planned: true }
          }
          const leased = { ...claimed, dueAt: new Date(now.getTime() + leaseMs) }
          draft.orders.set(order.outTradeNo, leased)
          return { order: leased, claims }
        }),
      )
    },
    async beat(claimer, beats) {
      transaction(({ processes }) => processes.set(claimer, beats))
      return Array.from(data.processes, ([claimer, beats]) => ({ claimer, beats }))
    },
    async takeOver(claimer, now, until, askedSince) {
      return transaction((draft) => {
        draft.processes.delete(claimer)
        return makeDue(
          draft,
          now,
          ({ dueAt, claimedBy, queriedAt }) =>
            claimedBy === claimer &&
            dueAt !== null &&
            dueAt > now &&
            (dueAt <= until || (queriedAt !== undefined && queriedAt >= askedSince)),
        )
      })
    },
    async bringForward(mchId, latest, now) {
      return transaction((draft) => makeDue(draft, now, (order) => order.mchId === mchId && isAstray(order, latest)))
    },
    async fulfil({ order: { outTradeNo }, claims }, work, decide) {
      const tx = buffer()
      try {
        await work(tx)
      } finally {
        tx.end()
      }
      if (data.orders.get(outTradeNo)?.claims !== claims) return 'lost'
      transaction((draft) => {
        tx.apply(draft)
        const order = draft.orders.get(outTradeNo)!
        const change = decide(order)
        if (change !== undefined) write(draft, order, change)
      })
      return 'done'
    },
    history: async (outTradeNo) => data.history.get(outTradeNo) ?? [],
    async insertAnomaly(anomaly) {
      return transaction((draft) => note(draft, anomaly))
    },
    anomalies: async (limit, after) =>
      [...data.anomalies.values()]
        .filter((anomaly) => anomaly.resolution === undefined && (after === undefined || byAge(after, anomaly) < 0))
        .sort(byAge)
        .slice(0, limit),
    findAnomaly: async (id) => data.anomalies.get(id),
    async resolveAnomaly(id, resolution) {
      const anomaly = data.anomalies.get(id)
      if (anomaly === undefined || anomaly.resolution !== undefined) return false
      transaction(({ anomalies }) => anomalies.set(id, { ...anomaly, resolution }))
      return true
    },
    async archive({ before, to }) {
      let count = 0
      const wanted = orders().filter((order) => isOver(data, order, before))
      while (wanted.length > 0) {
        const step = wanted.splice(0, 100)
        const tx = buffer()
        await to?.(
          step.map((order) => ({
            order,
            history: data.history.get(order.outTradeNo) ?? [],
            anomalies: about(data, order),
          })),
          tx,
        )
        // Something may have come meanwhile.
        const unchanged = step.filter((order) => data.orders.get(order.outTradeNo) === order)
        transaction((draft) => {
          tx.apply(draft)
          for (const order of unchanged) {
            for (const { id } of about(draft, order)) draft.anomalies.delete(id)
            draft.history.delete(order.outTradeNo)
            draft.orders.delete(order.outTradeNo)
          }
        })
        count += unchanged.length
      }
      return count
    },
    async countDue(mchId, now, since) {
      const due = orders().filter((order) => order.mchId === mchId && isDue(order, now))
      return { due: due.length, stuck: due.filter(({ dueAt }) => dueAt! < since).length }
    },
    async putSession(session) {
      transaction(({ sessions }) => sessions.set(session.tokenHash, session))
    },
    getSession: async (tokenHash) => data.sessions.get(tokenHash),
    async deleteSession(tokenHash) {
      transaction(({ sessions }) => sessions.delete(tokenHash))
    },
    async deleteSessionsBefore(at) {
      transaction(({ sessions }) => {
        for (const { tokenHash, expiresAt } of sessions.values()) if (expiresAt < at) sessions.delete(tokenHash)
      })
    },
    async forget(openid) {
      transaction(({ sessions, anomalies }) => {
        for (const session of sessions.values()) if (session.openid === openid) sessions.delete(session.tokenHash)
        for (const [id, anomaly] of anomalies) {
          const { payment, resolution } = anomaly
          if (resolution === undefined || payment?.openid !== openid) continue
          anomalies.set(id, { ...anomaly, payment: { ...payment, openid: '' } })
        }
      })
    },
    getShared: async (name) => data.shared.get(name),
    async swapShared(name, before, after) {
      if (data.shared.get(name) !== before) return false
      transaction(({ shared }) => shared.set(name, after))
      return true
    },
    get: (key) => data.own.get(key),
  }
}

function read(path: string): Data {
  try {
    return deserialize(readFileSync(path)) as Data
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY
    throw error
  }
}

type Buffer = ReturnType<typeof buffer>

/** What a hook writes, and the orders that it changes, until it is committed. */
function buffer() {
  const written = new Map<string, unknown>()
  const updates: [outTradeNo: string, decide: Decide][] = []
  let ended = false
  return {
    set(key: string, value: unknown) {
      if (ended) throw new Error('The transaction has ended.')
      written.set(key, value)
    },
    end() {
      ended = true
    },
    update(outTradeNo: string, decide: Decide) {
      if (ended) throw new Error('The transaction has ended.')
      updates.push([outTradeNo, decide])
    },
    apply(draft: Data) {
      for (const [key, value] of written) draft.own.set(key, value)
      for (const [outTradeNo, decide] of updates) {
        const order = draft.orders.get(outTradeNo)
        const change = order && decide(order)
        if (change) write(draft, order, change)
      }
    },
  }
}

/** Writes a change, with its two unique keys, or throws. */
function write(draft: Data, before: Order | undefined, { order, history, anomalies }: Change): Anomaly[] {
  const { outTradeNo, mchId, liveKey, payment } = order
  for (const other of draft.orders.values()) {
    if (other.outTradeNo === outTradeNo || other.mchId !== mchId) continue
    if (
      payment !== before?.payment &&
      payment !== undefined &&
      other.payment?.transactionId === payment.transactionId
    ) {
      const text = `The transaction ${payment.transactionId} has paid the order ${other.outTradeNo}.`
      throw new WechatError('WECHAT_TRANSACTION_TAKEN', text)
    }
    if (liveKey !== null && other.liveKey === liveKey) {
      throw new WechatError('WECHAT_ORDER_CONFLICT', `The order ${other.outTradeNo} of the same key is live.`)
    }
  }
  draft.orders.set(outTradeNo, order)
  const lines = [...(draft.history.get(outTradeNo) ?? [])]
  for (const line of history) {
    const n = lines.findIndex((each) => line.from === line.to && isSame(each, line))
    if (n < 0) lines.push({ ...line, count: 1, lastAt: line.at })
    else lines[n] = { ...lines[n]!, count: lines[n]!.count + 1, lastAt: line.at }
  }
  // Beyond 1000 lines, the first 100 and the latest stay.
  if (lines.length > 1000) lines.splice(100, lines.length - 1000)
  draft.history.set(outTradeNo, lines)
  return anomalies.filter((anomaly) => note(draft, anomaly))
}

function isSame(one: Change['history'][number], other: Change['history'][number]): boolean {
  return (['source', 'seen', 'outcome', 'from', 'to'] as const).every((name) => one[name] === other[name])
}

function note({ anomalies }: Data, anomaly: Anomaly): boolean {
  if (anomalies.has(anomaly.id)) return false
  anomalies.set(anomaly.id, anomaly)
  return true
}

function about({ anomalies }: Data, { outTradeNo }: Order): Anomaly[] {
  return [...anomalies.values()].filter((anomaly) => anomaly.outTradeNo === outTradeNo)
}

/** Whether nothing is owed or open any more, and nothing was heard since. */
function isOver(data: Data, order: Order, before: Date): boolean {
  const lines = data.history.get(order.outTradeNo) ?? []
  return (
    order.createdAt < before &&
    order.dueAt === null &&
    ['paid', 'closed', 'failed'].includes(order.state) &&
    !['due', 'held'].includes(order.fulfilment) &&
    order.refunds.every(
      ({ dueAt, fulfilment, state }) =>
        dueAt === null && fulfilment !== 'due' && ['success', 'closed', 'failed'].includes(state),
    ) &&
    lines.every(({ lastAt }) => lastAt < before) &&
    about(data, order).every(({ resolution }) => resolution !== undefined)
  )
}

function makeDue(draft: Data, now: Date, isWanted: (order: Order) => boolean): number {
  const wanted = [...draft.orders.values()].filter(isWanted)
  for (const order of wanted) draft.orders.set(order.outTradeNo, { ...order, dueAt: now })
  return wanted.length
}

function live({ orders }: Data, key: string | null, mchId: string): Order | undefined {
  if (key === null) return undefined
  return [...orders.values()].find((order) => order.liveKey === key && order.mchId === mchId)
}

/** Whether a clock that was ahead has put its work too far into the future. */
function isAstray({ dueAt, payment, expiresAt }: Order, latest: Date): boolean {
  return dueAt !== null && dueAt > latest && (payment !== undefined || expiresAt <= latest)
}

function isDue({ dueAt }: Order, now: Date): boolean {
  return dueAt !== null && dueAt <= now
}

function byNumber(orders: Order[]): Order[] {
  return orders.sort((a, b) => (a.outTradeNo < b.outTradeNo ? -1 : 1))
}

function byAge(one: Pick<Anomaly, 'at' | 'id'>, other: Pick<Anomaly, 'at' | 'id'>): number {
  return one.at.getTime() - other.at.getTime() || (one.id < other.id ? -1 : one.id === other.id ? 0 : 1)
}
