import { TLSSocket } from 'node:tls'
import type { FastifyReply } from 'fastify'
import type { Outcome } from './exchange.ts'

/** Puts an outcome on the wire. */
export function sendOutcome (reply: FastifyReply, outcome: Outcome): FastifyReply {
  if (outcome.kind === 'reply') {
    const { status, headers, body } = outcome.reply
    return reply.code(status).headers(headers).send(body)
  }
  reply.hijack()
  const { raw } = reply
  if (outcome.kind === 'reset') {
    // Only a bare TCP socket can be reset.
    if (raw.socket instanceof TLSSocket) raw.socket.destroy()
    else raw.socket!.resetAndDestroy()
  }
  if (outcome.kind === 'truncate') {
    const body = Buffer.from(outcome.reply.body)
    raw.writeHead(outcome.reply.status, { ...outcome.reply.headers, 'content-length': body.length })
    raw.write(body.subarray(0, outcome.bytes), () => raw.destroy())
  }
  return reply
}
