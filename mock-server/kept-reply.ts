import type { Reply } from './sender.ts'

/** No answer to a notification is longer; what is, is an error page, whose beginning tells enough. */
const KEPT_BYTES = 64 * 1024

/** A reply as it is remembered: of a long body the beginning. */
export function keptReply(reply: Reply): Reply {
  const { raw, body } = reply
  if ((raw?.length ?? Buffer.byteLength(body)) <= KEPT_BYTES) return reply
  const whole = raw ?? Buffer.from(body)
  // Copies: a part would hold the whole in memory.
  const start = Buffer.from(whole.subarray(0, KEPT_BYTES))
  return {
    ...reply,
    // Streaming leaves out a character that was cut in two.
    body: new TextDecoder('utf-8', { ignoreBOM: true }).decode(start, { stream: true }),
    ...(raw && { raw: start }),
    length: whole.length,
  }
}
