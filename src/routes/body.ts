import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'

type Raw = FastifyRequest['raw'] & { body?: unknown }

/** Whether the app has read the body of a request to its end before us: Fastify's parsers would wait for it forever. */
export function isSpent(raw: Raw, payload: unknown): boolean {
  return payload === raw && raw.readableEnded
}

/** A body to read instead of the consumed one. */
export function replaced(raw: Raw, body: Uint8Array | string): Readable {
  delete raw.headers['content-length']
  return Readable.from([Buffer.from(body)])
}

/** The body that a middleware has read, as bytes, text, or JSON of the parsed value; `undefined` if it kept nothing. */
export function restored(raw: Raw): Readable | undefined {
  const { body } = raw
  if (body === undefined) return undefined
  if (typeof body === 'string' || body instanceof Uint8Array) return replaced(raw, body)
  raw.headers['content-type'] = 'application/json'
  return replaced(raw, JSON.stringify(body))
}
