import type { FastifyInstance } from 'fastify'
import { badInput } from '../../base/checks.ts'
import { oneOf, strict, text, type Schema } from '../../base/schema.ts'
import {
  DELIVER,
  overlapOf,
  type Delivery,
  type DeliverOptions,
  type Notification,
  type NotificationState,
} from '../../notify/notification.ts'
import { CRAFT, EVENT, type CraftOptions, type EventOptions } from '../../world/craft.ts'
import type { OfMerchant } from '../../world/parties.ts'
import type { Deliver } from '../../world/payments.ts'
import type { Worlds } from '../../world/worlds.ts'
import { about, limit, mchId, newest, type InWorld, type Page } from '../schemas.ts'
import { deliveryView } from './deliveries.ts'

const STATES: readonly NotificationState[] = ['pending', 'acked', 'exhausted', 'held', 'cancelled']

const list = strict({ order: text(32), state: oneOf(...STATES), mchId, limit, before: text(128) })
const DELIVERED: Schema = { anyOf: [{ type: 'boolean' }, oneOf('await', 'background', 'hold'), DELIVER] }
const craft = strict({
  outTradeNo: text(32),
  ...CRAFT.properties,
  event: EVENT,
  deliver: DELIVERED,
})

export const notificationView = ({
  id,
  version,
  kind,
  mchId,
  outTradeNo,
  outRefundNo,
  state,
  url,
  body,
  attempts,
  nextDueAt,
}: Notification) => ({
  id,
  version,
  kind,
  mchId,
  outTradeNo,
  outRefundNo,
  state,
  url,
  body,
  attempts: attempts.map(deliveryView),
  nextDueAt,
})

/** What `pay`, `fail` and `settleRefund` resolve with, as JSON. */
export const notifiedView = <
  T extends { readonly notification: Notification | undefined; readonly delivery: Delivery | undefined },
>({
  notification,
  delivery,
  ...rest
}: T) => ({
  ...rest,
  notification: notification && notificationView(notification),
  delivery: delivery && deliveryView(delivery),
})

interface OfNotification extends InWorld {
  readonly id: string
}
interface Listed extends OfMerchant, Page {
  readonly order?: string
  readonly state?: NotificationState
  readonly before?: string
}
interface Crafted extends CraftOptions, OfMerchant {
  readonly outTradeNo?: string
  /** Instead of the rest: an event of another product. */
  readonly event?: EventOptions & OfMerchant
  readonly deliver?: boolean | Deliver | DeliverOptions
}

async function delivered(notification: Notification, options?: DeliverOptions) {
  const deliveries = await notification.deliver(options)
  return { state: notification.state, deliveries: deliveries.map(deliveryView), overlap: overlapOf(deliveries) }
}

export function notificationRoutes(app: FastifyInstance, worlds: Worlds): void {
  const find = ({ params }: { params: OfNotification }) => worlds.find(params.world).notification(params.id)

  app.get<{ Params: InWorld; Querystring: Listed }>(
    '/worlds/:world/notifications',
    { schema: about('The newest page of notifications with their attempts.', { querystring: list }) },
    async ({ params, query }) => {
      const { order, state, mchId, before } = query
      const world = worlds.find(params.world)
      const all = world.notifications()
      const end = before === undefined ? all.length : all.indexOf(world.notification(before))
      const wanted = all
        .slice(0, end)
        .filter(
          (notification) =>
            (order ?? notification.outTradeNo) === notification.outTradeNo &&
            (state ?? notification.state) === notification.state &&
            (mchId ?? notification.mchId) === notification.mchId,
        )
      return newest(wanted, query).map(notificationView)
    },
  )

  app.get<{ Params: OfNotification }>(
    '/worlds/:world/notifications/:id',
    { schema: about('One notification.') },
    async (request) => notificationView(find(request)),
  )

  app.post<{ Params: InWorld; Body: Crafted }>(
    '/worlds/:world/notifications',
    {
      schema: about(
        'Crafts a notification and sends it: forged, tampered with, for an unpaid order, or an event of another product.',
        {
          body: craft,
        },
      ),
    },
    async ({ params, body }, reply) => {
      const { outTradeNo, event, deliver = true, ...options } = body
      const world = worlds.find(params.world)
      if ((outTradeNo === undefined) === (event === undefined)) {
        throw badInput('outTradeNo', 'required', 'must be given, or an event instead of it')
      }
      const notification = event ? world.craftEvent(event) : world.craft(outTradeNo!, options)
      reply.code(201)
      if (deliver === 'background') notification.deliver({ awaited: false })
      const isAwaited = deliver !== false && deliver !== 'background' && deliver !== 'hold'
      const result = isAwaited && (await delivered(notification, typeof deliver === 'object' ? deliver : {}))
      return { notification: notificationView(notification), ...result }
    },
  )

  app.post<{ Params: OfNotification; Body: DeliverOptions }>(
    '/worlds/:world/notifications/:id/deliver',
    {
      schema: about('Sends a notification manually, once or several times; returns the measured overlap.', {
        body: DELIVER,
      }),
    },
    async (request) => delivered(find(request), request.body),
  )

  app.post<{ Params: OfNotification }>(
    '/worlds/:world/notifications/:id/hold',
    { schema: about('Stops the schedule of a notification.') },
    async (request) => {
      const notification = find(request)
      notification.hold()
      return notificationView(notification)
    },
  )

  app.post<{ Params: OfNotification }>(
    '/worlds/:world/notifications/:id/release',
    { schema: about('Continues the schedule of a notification.') },
    async (request) => {
      const notification = find(request)
      const delivery = await notification.release()
      return { ...notificationView(notification), delivery: delivery && deliveryView(delivery) }
    },
  )

  app.post<{ Params: OfNotification }>(
    '/worlds/:world/notifications/:id/cancel',
    { schema: about('Ends the schedule of a notification.') },
    async (request) => {
      const notification = find(request)
      notification.cancel()
      return notificationView(notification)
    },
  )
}
