import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The functions that a server process offers to the process that loads it; arguments and results must survive JSON. */
export type Calls = Record<string, (...args: never[]) => unknown>

/** The same functions, called from the other process. */
type Remote<C extends Calls> = {
  [Name in keyof C]: (...args: Parameters<C[Name]>) => Promise<Awaited<ReturnType<C[Name]>>>
}

export interface ServerProcess<C extends Calls> {
  call: Remote<C>
  /** Rejects when the process has ended, for any reason. */
  ended: Promise<never>
  stop(): Promise<void>
}

interface Request {
  name: string
  args: never[]
}
interface Reply {
  result?: unknown
  error?: string
}

/** How long a process may take to end. */
const STOP_MS = 5000

/** Starts a module in a process of its own, pinned to `core`. One call at a time. */
export function startProcess<C extends Calls>(module: URL, args: string[], core?: number): ServerProcess<C> {
  const command = [process.execPath, ...(process.env.BENCH_NODE_ARGS?.split(' ') ?? []), fileURLToPath(module), ...args]
  if (core !== undefined) command.unshift('taskset', '-c', String(core))
  // Nothing but the report may reach this process's stdout.
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', process.stderr, process.stderr, 'ipc'] })
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      reject(new Error(`The server ${args.join(' ')} ended with ${signal ?? code}.`))
    })
  })
  ended.catch(() => {})

  async function call(name: string, ...args: never[]): Promise<unknown> {
    const reply = new Promise<Reply>((resolve) => {
      child.once('message', (message) => {
        resolve(message as Reply)
      })
    })
    child.send({ name, args } satisfies Request)
    const { result, error } = await Promise.race([reply, ended])
    if (error !== undefined) throw new Error(error)
    return result
  }

  return {
    ended,
    call: new Proxy(
      {},
      {
        get:
          (_target, name: string) =>
          async (...args: never[]) =>
            await call(name, ...args),
      },
    ) as Remote<C>,
    async stop() {
      if (child.connected) child.disconnect()
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      await ended.catch(() => {})
      clearTimeout(late)
    },
  }
}

/** In the server process: answers calls until the other process lets go. */
export function offer(calls: Calls): void {
  process.on('message', ({ name, args }: Request) => {
    Promise.resolve()
      .then(() => calls[name]!(...args))
      .then(
        (result) => {
          process.send!({ result } satisfies Reply)
        },
        (error: Error) => {
          process.send!({ error: error.stack ?? error.message } satisfies Reply)
        },
      )
  })
  process.on('disconnect', () => {
    process.exit()
  })
}
