import type { FastifyInstance } from 'fastify'
import {
  type DeliverOptions,
  type Delivery,
  type Notification,
  type NotificationState,
  overlapOf,
} from '../../notify/notification.ts'
import type { CraftOptions } from '../../world/craft.ts'
import type { Deliver, OfMerchant, OnSide } from '../../world/world.ts'
import type { Worlds } from '../../world/worlds.ts'
import { integer, type InWorld, mchId, milliseconds, oneOf, side, strict, text } from '../schemas.ts'
import { deliveryView } from './deliveries.ts'

const STATES: readonly NotificationState[] = ['pending', 'acked', 'exhausted', 'held', 'cancelled']

const list = strict({ order: text(32), state: oneOf(...STATES), mchId })
const deliver = strict({ count: integer(1, 1000), concurrent: { type: 'boolean' }, delayMs: milliseconds(0) })
const craft = strict(
  {
    outTradeNo: text(32),
    fields: { type: 'object', additionalProperties: { type: ['string', 'null'] } },
    sign: oneOf('again', 'keep', 'wrong', 'none'),
    key: text(),
    body: { type: 'string' },
    url: text(),
    deliver: { anyOf: [{ type: 'boolean' }, oneOf('await', 'background', 'hold'), deliver] },
    mchId,
    side,
  },
  'outTradeNo',
)

export const notificationView = ({
  id,
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

/** A delivery that was waited for, or the notification where none was. */
export const resultView = (result: Delivery | Notification) =>
  'verdict' in result ? result : { notification: notificationView(result) }

interface OfNotification extends InWorld {
  readonly id: string
}
interface Listed extends OfMerchant {
  readonly order?: string
  readonly state?: NotificationState
}
interface Crafted extends CraftOptions, OnSide {
  readonly outTradeNo: string
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
    { schema: { querystring: list } },
    async (request) => {
      const { order, state, mchId } = request.query
      return worlds
        .find(request.params.world)
        .notifications()
        .filter(
          (notification) =>
            (order ?? notification.outTradeNo) === notification.outTradeNo &&
            (state ?? notification.state) === notification.state &&
            (mchId ?? notification.mchId) === notification.mchId,
        )
        .map(notificationView)
    },
  )

  app.get<{ Params: OfNotification }>('/worlds/:world/notifications/:id', async (request) =>
    notificationView(find(request)),
  )

  app.post<{ Params: InWorld; Body: Crafted }>(
    '/worlds/:world/notifications',
    { schema: { body: craft } },
    async (request, reply) => {
      const { outTradeNo, deliver = true, ...options } = request.body
      const notification = worlds.find(request.params.world).craft(outTradeNo, options)
      reply.code(201)
      if (deliver === 'background') notification.deliver({ awaited: false })
      const isAwaited = deliver !== false && deliver !== 'background' && deliver !== 'hold'
      const result = isAwaited && (await delivered(notification, typeof deliver === 'object' ? deliver : {}))
      return { notification: notificationView(notification), ...result }
    },
  )

  app.post<{ Params: OfNotification; Body: DeliverOptions }>(
    '/worlds/:world/notifications/:id/deliver',
    { schema: { body: deliver } },
    async (request) => delivered(find(request), request.body),
  )

  app.post<{ Params: OfNotification }>('/worlds/:world/notifications/:id/hold', async (request) => {
    const notification = find(request)
    notification.hold()
    return notificationView(notification)
  })

  app.post<{ Params: OfNotification }>('/worlds/:world/notifications/:id/release', async (request) => {
    const notification = find(request)
    const delivery = await notification.release()
    return { ...notificationView(notification), delivery: delivery && deliveryView(delivery) }
  })

  app.post<{ Params: OfNotification }>('/worlds/:world/notifications/:id/cancel', async (request) => {
    const notification = find(request)
    notification.cancel()
    return notificationView(notification)
  })
}
