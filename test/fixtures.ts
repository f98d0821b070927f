import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { Http, HttpReply } from '../src/client/http.ts'

/** A recorded or published message of `test/samples`, by its number. */
export function sample(name: string): Buffer {
  return readFileSync(new URL(`samples/${name}`, import.meta.url))
}

export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8')) as T
}

/** `t.test` of a file that needs what this machine may lack: with a reason to skip its tests, the output has the reason, and each test is skipped. */
export function testUnless(reason: string | undefined, t: Test): Test['test'] {
  if (reason === undefined) return t.test.bind(t)
  console.log(reason)
  return t.skip.bind(t)
}

/** A real HTTP server on a free loopback port until the test ends; resolves with its origin. */
export async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** One of the API v3 vectors; its fields depend on the kind. */
export type V3Vector = Record<string, any> & { id: string; kind: string; key: string }

/** The vectors of API v3, by kind, and the keys they name. */
export function v3(): { keys: Record<string, Record<string, string>>; ofKind(kind: string): V3Vector[] } {
  const { keys, vectors: all } = vectors<{ keys: Record<string, Record<string, string>>; vectors: V3Vector[] }>('v3')
  return { keys, ofKind: (kind) => all.filter((vector) => vector.kind === kind) }
}

/** A reply as returned by the HTTP client. */
export function httpReply(
  text: string,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): HttpReply {
  return { status, headers, body: Buffer.from(text) }
}

/** The status and text of a reply. */
export function shown({ status, body }: HttpReply): { status: number; text: string } {
  return { status, text: body.toString() }
}

/** A free port below the range the system assigns from, so it stays free. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(randomInt(20_000, 30_000), '127.0.0.1')
    const port = await once(server, 'listening').then(
      () => (server.address() as { port: number }).port,
      () => undefined,
    )
    server.close()
    if (port !== undefined) return port
  }
}

/** For an HTTP client that must not stream anything. */
export const unstreamed: Http['stream'] = async ({ method, path }) => {
  throw new Error(`${method} ${path} was streamed`)
}
