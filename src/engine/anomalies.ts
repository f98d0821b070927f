import { noCertificate } from '../client/pay.ts'
import type { PayApi } from '../client/pay.ts'
import { WechatError } from '../errors.ts'
import type { Anomaly, AnomalyKind, Resolution } from '../model.ts'
import type { Store } from '../store/store.ts'
import type { Orders } from './orders.ts'
import { checkReason } from './refunds.ts'

/** Findings about money that wait for a person, and the decisions about them: `fastify.wechat.anomalies`. */
export interface Anomalies {
  /**
   * The anomalies that wait for a person, oldest first: at most `limit` (1 to 1000, by default 100); for the next page, pass the last one as `after`.
   */
  list(page?: { limit?: number | undefined; after?: Pick<Anomaly, 'at' | 'id'> | undefined }): Promise<Anomaly[]>
  /**
   * Records a person's decision, and carries it out.
   *
   * For a payment on hold (`late`, `duplicate`, `refunded`) or one that did not match its order (`mismatch`): `fulfil` makes the order paid and runs
   * `onPaid`; `refund` returns the money, with the note as the reason shown to the payer; `dismiss` does nothing more. Unless fulfilled, the order
   * then ends, an open one after WeChat has been queried again, and its key is free. Other findings can only be dismissed; move their money in the
   * merchant platform. Dismissing a `reused-transaction` ends its order in the same way, unless it is paid.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID` for an unknown or decided anomaly, an action that it does not allow, or a note of more than 80 bytes for a refund;
   * `WECHAT_ORDER_CONFLICT` if the order belongs to another account, or cannot be fulfilled because another order of the key is live;
   * `WECHAT_OPTIONS_INVALID` for a refund without `merchant.cert`. In these cases nothing is recorded
   */
  resolve(id: string, action: Resolution['action'], note: string): Promise<void>
}

/** Findings about one payment for one order, which can be accepted or refunded. */
const DECIDABLE: readonly AnomalyKind[] = ['late', 'duplicate', 'refunded', 'mismatch']

export function createAnomalies({
  store,
  orders,
  pay,
  now,
}: {
  store: Store
  orders: Orders
  pay: Pick<PayApi, 'canRefund' | 'textFault'>
  now: () => Date
}): Anomalies {
  return {
    async list({ limit = 100, after } = {}) {
      return await store.anomalies(limit, after)
    },

    async resolve(id, action, note) {
      const anomaly = await store.findAnomaly(id)
      if (anomaly === undefined || anomaly.resolution !== undefined) {
        throw new WechatError('WECHAT_INPUT_INVALID', `There is no undecided anomaly ${id}.`)
      }
      const { kind, outTradeNo, payment } = anomaly
      if (!DECIDABLE.includes(kind) && action !== 'dismiss') {
        throw new WechatError(
          'WECHAT_INPUT_INVALID',
          `An anomaly of the kind ${kind} can only be dismissed: move its money in the merchant platform.`,
        )
      }
      if (action === 'refund') {
        if (!pay.canRefund) throw noCertificate()
        // The payer reads it.
        checkReason(note, pay.textFault)
      }
      // The order first: if this process dies in between, the anomaly still waits, and deciding again is harmless.
      if (DECIDABLE.includes(kind) || kind === 'reused-transaction') {
        if (!orders.owns((await orders.get(outTradeNo))!)) {
          throw new WechatError('WECHAT_ORDER_CONFLICT', `${outTradeNo} belongs to another account: decide there.`)
        }
        const { outcome, why } = (await orders.observe(outTradeNo, {
          seen: 'hold-resolved',
          action,
          note,
          payment: payment!,
        }))!
        if (outcome === 'refused') {
          throw new WechatError('WECHAT_INPUT_INVALID', `${outTradeNo} was not changed: ${why}.`)
        }
      }
      if (!(await store.resolveAnomaly(id, { action, note, at: now() }))) {
        const where = `The history of ${outTradeNo} says what both decisions did.`
        throw new WechatError('WECHAT_INPUT_INVALID', `The anomaly ${id} was decided meanwhile. ${where}`)
      }
    },
  }
}
