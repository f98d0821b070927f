import { round } from './lib/measure.ts'
import type { BenchOptions, Report, Row } from './lib/measure.ts'
import { DATABASES } from './store/databases.ts'
import type { Counts, Database } from './store/databases.ts'
import { createShop } from './store/lives.ts'
import type { Shop } from './store/lives.ts'

/** Orders of each kind whose changes are counted. */
const ORDERS = 300
/** Made first and not counted: after a checkpoint the first change of a page writes all of it, such as the maps of a table that a vacuum makes. */
const WARM = 100
/** Disk use is measured between these two counts of paid orders, so that pages and files that exist anyway do not count. */
const DISK = { full: [1000, 4000], quick: [300, 1200] } as const

/** What an order costs its database: bytes of log, rows updated, and what stays on the disk. */
export default async function store({ quick, log }: BenchOptions): Promise<Report> {
  const rows: Row[] = []
  for (const open of DATABASES) {
    const database = await open()
    if (database === undefined) {
      log('no MySQL or MariaDB is installed here')
      continue
    }
    try {
      for (const kind of ['paid', 'abandoned'] as const) {
        const counts = await between(
          database,
          `${kind}_`,
          (shop) => shop[kind](WARM),
          (shop) => shop[kind](ORDERS),
        )
        log(`${database.name}: ${ORDERS} orders were ${kind}`)
        const row = (what: string, value: number, unit: string, digits = 1) => {
          rows.push({ name: `${database.name} ${kind} ${what}`, median: round(value, digits), unit })
        }
        row('log', counts.log / ORDERS, 'bytes/order', 0)
        if (counts.updates !== undefined) row('updates', counts.updates / ORDERS, 'rows/order')
        if (counts.orderUpdates !== undefined) {
          row('updates of orders', counts.orderUpdates / ORDERS, 'rows/order')
          row('HOT', counts.hot! / counts.orderUpdates, 'of the updates of orders', 3)
        }
      }
      const [few, many] = DISK[quick ? 'quick' : 'full']
      const grown = await between(
        database,
        'disk_',
        (shop) => shop.paid(few),
        (shop) => shop.paid(many - few),
      )
      rows.push({
        name: `${database.name} paid disk`,
        median: round(grown.disk / (many - few), 0),
        unit: 'bytes/order, with its history',
      })
    } finally {
      await database.remove()
    }
  }
  return { rows, ratios: {} }
}

/** What the second step adds to the counts. The server knows a connection's counts once the connection is closed. */
async function between(
  database: Database,
  tablePrefix: string,
  ...steps: ((shop: Shop) => Promise<void>)[]
): Promise<Counts> {
  let before: Counts | undefined
  let after: Counts | undefined
  for (const [n, step] of steps.entries()) {
    const { store, close } = await database.open(tablePrefix)
    await store.migrate()
    await step(createShop(store, n * 1_000_000))
    await close()
    before = after
    after = await database.count(tablePrefix)
  }
  return Object.fromEntries(
    Object.entries(after!).map(([name, value]) => [name, value - before![name as keyof Counts]!]),
  ) as unknown as Counts
}
