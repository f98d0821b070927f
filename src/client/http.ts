import { WechatError } from '../errors.ts'
import { parseHttpDate } from '../protocol/time.ts'
import type { Secret } from '../base/secret.ts'
import { codeOf } from '../base/thrown.ts'
import type { ClientCert } from './certificate.ts'
import type { Connections, NotConnected } from './connection.ts'

/** Replies of WeChat are small; bills, the only exception, are streamed. */
const MAX_REPLY_BYTES = 1024 * 1024

/** How long a failed host is avoided before a call tries it again. */
const REST_MS = 60_000

const TIMED_OUT = new Set(['TIMEOUT', 'TimeoutError', 'UND_ERR_CONNECT_TIMEOUT'])

export interface HttpOptions {
  /** Origins, the preferred one first. One that fails, or answers HTTP 5xx, is skipped for a minute. */
  hosts: readonly string[]
  /** Real ms for one try; half of it is for connecting. There are at most two tries. */
  timeoutMs: number
  now: () => Date
  /** Called for each reply that has a `Date`, with WeChat's time and the real ms since the request was sent. */
  heard?: ((date: Date, tripMs: number) => void) | undefined
  /** Waits before a repeat; an argument so that tests do not have to wait. */
  pause: () => Promise<void>
  /** The client certificate, for the calls that need one. */
  cert?: ClientCert | undefined
  /** The URL of an HTTP proxy to go through, with its credentials. */
  proxy?: Secret | undefined
}

export interface HttpRequest {
  method: 'GET' | 'POST'
  /** Includes the query, which may contain secrets: it appears in no error. */
  path: string
  body?: string
  /** By lower-case name. */
  headers?: Readonly<Record<string, string>>
  /** Whether sending it twice is harmless. If not, it is repeated only if it was never sent. */
  repeatable: boolean
  /** What to do if the answer is lost, for a call that nobody may repeat, such as `log in again with a new code`. */
  ifLost?: string | undefined
}

export interface HttpReply {
  status: number
  /** By lower-case name. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** The raw bytes: a signature may cover them. */
  body: Buffer
}

export interface HttpStream extends Omit<HttpReply, 'body'> {
  /** Read it to its end, or call `return`: otherwise its connection stays open until the limit. */
  body: AsyncGenerator<Buffer, void>
}

/** The only code that uses the network. */
export interface Http {
  /** @throws {WechatError} `WECHAT_NETWORK`, `WECHAT_TIMEOUT` or `WECHAT_REPLY_INVALID`, with `sent` telling whether WeChat may have received it */
  send(request: HttpRequest): Promise<HttpReply>
  /**
   * The same for a reply of any length, as a stream: `timeoutMs` until it begins, `limitMs` until it ends. It is not repeated.
   *
   * @throws {WechatError} as `send`, also while it is read
   */
  stream(request: HttpRequest, limitMs: number): Promise<HttpStream>
  close(): Promise<void>
}

export function createHttp({ hosts, timeoutMs, now, heard, pause, cert, proxy }: HttpOptions): Http {
  let connections: Promise<Connections> | undefined
  const way = proxy === undefined ? '' : ` through the proxy ${new URL(proxy.reveal()).origin}`
  const failedAt = new Map<string, number>()

  /** 0 for a host in use, 1 for one that failed recently: a stable sort keeps the given order otherwise. */
  function rest(host: string): number {
    const age = now().getTime() - (failedAt.get(host) ?? -Infinity)
    // Setting the clock back does not prolong the pause.
    return age >= 0 && age < REST_MS ? 1 : 0
  }

  /** The hosts to try. One that has rested is probed by this call alone: the others go on with the host that works, until the probe has succeeded. */
  function inTurn(): [string, string?] {
    const turn = [...hosts].sort((a, b) => rest(a) - rest(b)) as [string, string?]
    const [first] = turn
    if (failedAt.has(first) && rest(first) === 0) failedAt.set(first, now().getTime())
    return turn
  }

  /** undici is loaded at the first call: it has more modules than the whole plugin, which would slow down the start. */
  async function connect(): Promise<Connections> {
    const { createConnections } = await import('./connection.ts')
    // Half of the time for connecting, to tell a failed connection from a lost answer.
    return createConnections({ timeoutMs: timeoutMs / 2, cert, proxy })
  }

  /** The beginning of a reply; `signal` ends the whole exchange. */
  async function begin(host: string, { method, path, body, headers = {} }: HttpRequest, signal: AbortSignal) {
    const { request } = await (connections ??= connect())
    const sentAt = performance.now()
    const reply = await request(host + path, { method, headers, body: body ?? null, signal })
    const date = parseHttpDate(reply.headers.date)
    // A 5xx may come from a machine in between.
    if (reply.statusCode >= 500) failedAt.set(host, now().getTime())
    else failedAt.delete(host)
    if (reply.statusCode < 500 && date !== undefined) heard?.(date, performance.now() - sentAt)
    return reply
  }

  /** The error of the connection to `host`, or of its reply. */
  function lostAt(host: string, error: unknown, signal: AbortSignal, ifLost?: string): WechatError {
    failedAt.set(host, now().getTime())
    if (error instanceof WechatError) return error
    const { name, reason } = error as NotConnected
    if (name === 'NotConnected') return failure(host + way, reason, false)
    return failure(host + way, signal.aborted ? 'TIMEOUT' : codeOf(error as Error), true, ifLost)
  }

  async function sendTo(host: string, request: HttpRequest): Promise<HttpReply> {
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      const reply = await begin(host, request, deadline)
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of reply.body as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > MAX_REPLY_BYTES) {
          throw new WechatError(
            'WECHAT_REPLY_INVALID',
            `The reply of ${host} is longer than ${MAX_REPLY_BYTES} bytes. Its outcome is unknown: ${request.ifLost ?? 'query'}.`,
            { advice: request.ifLost === undefined ? 'query' : 'stop' },
          )
        }
        chunks.push(chunk)
      }
      return { status: reply.statusCode, headers: reply.headers, body: Buffer.concat(chunks) }
    } catch (error) {
      throw lostAt(host, error, deadline, request.ifLost)
    }
  }

  async function streamFrom(host: string, request: HttpRequest, limitMs: number): Promise<HttpStream> {
    const limit = new AbortController()
    const beginning = setTimeout(() => limit.abort(), timeoutMs)
    const whole = setTimeout(() => limit.abort(), limitMs)
    async function* read(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
      try {
        yield* body
      } catch (error) {
        throw lostAt(host, error, limit.signal)
      } finally {
        clearTimeout(whole)
      }
    }
    try {
      const reply = await begin(host, request, limit.signal)
      clearTimeout(beginning)
      return { status: reply.statusCode, headers: reply.headers, body: read(reply.body) }
    } catch (error) {
      clearTimeout(beginning)
      clearTimeout(whole)
      throw lostAt(host, error, limit.signal)
    }
  }

  return {
    async send(request) {
      const [first, second] = inTurn()
      let lost: WechatError | HttpReply
      try {
        lost = await sendTo(first, request)
        // A 5xx may come from a load balancer that lost a server's answer: like a broken connection, it does not tell whether the request took effect.
        if (lost.status < 500 || !request.repeatable || second === undefined) return lost
      } catch (error) {
        lost = error as WechatError
        if (lost.code === 'WECHAT_REPLY_INVALID' || (lost.sent && !request.repeatable)) throw lost
      }
      await pause()
      try {
        return await sendTo(second ?? first, request)
      } catch (error) {
        // The first request may have taken effect, even if the repeat was never sent.
        if ((error as WechatError).sent) throw error
        if (lost instanceof WechatError) throw lost
        return lost
      }
    },
    async stream(request, limitMs) {
      return await streamFrom(inTurn()[0], request, limitMs)
    },
    async close() {
      await (await connections)?.close()
    },
  }
}

/** Names the cause only by its code: causes may contain addresses with secrets in their query. */
function failure(host: string, code: string, sent: boolean, ifLost?: string): WechatError {
  const what = sent
    ? `Whether it took effect is unknown: ${ifLost ?? 'repeat it unchanged, or query'}.`
    : 'It was not sent: repeat it.'
  const details = { advice: sent && ifLost !== undefined ? 'stop' : 'repeat', sent } as const
  return TIMED_OUT.has(code)
    ? new WechatError('WECHAT_TIMEOUT', `${host} did not answer in time (${code}). ${what}`, details)
    : new WechatError('WECHAT_NETWORK', `The connection to ${host} failed (${code}). ${what}`, details)
}
