import { WechatError } from '../errors.ts'
import type { Anomaly, AnomalyKind, Resolution } from '../model.ts'
import type { Store } from '../store/store.ts'
import type { Orders } from './orders.ts'

export interface Anomalies {
  /** What waits for a person, oldest first. */
  list (): Promise<Anomaly[]>
  /**
   * Records what a person decided, and does it: `refund` gives a payment on hold back, `fulfil` runs `onPaid` for it, `dismiss` does nothing more.
   * Only a payment on hold (`late`, `duplicate`, `refunded`) can be refunded or fulfilled; money of other findings is moved in the merchant platform.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID` for an unknown or decided anomaly, or an action it does not allow
   */
  resolve (id: string, action: Resolution['action'], note: string): Promise<void>
}

/** Findings whose payment is on the order, on hold. */
const ON_HOLD: readonly AnomalyKind[] = ['late', 'duplicate', 'refunded']

export function createAnomalies ({ store, orders, now }: { store: Store, orders: Orders, now: () => Date }): Anomalies {
  return {
    async list () {
      return await store.anomalies()
    },

    async resolve (id, action, note) {
      const anomaly = await store.findAnomaly(id)
      if (anomaly === undefined || anomaly.resolution !== undefined) throw new WechatError('WECHAT_INPUT_INVALID', `No anomaly ${id} waits.`)
      const onHold = ON_HOLD.includes(anomaly.kind)
      if (!onHold && action !== 'dismiss') throw new WechatError('WECHAT_INPUT_INVALID', `An anomaly of the kind ${anomaly.kind} can only be dismissed: move its money in the merchant platform.`)
      // The order first: if this process dies in between, the anomaly still waits, and deciding again changes nothing twice.
      if (onHold) {
        const { order, outcome } = (await orders.observe(anomaly.outTradeNo, { seen: 'hold-resolved', action, note }))!
        const decided = action === 'fulfil' ? ['due', 'done'] : ['dismissed']
        if (outcome !== 'changed' && !decided.includes(order.fulfilment)) {
          throw new WechatError('WECHAT_INPUT_INVALID', `${anomaly.outTradeNo} was decided otherwise before (${order.fulfilment}): nothing was done. Dismiss the anomaly, or refund the order.`)
        }
      }
      if (!await store.resolveAnomaly(id, { action, note, at: now() })) throw new WechatError('WECHAT_INPUT_INVALID', `The anomaly ${id} was decided meanwhile.`)
    }
  }
}
