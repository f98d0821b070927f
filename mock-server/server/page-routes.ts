import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { createPages } from '../pages/index.ts'
import type { Worlds } from '../world/worlds.ts'
import { checkBrowser } from './guard.ts'
import { CONTROL_ROOT } from './wire-routes.ts'

/** The forms of the pages are short. */
const FORM_LIMIT = 64 * 1024

/** The mock's pages, loaded by the first request for one, so that they cost nothing before. */
export function pageRoutes(
  app: FastifyInstance,
  worlds: Worlds,
  guard: (request: FastifyRequest) => Promise<void>,
  appOrigins: readonly string[],
): void {
  let pages: Promise<ReturnType<typeof createPages>> | undefined
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: FORM_LIMIT },
    (_request, body, done) => done(null, body),
  )
  app.addHook('onRequest', guard)
  app.addHook('onRequest', async (request) => checkBrowser(request, appOrigins))
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    pages ??= import('../pages/index.ts').then(({ createPages }) => createPages(worlds, appOrigins))
    const { protocol, headers, url, body } = request
    const {
      status,
      headers: sent,
      body: page,
    } = await (
      await pages
    )({
      method: request.method === 'POST' ? 'POST' : 'GET',
      url,
      origin: `${protocol}://${headers.host}`,
      headers,
      body: String(body ?? ''),
    })
    return reply.code(status).headers(sent).send(page)
  }
  app.get(CONTROL_ROOT, (_request, reply) => reply.redirect(`${CONTROL_ROOT}ui/`))
  app.get(`${CONTROL_ROOT}ui`, (_request, reply) => reply.redirect(`${CONTROL_ROOT}ui/`))
  app.get(`${CONTROL_ROOT}ui/*`, answer)
  app.post(`${CONTROL_ROOT}ui/*`, answer)
}
