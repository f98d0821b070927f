import { offer } from '../lib/process.ts'
import { CONTESTANTS } from './contestants.ts'
import type { Contestant, Name } from './contestants.ts'

/** What a contestant's process offers. */
export interface ServerCalls {
  [name: string]: (...args: never[]) => unknown
  /** Listens on loopback; resolves with the port. */
  listen: () => Promise<number>
  /** Makes the next `count` orders known, where the contestant keeps orders. */
  expect: (count: number) => Promise<void>
  /** µs of CPU this process has used. */
  cpu: () => number
  /** Waits for work under way and counts the settled orders; `null` where the contestant keeps none. */
  settled: () => Promise<number | null>
}

const contestant: Contestant = await CONTESTANTS[process.argv[3] as 'v2' | 'v3'][process.argv[2] as Name]!(
  process.argv[4]!,
)

offer({
  listen: contestant.listen,
  expect: contestant.expect,
  settled: contestant.settled,
  cpu() {
    const { user, system } = process.cpuUsage()
    return user + system
  },
} satisfies ServerCalls)
