import type { FastifyError, FastifyInstance } from 'fastify'
import { MockError } from '../errors.ts'
import type { Worlds } from '../mock.ts'
import { checkRoutes } from './checks.ts'
import { clockRoutes } from './clock.ts'
import { deliveryRoutes } from './deliveries.ts'
import { eventRoutes } from './events.ts'
import { faultRoutes } from './faults.ts'
import { gateRoutes } from './gates.ts'
import { checkCaller } from './guard.ts'
import { journalRoutes } from './journal.ts'
import { jsonOf } from './json.ts'
import { merchantRoutes } from './merchants.ts'
import { notificationRoutes } from './notifications.ts'
import { orderRoutes } from './orders.ts'
import { refundRoutes } from './refunds.ts'
import { stateRoutes } from './state.ts'
import { userRoutes } from './users.ts'
import { validateLazily } from './validation.ts'
import { worldRoutes } from './worlds.ts'

export const CONTROL_PREFIX = '/__mock/v1'

function parseJson(_request: unknown, text: string, done: (error: Error | null, body?: unknown) => void): void {
  if (text.trim() === '') return done(null, {})
  try {
    done(null, JSON.parse(text))
  } catch (error) {
    done(
      new MockError('BAD_INPUT', `the body is not JSON: ${(error as Error).message}`, { field: 'body', rule: 'json' }),
    )
  }
}

/** The control API: JSON in, JSON out, whatever Content-Type the caller (or curl -d) gives. */
export function controlRoutes(app: FastifyInstance, worlds: Worlds, hosts: readonly string[]): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, parseJson)
  app.addHook('onRequest', async (request) => checkCaller(request, hosts))
  validateLazily(app)
  app.setReplySerializer((payload) => jsonOf(payload) as string)
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
}
