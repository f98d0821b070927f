/** One figure: the median over all rounds. */
export interface Row {
  name: string
  median: number
  unit: string
}

export interface Report {
  rows: Row[]
  /** By `a/b`: how many times as much as b a reached, the median over the rounds. */
  ratios: Record<string, number>
}

export interface BenchOptions {
  /** End within 50 s, with fewer and shorter rounds. */
  quick: boolean
  /** The version of WeChat Pay's API, where it makes a difference. */
  version: 'v2' | 'v3'
  /** Progress, for a person who waits. */
  log: (line: string) => void
}

/** What a benchmark module exports. */
export type Bench = (options: BenchOptions) => Promise<Report>

/**
 * Measures every contestant once per round and collects the samples by contestant. All of them run under the same conditions; each round starts with another
 * one, so that none always runs first. Ends after `rounds`, or with the round under way when this process is `untilMs` old.
 */
export async function interleave<Name extends string, Sample>(
  { rounds, untilMs }: { rounds: number; untilMs: number },
  contestants: readonly Name[],
  measure: (name: Name) => Promise<Sample>,
): Promise<Record<Name, Sample[]>> {
  const samples = Object.fromEntries(contestants.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>
  for (let round = 0; round < rounds && (round === 0 || performance.now() < untilMs); round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const name = contestants[(round + turn) % contestants.length]!
      samples[name].push(await measure(name))
    }
  }
  return samples
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** For each pair `a/b` the median over the rounds of what a reached divided by what b reached in the same round. */
export function ratiosOf(
  samples: Record<string, readonly number[]>,
  pairs: readonly `${string}/${string}`[],
): Record<string, number> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [a, b] = pair.split('/').map((name) => samples[name]!)
      return [pair, round(median(a!.map((value, at) => value / b![at]!)), 3)]
    }),
  )
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** The report for a person. */
export function format(name: string, { rows, ratios }: Report): string {
  const lines = [
    ...rows.map((row) => [row.name, row.median.toLocaleString('en-US'), row.unit]),
    ...Object.entries(ratios).map(([pair, ratio]) => [pair, ratio.toFixed(2), '']),
  ]
  const width = (column: number) => Math.max(...lines.map((line) => line[column]!.length))
  const text = lines.map(([what, figure, unit]) =>
    `  ${what!.padEnd(width(0))}  ${figure!.padStart(width(1))} ${unit}`.trimEnd(),
  )
  return `${name}, Node ${process.version}, medians\n${text.join('\n')}\n`
}
