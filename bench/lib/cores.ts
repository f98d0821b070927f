import { execFileSync } from 'node:child_process'

/**
 * Splits the cores this process may use: one for the load, i.e. this process, and one for the server. `undefined` where there is no `taskset` (util-linux)
 * or only one core: then nothing is pinned.
 */
export function pinLoad(): { serverCore: number } | undefined {
  const cores = usable()
  if (cores.length < 2) return undefined
  taskset('-acp', String(cores[0]), String(process.pid))
  return { serverCore: cores.at(-1)! }
}

function usable(): number[] {
  let list: string
  try {
    list = taskset('-cp', String(process.pid))
  } catch {
    return []
  }
  // "pid 4711's current affinity list: 0-3,6"
  return list
    .slice(list.lastIndexOf(':') + 1)
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number)
      return Array.from({ length: last! - first! + 1 }, (_, at) => first! + at)
    })
}

function taskset(...args: string[]): string {
  return execFileSync('taskset', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}
