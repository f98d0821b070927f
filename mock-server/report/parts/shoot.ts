import { isUtf8 } from 'node:buffer'
import { Agent, request as httpRequest, type ClientRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { nativeClearTimeout, nativeElapsed, nativeSetTimeout } from '../../base/real-time.ts'
import type { Exchange } from '../../notify/sender.ts'

/** How the bytes reach the backend, unless they go out all at once. */
export type Transport =
  /** Sends `bytes` at a time, `everyMs`. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number }
  /** Cuts the connection after this many bytes of the body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Sends the whole request and cuts the connection before the answer. */
  | { readonly kind: 'deaf' }
  /** Sends this Content-Length. */
  | { readonly kind: 'claim'; readonly length: number }
  | { readonly kind: 'chunked' }

/** A request, down to its bytes. */
export interface Shot {
  readonly url: string
  /** Default POST. */
  readonly method?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  readonly transport?: Transport
  /** Keeps connections open. */
  readonly agent?: Agent
  /** Cuts the connection. Until then it stays open longer than other requests wait for their answers. */
  readonly until?: AbortSignal
}

const MAX_ANSWER = 1024 * 1024

/** Writes the body piece by piece as long as the connection lasts. */
function drip(request: ClientRequest, body: Buffer, bytes: number, everyMs: number, at = 0): void {
  if (request.destroyed) return
  const [piece, next] = [body.subarray(at, at + bytes), at + bytes]
  if (next >= body.length) {
    request.end(piece)
    return
  }
  request.write(piece)
  nativeSetTimeout(() => drip(request, body, bytes, everyMs, next), everyMs)
}

function write(request: ClientRequest, body: Buffer, transport: Transport | undefined): void {
  switch (transport?.kind) {
    case 'drip':
      request.flushHeaders()
      drip(request, body, transport.bytes, transport.everyMs)
      break
    case 'cut':
      request.write(body.subarray(0, transport.after), () => request.destroy())
      break
    case 'deaf':
      request.end(body, () => request.destroy())
      break
    default:
      request.end(body)
  }
}

function headersOf({ url, headers, transport }: Shot, length: number): Record<string, string | number> {
  const all = { host: new URL(url).host, ...headers }
  if (transport?.kind === 'chunked') return { ...all, 'transfer-encoding': 'chunked' }
  return { ...all, 'content-length': transport?.kind === 'claim' ? transport.length : length }
}

/** Sends a request as it is, follows no redirect, and never rejects. `limitMs`: real time for the whole exchange. */
export function shoot(shot: Shot, limitMs: number): Promise<Exchange> {
  const { url, method = 'POST', transport, agent = false } = shot
  const body = Buffer.from(shot.body as string)
  return new Promise<Exchange>((resolve) => {
    const started = nativeElapsed()
    const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, {
      method,
      agent,
      headers: headersOf(shot, body.length),
      rejectUnauthorized: false,
    })
    const end = (
      outcome: { reply: { status: number; headers: object; body: string } } | { error: Error } | { timedOut: true },
    ) => {
      nativeClearTimeout(timer)
      resolve({ durationMs: nativeElapsed() - started, ...outcome } as Exchange)
    }
    const timer = nativeSetTimeout(() => {
      end({ timedOut: true })
      request.destroy()
    }, limitMs)
    request.on('error', (error) => end({ error }))
    shot.until?.addEventListener('abort', () => request.destroy())
    // We cut it ourselves. Once an answer has begun, its end counts: the request may close before the answer has been read.
    let isAnswered = false
    request.on('close', () => {
      if (!isAnswered) end({ error: Object.assign(new Error('the runner cut the connection'), { code: 'ECONNRESET' }) })
    })
    request.on('response', (response) => {
      isAnswered = true
      const chunks: Buffer[] = []
      let size = 0
      response.on('error', (error) => end({ error }))
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size <= MAX_ANSWER) chunks.push(chunk)
      })
      response.on('end', () => {
        const read = Buffer.concat(chunks)
        const { statusCode: status = 0, headers } = response
        end({ reply: { status, headers, body: read.toString(), ...(!isUtf8(read) && { raw: read }) } })
        // Do not finish a body that is longer than claimed, or still dripping.
        if (!request.writableFinished) request.destroy()
      })
    })
    write(request, body, transport)
  })
}
