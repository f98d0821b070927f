import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { run } from '../../../mock-server/cli/program.ts'
import { TYPESCRIPT } from '../../typescript.ts'

const CLI = fileURLToPath(new URL('../../../mock-server/cli/bin.ts', import.meta.url))

export interface Running {
  /** The next line of stdout. */
  readonly line: () => Promise<string>
  /** Closes the pipe of stdout. */
  readonly unread: () => void
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }>
}

/** Starts `wechat-mock` as its own process; it stops with the test. */
export function wechatMock(t: Test, args: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [TYPESCRIPT, CLI, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
    })
  }
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => ({
    code,
    signal,
    ...output,
  }))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  return {
    line: async () => (await lines.next()).value as string,
    unread: () => {
      child.stdout.destroy()
    },
    kill: (signal) => {
      child.kill(signal)
    },
    ended,
  }
}

/** Runs a command of `wechat-mock` that ends without a signal, in this process. */
export async function command(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const told = { out: '', err: '' }
  const code = await run(args, {
    out: (text) => {
      told.out += text
    },
    err: (text) => {
      told.err += text
    },
  })
  return { code, ...told }
}
