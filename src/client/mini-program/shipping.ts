import { listOf, objectOf, oneOf, optional, text } from '../../base/rules.ts'
import type { Rule } from '../../base/rules.ts'
import { WechatError } from '../../errors.ts'
import type { WechatErrorCode } from '../../errors.ts'
import type { Order, Parcel, Shipment } from '../../model.ts'
import type { AskWechat } from './users.ts'
import type { Refusals } from '../wechat-json.ts'

/** Reports of a trading mini program about paid goods (/wxa/sec/order): without them the money stays frozen. */

/** An order as WeChat's shipping management has it. */
export interface ShippingOrder {
  transactionId: string
  outTradeNo: string
  state: 'to-ship' | 'shipped' | 'received' | 'done' | 'refunded' | 'settlement-pending'
  isFinished: boolean
  /** How often the shipping was reported as complete: it may be repeated once. */
  finishedCount: number
  isInComplaint: boolean
}

/** An order whose payment WeChat has. */
export type PaidTrade = Pick<Order, 'mchId' | 'outTradeNo'> & { payment: { transactionId: string; openid: string } }

/** Every method throws `WechatError`, whose `advice` says what to do; `wechatCode` is WeChat's. */
export interface ShippingCalls {
  /**
   * Reports the shipping of a paid order (upload_shipping_info). About a minute after the payment at the earliest: until then WeChat does not know the order
   * (`WECHAT_ORDER_NOT_FOUND`, `repeat`). Repeating it is safe: the same again changes nothing and resolves too.
   */
  uploadShippingInfo(order: PaidTrade, shipment: Shipment): Promise<void>
  /** The order as the shipping management has it (get_order); `undefined` if it does not know it. */
  shippingOrder(order: PaidTrade): Promise<ShippingOrder | undefined>
  /** Reminds the payer once to confirm an express delivery (notify_confirm_receive). */
  notifyConfirmReceive(order: PaidTrade, receivedAt: Date): Promise<void>
}

/** What the calls take. */
export const PAID_TRADE: Rule = objectOf({
  payment: objectOf({ transactionId: text(1, 32), openid: text(1, 128) }),
})
export const SHIPMENT: Rule = objectOf(
  {
    logisticsType: oneOf(['express', 'same-city', 'virtual', 'pickup'] satisfies Shipment['logisticsType'][]),
    parcels: listOf(
      objectOf(
        {
          itemDesc: text(1, 480),
          trackingNo: optional(text(1, 128)),
          expressCompany: optional(text(1, 128)),
          contact: optional(
            objectOf(
              { consignorContact: optional(text(1, 1024)), receiverContact: optional(text(1, 1024)) },
              'refused',
            ),
          ),
        } satisfies Record<keyof Parcel, Rule>,
        'refused',
      ),
      15,
    ),
    isAllDelivered: optional(oneOf([true, false])),
  } satisfies Record<keyof Shipment, Rule>,
  'refused',
)
/** The arguments of `ship`: a shipment may bring the transaction to report it in. */
export const SHIP: [name: string, rule: Rule][] = [
  ['order', objectOf({ outTradeNo: text(1, 32) })],
  ['request', (value) => SHIPMENT(typeof value === 'object' ? { ...value, tx: undefined } : value)],
]
const LOGISTICS: Record<Shipment['logisticsType'], number> = { express: 1, 'same-city': 2, virtual: 3, pickup: 4 }

const STATES: Readonly<Record<number, ShippingOrder['state']>> = {
  1: 'to-ship',
  2: 'shipped',
  3: 'received',
  4: 'done',
  5: 'refunded',
  6: 'settlement-pending',
}

/** "Nothing has changed": the shipping was reported before. */
const UNCHANGED = '10060023'
const UNKNOWN_ORDER = '10060001'

const refusals = (code: WechatErrorCode, texts: Readonly<Record<string, string>>): Refusals =>
  Object.fromEntries(Object.entries(texts).map(([errcode, text]) => [errcode, [code, text]]))

/** The error table of the shipping management. */
const REFUSALS: Refusals = {
  ...refusals('WECHAT_ORDER_NOT_FOUND', {
    [UNKNOWN_ORDER]:
      'WeChat does not know the payment: repeat it a minute after the payment, with the merchant number of the order.',
  }),
  ...refusals('WECHAT_UNAVAILABLE', {
    10060012: 'WeChat is busy: repeat it unchanged.',
    10060019: 'WeChat is busy: repeat it unchanged.',
  }),
  ...refusals('WECHAT_ORDER_CONFLICT', {
    10060002: 'The order is completed: its shipping can no longer be changed.',
    10060003: 'The shipping has already been changed once, and cannot be changed again.',
    10060004: 'The order cannot be shipped in its state: ask for it with shippingOrder.',
    10060028: 'The order has not been shipped: report its shipping first.',
    10060030: 'The payer has been reminded already.',
    10060032: 'The payer can be reminded only of express deliveries.',
  }),
  ...refusals('WECHAT_REFUSED', {
    10060005: 'WeChat does not accept this logisticsType for the order.',
    10060006: 'Only express orders go out in parts.',
    10060007: 'WeChat refuses the shipping of this order: see the mini program console.',
    10060008: 'itemDesc must not be empty.',
    10060009: 'itemDesc must have at most 120 characters.',
    10060014: 'WeChat does not accept these parameters: check the shipment.',
    10060020: 'The shipping is incomplete: SF Express asks for a contact.',
    10060024: 'There are more than 15 parcels.',
    10060025: 'expressCompany is too long.',
    10060026: 'trackingNo is too long.',
    10060029: 'receivedAt is before the shipping, or in the future.',
    10060031: 'The openid is not that of the payer.',
    47001: 'WeChat cannot read the shipment: check it.',
    268485194: 'WeChat does not accept the number of the order.',
    268485195: 'WeChat does not accept the number of the order.',
    268485196: 'WeChat does not accept the number of the order.',
    268485197: 'WeChat does not accept the number of the order.',
    268485216: "The shipping must be reported later than before: check this machine's clock.",
    268485224: 'WeChat does not accept the mode of delivery: parts need isAllDelivered.',
    268485226: 'An express parcel needs a trackingNo.',
    268485227: 'An express parcel needs an expressCompany.',
    268485228: 'An order shipped as a whole has exactly one parcel.',
  }),
}

export function createShipping(ask: AskWechat, now: () => Date): ShippingCalls {
  const post = async (what: string, call: string, body: object) =>
    await ask(what, { path: `/wxa/sec/order/${call}`, body, repeatable: true }, [], REFUSALS)

  return {
    async uploadShippingInfo({ payment }, { logisticsType, parcels, isAllDelivered }) {
      try {
        await post('shipping information', 'upload_shipping_info', {
          order_key: { order_number_type: 2, transaction_id: payment.transactionId },
          logistics_type: LOGISTICS[logisticsType],
          delivery_mode: isAllDelivered === undefined ? 1 : 2,
          is_all_delivered: isAllDelivered,
          shipping_list: parcels.map(({ itemDesc, trackingNo, expressCompany, contact }) => ({
            tracking_no: trackingNo,
            express_company: expressCompany,
            item_desc: itemDesc,
            contact: contact && {
              consignor_contact: contact.consignorContact,
              receiver_contact: contact.receiverContact,
            },
          })),
          // RFC 3339 with milliseconds and an offset.
          upload_time: new Date(now().getTime() + 8 * 3_600_000).toISOString().replace('Z', '+08:00'),
          payer: { openid: payment.openid },
        })
      } catch (error) {
        if (!(error instanceof WechatError && error.wechatCode === UNCHANGED)) throw error
      }
    },

    async shippingOrder({ payment }) {
      let reply: Record<string, unknown>
      try {
        reply = await post('an order', 'get_order', { transaction_id: payment.transactionId })
      } catch (error) {
        if (error instanceof WechatError && error.wechatCode === UNKNOWN_ORDER) return undefined
        throw error
      }
      const {
        transaction_id: transactionId,
        merchant_trade_no: outTradeNo,
        ...order
      } = (reply.order ?? {}) as Record<string, unknown>
      const state = STATES[order.order_state as number]
      if (transactionId !== payment.transactionId || state === undefined) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat was asked about the shipping of ${payment.transactionId} and gave no valid answer. Ask again.`,
        )
      }
      const { finish_shipping: isFinished, finish_shipping_count: count } = (order.shipping ?? {}) as Record<
        string,
        unknown
      >
      return {
        transactionId: payment.transactionId,
        outTradeNo: String(outTradeNo),
        state,
        isFinished: isFinished === true,
        finishedCount: Number(count ?? 0),
        isInComplaint: order.in_complaint === true,
      }
    },

    async notifyConfirmReceive({ payment }, receivedAt) {
      await post('a reminder', 'notify_confirm_receive', {
        transaction_id: payment.transactionId,
        received_time: Math.floor(receivedAt.getTime() / 1000),
      })
    },
  }
}
