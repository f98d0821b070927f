import type { FastifyInstance } from 'fastify'
import { curlCommand, deliveryView, rawRequest } from '../delivery-text.ts'
import { MockError } from '../errors.ts'
import type { Worlds } from '../mock.ts'
import type { Delivery } from '../notification.ts'
import type { InWorld } from './schemas.ts'

interface OfDelivery extends InWorld { readonly id: string }

export function deliveryRoutes (app: FastifyInstance, worlds: Worlds): void {
  function find ({ world, id }: OfDelivery): Delivery {
    const delivery = worlds.find(world).deliveries().find(delivery => delivery.id === id)
    if (!delivery) throw new MockError('UNKNOWN_DELIVERY', `world ${world} has no delivery ${id}`)
    return delivery
  }

  app.get<{ Params: InWorld }>('/worlds/:world/deliveries', async request => worlds.find(request.params.world).deliveries().map(deliveryView))

  app.get<{ Params: OfDelivery }>('/worlds/:world/deliveries/:id', async request => deliveryView(find(request.params)))

  app.get<{ Params: OfDelivery }>('/worlds/:world/deliveries/:id/request.raw', async (request, reply) => {
    reply.type('text/plain; charset=utf-8')
    return rawRequest(find(request.params))
  })

  app.get<{ Params: OfDelivery }>('/worlds/:world/deliveries/:id/curl', async (request, reply) => {
    reply.type('text/plain; charset=utf-8')
    return `${curlCommand(find(request.params))}\n`
  })
}
