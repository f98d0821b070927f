/** One figure: the median over all rounds. */
export interface Row {
  name: string
  median: number
  unit: string
}

export interface Report {
  rows: Row[]
  /** By `a/b`: the median of a divided by the median of b. */
  ratios: Record<string, number>
}

export interface BenchOptions {
  /** End within 50 s, with fewer and shorter rounds. */
  quick: boolean
  /** Progress, for a person who waits. */
  log: (line: string) => void
}

/** What a benchmark module exports. */
export type Bench = (options: BenchOptions) => Promise<Report>

/**
 * Runs every contestant once per round and collects what each returned, by contestant. All of them meet the same weather; each round starts with another
 * one, so that nobody always runs first.
 */
export async function interleave<Name extends string, Sample> (rounds: number, contestants: readonly Name[], measure: (name: Name) => Promise<Sample>): Promise<Record<Name, Sample[]>> {
  const samples = Object.fromEntries(contestants.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const name = contestants[(round + turn) % contestants.length]!
      samples[name].push(await measure(name))
    }
  }
  return samples
}

export function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The ratio of the medians of two rows, for each pair `a/b`. */
export function ratiosOf (rows: readonly Row[], pairs: readonly `${string}/${string}`[]): Record<string, number> {
  const medianOf = (name: string | undefined) => rows.find((row) => row.name === name)!.median
  return Object.fromEntries(pairs.map((pair) => {
    const [a, b] = pair.split('/')
    return [pair, round(medianOf(a) / medianOf(b), 3)]
  }))
}

export function round (value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** The report for a person. */
export function format (name: string, { rows, ratios }: Report): string {
  const lines = [
    ...rows.map((row) => [row.name, row.median.toLocaleString('en-US'), row.unit]),
    ...Object.entries(ratios).map(([pair, ratio]) => [pair, ratio.toFixed(2), ''])
  ]
  const width = (column: number) => Math.max(...lines.map((line) => line[column]!.length))
  const text = lines.map(([what, figure, unit]) => `  ${what!.padEnd(width(0))}  ${figure!.padStart(width(1))} ${unit}`.trimEnd())
  return `${name}, Node ${process.version}, medians\n${text.join('\n')}\n`
}
