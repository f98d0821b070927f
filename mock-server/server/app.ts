import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { guarded } from '../base/listeners.ts'
import { CONTROL_PREFIX, controlRoutes } from '../control/index.ts'
import { describeRoutes } from '../control/openapi.ts'
import { masked } from '../journal/masking.ts'
import type { WorldCore } from '../wechat/core.ts'
import { type ClientCertificate, exchange, type WireEndpoint } from '../wechat/exchange.ts'
import { stableToken, token } from '../wechat/login/access-tokens.ts'
import { loginRoute } from '../wechat/login/call.ts'
import { jscode2session } from '../wechat/login/jscode2session.ts'
import { getuserphonenumber } from '../wechat/login/phone-number.ts'
import { checksession, resetusersessionkey } from '../wechat/login/session-keys.ts'
import { closeorder } from '../wechat/pay-v2/closeorder.ts'
import { downloadbill } from '../wechat/pay-v2/downloadbill.ts'
import { downloadfundflow } from '../wechat/pay-v2/downloadfundflow.ts'
import { orderquery } from '../wechat/pay-v2/orderquery.ts'
import { payRoute, SANDBOX_PREFIXES } from '../wechat/pay-v2/receive.ts'
import { refund, refundquery } from '../wechat/pay-v2/refunds.ts'
import { unifiedorder } from '../wechat/pay-v2/unifiedorder.ts'
import { getsignkey, report } from '../wechat/pay-v2/utilities.ts'
import type { Worlds } from '../world/worlds.ts'
import { checkCaller } from './guard.ts'
import { sendOutcome } from './outcome.ts'
import { processRoutes } from './process-routes.ts'
import { worldOf } from './unknown-calls.ts'

/** PEM texts. */
export interface TlsOptions {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** The authority of the merchants' certificates; without it any certificate of the right name will do. */
  readonly ca?: string | Buffer
}

export interface AppOptions {
  /** The names, beside addresses and local ones, by which the control API may be called. */
  readonly hosts: readonly string[]
  readonly log: (line: string) => void
  readonly tls: TlsOptions | undefined
}

/** What a server of the mock answers: WeChat's own paths, or those under /__mock. */
export type Part = 'wire' | 'control'

/** Not WeChat's: a call below it that does not exist is the caller's mistake, not the application's. */
const CONTROL_ROOT = '/__mock/'

/** 64 KB hold any V2 request many times over. */
const WIRE_BODY_LIMIT = 64 * 1024

function shownCertificate(socket: Socket, { ca }: TlsOptions): ClientCertificate | null {
  const { subject } = (socket as TLSSocket).getPeerCertificate()
  return subject
    ? { commonName: String(subject.CN), trusted: ca === undefined || (socket as TLSSocket).authorized }
    : null
}

function wireRoutes(app: FastifyInstance, worlds: Worlds, { log: listener, tls }: AppOptions): void {
  const log = guarded('log', listener)
  // WeChat reads the bytes whatever the Content-Type says, so the header is taken away before Fastify judges it.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: WIRE_BODY_LIMIT }, (_request, body, done) =>
    done(null, body),
  )
  app.decorateRequest('sentHeaders')
  app.addHook('onRequest', async (request) => {
    request.setDecorator('sentHeaders', request.raw.headers)
    const { 'content-type': _unread, ...headers } = request.raw.headers
    request.raw.headers = headers
  })

  const sent = (request: FastifyRequest, world?: WorldCore) => {
    const mask = (text: unknown) => masked(String(text), world?.credentials.appSecret)
    const headers = request.getDecorator<Record<string, unknown>>('sentHeaders')
    return {
      method: request.method,
      url: mask(request.originalUrl),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, mask(value)])),
      body: mask(request.body ?? ''),
    }
  }

  async function serve(
    endpoint: WireEndpoint,
    request: FastifyRequest,
    reply: FastifyReply,
    unreadable?: Error,
  ): Promise<FastifyReply> {
    const { method, url } = request
    const body = request.body as Buffer | undefined
    const call = endpoint.receive({
      method,
      body,
      query: new URL(url, 'http://wechat').searchParams,
      ...(tls && { certificate: shownCertificate(request.socket, tls) }),
      ...(unreadable && { unreadable }),
    })
    const { world = worlds.fallback(), api, outTradeNo } = call
    const about = { api, ...(outTradeNo !== undefined && { outTradeNo }) }
    const presence = world.activity.enter(`${api} ${outTradeNo ?? ''}`)
    reply.raw.once('close', presence.leave)
    const outcome = await exchange(call, world, presence, (response, remarks) => {
      world.journal.record({
        at: world.clock.now(),
        direction: 'in',
        ...about,
        request: sent(request, world),
        ...(response && {
          response: {
            status: response.status,
            headers: response.headers,
            body: response.readable ?? String(response.body),
          },
        }),
        ...remarks,
      })
      log(`${world.id} ${api} ${outTradeNo ?? ''}: ${remarks.note}`)
      for (const { level, rule, message } of remarks.lint ?? []) {
        if (level === 'warning') log(`${world.id} ${api} ${outTradeNo ?? ''}: ${rule}: ${message}`)
      }
    })
    reply.header('date', world.clock.now().toUTCString())
    return sendOutcome(reply, outcome)
  }

  const payEndpoints = [
    unifiedorder(worlds),
    orderquery,
    closeorder,
    refund,
    { ...refund, path: '/pay/refund' },
    refundquery,
    downloadbill,
    downloadfundflow,
    report,
  ]
  const endpoints: WireEndpoint[] = [
    loginRoute(worlds, token),
    loginRoute(worlds, stableToken),
    loginRoute(worlds, checksession),
    loginRoute(worlds, resetusersessionkey),
    loginRoute(worlds, getuserphonenumber),
    loginRoute(worlds, jscode2session),
    ...payEndpoints.map((endpoint) => payRoute(worlds, endpoint)),
    ...SANDBOX_PREFIXES.flatMap((prefix) =>
      payEndpoints.map((endpoint) => payRoute(worlds, { ...endpoint, path: `${prefix}${endpoint.path}` }, 'sandbox')),
    ),
    payRoute(worlds, getsignkey),
    payRoute(worlds, { ...getsignkey, path: '/xdc/apiv2getsignkey/sign/getsignkey' }),
  ]
  for (const endpoint of endpoints) {
    app.all(
      endpoint.path,
      {
        errorHandler: (error, request, reply) => {
          // A request that Fastify could not receive has a status; anything else is a mistake of the mock's own.
          if (error.statusCode === undefined) throw error
          return serve(endpoint, request, reply, error)
        },
      },
      (request, reply) => serve(endpoint, request, reply),
    )
  }

  const emulated = `WeChat's paths here: ${endpoints.map(({ path }) => path).join(', ')}; control`
  function refuse(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const world = worldOf(worlds, sent(request))
    const told = sent(request, world)
    const { method, url } = told
    const answer = {
      code: 'UNKNOWN_PATH',
      message: `${method} ${url} is not emulated; ${emulated}: ${worlds.controlUrl()}`,
    }
    log(`unknown path ${method} ${url}`)
    if (!request.url.startsWith(CONTROL_ROOT)) {
      const response = { status: 404, headers: { 'content-type': 'application/json' }, body: JSON.stringify(answer) }
      world.journal.record({
        at: world.clock.now(),
        direction: 'in',
        api: 'unknown',
        request: told,
        response,
        note: answer.message,
      })
    }
    return reply.code(404).send(answer)
  }
  app.all(
    '/*',
    {
      errorHandler: (_error, request, reply) => {
        refuse(request, reply)
      },
    },
    refuse,
  )
}

/** A path that no router can decode is one that is not emulated, like any other. */
function decodable(url: string): string {
  try {
    decodeURI(url.split('?')[0]!)
    return url
  } catch {
    return url.replaceAll('%', '%25')
  }
}

/** The HTTP server, or one of two. */
export function buildApp(
  worlds: Worlds,
  options: AppOptions,
  parts: readonly Part[] = ['wire', 'control'],
): FastifyInstance {
  const { hosts, tls } = options
  const settings = {
    forceCloseConnections: true,
    rewriteUrl: ({ url }: IncomingMessage) => decodable(url!),
    ajv: {
      customOptions: {
        allowUnionTypes: true,
        coerceTypes: false,
        removeAdditional: false,
        allErrors: true,
        discriminator: true,
      },
    },
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
  processRoutes(app, worlds, guard)
  return app
}
