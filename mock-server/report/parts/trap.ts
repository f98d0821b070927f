import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Bait that a backend touches only if its parser obeys the message. */
export interface Trap {
  /** A URL that nobody has a reason to fetch. `name` identifies the case. */
  readonly url: (name: string) => string
  /** The names that were fetched. */
  readonly hits: () => readonly string[]
  /** The URL of a file, and the secret in it. */
  readonly file: string
  readonly secret: string
  readonly close: () => void
}

/** `secret`: a text that no backend would answer by chance. */
export async function setTrap(secret: string): Promise<Trap> {
  const hits: string[] = []
  const server = createServer((request, response) => {
    hits.push(request.url!.slice(1))
    // A DTD with an entity, so that a parser that fetches it goes on.
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
