import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { FastifyReply } from 'fastify'
import type { Outcome } from '../faults/effects.ts'

/** Only a plain TCP socket can be reset; an injected request has none. */
function reset(raw: ServerResponse): void {
  if (raw.socket instanceof Socket && !(raw.socket instanceof TLSSocket)) raw.socket.resetAndDestroy()
  else raw.destroy(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }))
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
  if (outcome.kind === 'truncate') {
    const body = Buffer.from(outcome.reply.body)
    raw.writeHead(outcome.reply.status, { ...outcome.reply.headers, 'content-length': body.length })
    raw.write(body.subarray(0, outcome.bytes), () => raw.destroy())
  }
  return reply
}
