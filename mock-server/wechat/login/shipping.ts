import { stateOf } from '../../ledger/orders.ts'
import type { Application } from '../../users/app.ts'
import type { Registry } from '../core.ts'
import { checkToken, findByToken, type LoginEndpoint, type LoginRequest } from './call.ts'
import { findPaid, type PaidOrder } from './paid-orders.ts'

/** Order shipping management (login.md 4.5): what a trading mini program reports about goods that were paid for. */

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const textOf = (value: unknown) => (typeof value === 'string' ? value : '')

const EXPRESS = 1
const [UNIFIED, SPLIT] = [1, 2]
const MAX_PARCELS = 15
/** The first upload, and the one that replaces it. */
const MAX_UPLOADS = 2
/** As documented: with milliseconds and an offset. */
const UPLOAD_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}(?:Z|[+-]\d{2}:\d{2})$/
const DAY_MS = 24 * 3_600_000

/** What is wrong about the parcels, if anything is. */
function wrongParcel(parcel: unknown, logisticsType: number) {
  if (!isObject(parcel)) return 47001
  const description = textOf(parcel.item_desc)
  if (description === '') return 10060008
  if (description.length > 120) return 10060009
  if (logisticsType !== EXPRESS) return undefined
  if (textOf(parcel.tracking_no) === '') return 268485226
  if (textOf(parcel.express_company) === '') return 268485227
  // SF Express asks for a number to call, masked.
  return parcel.express_company === 'SF' && !isObject(parcel.contact) ? 10060020 : undefined
}

/** POST /wxa/sec/order/upload_shipping_info. Which of the numbers beyond 268485000 stands for which field is our reading. */
export const uploadShippingInfo: LoginEndpoint<'upload_shipping_info'> = {
  api: 'upload_shipping_info',
  path: '/wxa/sec/order/upload_shipping_info',
  find: findByToken,
  handle: (app, request, registry) => {
    const refused = checkToken(app, request)
    if (refused !== undefined) return refused
    const { json } = request
    if (!json) return 47001
    const { order_key: key, logistics_type: logisticsType, delivery_mode: mode, shipping_list: list } = json
    const { upload_time: uploadTime, payer } = json
    if (!isObject(key) || (key.order_number_type !== 1 && key.order_number_type !== 2)) return 268485194
    const found = findPaid(registry, request, {
      transactionId: key.order_number_type === 2 ? textOf(key.transaction_id) || '-' : '',
      mchId: textOf(key.mchid),
      outTradeNo: textOf(key.out_trade_no),
    })
    if (!found) return 10060001
    if (typeof logisticsType !== 'number' || ![1, 2, 3, 4].includes(logisticsType)) return 10060005
    if (mode !== UNIFIED && mode !== SPLIT) return 268485224
    if (mode === SPLIT && logisticsType !== EXPRESS) return 10060006
    if (mode === SPLIT && typeof json.is_all_delivered !== 'boolean') return 10060014
    if (!Array.isArray(list) || list.length === 0) return 47001
    if (list.length > MAX_PARCELS) return 10060024
    if (mode === UNIFIED && list.length !== 1) return 268485228
    for (const parcel of list) {
      const wrong = wrongParcel(parcel, logisticsType)
      if (wrong !== undefined) return wrong
    }
    if (!UPLOAD_TIME.test(textOf(uploadTime))) return 47001
    if (!isObject(payer) || payer.openid !== found.payment.openid) return 10060031
    const { order } = found
    const before = order.shipping
    const content = JSON.stringify([logisticsType, mode, list])
    if (before?.receivedAt) return 10060002
    if (before?.content === content) return 10060023
    if (before?.isFinished && before.uploads >= MAX_UPLOADS) return 10060003
    const uploadedAt = new Date(uploadTime as string)
    if (before && uploadedAt <= before.uploadedAt) return 268485216
    const isFinished = mode === UNIFIED || json.is_all_delivered === true
    const uploads = (before?.isFinished ? before.uploads : 0) + Number(isFinished)
    order.shipping = { logisticsType, mode, content, uploads, isFinished, uploadedAt, receivedAt: undefined }
    return { errcode: 0, errmsg: 'ok' }
  },
}

/** A call about a paid order that it names by `transaction_id`, or by `merchant_id` and `merchant_trade_no`. */
const aboutOrder =
  <E extends number>(handle: (found: PaidOrder, json: Json, app: Application) => object | E) =>
  (
    app: Application | undefined,
    request: LoginRequest,
    registry: Registry,
  ): object | E | NonNullable<ReturnType<typeof checkToken>> | 10060001 | 10060014 => {
    const refused = checkToken(app, request)
    if (refused !== undefined) return refused
    const { json = {} } = request
    const { transaction_id: transactionId, merchant_id: mchId, merchant_trade_no: outTradeNo } = json
    const by = { transactionId: textOf(transactionId), mchId: textOf(mchId), outTradeNo: textOf(outTradeNo) }
    if (by.transactionId === '' && (by.mchId === '' || by.outTradeNo === '')) return 10060014
    const found = findPaid(registry, request, by)
    return found ? handle(found, json, app!) : 10060001
  }

/** POST /wxa/sec/order/get_order. */
export const getOrder: LoginEndpoint<'get_order'> = {
  api: 'get_order',
  path: '/wxa/sec/order/get_order',
  find: findByToken,
  handle: aboutOrder<never>(({ account, order, payment }) => {
    const seconds = (at: Date) => Math.floor(at.getTime() / 1000)
    const { logisticsType, mode, content, uploads, isFinished, uploadedAt, receivedAt } = order.shipping ?? {}
    const list = content === undefined ? [] : (JSON.parse(content) as [unknown, unknown, Json[]])[2]
    return {
      errcode: 0,
      errmsg: 'ok',
      order: {
        transaction_id: payment.transactionId,
        merchant_id: account.mchId,
        sub_merchant_id: '',
        merchant_trade_no: order.outTradeNo,
        description: order.body,
        paid_amount: order.totalFee,
        openid: payment.openid,
        trade_create_time: seconds(order.createdAt),
        pay_time: seconds(payment.paidAt),
        order_state: stateOf(order) === 'REFUND' ? 5 : receivedAt ? 3 : isFinished ? 2 : 1,
        in_complaint: false,
        shipping: {
          delivery_mode: mode ?? 0,
          logistics_type: logisticsType ?? 0,
          finish_shipping: isFinished ?? false,
          goods_desc: textOf(list[0]?.item_desc),
          finish_shipping_count: uploads ?? 0,
          shipping_list: list.map((parcel) => ({
            tracking_no: textOf(parcel.tracking_no),
            express_company: textOf(parcel.express_company),
            goods_desc: textOf(parcel.item_desc),
            upload_time: seconds(uploadedAt!),
            contact: parcel.contact ?? {},
          })),
        },
      },
    }
  }),
}

/** POST /wxa/sec/order/notify_confirm_receive: reminds the payer to confirm; express only, once. */
export const notifyConfirmReceive: LoginEndpoint<'notify_confirm_receive'> = {
  api: 'notify_confirm_receive',
  path: '/wxa/sec/order/notify_confirm_receive',
  find: findByToken,
  handle: aboutOrder<10060028 | 10060029 | 10060030 | 10060032>(({ order: { shipping } }, json, app) => {
    if (!shipping?.isFinished) return 10060028
    if (shipping.logisticsType !== EXPRESS) return 10060032
    if (shipping.receivedAt) return 10060030
    const receivedAt = Number(json.received_time) * 1000
    // Not before shipping, and not in milliseconds.
    if (!(receivedAt >= shipping.uploadedAt.getTime() && receivedAt <= app.now().getTime() + DAY_MS)) return 10060029
    shipping.receivedAt = new Date(receivedAt)
    return { errcode: 0, errmsg: 'ok' }
  }),
}
