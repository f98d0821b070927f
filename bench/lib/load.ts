import autocannon from 'autocannon'

export interface Load {
  url: string
  /** One request each, never repeated. */
  bodies: readonly Buffer[]
  /** What every reply must be. */
  reply: string
  connections: number
}

/**
 * Posts every body once over kept-alive connections and resolves with the requests per second, from the first reply to the last.
 *
 * @throws when a single reply is not the expected one
 */
export async function load({ url, bodies, reply, connections }: Load): Promise<number> {
  let next = 0
  let replies = 0
  let first = 0
  let last = 0
  const share = bodies.length / connections
  if (!Number.isInteger(share)) {
    throw new Error(`${bodies.length} bodies cannot be shared by ${connections} connections.`)
  }
  const requests = bodies.map((body) => ({ body }))

  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(
      {
        url,
        method: 'POST',
        headers: { 'content-type': 'text/xml' },
        amount: bodies.length,
        connections,
        expectBody: reply,
        // How often it looks whether it is done.
        sampleInt: 20,
        // Written out here, before the first request leaves: nothing is built under load.
        setupClient: (client) => {
          client.setRequests(requests.slice(next, (next += share)))
        },
      },
      (error: Error | null, result) => {
        if (error === null) resolve(result)
        else reject(error)
      },
    )
    keepAwake(run)
    run.on('response', () => {
      replies += 1
      if (replies === 1) first = performance.now()
      if (replies === bodies.length) last = performance.now()
    })
  })
  if (replies !== bodies.length || result.errors + result.non2xx + result.mismatches > 0) {
    throw new Error(
      `${url}: of ${bodies.length} requests ${replies} were answered, ${result.errors} failed, ${result.non2xx} were not 2xx, ${result.mismatches} had another reply.`,
    )
  }
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
