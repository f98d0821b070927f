import { WechatError } from '../errors.ts'
import type { Anomaly } from '../model.ts'
import type { Decide, Store } from './store.ts'

/**
 * The part of a store that belongs to one merchant: orders and findings of others are not there. The merchant number is part of an order, so that nothing that one
 * merchant's keys have verified can change, or even read, another merchant's order.
 */
export function ofMerchant<Tx>(store: Store<Tx>, mchId: string): Store<Tx> {
  /** The findings of this merchant. A finding without a known owner belongs to every merchant. */
  async function own(anomalies: Anomaly[]): Promise<Anomaly[]> {
    const known = new Map<string, string>()
    const numbers = [...new Set(anomalies.map(({ outTradeNo }) => outTradeNo))]
    for (let n = 0; n < numbers.length; n += AT_ONCE) {
      for (const order of await store.findOrders(numbers.slice(n, n + AT_ONCE))) {
        known.set(order.outTradeNo, order.mchId)
      }
    }
    return anomalies.filter(({ id, kind, outTradeNo, payment }) => {
      // The number that a payment, a refund or a bill names may be an order of another merchant.
      const named = (kind === 'unknown-order' && payment?.mchId) || NAMED.exec(id)?.[1]
      return (named ?? known.get(outTradeNo) ?? payment?.mchId ?? mchId) === mchId
    })
  }

  return {
    ...store,

    async insertOrder(change) {
      const result = await store.insertOrder(change)
      if (result.inserted || result.existing.mchId === mchId) return result
      throw new WechatError('WECHAT_ORDER_CONFLICT', `The number ${change.order.outTradeNo} is another merchant's.`, {
        advice: 'repeat',
      })
    },

    async findOrder(outTradeNo) {
      const order = await store.findOrder(outTradeNo)
      return order?.mchId === mchId ? order : undefined
    },

    async findOrders(outTradeNos) {
      return (await store.findOrders(outTradeNos)).filter((order) => order.mchId === mchId)
    },

    async updateOrder(outTradeNo, decide, tx) {
      const own: Decide = (current) => (current.mchId === mchId ? decide(current) : undefined)
      const updated = await store.updateOrder(outTradeNo, own, tx)
      return updated?.order.mchId === mchId ? updated : undefined
    },

    async history(outTradeNo) {
      const order = await store.findOrder(outTradeNo)
      return order?.mchId === mchId ? await store.history(outTradeNo) : []
    },

    async anomalies(limit, after) {
      const found: Anomaly[] = []
      let last = after
      let page: Anomaly[]
      do {
        page = await store.anomalies(limit, last)
        found.push(...(await own(page)))
        last = page.at(-1)
      } while (page.length === limit && found.length < limit)
      return found.slice(0, limit)
    },

    async findAnomaly(id) {
      const anomaly = await store.findAnomaly(id)
      return anomaly && (await own([anomaly]))[0]
    },
  }
}

const AT_ONCE = 1000
/** Findings whose `id` names their owner. */
const NAMED = /^(?:unknown-order|bill-differs):(\d+)\//
