import { isForeignPage, isForeignVisit } from './guard.ts'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { guarded } from '../base/listeners.ts'
import { masked } from '../journal/masking.ts'
import type { WorldCore } from '../wechat/core.ts'
import { type ClientCertificate, exchange, type WireEndpoint, type WireMessage } from '../wechat/exchange.ts'
import { loginRoutes } from '../wechat/login/index.ts'
import { payV2Routes } from '../wechat/pay-v2/index.ts'
import { payV3Routes } from '../wechat/pay-v3/index.ts'
import type { Worlds } from '../world/worlds.ts'
import { sendOutcome } from './outcome.ts'
import { worldOf } from './unknown-calls.ts'

/** PEM texts. */
export interface TlsOptions {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** The authority of the merchants' certificates; without it, any certificate with the right name is accepted. */
  readonly ca?: string | Buffer
}

export interface AppOptions {
  /** The names by which the control API may be called, in addition to IP addresses and local names. */
  readonly hosts: readonly string[]
  readonly log: (line: string) => void
  readonly tls: TlsOptions | undefined
  /** The origins of the pages that may use `wx`; default: none. */
  readonly appOrigins?: readonly string[]
}

/** Not part of WeChat: an unknown call below it is the test's mistake, not the application's. */
export const CONTROL_ROOT = '/__mock/'

/** Far more than any V2 request needs. */
const WIRE_BODY_LIMIT = 64 * 1024

const pathOf = (url: string) => url.split('?')[0]!

/** What a browser requests when it opens the mock's address; no application calls these. */
const isVisit = (method: string, url: string) =>
  ['GET', 'HEAD'].includes(method) && ['/', '/favicon.ico'].includes(pathOf(url))

const isRoot = ({ method, url }: Pick<FastifyRequest, 'method' | 'url'>) => method === 'GET' && pathOf(url) === '/'

/** Where the pages are, for a browser that has opened the mock's address under any name. */
function pagesFor({ protocol, headers }: FastifyRequest, controlUrl: string): string | undefined {
  const called = `${protocol}://${headers.host}`
  if (!headers.accept?.includes('text/html') || !URL.canParse(called)) return undefined
  const url = new URL(`${CONTROL_ROOT}ui/`, called)
  url.port = new URL(controlUrl).port
  return url.href
}

function shownCertificate(socket: Socket, { ca }: TlsOptions): ClientCertificate | null {
  const { subject } = (socket as TLSSocket).getPeerCertificate()
  return subject
    ? { commonName: String(subject.CN), trusted: ca === undefined || (socket as TLSSocket).authorized }
    : null
}

export function wireRoutes(app: FastifyInstance, worlds: Worlds, { log: listener, tls }: AppOptions): void {
  const log = guarded('log', listener)
  // WeChat reads the bytes whatever the Content-Type says, so the header is removed before Fastify evaluates it.
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
  app.addHook('onRequest', async (request, reply) => {
    if (!isForeignPage(request) || (isRoot(request) && !isForeignVisit(request))) return
    const message = 'a page of another site may not call the emulated WeChat; only servers call the real one'
    return reply.code(403).send({ code: 'FORBIDDEN_ORIGIN', message })
  })

  const sent = (request: FastifyRequest, world?: WorldCore) => {
    const mask = (text: unknown) =>
      masked(
        String(text),
        world?.apps.map(({ appSecret }) => appSecret),
      )
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
      // As received: API v3 signs these bytes.
      url: request.originalUrl,
      params: request.params as Record<string, string>,
      headers: request.getDecorator<WireMessage['headers']>('sentHeaders'),
      origin: `${request.protocol}://${request.host}`,
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
    reply.header('date', world.signNow().toUTCString())
    return sendOutcome(reply, outcome)
  }

  const endpoints = [...loginRoutes(worlds), ...payV2Routes(worlds), ...payV3Routes(worlds)]
  for (const endpoint of endpoints) {
    app.all(
      endpoint.path,
      {
        errorHandler: (error, request, reply) => {
          // A request that Fastify could not receive has a status; anything else is a bug in the mock.
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
    const pages = isRoot(request) ? pagesFor(request, worlds.controlUrl()) : undefined
    if (pages !== undefined) return reply.redirect(pages)
    const why = pathOf(url).includes('//') ? ': its path contains //; remove the slash at the end of the base URL' : ''
    const isControl = request.url.startsWith(CONTROL_ROOT)
    const message = isControl
      ? `there is no ${method} ${url} here; the control API is at ${worlds.controlUrl()}, and its calls are in ${new URL('/__mock/openapi.json', worlds.controlUrl()).href}`
      : `${method} ${url} is not emulated${why}; ${emulated}: ${worlds.controlUrl()}`
    const answer = { code: 'UNKNOWN_PATH', message }
    log(`unknown path ${method} ${url}`)
    if (!isControl && !isVisit(method, url)) {
      const response = url.startsWith('/v3/')
        ? { status: 404, headers: {}, body: '' }
        : { status: 404, headers: { 'content-type': 'application/json' }, body: JSON.stringify(answer) }
      world.journal.record({
        at: world.clock.now(),
        direction: 'in',
        api: 'unknown',
        request: told,
        response,
        note: answer.message,
      })
    }
    // For an unknown v3 path WeChat sends no body.
    return reply.code(404).send(url.startsWith('/v3/') ? '' : answer)
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
