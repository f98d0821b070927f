import type { JournalEntry } from '../journal/entry.ts'

/** Counts for a scraper, in the text format of Prometheus. */
export interface Metrics {
  readonly count: (entry: JournalEntry) => void
  /** `gauges` are values of this moment, by name. */
  readonly text: (gauges: Readonly<Record<string, Gauge>>) => string
}

export interface Gauge {
  readonly help: string
  readonly value: number
}

export function createMetrics(): Metrics {
  const calls = new Map<string, number>()
  const deliveries = new Map<string, number>()
  const increase = (counter: Map<string, number>, key: string) => counter.set(key, (counter.get(key) ?? 0) + 1)
  const series = (
    name: string,
    help: string,
    type: string,
    values: Iterable<readonly [labels: string, value: number]>,
  ) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...Array.from(values, ([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}`),
  ]
  return {
    count: ({ direction, api, verdict }) => {
      // Every notification has a verdict.
      if (direction === 'in') increase(calls, `api="${api}"`)
      else increase(deliveries, `api="${api}",verdict="${verdict!}"`)
    },
    text: (gauges) =>
      [
        ...series('wechat_mock_calls_total', 'Calls to the emulated WeChat.', 'counter', calls),
        ...series(
          'wechat_mock_deliveries_total',
          'Notifications sent, by what WeChat makes of the answer.',
          'counter',
          deliveries,
        ),
        ...Object.entries(gauges).flatMap(([name, { help, value }]) => series(name, help, 'gauge', [['', value]])),
        '',
      ].join('\n'),
  }
}
