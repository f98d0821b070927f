import type { FastifyError, FastifyInstance, FastifyRequest } from 'fastify'
import { MockError } from '../base/errors.ts'
import type { Worlds } from '../world/worlds.ts'
import { jsonOf, parseJson } from './json.ts'
import { checkRoutes } from './routes/checks.ts'
import { clockRoutes } from './routes/clock.ts'
import { deliveryRoutes } from './routes/deliveries.ts'
import { eventRoutes } from './routes/events.ts'
import { faultRoutes } from './routes/faults.ts'
import { gateRoutes } from './routes/gates.ts'
import { journalRoutes } from './routes/journal.ts'
import { merchantRoutes } from './routes/merchants.ts'
import { notificationRoutes } from './routes/notifications.ts'
import { orderRoutes } from './routes/orders.ts'
import { refundRoutes } from './routes/refunds.ts'
import { stateRoutes } from './routes/state.ts'
import { userRoutes } from './routes/users.ts'
import { worldRoutes } from './routes/worlds.ts'
import { runRoutes } from './runs.ts'
import { validateInput } from './validation.ts'

/** Throws if a caller may not control the mock. */
export type Guard = (request: FastifyRequest) => Promise<void>

export const CONTROL_PREFIX = '/__mock/v1'

/** The control API: JSON in, JSON out, whatever Content-Type the caller (or curl -d) gives. */
export function controlRoutes(app: FastifyInstance, worlds: Worlds, guard: Guard): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, parseJson)
  app.addHook('onRequest', guard)
  validateInput(app)
  app.setReplySerializer((payload) => jsonOf(payload))
  app.setErrorHandler((error: FastifyError | MockError, _request, reply) => {
    const details = error instanceof MockError ? error.details : {}
    return reply.code(error.statusCode ?? 500).send({ code: error.code, message: error.message, ...details })
  })
  worldRoutes(app, worlds)
  stateRoutes(app, worlds)
  merchantRoutes(app, worlds)
  userRoutes(app, worlds)
  orderRoutes(app, worlds)
  refundRoutes(app, worlds)
  notificationRoutes(app, worlds)
  deliveryRoutes(app, worlds)
  clockRoutes(app, worlds)
  faultRoutes(app, worlds)
  gateRoutes(app, worlds)
  journalRoutes(app, worlds)
  checkRoutes(app, worlds)
  eventRoutes(app, worlds)
  runRoutes(app, worlds)
}
