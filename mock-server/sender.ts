import type { Agent, request } from 'undici'
import { nativeClearTimeout, nativeElapsed, nativeSetTimeout } from './native.ts'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** How an exchange ended: with a whole reply, by an error, or by the time limit. */
export type Exchange = { readonly durationMs: number } & (
  | { readonly reply: Reply }
  | { readonly error: NodeJS.ErrnoException }
  | { readonly timedOut: true }
)

/** The mock's own HTTP client. */
export interface Sender {
  /** Never rejects. `limitMs` are real milliseconds for the whole exchange. */
  readonly post: (url: string, headers: Readonly<Record<string, string>>, body: string, limitMs: number) => Promise<Exchange>
  /** Ends every connection; what is still under way fails. */
  readonly close: () => Promise<void>
}

/** An error page may be long; more than this is no reply. */
const MAX_REPLY_BYTES = 1024 * 1024

export function createSender (): Sender {
  // Loaded with the first delivery: an idle mock starts sooner and is a third smaller without it.
  let client: Promise<{ request: typeof request, agent: Agent }> | undefined
  async function load () {
    const { Agent, request } = await import('undici')
    // Idle sockets are given up soon: a merchant application that restarts must not meet a stale one.
    return { request, agent: new Agent({ keepAliveTimeout: 1000, maxResponseSize: MAX_REPLY_BYTES }) }
  }
  return {
    post: async (url, headers, body, limitMs) => {
      client ??= load()
      const { request, agent } = await client
      const limit = new AbortController()
      const timer = nativeSetTimeout(() => limit.abort(), limitMs)
      const started = nativeElapsed()
      const durationMs = () => nativeElapsed() - started
      try {
        const answer = await request(url, { dispatcher: agent, method: 'POST', headers, body, signal: limit.signal })
        // Not .text(): that would swallow a byte order mark, which WeChat does not.
        const text = Buffer.from(await answer.body.arrayBuffer()).toString()
        return { durationMs: durationMs(), reply: { status: answer.statusCode, headers: answer.headers, body: text } }
      } catch (error) {
        return { durationMs: durationMs(), ...(limit.signal.aborted ? { timedOut: true } : { error: error as Error }) }
      } finally {
        nativeClearTimeout(timer)
      }
    },
    close: async () => { await (await client)?.agent.destroy() }
  }
}
