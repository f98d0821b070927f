import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startMysql, startPostgres } from './store/servers.ts'
import type { Server } from './store/servers.ts'
import { verdict } from './verdict.ts'

// npm test: tap with the arguments, the files of a folder in one process, and for all of them one server of each database. A file gets its URL by
// GET $TEST_SERVERS/postgres or /mysql, and 404 if it is not installed. The first request starts the server, which stops at the end of the run.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join('test', file))

const NO_COVERAGE = ['--disable-coverage', '--allow-empty-coverage']

/** For a process that runs many files; each file has a limit of its own, see group.ts. */
const GROUP_TIMEOUT = '--timeout=900'

/** The groups that take longest, with browsers, databases and servers in processes of their own. */
const LONG = /-(?:flows-\d|store-adapters|report|pages|cli)$/

/** So many files run in one process. */
const AT_MOST = 30

/** Parts of the tests that are run separately; most have nothing to do with coverage. */
const SUITES: Record<string, { files: (file: string) => boolean; args?: string[]; env?: NodeJS.ProcessEnv }> = {
  /** The tests that `size` makes smaller for `npm test`. */
  '--full': {
    files: (file) => /from '[./]+sizes\.ts'|\bkeepsContract\(/.test(readFileSync(join(ROOT, file), 'utf8')),
    env: { TEST_SIZE: 'full' },
  },
  /** The package as a user gets it. */
  '--package': { files: (file) => /^test.package\b/.test(file) },
  /** The examples, the code of the documents, and what the compiler says of them: nothing that coverage needs. */
  '--examples': { files: isExample },
  /** The plugin, for another version of Node. */
  '--src': { files: (file) => !/^test.(mock-server|bench|examples|package)\b/.test(file) },
  /** The stores, without MariaDB and MySQL: their coverage does not depend on them. */
  '--without-mariadb': {
    files: (file) => /^test.store\b/.test(file),
    args: ['--coverage-map=scripts/coverage-store.js'],
    env: { HIDE_MARIADB: '1', MYSQL_URL: undefined, REQUIRE_MARIADB: undefined },
  },
}
const [first = '', ...rest] = process.argv.slice(2)
const suite = SUITES[first]
const options = suite === undefined ? process.argv.slice(2) : [...(suite.args ?? NO_COVERAGE), ...rest]
/** Each file that is named runs in a process of its own. */
const isNamed = options.some((option) => !option.startsWith('-') && existsSync(option))
const args = isNamed ? options : [GROUP_TIMEOUT, ...options, ...grouped(files.filter(suite?.files ?? isOrdinary))]

function isExample(file: string): boolean {
  return /^test.(?:(?:examples|documents|reference)\b|mock-server.report.(?:recipes|snippets)\.)/.test(file)
}

function isOrdinary(file: string): boolean {
  return !SUITES['--package']!.files(file) && !isExample(file)
}

/**
 * What to run instead of `files`: for each folder a file or two, each of which runs files of the folder one after another in one process. To start a process for each
 * takes longer than most need for their tests.
 */
function grouped(files: string[]): string[] {
  const folder = join(ROOT, '.tap/groups')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const groups = new Map<string, string[]>()
  for (const file of files.sort()) {
    // Folders further down belong to the one above them.
    const name = dirname(file).split(sep).slice(0, 3).join('-')
    groups.set(name, [...(groups.get(name) ?? []), file])
  }
  const parts = [...groups].flatMap(([name, files]) => inParts(name, files))
  // Begun last, one of them would run alone at the end.
  const longestFirst = parts.sort(([a], [b]) => Number(LONG.test(b)) - Number(LONG.test(a)))
  return longestFirst.map(([name, files]) => {
    const entry = join(folder, `${name}.ts`)
    writeFileSync(entry, `import { group } from '../../test/group.ts'\nawait group(${JSON.stringify(files)})\n`)
    return entry
  })
}

/** A folder of many files would be the last to end. */
function inParts(name: string, files: string[]): [name: string, files: string[]][] {
  const parts = Math.ceil(files.length / AT_MOST)
  return Array.from({ length: parts }, (_, part) => [
    parts === 1 ? name : `${name}-${part + 1}`,
    files.filter((_, n) => n % parts === part),
  ])
}

// Two processes more than cores, as some wait for a browser or a database. tap would leave one of two cores idle.
const jobs = `--jobs=${availableParallelism() + 2}`

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

const began = new Date()
const tap = spawn(process.execPath, [join(ROOT, 'node_modules/tap/dist/esm/run.mjs'), jobs, ...args], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, ...suite?.env, TEST_SERVERS: `http://127.0.0.1:${port}` },
})
// A terminal sends the signal to tap as well, which stops its files and reports their progress.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => tap.kill('SIGTERM'))
const [code] = (await once(tap, 'exit')) as [number | null]

broker.close()
for (const server of await Promise.allSettled(servers.values())) {
  if (server.status === 'fulfilled') await server.value?.remove()
}
const why = code === 1 ? await verdict(join(ROOT, '.tap/test-results'), began) : undefined
if (why !== undefined) console.error(why)
process.exitCode = code ?? 1
