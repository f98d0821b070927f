import { compile } from './lib/compile.ts'
import { interleave, median, ratiosOf, round } from './lib/measure.ts'
import type { BenchOptions, Report } from './lib/measure.ts'
import { startProcess } from './lib/process.ts'
import type { Reader, ServerCalls } from './reconcile/server.ts'

const READERS = ['parse', 'split'] as const satisfies Reader[]
const MB = 1024 * 1024

const FULL = { rounds: 15, lines: 200_000, days: { 'day 1e5': 100_000, 'day 1e6': 1_000_000 }, times: 3 }
const QUICK = { rounds: 5, lines: 50_000, days: { 'day 1e4': 10_000, 'day 1e5': 100_000 }, times: 1 }

/** How fast a bill is read, beside a bare split of its text; and how much memory the reconciliation of a day takes, and of one with ten times the orders. */
export default async function reconcile({ quick, log }: BenchOptions): Promise<Report> {
  const { rounds, lines, days, times } = quick ? QUICK : FULL
  const module = new URL('reconcile/server.js', compile())

  const reading = startProcess<ServerCalls>(module, [])
  for (const reader of READERS) await reading.call.read(reader, lines)
  const samples = await interleave({ rounds, untilMs: Infinity }, READERS, async (reader) => {
    const { ms, cpu } = await reading.call.read(reader, lines)
    log(`${reader}: ${Math.round((lines / ms) * 1000)} lines/s, ${round((cpu / lines) * 1000, 2)} µs of CPU a line`)
    return { perSecond: (lines / ms) * 1000, cpu: (cpu / lines) * 1000 }
  })
  await reading.stop()
  const rates = Object.fromEntries(READERS.map((name) => [name, samples[name].map(({ perSecond }) => perSecond)]))
  const cpus = Object.fromEntries(READERS.map((name) => [`${name} cpu`, samples[name].map(({ cpu }) => cpu)]))

  const peaks: Record<string, number[]> = {}
  const paces: Record<string, number[]> = {}
  for (let n = 0; n < times; n++) {
    for (const [name, count] of Object.entries(days)) {
      const [wechat, shop] = [startProcess<ServerCalls>(module, []), startProcess<ServerCalls>(module, [])]
      const { ms, peak } = await shop.call.reconcile(await wechat.call.serve(count), count)
      ;(peaks[name] ??= []).push(peak / MB)
      ;(paces[name] ??= []).push((count / ms) * 1000)
      log(`${name}: ${Math.round((count / ms) * 1000)} lines/s, at most ${round(peak / MB, 1)} MB`)
      await Promise.all([wechat.stop(), shop.stop()])
    }
  }

  const rowsOf = (all: Record<string, number[]>, digits: number, unit: string, suffix = '') =>
    Object.entries(all).map(([name, values]) => ({ name: name + suffix, median: round(median(values), digits), unit }))
  const [small, great] = Object.keys(days) as [string, string]
  return {
    rows: [
      ...rowsOf(rates, 0, 'lines/s'),
      ...rowsOf(cpus, 2, 'µs of CPU/line'),
      ...rowsOf(paces, 0, 'lines/s reconciled'),
      ...rowsOf(peaks, 1, 'MB resident at most', ' memory'),
    ],
    ratios: {
      ...ratiosOf(rates, ['parse/split']),
      ...ratiosOf(cpus, ['split cpu/parse cpu']),
      ...ratiosOf(peaks, [`${great}/${small}`]),
    },
  }
}
