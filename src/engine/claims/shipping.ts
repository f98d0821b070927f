import { reasonOf } from '../../base/thrown.ts'
import type { ShippingCalls } from '../../client/mini-program/shipping.ts'
import { WechatError } from '../../errors.ts'
import type { Log } from '../../hooks.ts'
import type { Order, Shipment } from '../../model.ts'
import type { Orders } from '../orders.ts'

export interface ShippingDeps {
  orders: Pick<Orders, 'observe'>
  /** The calls of an app. */
  callsOf: (appid: string) => Pick<ShippingCalls, 'uploadShippingInfo'>
}

/** A shipment, and the transaction in which to record its report. */
export interface ShipRequest extends Shipment {
  /**
   * Your own transaction, of the library that the store uses, as `onPaid` gets it: the report goes out if it is committed, and not if it is rolled back. The
   * row of the order is locked until then. Default: a transaction of the store's own.
   */
  tx?: unknown
}

export interface Shipping {
  /**
   * Reports the shipping of a paid order to WeChat (upload_shipping_info), as work of the order: it is kept in the store, and sent as soon as WeChat
   * knows the payment, about a minute after it; it is repeated with growing waits until WeChat accepts it. A final refusal is an anomaly
   * (`shipping-refused`). The same shipment again changes nothing; another one, such as the next part of an order, follows the ones before.
   *
   * @throws {WechatError} `WECHAT_ORDER_NOT_FOUND`; `WECHAT_ORDER_CONFLICT` for an order that is not paid, or has been refunded
   */
  ship(order: Pick<Order, 'outTradeNo'>, request: ShipRequest): Promise<Order>
  /** Sends the next report of a claimed order. */
  pursue(order: Order, log?: Log): Promise<void>
}

export function createOwedShipping({ orders, callsOf }: ShippingDeps): Shipping {
  return {
    async ship({ outTradeNo }, { tx, ...given }) {
      // As the store returns it.
      const shipment = JSON.parse(JSON.stringify(given)) as Shipment
      const observed = await orders.observe(outTradeNo, { seen: 'ship-wanted', shipment }, undefined, tx)
      if (observed === undefined) throw new WechatError('WECHAT_ORDER_NOT_FOUND', `There is no order ${outTradeNo}.`)
      if (observed.outcome === 'refused') {
        throw new WechatError(
          'WECHAT_ORDER_CONFLICT',
          `The shipping of ${outTradeNo} was not recorded: ${observed.why}.`,
        )
      }
      return observed.order
    },

    async pursue(order, log) {
      const { outTradeNo, appid, shipping, payment } = order
      const n = shipping!.sent
      try {
        await callsOf(appid).uploadShippingInfo({ ...order, payment: payment! }, shipping!.shipments[n]!)
      } catch (error) {
        await orders.observe(
          outTradeNo,
          { seen: 'ship-failed', n, reason: reasonOf(error), isFinal: isRefusal(error) },
          log,
        )
        return
      }
      await orders.observe(outTradeNo, { seen: 'shipped', n }, log)
    },
  }
}

/** Whether WeChat would refuse it again for the same reason. Not knowing the payment yet is no such reason. */
function isRefusal(error: unknown): boolean {
  return error instanceof WechatError && error.wechatCode !== undefined && error.advice === 'stop'
}
