import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { TYPESCRIPT } from '../typescript.ts'

/** What a process of the fleet runs. It prints its port, or anything if it has none, when it is ready. */
export interface Program {
  script: URL
  args?: string[]
  env?: Record<string, string>
}

interface Member {
  child: ChildProcess
  port: number
}

/**
 * Several processes of the app behind one address, which get the connections in turn. A killed process takes its connections with it, as behind any load balancer.
 */
export interface Fleet {
  url: string
  /** How many processes were killed. */
  kills: number
  /** How many processes exited unexpectedly; they are replaced. */
  exits: number
  /** Adds processes. */
  grow(count: number): Promise<void>
  /** Sends SIGKILL to the process that has run longest. */
  kill(): void
  /** Replaces the process that has run longest, as a deploy does: no more connections, then SIGTERM. Resolves when it has ended. */
  replace(): Promise<void>
  /** Sends SIGKILL to all. */
  stop(): Promise<void>
}

/** With more unexpected exits the run is aborted. */
const MOST_EXITS = 10

export async function createFleet(programFor: (publicUrl: string) => Program): Promise<Fleet> {
  const members: Member[] = []
  const killed = new WeakSet<ChildProcess>()
  let turn = 0
  const balancer: Server = createServer((inbound) => {
    const member = members[turn++ % members.length]
    if (member === undefined) {
      inbound.destroy()
      return
    }
    const outbound = connect(member.port, '127.0.0.1')
    inbound.pipe(outbound).pipe(inbound)
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      one.on('error', () => {
        other.destroy()
      })
      one.on('close', () => {
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => {
    balancer.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(balancer.address() as AddressInfo).port}`

  async function start(): Promise<void> {
    const { script, args = [], env = {} } = programFor(url)
    const child = spawn(process.execPath, [TYPESCRIPT, fileURLToPath(script), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let member: Member | undefined
    const started = once(createInterface(child.stdout), 'line')
    const ended = once(child, 'exit').then(async () => {
      if (member !== undefined && members.includes(member)) members.splice(members.indexOf(member), 1)
      if (killed.has(child)) return
      fleet.exits += 1
      if (fleet.exits > MOST_EXITS) throw new Error('The processes of the app keep ending')
      await start()
    })
    const line = (await Promise.race([started, ended])) as [string] | undefined
    if (line !== undefined) members.push((member = { child, port: Number(line[0]) }))
  }

  const fleet: Fleet = {
    url,
    kills: 0,
    exits: 0,
    async grow(count) {
      await Promise.all(Array.from({ length: count }, start))
    },
    kill() {
      const oldest = members.shift()
      if (oldest === undefined) return
      members.push(oldest) // its exit removes it
      killed.add(oldest.child)
      oldest.child.kill('SIGKILL')
      fleet.kills += 1
    },
    async replace() {
      await start()
      const { child } = members.shift()!
      killed.add(child)
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      const [code, signal] = await ended
      if (code !== 0) throw new Error(`a process did not close: ${String(code ?? signal)}`)
    },
    async stop() {
      await Promise.all(
        members.map(async ({ child }) => {
          killed.add(child)
          const ended = once(child, 'exit')
          child.kill('SIGKILL')
          await ended
        }),
      )
      balancer.close()
    },
  }
  return fleet
}
