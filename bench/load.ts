import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { interleave, median, ratiosOf, round } from './lib/measure.ts'
import type { BenchOptions, Report } from './lib/measure.ts'
import { start } from './load/start.ts'

const NAMES = ['fastify', 'both'] as const

const MB = 1024 * 1024

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** How long a process takes to load Fastify, and how long to load Fastify and this package, which is built for it as it is published. */
export default async function load({ quick, log }: BenchOptions): Promise<Report> {
  const limits = quick ? { rounds: 41, untilMs: 40_000 } : { rounds: 151, untilMs: 240_000 }
  const fastify = import.meta.resolve('fastify')
  execFileSync(process.execPath, ['scripts/build.js'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
  const modules = { fastify: [fastify], both: [fastify, import.meta.resolve('fastify-wechat-pay')] }
  // Warm the system's file cache before the first round.
  const files = {
    fastify: start(modules.fastify, { count: true }).files,
    both: start(modules.both, { count: true }).files,
  }

  const samples = await interleave(limits, NAMES, async (name) => {
    const { ms, rss } = start(modules[name])
    log(`${name}: ${round(ms, 1)} ms, ${round(rss / MB, 1)} MB`)
    return { ms, rss: rss / MB }
  })
  const pick = (what: 'ms' | 'rss') => ({
    fastify: samples.fastify.map((sample) => sample[what]),
    both: samples.both.map((sample) => sample[what]),
  })
  const [times, memory] = [pick('ms'), pick('rss')]
  return {
    rows: [
      ...NAMES.map((name) => ({ name, median: round(median(times[name]), 1), unit: 'ms to import' })),
      ...NAMES.map((name) => ({ name: `${name} memory`, median: round(median(memory[name]), 1), unit: 'MB resident' })),
      ...NAMES.map((name) => ({ name: `${name} modules`, median: files[name].size, unit: 'files' })),
    ],
    ratios: ratiosOf(times, ['both/fastify']),
  }
}
