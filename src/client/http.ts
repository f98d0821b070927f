import { createSecureContext } from 'node:tls'
import { Agent, request } from 'undici'
import { WechatError } from '../errors.ts'

/** Replies of WeChat are small; bills, the one exception, are read elsewhere. */
const MAX_REPLY_BYTES = 1024 * 1024

/** How long a host that failed is left alone before it is tried first again. */
const REST_MS = 60_000

/** undici and Node codes that mean the request cannot have reached WeChat. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])
const TIMED_OUT = new Set(['TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'])

export interface HttpOptions {
  /** Origins, the preferred one first. A host that fails is passed over for a minute, then preferred again. */
  hosts: readonly string[]
  /** Real ms for the whole exchange. */
  timeoutMs: number
  now: () => Date
  /** Waits before a repetition; an argument so that tests need not wait. */
  pause: () => Promise<void>
  /** The client certificate, for the calls that need one. */
  cert?: ClientCert | undefined
}

/** A client certificate: the PKCS#12 file of the merchant platform with its passphrase (the merchant number), or the pair of PEM texts. */
export type ClientCert = { pfx: Buffer; passphrase: string } | { cert: string | Buffer; key: string | Buffer }

/** Whether TLS can use it: a path instead of a file's content, a wrong passphrase or a key of another certificate is found before the first refund. */
export function isUsable(cert: ClientCert): boolean {
  try {
    createSecureContext(cert)
    return true
  } catch {
    return false
  }
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
  send(request: HttpRequest): Promise<HttpReply>
  close(): Promise<void>
}

export function createHttp({ hosts, timeoutMs, now, pause, cert }: HttpOptions): Http {
  // Half of the time for the connection, so that one that was never made is told from an answer that was lost. The deadline covers headers and body.
  const agent = new Agent({ connect: { timeout: timeoutMs / 2, ...cert }, headersTimeout: 0, bodyTimeout: 0 })
  const restsUntil = new Map<string, number>()

  /** 0 for a host in use, 1 for one that failed lately: a stable sort keeps the given order otherwise. */
  function rest(host: string): number {
    return (restsUntil.get(host) ?? 0) > now().getTime() ? 1 : 0
  }

  async function sendTo(host: string, { method, path, body, contentType }: HttpRequest): Promise<HttpReply> {
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      const reply = await request(host + path, {
        dispatcher: agent,
        method,
        headers: contentType === undefined ? {} : { 'content-type': contentType },
        body: body ?? null,
        signal: deadline,
      })
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of reply.body as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > MAX_REPLY_BYTES) {
          throw new WechatError(
            'WECHAT_REPLY_INVALID',
            `The reply of ${host} is longer than ${MAX_REPLY_BYTES} bytes. Its outcome is unknown; query.`,
            { advice: 'query' },
          )
        }
        chunks.push(chunk)
      }
      return { status: reply.statusCode, text: Buffer.concat(chunks).toString('utf8') }
    } catch (error) {
      restsUntil.set(host, now().getTime() + REST_MS)
      if (error instanceof WechatError) throw error
      const { code, name } = error as NodeJS.ErrnoException
      throw failure(host, deadline.aborted ? 'TIMEOUT' : (code ?? name))
    }
  }

  return {
    async send(request) {
      const [first, second = first] = [...hosts].sort((a, b) => rest(a) - rest(b)) as [string, string?]
      let lost: WechatError
      try {
        return await sendTo(first, request)
      } catch (error) {
        lost = error as WechatError
        if (lost.code === 'WECHAT_REPLY_INVALID' || (lost.sent && !request.repeatable)) throw lost
      }
      await pause()
      try {
        return await sendTo(second, request)
      } catch (error) {
        // What may have been heard once may have had its effect, even when the repetition was never sent.
        throw (error as WechatError).sent ? error : lost
      }
    },
    async close() {
      await agent.close()
    },
  }
}

/** Names the cause by its code alone: causes may carry addresses with secrets in their query. */
function failure(host: string, code: string): WechatError {
  const sent = !NEVER_SENT.has(code)
  const what = sent
    ? 'Whether it had an effect is unknown: repeat it unchanged, or query.'
    : 'It had no effect: repeat it.'
  return TIMED_OUT.has(code)
    ? new WechatError('WECHAT_TIMEOUT', `${host} did not answer in time (${code}). ${what}`, { advice: 'repeat', sent })
    : new WechatError('WECHAT_NETWORK', `The connection to ${host} failed (${code}). ${what}`, {
        advice: 'repeat',
        sent,
      })
}
