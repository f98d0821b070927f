/** What is used of a `pg.Pool` to outlive the loss of its connections. */
export interface PgPoolEvents {
  on(event: any, listener: (...args: any[]) => void): unknown
}

interface PgClientEvents {
  on(event: 'error', listener: () => void): unknown
  release(destroy?: boolean): void
}

/** Pools and clients: two stores may have one pool. */
const listening = new WeakSet<object>()

/**
 * Keeps the loss of a connection from ending the process. pg reports a loss as an `error` event of the pool or of the client, and Node throws an `error` that
 * nobody listens to. Most libraries do not listen to a client that is checked out, or begin to listen too late. A lost client gives back its place in the pool
 * at once, even if its holder never would.
 */
export function outliveLosses(pool: PgPoolEvents): void {
  if (listening.has(pool)) return
  listening.add(pool)
  const held = new WeakSet<PgClientEvents>()
  pool.on('error', ignore)
  pool.on('acquire', (client: PgClientEvents) => {
    held.add(client)
    if (listening.has(client)) return
    listening.add(client)
    client.on('error', () => {
      if (!held.delete(client)) return
      client.release(true)
      // The holder's own release must not fail.
      client.release = ignore
    })
  })
  pool.on('release', (_error: unknown, client: PgClientEvents) => {
    held.delete(client)
  })
}

function ignore(): void {}
