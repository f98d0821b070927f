import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'undici'

/** A mock server as its users start it: a process, by its command. */
export interface Command {
  readonly args: readonly string[]
  /** The address in what it prints at the start. */
  readonly url: RegExp
  /** Something cheap to ask. */
  readonly path: string
}

export interface Started {
  readonly url: string
  /** The first thing it has printed. */
  readonly line: string
  /** From the start of the process to its first answer. */
  readonly ms: number
  /** Resident memory, in bytes. */
  rss(): number
  stop(): Promise<void>
}

/** Starts a mock server and asks it as soon as it says where it is. */
export async function startCommand({ args, url: pattern, path }: Command): Promise<Started> {
  const start = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill()
    await ended
  }
  try {
    let line = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      line += String(chunk)
      if (pattern.test(line)) break
    }
    const found = pattern.exec(line)
    if (!found) throw new Error(`${args.join(' ')} ended without saying where it is: ${line}`)
    const url = found[1]!.replace('[::]', 'localhost')
    const { statusCode, body } = await request(`${url}${path}`, { reset: true })
    await body.text()
    if (statusCode !== 200) throw new Error(`${url}${path} answers ${statusCode}.`)
    const ms = performance.now() - start
    return {
      url,
      line,
      ms,
      stop,
      rss: () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' })) * 1024,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
