import { WechatError } from '../errors.ts'
import type { Anomaly, HistoryEntry, Order, TokenSession } from '../model.ts'
import type { Change, Claim, Decide, Store, Updated } from './store.ts'

/**
 * The reference store: everything in this process's memory, lost when it ends. For tests, demonstrations and reading; not for production.
 * Rows are never changed in place, so a row once handed out stays as it was.
 */
export function memoryStore (): Store<undefined> {
  const orders = new Map<string, Order>()
  const byKey = new Map<string, string>()
  const histories = new Map<string, HistoryEntry[]>()
  const anomalies = new Map<string, Anomaly>()
  const sessions = new Map<string, TokenSession>()

  function write ({ order, history, anomalies: found }: Change): Anomaly[] {
    const before = orders.get(order.outTradeNo)
    const holder = order.liveKey === null ? undefined : byKey.get(order.liveKey)
    if (holder !== undefined && holder !== order.outTradeNo) throw new WechatError('WECHAT_ORDER_CONFLICT', `The order ${holder} of the same key is live.`)
    if (before?.liveKey != null) byKey.delete(before.liveKey)
    if (order.liveKey !== null) byKey.set(order.liveKey, order.outTradeNo)
    orders.set(order.outTradeNo, order)
    const lines = histories.get(order.outTradeNo)
    if (lines === undefined) histories.set(order.outTradeNo, [...history])
    else lines.push(...history)
    return found.filter(note)
  }

  function note (anomaly: Anomaly): boolean {
    if (anomalies.has(anomaly.id)) return false
    anomalies.set(anomaly.id, anomaly)
    return true
  }

  function update (outTradeNo: string, decide: Decide): Updated | undefined {
    const current = orders.get(outTradeNo)
    if (current === undefined) return undefined
    const change = decide(current)
    return change === undefined ? { order: current, raised: [] } : { order: change.order, raised: write(change) }
  }

  return {
    async insertOrder (change) {
      const { outTradeNo, liveKey } = change.order
      const existing = orders.get(outTradeNo) ?? (liveKey === null ? undefined : orders.get(byKey.get(liveKey) ?? ''))
      if (existing !== undefined) return { inserted: false, existing }
      write(change)
      return { inserted: true }
    },
    async findOrder (outTradeNo) {
      return orders.get(outTradeNo)
    },
    async findLiveOrder (key) {
      return orders.get(byKey.get(key) ?? '')
    },
    async updateOrder (outTradeNo, decide) {
      return update(outTradeNo, decide)
    },
    async claimDue (now, limit, leaseMs, outTradeNo) {
      const among = outTradeNo === undefined ? [...orders.values()] : [orders.get(outTradeNo)]
      const due = among.filter((order): order is Order => order?.dueAt != null && order.dueAt <= now)
      due.sort((a, b) => Number(a.dueAt) - Number(b.dueAt))
      return due.slice(0, limit).map((row): Claim => {
        const order = { ...row, dueAt: new Date(now.getTime() + leaseMs), claims: row.claims + 1 }
        orders.set(order.outTradeNo, order)
        return { order, claims: order.claims }
      })
    },
    async fulfil (claim, work, decide) {
      await work(undefined)
      const { outTradeNo } = claim.order
      if (orders.get(outTradeNo)?.claims !== claim.claims) return 'lost'
      update(outTradeNo, decide)
      return 'done'
    },
    async history (outTradeNo) {
      return [...histories.get(outTradeNo) ?? []]
    },
    async insertAnomaly (anomaly) {
      return note(anomaly)
    },
    async anomalies () {
      return [...anomalies.values()].filter(({ resolution }) => resolution === undefined)
    },
    async findAnomaly (id) {
      return anomalies.get(id)
    },
    async resolveAnomaly (id, resolution) {
      const anomaly = anomalies.get(id)
      if (anomaly === undefined || anomaly.resolution !== undefined) return false
      anomalies.set(id, { ...anomaly, resolution })
      return true
    },
    async countDue (now, since) {
      const due = [...orders.values()].filter(({ dueAt }) => dueAt !== null && dueAt <= now)
      return { due: due.length, stuck: due.filter(({ dueAt }) => dueAt! < since).length }
    },
    async putSession (session) {
      sessions.set(session.tokenHash, session)
    },
    async getSession (tokenHash) {
      return sessions.get(tokenHash)
    },
    async deleteSession (tokenHash) {
      sessions.delete(tokenHash)
    }
  }
}
