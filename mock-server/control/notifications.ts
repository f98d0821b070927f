import { Type } from '@sinclair/typebox'
import { MockError } from '../errors.ts'
import type { Worlds } from '../mock.ts'
import type { Notification } from '../notifier.ts'
import type { ControlApp } from './index.ts'
import { InWorld, OfOrder, Strict } from './schemas.ts'

const Deliver = Strict({
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  concurrent: Type.Optional(Type.Boolean())
})

export const notificationView = ({ outTradeNo, state, url, body, attempts, nextDueAt }: Notification) =>
  ({ outTradeNo, state, url, body, attempts, nextDueAt })

export function notificationRoutes (app: ControlApp, worlds: Worlds): void {
  app.get('/worlds/:world/deliveries', { schema: { params: InWorld } }, async request => worlds.find(request.params.world).deliveries())

  app.get('/worlds/:world/deliveries/:id', { schema: { params: Type.Object({ world: Type.String(), id: Type.String() }) } }, async request => {
    const { world, id } = request.params
    const delivery = worlds.find(world).deliveries().find(delivery => delivery.id === id)
    if (!delivery) throw new MockError('UNKNOWN_DELIVERY', `world ${world} has no delivery ${id}`)
    return delivery
  })

  app.get('/worlds/:world/notifications/:outTradeNo', { schema: { params: OfOrder } }, async request =>
    notificationView(worlds.find(request.params.world).notification(request.params.outTradeNo)))

  app.post('/worlds/:world/notifications/:outTradeNo/deliver', { schema: { params: OfOrder, body: Deliver } }, async request => {
    const notification = worlds.find(request.params.world).notification(request.params.outTradeNo)
    const deliveries = await notification.deliver(request.body)
    return { state: notification.state, deliveries }
  })
}
