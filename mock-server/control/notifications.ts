import type { FastifyInstance } from 'fastify'
import { MockError } from '../errors.ts'
import type { Worlds } from '../mock.ts'
import type { DeliverOptions, Notification } from '../notifier.ts'
import { integer, strict, type InWorld, type OfOrder } from './schemas.ts'

const deliver = strict({ count: integer(1, 1000), concurrent: { type: 'boolean' } })

export const notificationView = ({ id, kind, outTradeNo, outRefundNo, state, url, body, attempts, nextDueAt }: Notification) =>
  ({ id, kind, outTradeNo, outRefundNo, state, url, body, attempts, nextDueAt })

export function notificationRoutes (app: FastifyInstance, worlds: Worlds): void {
  app.get<{ Params: InWorld }>('/worlds/:world/deliveries', async request => worlds.find(request.params.world).deliveries())

  app.get<{ Params: InWorld & { id: string } }>('/worlds/:world/deliveries/:id', async request => {
    const { world, id } = request.params
    const delivery = worlds.find(world).deliveries().find(delivery => delivery.id === id)
    if (!delivery) throw new MockError('UNKNOWN_DELIVERY', `world ${world} has no delivery ${id}`)
    return delivery
  })

  app.get<{ Params: OfOrder }>('/worlds/:world/notifications/:outTradeNo', async request =>
    notificationView(worlds.find(request.params.world).notification(request.params.outTradeNo)))

  app.post<{ Params: OfOrder, Body: DeliverOptions }>('/worlds/:world/notifications/:outTradeNo/deliver', { schema: { body: deliver } }, async request => {
    const notification = worlds.find(request.params.world).notification(request.params.outTradeNo)
    const deliveries = await notification.deliver(request.body)
    return { state: notification.state, deliveries }
  })
}
