import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startMysql, startPostgres } from './store/servers.ts'
import type { Server } from './store/servers.ts'

// npm test: tap with these arguments, and for all of its files one server of each database. A file gets its URL by GET $TEST_SERVERS/postgres or /mysql, and
// 404 where it is not installed. The first request starts it; it ends with the run.

const START = { postgres: startPostgres, mysql: startMysql }
const servers = new Map<string, Promise<Server | undefined>>()

const broker = createServer((request, response) => {
  const name = request.url!.slice(1) as keyof typeof START
  const server = servers.get(name) ?? START[name]()
  servers.set(name, server)
  server.then(
    (server) => response.writeHead(server === undefined ? 404 : 200).end(server?.url),
    (error: Error) => response.writeHead(500).end(error.message),
  )
}).listen(0, '127.0.0.1')
await once(broker, 'listening')
const { port } = broker.address() as AddressInfo

const bin = fileURLToPath(new URL('../node_modules/tap/dist/esm/run.mjs', import.meta.url))
const tap = spawn(process.execPath, [bin, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, TEST_SERVERS: `http://127.0.0.1:${port}` },
})
// A terminal sends it to tap as well, which ends its files and says how far they got.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => tap.kill('SIGTERM'))
const [code] = (await once(tap, 'exit')) as [number | null]

broker.close()
for (const server of await Promise.allSettled(servers.values())) {
  if (server.status === 'fulfilled') await server.value?.remove()
}
process.exitCode = code ?? 1
