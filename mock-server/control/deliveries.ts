import type { FastifyInstance } from 'fastify'
import { curlCommand, deliveryView, rawRequest } from '../delivery-text.ts'
import { MockError } from '../errors.ts'
import type { Worlds } from '../mock.ts'
import type { Delivery } from '../notification.ts'
import { strict, text, type InWorld } from './schemas.ts'

interface OfDelivery extends InWorld {
  readonly id: string
}

/** Long answers in two forms each: more of them might not fit into one text. */
const MAX_PAGE = 500
interface Page {
  readonly limit?: string
  readonly before?: string
}
const page = strict({ limit: { type: 'string', pattern: '^([1-9]\\d?|[1-4]\\d\\d|500)$' }, before: text(32) })

export function deliveryRoutes(app: FastifyInstance, worlds: Worlds): void {
  function find({ world, id }: OfDelivery): Delivery {
    const delivery = worlds
      .find(world)
      .deliveries()
      .find((delivery) => delivery.id === id)
    if (!delivery) throw new MockError('UNKNOWN_DELIVERY', `world ${world} has no delivery ${id}`)
    return delivery
  }

  app.get<{ Params: InWorld; Querystring: Page }>(
    '/worlds/:world/deliveries',
    { schema: { querystring: page } },
    async ({ params, query: { limit = MAX_PAGE, before } }) => {
      const all = worlds.find(params.world).deliveries()
      const end = before === undefined ? all.length : all.indexOf(find({ ...params, id: before }))
      return all.slice(Math.max(0, end - Number(limit)), end).map(deliveryView)
    },
  )

  app.get<{ Params: OfDelivery }>('/worlds/:world/deliveries/:id', async (request) =>
    deliveryView(find(request.params)),
  )

  app.get<{ Params: OfDelivery }>('/worlds/:world/deliveries/:id/request.raw', async (request, reply) => {
    reply.type('text/plain; charset=utf-8')
    return rawRequest(find(request.params))
  })

  app.get<{ Params: OfDelivery }>('/worlds/:world/deliveries/:id/curl', async (request, reply) => {
    reply.type('text/plain; charset=utf-8')
    return `${curlCommand(find(request.params))}\n`
  })
}
