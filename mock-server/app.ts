import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { controlRoutes, CONTROL_PREFIX } from './control/index.ts'
import type { WorldCore } from './core.ts'
import type { Worlds } from './mock.ts'
import { closeorder } from './wechat/closeorder.ts'
import { jscode2session } from './wechat/jscode2session.ts'
import { orderquery } from './wechat/orderquery.ts'
import { answerPay, unreadable, type PayEndpoint } from './wechat/pay-v2.ts'
import { unifiedorder } from './wechat/unifiedorder.ts'

export interface AppOptions { readonly host: string, readonly log: (line: string) => void }

interface Answer { readonly world: WorldCore | undefined, readonly outTradeNo?: string, readonly body: string, readonly note: string }

const LOGIN_PATH = '/sns/jscode2session'

/** 64 KB hold any V2 request many times over. */
const WIRE_BODY_LIMIT = 64 * 1024

function wireRoutes (app: FastifyInstance, worlds: Worlds, log: AppOptions['log']): string[] {
  // WeChat reads the bytes whatever the Content-Type says, so the header is taken away before Fastify judges it.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: WIRE_BODY_LIMIT }, (_request, body, done) => done(null, body))
  app.decorateRequest('sentHeaders')
  app.addHook('onRequest', async request => {
    request.setDecorator('sentHeaders', request.raw.headers)
    const { 'content-type': _unread, ...headers } = request.raw.headers
    request.raw.headers = headers
  })

  function send (api: string, request: FastifyRequest, reply: FastifyReply, { world = worlds.fallback(), outTradeNo, body, note }: Answer): FastifyReply {
    const response = { status: 200, headers: { 'content-type': 'text/plain' }, body }
    world.journal.record({
      at: world.clock.now(),
      direction: 'in',
      api,
      ...(outTradeNo !== undefined && { outTradeNo }),
      request: { method: request.method, url: request.url, headers: request.getDecorator<Record<string, unknown>>('sentHeaders'), body: request.body === undefined ? '' : String(request.body) },
      response,
      note
    })
    log(`${world.id} ${api} ${outTradeNo ?? ''}: ${note}`)
    const leave = world.activity.enter(`${api} ${outTradeNo ?? ''}`)
    reply.raw.once('close', leave)
    return reply.headers(response.headers).send(body)
  }

  const endpoints: PayEndpoint[] = [unifiedorder(worlds), orderquery, closeorder]
  for (const endpoint of endpoints) {
    app.all(endpoint.path, {
      errorHandler: (error, request, reply) => {
        // A request that Fastify could not receive has a status; anything else is a mistake of the mock's own.
        if (error.statusCode === undefined) throw error
        return send(endpoint.api, request, reply, unreadable(error))
      }
    }, (request, reply) => send(endpoint.api, request, reply, answerPay(worlds, endpoint, request.method, request.body as Buffer | undefined)))
  }
  app.all(LOGIN_PATH, (request, reply) =>
    send('jscode2session', request, reply, jscode2session(worlds, new URL(request.url, 'http://api.weixin.qq.com').searchParams)))
  return [LOGIN_PATH, ...endpoints.map(({ path }) => path)]
}

/** The HTTP server: WeChat's own paths, and everything else under /__mock. */
export function buildApp (worlds: Worlds, { host, log }: AppOptions): FastifyInstance {
  const app = Fastify({
    forceCloseConnections: true,
    ajv: { customOptions: { allowUnionTypes: true, coerceTypes: false, removeAdditional: false, allErrors: true } }
  })
  let paths: string[] = []
  app.register(async wire => { paths = wireRoutes(wire, worlds, log) })
  app.register(async control => controlRoutes(control, worlds, host), { prefix: CONTROL_PREFIX })
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => ({ status: 'ready', worlds: worlds.list().length }))
  app.setNotFoundHandler((request, reply) => {
    log(`unknown path ${request.method} ${request.url}`)
    return reply.code(404).send({
      code: 'UNKNOWN_PATH',
      message: `${request.method} ${request.url} is not emulated; WeChat's paths here: ${paths.join(', ')}; control: ${CONTROL_PREFIX}`
    })
  })
  return app
}
