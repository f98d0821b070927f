import type { EventEmitter } from 'node:events'
import autocannon from 'autocannon'

export interface Load {
  url: string
  /** One request each, never repeated. */
  messages: readonly { headers: Record<string, string>; body: Buffer }[]
  /** What every reply must be. */
  reply: string
  connections: number
  /** Rejects when the server has ended. */
  ended: Promise<never>
  /** How long a reply may take, s. Default 10. */
  timeout?: number
}

/**
 * Posts every message once over kept-alive connections and resolves with the requests per second, from the first reply to the last.
 *
 * @throws as soon as a reply is not the expected one, or does not come
 */
export async function load({ url, messages, reply, connections, ended, timeout = 10 }: Load): Promise<number> {
  let next = 0
  let replies = 0
  let first = 0
  let last = 0
  const share = messages.length / connections
  if (!Number.isInteger(share)) {
    throw new Error(`${messages.length} messages cannot be shared by ${connections} connections.`)
  }
  const requests = messages.map(({ headers, body }) => ({ headers, body }))

  let run: autocannon.Instance
  const done = new Promise<void>((resolve, reject) => {
    run = autocannon(
      {
        url,
        method: 'POST',
        amount: messages.length,
        connections,
        expectBody: reply,
        timeout,
        // How often it checks whether it is done.
        sampleInt: 20,
        // Written out here, before the first request leaves: nothing is built under load.
        setupClient: (client) => {
          client.setRequests(requests.slice(next, (next += share)))
        },
      },
      (error: Error | null) => {
        if (error === null) resolve()
        else reject(error)
      },
    )
    keepAwake(run)
    const fail = (why: string) => {
      reject(new Error(`${url}: of ${messages.length} requests ${replies} were answered; then ${why}`))
    }
    run.on('response', (_client, status) => {
      replies += 1
      if (replies === 1) first = performance.now()
      if (replies === messages.length) last = performance.now()
      if (status !== 200) fail(`one with HTTP ${status}`)
    })
    // Otherwise it would connect and send again forever.
    run.on('reqError', (error: Error) => {
      fail(error.message)
    })
    ;(run as EventEmitter).on('reqMismatch', (body: string) => {
      fail(`one with ${body}`)
    })
  })
  try {
    await Promise.race([done, ended])
  } finally {
    run!.stop()
  }
  if (replies !== messages.length) throw new Error(`${url}: of ${messages.length} requests ${replies} were answered.`)
  return ((replies - 1) / (last - first)) * 1000
}

/** A write to a process that sleeps costs the writer the waking of another core, which the faster server would not pay. So the load never sleeps. */
function keepAwake(run: autocannon.Instance): void {
  let over = false
  run.on('done', () => {
    over = true
  })
  const turn = () => {
    if (!over) setImmediate(turn)
  }
  turn()
}
