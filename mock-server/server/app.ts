import type { IncomingMessage } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { CONTROL_PREFIX, controlRoutes } from '../control/index.ts'
import { describeRoutes } from '../control/openapi.ts'
import type { Worlds } from '../world/worlds.ts'
import { checkCaller, checkHost } from './guard.ts'
import { pageRoutes } from './page-routes.ts'
import { processRoutes } from './process-routes.ts'
import { type AppOptions, CONTROL_ROOT, wireRoutes } from './wire-routes.ts'
import { WX_ROOT, wxRoutes } from './wx-routes.ts'

/** What a server of the mock serves: WeChat's own paths, or those under /__mock. */
export type Part = 'wire' | 'control'

/** A path that cannot be decoded counts as not emulated, like any other. */
function decodable(url: string): string {
  try {
    decodeURI(url.split('?')[0]!)
    return url
  } catch {
    return url.replaceAll('%', '%25')
  }
}

/** Builds the HTTP server, or one of two. */
export function buildApp(
  worlds: Worlds,
  options: AppOptions,
  parts: readonly Part[] = ['wire', 'control'],
): FastifyInstance {
  const { hosts, tls, appOrigins = [] } = options
  const settings = {
    forceCloseConnections: true,
    rewriteUrl: ({ url }: IncomingMessage) => decodable(url!),
  }
  const app = tls
    ? (Fastify({
        ...settings,
        https: { ...tls, requestCert: true, rejectUnauthorized: false },
      }) as unknown as FastifyInstance)
    : Fastify(settings)
  const guard = async (request: FastifyRequest) => checkCaller(request, hosts)
  if (parts.includes('wire')) app.register(async (wire) => wireRoutes(wire, worlds, options))
  if (parts.includes('control')) {
    let describe: ReturnType<typeof describeRoutes>
    app.register(
      async (control) => {
        describe = describeRoutes(control)
        controlRoutes(control, worlds, guard)
      },
      { prefix: CONTROL_PREFIX },
    )
    app.get(`${CONTROL_ROOT}openapi.json`, { onRequest: guard }, async () => describe(worlds.controlUrl()))
  }
  if (parts.includes('control')) {
    app.register(async (pages) => pageRoutes(pages, worlds, guard, appOrigins))
    app.register(async (wx) => wxRoutes(wx, worlds, async (request) => checkHost(request, hosts), appOrigins), {
      prefix: WX_ROOT,
    })
  }
  if (!parts.includes('wire')) {
    app.get('/', { onRequest: guard }, (_request, reply) => reply.redirect(`${CONTROL_ROOT}ui/`))
    app.setNotFoundHandler(({ method, url }, reply) => {
      const message = `there is no ${method} ${url.split('?')[0]} on this port, which has the control API and the pages only; WeChat is at ${worlds.baseUrl()}`
      return reply.code(404).send({ code: 'UNKNOWN_PATH', message })
    })
  }
  processRoutes(app, worlds)
  return app
}
