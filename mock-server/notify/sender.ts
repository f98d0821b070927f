import { isUtf8 } from 'node:buffer'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { urlToHttpOptions } from 'node:url'
import { nativeClearTimeout, nativeElapsed, nativeSetImmediate, nativeSetTimeout } from '../base/real-time.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** The bytes of the body, if they are not UTF-8. */
  readonly raw?: Buffer
  /** The size of the body in bytes, if only its beginning (64 KB) is remembered. */
  readonly length?: number
}

/** How an exchange ended: with a complete reply, an error, or a timeout. */
export type Exchange = { readonly durationMs: number } & (
  { readonly reply: Reply } | { readonly error: NodeJS.ErrnoException } | { readonly timedOut: true }
)

/**
 * The mock's HTTP client, built on node:http: for sequential small POSTs it is as fast as undici's request, and undici
 * alone would account for a quarter of an idle mock's memory.
 */
export interface Sender {
  /** Sends once, never rejects and follows no redirect. `limitMs`: real milliseconds for the whole exchange. */
  readonly post: (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    limitMs: number,
  ) => Promise<Exchange>
  /** Why it sends nothing to this address, if it may not. */
  readonly refusal?: (url: string) => string | undefined
  /** Ends every connection; exchanges still in flight fail. */
  readonly close: () => void
}

/** An error page may be long; more than this is no reply. */
const MAX_REPLY_BYTES = 1024 * 1024

// Idle sockets are closed soon: a restarted merchant application must not be sent to over a stale one.
const KEEP_ALIVE = { keepAlive: true, timeout: 1000 }

/**
 * Resolves when everything that has arrived has been read. Await it before a POST: a connection that the other side has
 * closed meanwhile, even right after its last answer, is then known to be closed and not reused. The first turn finishes
 * current reads, the second polls once more.
 */
export const allRead = () =>
  new Promise<void>((resolve) => {
    nativeSetImmediate(() => nativeSetImmediate(resolve))
  })

/** The parsed target of a POST, cached: most go to the same URL as the previous one. */
function targetOf(url: string) {
  const address = new URL(url)
  const { protocol, hostname, port, path, auth } = urlToHttpOptions(address)
  return {
    url,
    secure: protocol === 'https:',
    host: address.host,
    options: { method: 'POST', setHost: false, protocol, hostname, port, path, auth },
  }
}

/** `tlsSkipVerify`: accepts any certificate. */
export function createSender(tlsSkipVerify = false): Sender {
  const certificates = { rejectUnauthorized: !tlsSkipVerify }
  const http = { request: httpRequest, agent: new HttpAgent(KEEP_ALIVE), fresh: new HttpAgent() }
  const https = {
    request: httpsRequest,
    agent: new HttpsAgent({ ...KEEP_ALIVE, ...certificates }),
    fresh: new HttpsAgent(certificates),
  }
  // A server that closes connections gets a new one for each request: on a reused one it would be unknown whether the
  // request was read, and sending it again could duplicate it. Only `close` is reliable: since Node 22, an idle connection
  // that the other side ends or resets emits neither `end` nor `error`.
  const closing = new Set<string>()
  let last: ReturnType<typeof targetOf> | undefined
  return {
    post: (url, headers, body, limitMs) =>
      new Promise<Exchange>((resolve) => {
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
        const request = send({
          ...options,
          agent: closing.has(host) ? fresh : agent,
          headers: { host, ...headers, 'content-length': Buffer.byteLength(body) },
        })
        request.on('socket', (socket) => {
          if (request.reusedSocket) return
          let idle = false
          socket.on('timeout', () => {
            idle = socket.destroyed
          })
          socket.once('close', () => {
            if (!idle) closing.add(host)
          })
        })
        request.on('error', fail)
        request.on('response', (response) => {
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
            end({
              reply: {
                status: response.statusCode!,
                headers: response.headers,
                body: read.toString(),
                ...(!isUtf8(read) && { raw: read }),
              },
            })
          })
        })
        // Emitted instead of a response, and nothing else follows.
        request.on('upgrade', ({ statusCode, headers }, socket) => {
          socket.destroy()
          end({ reply: { status: statusCode!, headers, body: '' } })
        })
        // A string is sent in one piece with the head.
        request.end(body)
        const timer = nativeSetTimeout(() => {
          timedOut = true
          request.destroy()
        }, limitMs)
        // An invalid address or header.
      }).catch((error: Error) => ({ durationMs: 0, error })),
    close: () => {
      for (const { agent, fresh } of [http, https]) {
        agent.destroy()
        fresh.destroy()
      }
    },
  }
}

/** The code of an error: the mock may not send to this host. */
export const NOT_ALLOWED = 'ERR_HOST_NOT_ALLOWED'

/** Sends to these hosts only: a test must not reach a notify_url copied from production. */
export function onlyTo(hosts: readonly string[], sender: Sender): Sender {
  function refusal(url: string): string | undefined {
    // The sender itself refuses invalid addresses.
    if (!URL.canParse(url)) return undefined
    const { hostname } = new URL(url)
    if (hosts.includes(hostname.replace(/^\[(.*)\]$/, '$1'))) return undefined
    return `the mock sends to ${hosts.join(', ')} only, not to ${hostname}; allow it with --allow-notify-host ${hostname} (notifyHosts)`
  }
  return {
    ...sender,
    refusal,
    post: async (url, ...message) => {
      const why = refusal(url)
      if (why === undefined) return sender.post(url, ...message)
      return { durationMs: 0, error: Object.assign(new Error(why), { code: NOT_ALLOWED }) }
    },
  }
}
