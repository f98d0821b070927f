import { isUtf8 } from 'node:buffer'
import { Agent as HttpAgent, request as httpRequest, type ClientRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { nativeClearTimeout, nativeElapsed, nativeSetTimeout } from './native.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** The bytes of the body, where they are not UTF-8. */
  readonly raw?: Buffer
  /** How many bytes the body had, where only its beginning (64 KB) is remembered. */
  readonly length?: number
}

/** How an exchange ended: with a whole reply, by an error, or by the time limit. */
export type Exchange = { readonly durationMs: number } & (
  | { readonly reply: Reply }
  | { readonly error: NodeJS.ErrnoException }
  | { readonly timedOut: true }
)

/**
 * The mock's own HTTP client. Node's own one: used like this it is as fast as undici's request for one small POST after the
 * other, and undici alone would take a quarter of the memory of an idle mock.
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

/** How a connection ends that the other side had closed before the request came. */
const STALE = ['ECONNRESET', 'EPIPE']

/** Where a POST goes, taken apart: most go where the one before went. */
function targetOf (url: string) {
  const address = new URL(url)
  const { protocol, hostname, port, path, auth } = urlToHttpOptions(address)
  return { url, secure: protocol === 'https:', host: address.host, options: { method: 'POST', setHost: false, protocol, hostname, port, path, auth } }
}

/** `tlsSkipVerify`: any certificate will do. */
export function createSender (tlsSkipVerify = false): Sender {
  const certificates = { rejectUnauthorized: !tlsSkipVerify }
  const http = { request: httpRequest, agent: new HttpAgent(KEEP_ALIVE), fresh: new HttpAgent() }
  const https = { request: httpsRequest, agent: new HttpsAgent({ ...KEEP_ALIVE, ...certificates }), fresh: new HttpsAgent(certificates) }
  let closed = false
  let last: ReturnType<typeof targetOf> | undefined
  return {
    post: (url, headers, body, limitMs) => new Promise<Exchange>(resolve => {
      const started = nativeElapsed()
      if (last?.url !== url) last = targetOf(url)
      const { secure, host, options } = last
      const { request: send, agent, fresh } = secure ? https : http
      let timedOut = false
      const end = (outcome: { reply: Reply } | { error: Error } | { timedOut: true }) => {
        nativeClearTimeout(timer)
        resolve({ durationMs: nativeElapsed() - started, ...outcome })
      }
      const fail = (error: Error) => end(timedOut ? { timedOut } : { error })
      function open (agent: HttpAgent): ClientRequest {
        const request = send({ ...options, agent, headers: { host, ...headers, 'content-length': Buffer.byteLength(body) } })
        let readBefore = 0
        request.on('socket', ({ bytesRead }) => { readBefore = bytesRead })
        request.on('error', (error: NodeJS.ErrnoException) => {
          const { reusedSocket, socket } = request
          // A handler that answers and closes closes sockets that wait here: that is not how it has answered this request.
          const stale = !timedOut && !closed && reusedSocket && socket!.bytesRead === readBefore && STALE.includes(error.code!)
          if (stale) current = open(fresh)
          else fail(error)
        })
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
        // A text goes out in one piece with the head.
        return request.end(body)
      }
      let current = open(agent)
      const timer = nativeSetTimeout(() => {
        timedOut = true
        current.destroy()
      }, limitMs)
    // An address or a header that cannot be.
    }).catch((error: Error) => ({ durationMs: 0, error })),
    close: () => {
      closed = true
      for (const { agent, fresh } of [http, https]) {
        agent.destroy()
        fresh.destroy()
      }
    }
  }
}
