import { WechatError } from '../errors.ts'
import type { Anomaly, HistoryEntry, HistoryLine, Order, Owner, TokenSession } from '../model.ts'
import { isDone } from './done.ts'
import { kept, saysTheSame } from './same.ts'
import { ARCHIVE_STEP, transactionTaken } from './store.ts'
import type { Change, Claim, Decide, Store, Updated } from './store.ts'

interface Row {
  order: Order
  history: HistoryLine[]
  /** The lines that were repeated. */
  repeats?: WeakMap<HistoryLine, { times: number; lastAt: Date }>
}

let warned = false

/**
 * The reference store: everything in this process's memory, lost when it ends. For tests, demonstrations and reading; not for production: where
 * `NODE_ENV` is `production` it emits a warning, once in each process.
 * Orders are never changed in place, so one that was handed out stays as it was.
 */
export function memoryStore(): Store<undefined> {
  if (process.env.NODE_ENV === 'production' && !warned) {
    warned = true
    process.emitWarning(
      'memoryStore() is in use and NODE_ENV is production: orders, payments and refunds are lost when this process ends, and no other process sees them. Use sqlStore or a store of your own',
      'MemoryStoreWarning',
    )
  }
  const rows = new Map<string, Row>()
  const live = new Map<string, Row>()
  /** The order that each transaction of a merchant has paid. */
  const transactions = new Map<string, string>()
  const anomalies = new Map<string, Anomaly>()
  const sessions = new Map<string, TokenSession>()
  const processes = new Map<string, number>()
  const shared = new Map<string, string>()

  function write(row: Row, { order, history, anomalies: found }: Change): Anomaly[] {
    if (order.payment !== row.order.payment) checkTransaction(order)
    if (order.liveKey !== row.order.liveKey) moveKey(row, row.order.liveKey, order.liveKey)
    if (order.payment !== row.order.payment) claim(order)
    row.order = order
    for (const line of history) tell(row, line)
    return found.filter(note)
  }

  function checkTransaction({ outTradeNo, mchId, payment }: Order): void {
    const holder = payment && transactions.get(nameOf(mchId, payment.transactionId))
    if (holder !== undefined && holder !== outTradeNo) throw transactionTaken(payment!.transactionId, holder)
  }

  function claim({ outTradeNo, mchId, payment }: Order): void {
    if (payment !== undefined) transactions.set(nameOf(mchId, payment.transactionId), outTradeNo)
  }

  function moveKey(row: Row, before: string | null, after: string | null): void {
    const { mchId } = row.order
    const holder = after === null ? undefined : live.get(nameOf(mchId, after))
    if (holder !== undefined) {
      throw new WechatError('WECHAT_ORDER_CONFLICT', `The order ${holder.order.outTradeNo} of the same key is live.`)
    }
    if (before !== null) live.delete(nameOf(mchId, before))
    if (after !== null) live.set(nameOf(mchId, after), row)
  }

  function note(anomaly: Anomaly): boolean {
    if (anomalies.has(anomaly.id)) return false
    anomalies.set(anomaly.id, anomaly)
    return true
  }

  function update(row: Row, decide: Decide): Updated {
    const change = decide(row.order)
    return change === undefined ? { order: row.order, raised: [] } : { order: change.order, raised: write(row, change) }
  }

  function inOrder(isWanted: (order: Order) => boolean, limit: number): Order[] {
    const found: Order[] = []
    for (const { order } of rows.values()) if (isWanted(order)) found.push(order)
    return found.sort((a, b) => (a.outTradeNo < b.outTradeNo ? -1 : 1)).slice(0, limit)
  }

  function told(outTradeNo: string): HistoryEntry[] {
    const { history, repeats } = rows.get(outTradeNo) ?? { history: [] }
    return history.map((line): HistoryEntry => {
      const { times = 0, lastAt = line.at } = repeats?.get(line) ?? {}
      return { ...line, count: 1 + times, lastAt }
    })
  }

  function about(number: string): Anomaly[] {
    return [...anomalies.values()].filter(({ outTradeNo }) => outTradeNo === number)
  }

  /** Whether the order may be archived. */
  function isOver({ order }: Row, before: Date): boolean {
    return (
      order.createdAt < before &&
      isDone(order) &&
      told(order.outTradeNo).every(({ lastAt }) => lastAt < before) &&
      about(order.outTradeNo).every(({ resolution }) => resolution !== undefined)
    )
  }

  function remove({ order: { outTradeNo, mchId, liveKey, payment } }: Row): void {
    for (const { id } of about(outTradeNo)) anomalies.delete(id)
    if (liveKey !== null) live.delete(nameOf(mchId, liveKey))
    if (payment !== undefined) transactions.delete(nameOf(mchId, payment.transactionId))
    rows.delete(outTradeNo)
  }

  function rowsDue(now: Date): Row[] {
    const due: Row[] = []
    for (const row of rows.values()) if (isDue(row.order, now)) due.push(row)
    return due
  }

  return {
    async insertOrder({ order, history, anomalies: found }) {
      const { outTradeNo, mchId, liveKey } = order
      const existing = rows.get(outTradeNo) ?? (liveKey === null ? undefined : live.get(nameOf(mchId, liveKey)))
      if (existing !== undefined) return { inserted: false, existing: existing.order }
      checkTransaction(order)
      claim(order)
      const row = { order, history: kept([...history]) }
      rows.set(outTradeNo, row)
      if (liveKey !== null) live.set(nameOf(mchId, liveKey), row)
      found.forEach(note)
      return { inserted: true }
    },
    async findOrder(outTradeNo) {
      return rows.get(outTradeNo)?.order
    },
    async findLiveOrder(key, mchId) {
      return live.get(nameOf(mchId, key))?.order
    },
    async findOrders(outTradeNos) {
      return outTradeNos.flatMap((outTradeNo) => rows.get(outTradeNo)?.order ?? [])
    },
    async ordersBetween(after, before, limit) {
      return inOrder(({ outTradeNo }) => outTradeNo > after && outTradeNo < before, limit)
    },
    async refundedBetween(from, to, after, limit) {
      return inOrder(
        ({ outTradeNo, refunds }) =>
          outTradeNo > after && refunds.some(({ createdAt }) => createdAt >= from && createdAt < to),
        limit,
      )
    },
    async updateOrder(outTradeNo, decide) {
      let row = rows.get(outTradeNo)
      while (row !== undefined) {
        const { order } = row
        const change = decide(order)
        if (change?.also === undefined) return update(row, () => change)
        await change.also(undefined)
        const current = rows.get(outTradeNo)
        if (current?.order === order) return update(row, () => change)
        row = current
      }
      return undefined
    },
    async claimDue(owner, now, limit, leaseMs, { outTradeNo, claimer, plan } = {}) {
      const claim = (row: Row): Claim => {
        const claims = row.order.claims + 1
        const claimed = { ...row.order, claims, claimedBy: claimer }
        const planned = plan?.(claimed)
        if (planned !== undefined) {
          write(row, planned)
          return { order: row.order, claims, planned: true }
        }
        row.order = { ...claimed, dueAt: new Date(now.getTime() + leaseMs) }
        return { order: row.order, claims }
      }
      if (outTradeNo !== undefined) {
        const row = rows.get(outTradeNo)
        return row !== undefined && isDue(row.order, now) && isOf(row.order, owner) ? [claim(row)] : []
      }
      const due = rowsDue(now)
        .filter(({ order }) => isOf(order, owner))
        .sort((a, b) => Number(a.order.dueAt) - Number(b.order.dueAt))
      return due.slice(0, limit).map(claim)
    },
    async beat(claimer, beats) {
      processes.set(claimer, beats)
      return [...processes].map(([claimer, beats]) => ({ claimer, beats }))
    },
    async takeOver(claimer, now, until, askedSince) {
      processes.delete(claimer)
      let count = 0
      for (const row of rows.values()) {
        const { dueAt, claimedBy, queriedAt } = row.order
        if (claimedBy !== claimer || dueAt === null || dueAt <= now) continue
        if (dueAt > until && (queriedAt === undefined || queriedAt < askedSince)) continue
        row.order = { ...row.order, dueAt: now }
        count++
      }
      return count
    },
    async bringForward(merchant, latest, now) {
      let count = 0
      for (const row of rows.values()) {
        const { mchId, dueAt, payment, expiresAt } = row.order
        if (mchId !== merchant || dueAt === null || dueAt <= latest || (payment === undefined && expiresAt > latest)) {
          continue
        }
        row.order = { ...row.order, dueAt: now }
        count++
      }
      return count
    },
    async fulfil(claim, work, decide) {
      await work(undefined)
      const row = rows.get(claim.order.outTradeNo)
      if (row?.order.claims !== claim.claims) return 'lost'
      update(row, decide)
      return 'done'
    },
    async history(outTradeNo) {
      return told(outTradeNo)
    },
    async insertAnomaly(anomaly) {
      return note(anomaly)
    },
    async anomalies(limit, after) {
      return [...anomalies.values()]
        .filter((anomaly) => anomaly.resolution === undefined && (after === undefined || byAge(after, anomaly) < 0))
        .sort(byAge)
        .slice(0, limit)
    },
    async archive({ before, to }) {
      let count = 0
      const all = [...rows.entries()].filter(([, row]) => isOver(row, before))
      for (let step = all.splice(0, ARCHIVE_STEP); step.length > 0; step = all.splice(0, ARCHIVE_STEP)) {
        const archived = step.map(([number, { order }]) => ({ order, history: told(number), anomalies: about(number) }))
        await to?.(archived, undefined)
        for (const [n, [, row]] of step.entries()) {
          // Something may have come meanwhile.
          if (row.order !== archived[n]!.order) continue
          remove(row)
          count++
        }
      }
      return count
    },
    async findAnomaly(id) {
      return anomalies.get(id)
    },
    async resolveAnomaly(id, resolution) {
      const anomaly = anomalies.get(id)
      if (anomaly === undefined || anomaly.resolution !== undefined) return false
      anomalies.set(id, { ...anomaly, resolution })
      return true
    },
    async countDue(mchId, now, since) {
      const due = rowsDue(now).filter(({ order }) => order.mchId === mchId)
      return { due: due.length, stuck: due.filter(({ order }) => order.dueAt! < since).length }
    },
    async putSession(session) {
      sessions.set(session.tokenHash, session)
    },
    async getSession(tokenHash) {
      return sessions.get(tokenHash)
    },
    async deleteSession(tokenHash) {
      sessions.delete(tokenHash)
    },
    async deleteSessionsBefore(at) {
      for (const { tokenHash, expiresAt } of sessions.values()) if (expiresAt < at) sessions.delete(tokenHash)
    },
    async forget(openid) {
      for (const session of sessions.values()) if (session.openid === openid) sessions.delete(session.tokenHash)
      for (const [id, anomaly] of anomalies) {
        const { payment, resolution } = anomaly
        if (resolution === undefined || payment?.openid !== openid) continue
        anomalies.set(id, { ...anomaly, payment: { ...payment, openid: '' } })
      }
    },
    async getShared(name) {
      return shared.get(name)
    },
    async swapShared(name, before, after) {
      if (shared.get(name) !== before) return false
      shared.set(name, after)
      return true
    },
  }
}

/** Identifies a key or a transaction within its merchant. */
function nameOf(mchId: string, key: string): string {
  return `${mchId} ${key}`
}

/** Adds the line, or counts it if it repeats one. A change of state happens only once. */
function tell(row: Row, line: HistoryLine): void {
  const earlier = line.from === line.to ? row.history.find((each) => saysTheSame(each, line)) : undefined
  if (earlier === undefined) {
    // A growing array takes much more memory than it needs, and each order has one.
    row.history = kept([...row.history, line])
    return
  }
  row.repeats ??= new WeakMap()
  row.repeats.set(earlier, { times: (row.repeats.get(earlier)?.times ?? 0) + 1, lastAt: line.at })
}

function byAge(one: Pick<Anomaly, 'at' | 'id'>, other: Pick<Anomaly, 'at' | 'id'>): number {
  return one.at.getTime() - other.at.getTime() || (one.id < other.id ? -1 : one.id === other.id ? 0 : 1)
}

function isDue({ dueAt }: Order, now: Date): boolean {
  return dueAt !== null && dueAt <= now
}

function isOf(order: Order, { appids, mchId }: Owner): boolean {
  return order.mchId === mchId && appids.includes(order.appid)
}
