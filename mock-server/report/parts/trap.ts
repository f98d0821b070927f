import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a backend touches only if it does what a message tells its parser to do. */
export interface Trap {
  /** An address that nobody has any reason to fetch. `name` says which case it was. */
  readonly url: (name: string) => string
  /** The names of those that were fetched. */
  readonly hits: () => readonly string[]
  /** A file, as a URL, and the secret in it. */
  readonly file: string
  readonly secret: string
  readonly close: () => void
}

/** `secret`: unlike anything a backend would answer. */
export async function setTrap(secret: string): Promise<Trap> {
  const hits: string[] = []
  const server = createServer((request, response) => {
    hits.push(request.url!.slice(1))
    // A DTD with an entity: a parser that comes for it goes on.
    response.end(`<!ENTITY leak "${secret}">`)
  })
  server.unref()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const path = join(tmpdir(), `${secret}.txt`)
  writeFileSync(path, secret)
  return {
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    hits: () => hits,
    file: `file://${path}`,
    secret,
    close: () => {
      server.close()
      server.closeAllConnections()
      rmSync(path, { force: true })
    },
  }
}
