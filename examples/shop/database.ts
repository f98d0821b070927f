import type { SqlStore } from '../../src/index.ts'

/** The shop's data: the plugin's tables and one of its own, in one database. */
export interface ShopDatabase {
  store: SqlStore<unknown>
  /** What the shop does for a paid order, in the transaction passed to `onPaid`. */
  ship(tx: unknown, outTradeNo: string): Promise<void>
  /** How often an order was shipped. */
  shipments(outTradeNo: string): Promise<number>
  close(): Promise<void>
}

/** A SQLite file, or the database that `postgres://` or `mysql://` names. */
export async function openDatabase(url: string): Promise<ShopDatabase> {
  // Each in a file of its own, so that only the library that is used is loaded.
  const [library] = /^(?:postgres|mysql)/.exec(url) ?? ['sqlite']
  const { open } = (await import(`./databases/${library}.ts`)) as { open(url: string): Promise<ShopDatabase> }
  const database = await open(url)
  await database.store.migrate()
  return database
}
