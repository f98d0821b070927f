import type { FastifyInstance } from 'fastify'
import { VERSION } from '../version.ts'
import type { Worlds } from '../world/worlds.ts'

/** Endpoints for a supervisor of the process, independent of the worlds. */
export function processRoutes(app: FastifyInstance, worlds: Worlds): void {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => ({ status: 'ready', worlds: worlds.list().length }))
  app.get('/version', async () => ({ name: 'wechat-mock', version: VERSION }))
}
