import type { FastifyInstance, FastifyRequest } from 'fastify'
import { VERSION } from '../version.ts'
import type { Worlds } from '../world/worlds.ts'

/** What a supervisor asks the process, whatever its worlds are doing; `guard` keeps foreign pages from what tells of them. */
export function processRoutes(
  app: FastifyInstance,
  worlds: Worlds,
  guard: (request: FastifyRequest) => Promise<void>,
): void {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => ({ status: 'ready', worlds: worlds.list().length }))
  app.get('/version', async () => ({ name: 'wechat-mock', version: VERSION }))
  app.get('/metrics', { onRequest: guard }, async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8')
    return worlds.metrics.text({
      wechat_mock_worlds: { help: 'Worlds there are.', value: worlds.list().length },
      process_resident_memory_bytes: { help: 'Resident memory.', value: process.memoryUsage.rss() },
      process_uptime_seconds: { help: 'Seconds since the process began.', value: process.uptime() },
    })
  })
}
