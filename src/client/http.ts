import { Agent, request } from 'undici'
import { WechatError } from '../errors.ts'

/** Replies of WeChat are small; bills, the one exception, are read elsewhere. */
const MAX_REPLY_BYTES = 1024 * 1024

/** How long a host that failed is left alone before it is tried first again. */
const REST_MS = 60_000

/** undici and Node codes that mean the request cannot have reached WeChat. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'])
const TIMED_OUT = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ABORT_ERR'])

export interface HttpOptions {
  /** Origins, the preferred one first. A host that fails is passed over for a minute, then preferred again. */
  hosts: readonly string[]
  /** Real ms for the whole exchange. */
  timeoutMs: number
  now: () => Date
  /** Waits before a repetition; an argument so that tests need not wait. */
  pause: () => Promise<void>
}

export interface HttpRequest {
  method: 'GET' | 'POST'
  /** With its query, which may hold secrets: it appears in no error. */
  path: string
  body?: string
  contentType?: string
  /** Whether doing it twice is harmless. When it is not, it is repeated only if it was never sent. */
  repeatable: boolean
}

export interface HttpReply {
  status: number
  text: string
}

/** The only caller of the network. */
export interface Http {
  /** @throws {WechatError} `WECHAT_NETWORK`, `WECHAT_TIMEOUT` or `WECHAT_REPLY_INVALID`, with `sent` telling whether WeChat may have heard it */
  send (request: HttpRequest): Promise<HttpReply>
  close (): Promise<void>
}

export function createHttp ({ hosts, timeoutMs, now, pause }: HttpOptions): Http {
  const agent = new Agent({ connect: { timeout: Math.min(timeoutMs, 3000) }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  const restsUntil = new Map<string, number>()

  async function sendTo (host: string, { method, path, body, contentType }: HttpRequest): Promise<HttpReply> {
    try {
      const reply = await request(host + path, {
        dispatcher: agent,
        method,
        headers: contentType === undefined ? {} : { 'content-type': contentType },
        body: body ?? null,
        signal: AbortSignal.timeout(timeoutMs)
      })
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of reply.body as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > MAX_REPLY_BYTES) throw new WechatError('WECHAT_REPLY_INVALID', `The reply of ${host} is longer than ${MAX_REPLY_BYTES} bytes. Its outcome is unknown; query.`, { advice: 'query' })
        chunks.push(chunk)
      }
      return { status: reply.statusCode, text: Buffer.concat(chunks).toString('utf8') }
    } catch (error) {
      throw error instanceof WechatError ? error : failure(host, error)
    }
  }

  return {
    async send (request) {
      const ordered = [...hosts].sort((a, b) => rest(a) - rest(b))
      const first = ordered[0]!
      try {
        return await sendTo(first, request)
      } catch (error) {
        restsUntil.set(first, now().getTime() + REST_MS)
        const { sent, code } = error as WechatError
        if (code === 'WECHAT_REPLY_INVALID' || (sent && !request.repeatable)) throw error
      }
      await pause()
      const second = ordered[1] ?? first
      try {
        return await sendTo(second, request)
      } catch (error) {
        restsUntil.set(second, now().getTime() + REST_MS)
        throw error
      }
    },
    async close () {
      await agent.close()
    }
  }

  /** 0 for a host in use, 1 for one that failed lately: a stable sort keeps the given order otherwise. */
  function rest (host: string): number {
    return (restsUntil.get(host) ?? 0) > now().getTime() ? 1 : 0
  }
}

/** Names the cause by its code alone: causes may carry addresses with secrets in their query. */
function failure (host: string, error: unknown): WechatError {
  const code = codeOf(error)
  const sent = !NEVER_SENT.has(code)
  const what = sent ? 'Whether it had an effect is unknown: repeat it unchanged, or query.' : 'It had no effect: repeat it.'
  return TIMED_OUT.has(code)
    ? new WechatError('WECHAT_TIMEOUT', `${host} did not answer in time (${code}). ${what}`, { advice: 'repeat', sent })
    : new WechatError('WECHAT_NETWORK', `The connection to ${host} failed (${code}). ${what}`, { advice: 'repeat', sent })
}

function codeOf (error: unknown): string {
  const { code, name } = error as { code?: unknown, name?: string }
  if (name === 'TimeoutError') return 'ABORT_ERR'
  return typeof code === 'string' ? code : 'UNKNOWN'
}
