import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { FastifyReply } from 'fastify'
import { nativeSetTimeout } from '../base/real-time.ts'
import type { Outcome } from '../faults/effects.ts'

/** Only a plain TCP socket can be reset; an injected request has none. */
function reset(raw: ServerResponse): void {
  if (raw.socket instanceof Socket && !(raw.socket instanceof TLSSocket)) raw.socket.resetAndDestroy()
  else raw.destroy(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
}

const BLANKS = Buffer.alloc(64 * 1024, ' ')

/** The body, then blanks up to `bytes`; only as fast as they are read, so that a caller that hangs up costs no memory. */
function* padded(body: Buffer, bytes: number): Generator<Buffer> {
  yield body
  for (let left = bytes - body.length; left > 0; left -= BLANKS.length) yield BLANKS.subarray(0, left)
}

/** The line of a status and headers of a kilobyte each, until the connection ends; the first of them is sent at once. */
function sendHeaders(raw: ServerResponse, ms: number): void {
  const { socket } = raw
  if (!(socket instanceof Socket)) {
    // An injected request has no connection.
    raw.destroy()
    return
  }
  let sent = 0
  const next = (): unknown => {
    for (;;) {
      if (socket.destroyed) return undefined
      const isFree = socket.write(`X-Endless-${sent++}: ${'x'.repeat(1000)}\r\n`)
      if (!isFree) return socket.once('drain', next)
      if (ms > 0) return nativeSetTimeout(next, ms)
    }
  }
  socket.write('HTTP/1.1 200 OK\r\n')
  next()
}

/** Puts an outcome on the wire. */
export function sendOutcome(reply: FastifyReply, outcome: Outcome): FastifyReply {
  if (outcome.kind === 'reply') {
    const { status, headers, body } = outcome.reply
    for (const [name, value] of Object.entries(headers)) {
      // Fastify would write it in lower case.
      if (name === name.toLowerCase()) reply.header(name, value)
      else reply.raw.setHeader(name, value)
    }
    return reply.code(status).send(body)
  }
  reply.hijack()
  const { raw } = reply
  if (outcome.kind === 'reset') reset(raw)
  if (outcome.kind === 'endless_headers') sendHeaders(raw, outcome.ms)
  if (outcome.kind === 'oversize') {
    const { status, headers, body } = outcome.reply
    raw.writeHead(status, headers)
    // A caller that hangs up is the point of this fault.
    pipeline(Readable.from(padded(Buffer.from(body), outcome.bytes)), raw, () => {})
  }
  if (outcome.kind === 'truncate') {
    const body = Buffer.from(outcome.reply.body)
    raw.writeHead(outcome.reply.status, { ...outcome.reply.headers, 'content-length': body.length })
    raw.write(body.subarray(0, outcome.bytes), () => raw.destroy())
  }
  return reply
}
