import { isUtf8 } from 'node:buffer'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { nativeClearTimeout, nativeElapsed, nativeSetTimeout } from './native.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** The bytes of the body, where they are not UTF-8. */
  readonly raw?: Buffer
}

/** How an exchange ended: with a whole reply, by an error, or by the time limit. */
export type Exchange = { readonly durationMs: number } & (
  | { readonly reply: Reply }
  | { readonly error: NodeJS.ErrnoException }
  | { readonly timedOut: true }
)

/**
 * The mock's own HTTP client. Node's own one: as fast as undici for one small POST after the other, and undici alone would
 * take a quarter of the memory of an idle mock.
 */
export interface Sender {
  /** Never rejects and follows no redirect. `limitMs` are real milliseconds for the whole exchange. */
  readonly post: (url: string, headers: Readonly<Record<string, string>>, body: string, limitMs: number) => Promise<Exchange>
  /** Ends every connection; what is still under way fails. */
  readonly close: () => void
}

/** An error page may be long; more than this is no reply. */
const MAX_REPLY_BYTES = 1024 * 1024

// Idle sockets are given up soon: a merchant application that restarts must not meet a stale one.
const KEEP_ALIVE = { keepAlive: true, timeout: 1000 }

/** `tlsSkipVerify`: any certificate will do. */
export function createSender (tlsSkipVerify = false): Sender {
  const http = { request: httpRequest, agent: new HttpAgent(KEEP_ALIVE) }
  const https = { request: httpsRequest, agent: new HttpsAgent({ ...KEEP_ALIVE, rejectUnauthorized: !tlsSkipVerify }) }
  return {
    post: (url, headers, body, limitMs) => new Promise(resolve => {
      const started = nativeElapsed()
      const { request: send, agent } = url.startsWith('https:') ? https : http
      const bytes = Buffer.from(body)
      const request = send(url, { method: 'POST', agent, headers: { ...headers, 'content-length': bytes.length } })
      let timedOut = false
      const timer = nativeSetTimeout(() => {
        timedOut = true
        request.destroy()
      }, limitMs)
      const end = (outcome: { reply: Reply } | { error: Error } | { timedOut: true }) => {
        nativeClearTimeout(timer)
        resolve({ durationMs: nativeElapsed() - started, ...outcome })
      }
      const fail = (error: Error) => end(timedOut ? { timedOut } : { error })
      request.on('error', fail)
      request.on('response', response => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('error', fail)
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          size += chunk.length
          if (size > MAX_REPLY_BYTES) response.destroy(new Error(`the reply is larger than ${MAX_REPLY_BYTES} bytes`))
        })
        response.on('end', () => {
          const read = Buffer.concat(chunks)
          end({ reply: { status: response.statusCode!, headers: response.headers, body: read.toString(), ...(!isUtf8(read) && { raw: read }) } })
        })
      })
      request.end(bytes)
    }),
    close: () => {
      http.agent.destroy()
      https.agent.destroy()
    }
  }
}
