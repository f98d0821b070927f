import { setTimeout } from 'node:timers/promises'
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

/** The module of each scheme, and the library's own name for it. */
const LIBRARIES: Record<string, 'postgres' | 'mysql' | 'sqlite'> = {
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
  'sqlite:': 'sqlite',
  'file:': 'sqlite',
}

/** The code of an error while a database, or its machine, is starting. */
const STARTING = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  '57P03',
  'PROTOCOL_CONNECTION_LOST',
])
/** What pg says then in an error without a code. */
const STARTING_WORDS = /^(?:timeout e|Connection terminated)/
const PATIENCE_MS = 60_000
const CONNECT_MS = 10_000

/** Where a database is, without its password. */
export const placeOf = (url: string) => url.replace(/^([a-z]+:\/\/)[^/?#]*@/, '$1')

function parse(url: string): { library: 'postgres' | 'mysql' | 'sqlite'; target: string } {
  const [, scheme = ''] = /^([a-z][a-z\d+.-]+:)/i.exec(url) ?? []
  // A path: C:\shop.db too has no scheme, which is longer than a letter.
  if (scheme === '' || url === ':memory:') return { library: 'sqlite', target: url }
  const library = LIBRARIES[scheme.toLowerCase()]
  if (library === undefined) {
    throw new Error(
      `DATABASE_URL has the scheme ${scheme} of no database that the shop knows; it takes a path of a file, ${Object.keys(LIBRARIES).join(', ')}.`,
    )
  }
  if (library === 'sqlite') return { library, target: decodeURIComponent(url.replace(/^\w+:(?:\/\/(?=\/))?/, '')) }
  if (!URL.canParse(url)) throw new Error(`DATABASE_URL is not a URL: ${placeOf(url)}`)
  return { library, target: url.replace(/^mariadb:/i, 'mysql:') }
}

export interface OpenOptions {
  /** How long to wait for a database that is starting. */
  patienceMs?: number
  /** How long one attempt to connect may take: a port that is forwarded may be open before the database is. */
  connectMs?: number
  /** Called once, when the shop begins to wait. */
  onWait?: (reason: string) => void
}

/**
 * A SQLite file, or the database of a URL: `sqlite:`, `file:`, `postgres:`, `mysql:`, `mariadb:`. Waits for one that is starting.
 *
 * @throws Error whose message is a sentence without a password
 */
export async function openDatabase(
  url: string,
  { patienceMs = PATIENCE_MS, connectMs = CONNECT_MS, onWait = () => {} }: OpenOptions = {},
): Promise<ShopDatabase> {
  const { library, target } = parse(url)
  // Each in a file of its own, so that only the library that is used is loaded.
  const { open } = (await import(`./databases/${library}.ts`)) as {
    open(target: string, connectMs: number): Promise<ShopDatabase>
  }
  const until = Date.now() + patienceMs
  for (let tries = 0; ; tries++) {
    try {
      const database = await open(target, connectMs)
      await database.store.migrate()
      return database
    } catch (error) {
      const reason = reasonOf(error)
      const isStarting = STARTING.has(codeOf(error)) || STARTING_WORDS.test(reason)
      if (!isStarting || Date.now() > until) {
        throw new Error(`The database ${placeOf(url)} cannot be used: ${reason}`, { cause: error })
      }
      if (tries === 0) onWait(reason)
      await setTimeout(500)
    }
  }
}

/** A connection tried at several addresses has failed for as many reasons. */
const firstOf = (error: unknown) => (error instanceof AggregateError ? (error.errors[0] as unknown) : error)
const codeOf = (error: unknown) => String((firstOf(error) as NodeJS.ErrnoException).code ?? '')
const reasonOf = (error: unknown) => (firstOf(error) as Error).message
