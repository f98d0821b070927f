import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { nativeElapsed, within } from '../base/real-time.ts'
import type { Exchange, Sender } from './sender.ts'

/** Sends notifications into an application without a socket, whatever the host of the URL. */
export function createInjectSender(app: Pick<FastifyInstance, 'inject'>): Sender {
  async function exchange(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<Pick<Exchange & { reply: unknown }, 'reply'> | { error: Error }> {
    try {
      const { pathname, search, host } = new URL(url)
      const response = await app.inject({
        method: 'POST',
        url: `${pathname}${search}`,
        headers: { host, ...headers },
        payload: body,
      })
      const bytes = response.rawPayload
      return {
        reply: {
          status: response.statusCode,
          headers: response.headers as Record<string, string>,
          body: bytes.toString(),
          ...(!isUtf8(bytes) && { raw: bytes }),
        },
      }
    } catch (error) {
      return { error: error as Error }
    }
  }
  return {
    post: async (url, headers, body, limitMs) => {
      const started = nativeElapsed()
      const work = exchange(url, headers, body)
      const inTime = await within(work, limitMs)
      return { durationMs: nativeElapsed() - started, ...(inTime ? await work : { timedOut: true }) } as Exchange
    },
    close: () => {},
  }
}
