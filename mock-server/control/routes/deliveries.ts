import type { FastifyInstance } from 'fastify'
import { MockError } from '../../base/errors.ts'
import type { Delivery } from '../../notify/notification.ts'
import { curlCommand, rawRequest } from '../../notify/replay.ts'
import type { Worlds } from '../../world/worlds.ts'
import { strict, text } from '../../base/schema.ts'
import { about, limit, newest, type InWorld, type Page } from '../schemas.ts'

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')

/** A delivery with the bytes of both bodies. */
export function deliveryView({ response, ...delivery }: Delivery) {
  const { raw, ...reply } = response ?? {}
  return {
    ...delivery,
    request: { ...delivery.request, base64: base64(delivery.request.body) },
    ...(response && { response: { ...reply, base64: base64(raw ?? response.body) } }),
  }
}

interface OfDelivery extends InWorld {
  readonly id: string
}

interface Listed extends Page {
  readonly before?: string
}
const page = strict({ limit, before: text(32) })

export function deliveryRoutes(app: FastifyInstance, worlds: Worlds): void {
  function find({ world, id }: OfDelivery): Delivery {
    const delivery = worlds
      .find(world)
      .deliveries()
      .find((delivery) => delivery.id === id)
    if (!delivery) throw new MockError('UNKNOWN_DELIVERY', `world ${world} has no delivery ${id}`)
    return delivery
  }

  app.get<{ Params: InWorld; Querystring: Listed }>(
    '/worlds/:world/deliveries',
    {
      schema: about('Every send: the request, the reply, the verdict and its reason.', { querystring: page }),
    },
    async ({ params, query }) => {
      const { before } = query
      const all = worlds.find(params.world).deliveries()
      const end = before === undefined ? all.length : all.indexOf(find({ ...params, id: before }))
      return newest(all, query, end).map(deliveryView)
    },
  )

  app.get<{ Params: OfDelivery }>('/worlds/:world/deliveries/:id', { schema: about('One send.') }, async (request) =>
    deliveryView(find(request.params)),
  )

  app.get<{ Params: OfDelivery }>(
    '/worlds/:world/deliveries/:id/request.raw',
    { schema: about('The request of a send as it went over the wire.') },
    async (request, reply) => {
      reply.type('text/plain; charset=utf-8')
      return rawRequest(find(request.params))
    },
  )

  app.get<{ Params: OfDelivery }>(
    '/worlds/:world/deliveries/:id/curl',
    { schema: about('A shell command that sends the same request again.') },
    async (request, reply) => {
      reply.type('text/plain; charset=utf-8')
      return `${curlCommand(find(request.params))}\n`
    },
  )
}
