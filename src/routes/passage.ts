import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify'
import type { NotificationFault, NotificationMessage, PayApi } from '../client/pay.ts'
import { createDeadlines } from '../base/deadlines.ts'
import type { Deadline } from '../base/deadlines.ts'
import { publish } from '../base/diagnostics.ts'
import type { Log } from '../hooks.ts'
import { loggable } from '../base/thrown.ts'
import { isSpent, replaced } from './body.ts'
import type { RefusalLog } from './refusal-log.ts'

/** A request carries its passage: a WeakMap would cost the garbage collector more than the rest of this file. */
const PASSAGE = Symbol('fastify-wechat-pay')
/** … and its log, with its `reqId`: our timers know only the raw request. */
const LOG = Symbol('fastify-wechat-pay log')
type Raw = FastifyRequest['raw'] & { [PASSAGE]?: Passage; [LOG]?: Log }
type RawReply = FastifyReply['raw']

/** The result of a notification: a fault if it was not accepted. */
export interface Taken {
  fault?: NotificationFault
  outcome: string
  lagMs?: number
}

/** The stage of a notification, and who may answer instead of us in it. */
const HOLDERS = {
  onRequest: 'An onRequest hook or a middleware',
  preParsing: 'A preParsing hook',
  body: 'A hook or a middleware that reads bodies',
  preHandler: 'A preValidation or preHandler hook',
  ours: 'A hook or a middleware',
}

/** The usual sources of this status. */
const PROBABLY: Record<number, string> = {
  401: 'authentication',
  403: 'authentication or a filter of addresses',
  429: 'a rate limit',
  503: 'a maintenance page or an overload guard',
}

const NO_BODY = Buffer.alloc(0)

const BLOCKED: Taken = { fault: 'blocked', outcome: 'blocked' }
const UNREADABLE: Taken = { fault: 'unreadable', outcome: 'unreadable' }

/** One notification on its way through the app. `body` has its raw bytes, even if hooks change `request.body`; `undefined` until they have been read. */
export interface Passage extends NotificationMessage {
  stage: keyof typeof HOLDERS
  /** Whether anything has read from the body before our reader. */
  touched: boolean
  answered: boolean
  deadline: Deadline
}

export interface PassagesDeps {
  pay: Pick<PayApi, 'reply'>
  log: Log
  /** Logs what anybody may have sent. */
  refused: RefusalLog['refused']
  /** The path of the route. */
  url: string
  bodyLimit: number
  /** Real ms from the arrival of a notification to its answer. */
  limitMs: number
  /** Answers a notification after this time. */
  onLate: (passage: Passage, reply: RawReply, log: Log) => void
}

export interface Passages {
  /** The hooks of the route itself. */
  hooks: Pick<RouteShorthandOptions, 'childLoggerFactory' | 'errorHandler' | 'onSend' | 'onResponse'>
  of(request: FastifyRequest, reply: FastifyReply): Passage
  /** Answers, unless already answered. */
  answer(passage: Passage, reply: RawReply, taken: Taken, status?: number): void
}

/**
 * Makes sure that we answer every notification, in time, and judge it by its raw bytes, regardless of the app's hooks, middlewares and parsers.
 * If the app answers, throws, delays or consumes the body, that is logged and counted as `blocked`.
 */
export function createPassages(
  scope: FastifyInstance,
  { pay, log: app, refused, url, bodyLimit, limitMs, onLate }: PassagesDeps,
): Passages {
  const limits = createDeadlines(limitMs)
  const advice = `exempt POST ${url} from it. WeChat will send the notification again`
  let borrowed = false

  function passageOf(raw: Raw, reply: RawReply, elapsedMs = 0): Passage {
    const known = raw[PASSAGE]
    if (known !== undefined) return known
    const deadline = limits.begin(() => {
      endOfTime(passage, raw, reply)
    }, limits.now() - elapsedMs)
    const { headers } = raw
    const passage: Passage = {
      stage: 'onRequest',
      headers,
      body: NO_BODY,
      touched: false,
      answered: false,
      deadline,
    }
    raw[PASSAGE] = passage
    return passage
  }

  function of({ raw }: FastifyRequest, reply: FastifyReply): Passage {
    return (raw as Raw)[PASSAGE] ?? passageOf(raw, reply.raw, reply.elapsedTime)
  }

  function settle(passage: Passage, { fault, outcome, lagMs }: Taken): void {
    passage.answered = true
    passage.deadline.close()
    publish('fastify-wechat-pay:notification', () => ({ outcome, accepted: fault === undefined, lagMs }))
  }

  function answer(passage: Passage, reply: RawReply, taken: Taken, status?: number): void {
    // Already answered, or the app has started an answer, which is logged when it is complete.
    if (reply.headersSent) return
    settle(passage, taken)
    const { status: usual, contentType, body } = pay.reply(passage, taken.fault)
    // E.g. a content-encoding that our body does not have.
    for (const name of reply.getHeaderNames()) if (name !== 'connection') reply.removeHeader(name)
    reply.writeHead(status ?? usual, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
    reply.end(body)
  }

  function endOfTime(passage: Passage, raw: Raw, reply: RawReply): void {
    const { stage, touched } = passage
    const log = raw[LOG] ?? app
    if (stage === 'ours') return onLate(passage, reply, log)
    // The connection is gone, or the app has started its own answer.
    if (reply.destroyed || reply.headersSent) return
    if (stage !== 'body') {
      refused(log, 'blocked', {}, `${HOLDERS[stage]} has held a notification for ${limitMs} ms: ${advice}`)
      return answer(passage, reply, BLOCKED)
    }
    if (raw.complete || touched) return bodyIsGone(log, passage, reply)
    refused(log, 'unreadable', {}, `The body of a notification did not arrive within ${limitMs} ms`)
    reply.setHeader('connection', 'close')
    answer(passage, reply, UNREADABLE, 408)
  }

  function bodyIsGone(log: Log, passage: Passage, reply: RawReply, status?: number): void {
    refused(
      log,
      'blocked',
      {},
      `A hook or a middleware has read the body of a notification before fastify-wechat-pay: keep the bytes in request.raw.body, as express.raw() does, or ${advice}`,
    )
    answer(passage, reply, BLOCKED, status)
  }

  /** The app has answered, or refused. */
  function logBlocked(log: Log, { stage }: Passage, status: number, details: object): void {
    const probably = PROBABLY[status] ?? (status >= 300 && status < 400 ? 'a redirect' : undefined)
    const cause = probably === undefined ? '' : `, probably ${probably}`
    refused(
      log,
      'blocked',
      { status, ...details },
      `${HOLDERS[stage]} has answered a notification instead of fastify-wechat-pay with HTTP ${status}${cause}: ${advice}`,
    )
  }

  // As early as possible: hooks that the app added earlier run before ours.
  function onArrival(raw: Raw, reply: RawReply): void {
    if (raw.method === 'POST' && (raw.url === url || raw.url?.startsWith(`${url}?`)) && !reply.writableEnded) {
      passageOf(raw, reply)
    }
  }
  scope.server.on('request', onArrival)
  scope.addHook('onClose', async () => {
    scope.server.off('request', onArrival)
    limits.stop()
  })

  // The app's parsers must not touch the body: the signature covers its bytes, with any Content-Type.
  scope.removeAllContentTypeParsers()
  scope.addHook('onRequest', (request, reply, done) => {
    of(request, reply).stage = 'preParsing'
    // … even an invalid one.
    request.raw.headers['content-type'] = 'text/xml'
    done()
  })
  scope.addHook('preParsing', (request, reply, payload, done) => {
    const { raw } = request
    const passage = of(request, reply)
    passage.stage = 'body'
    passage.touched = payload === raw && raw.readableDidRead
    if (!isSpent(raw, payload)) return done(null, payload)
    const { body } = raw as { body?: unknown }
    if (!(body instanceof Uint8Array)) return bodyIsGone(request.log, passage, reply.raw)
    if (!borrowed) {
      request.log.warn(
        {},
        `A middleware reads the bodies of notifications before fastify-wechat-pay; they are taken from raw.body. It is better to ${advice.split('.')[0]}`,
      )
    }
    borrowed = true
    passage.touched = false
    done(null, replaced(raw, body))
  })
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, ({ raw }: { raw: Raw }, body, done) => {
    const passage = raw[PASSAGE]!
    passage.stage = 'preHandler'
    passage.body = body as Buffer
    done(null, body)
  })

  return {
    of,
    answer,
    hooks: {
      // Before any hook of the app, which may hold or answer the notification.
      childLoggerFactory(logger, bindings, opts, raw) {
        const child = scope.childLoggerFactory(logger, bindings, opts, raw)
        ;(raw as Raw)[LOG] = child
        return child
      },
      // Never an HTML or JSON page.
      errorHandler: (error, request, reply) => {
        const passage = of(request, reply)
        const err = loggable(error)
        const { statusCode = 500 } = err as { statusCode?: number }
        const status = statusCode >= 400 && statusCode <= 599 ? statusCode : 500
        if (passage.stage === 'body' && passage.touched) return bodyIsGone(request.log, passage, reply.raw, status)
        if (passage.stage === 'body') {
          refused(request.log, 'unreadable', { err }, 'The body of a notification could not be read')
          return answer(passage, reply.raw, UNREADABLE, status)
        }
        logBlocked(request.log, passage, status, { err })
        answer(passage, reply.raw, BLOCKED, status)
      },
      // A hook of the app has answered: WeChat must not mistake its page for our answer. We never reply through Fastify.
      onSend: async (request, reply, payload) => {
        const passage = of(request, reply)
        logBlocked(request.log, passage, reply.statusCode, { location: reply.getHeader('location') })
        settle(passage, BLOCKED)
        ;(payload as Partial<Readable> | null)?.destroy?.()
        for (const name of Object.keys(reply.getHeaders())) {
          reply.removeHeader(name)
          reply.raw.removeHeader(name)
        }
        const { status, contentType, body } = pay.reply(passage, 'blocked')
        reply.code(reply.statusCode >= 400 ? reply.statusCode : status).header('content-type', contentType)
        return body
      },
      // A middleware or a hook of the app has answered, bypassing Fastify.
      onResponse: (request, reply, done) => {
        const passage = of(request, reply)
        if (!passage.answered) {
          logBlocked(request.log, passage, reply.raw.statusCode, { location: reply.raw.getHeader('location') })
          settle(passage, BLOCKED)
        }
        done()
      },
    },
  }
}
