import { endedByWork } from './endings.ts'
import type { Connection, Dialect, Executor, Isolation, Row, Value } from '../executor.ts'

/** What is used of a `PrismaClient`. */
export interface PrismaLike<Tx extends PrismaQueryable> extends PrismaQueryable {
  $transaction<T>(
    work: (tx: Tx) => Promise<T>,
    options?: PrismaTransactionOptions & { isolationLevel?: any },
  ): Promise<T>
}

/** What is used of a `PrismaClient` and of a `Prisma.TransactionClient`. */
export interface PrismaQueryable {
  $queryRawUnsafe(sql: string, ...values: Value[]): PromiseLike<unknown>
  $executeRawUnsafe(sql: string, ...values: Value[]): PromiseLike<number>
}

/** The limits of a transaction in Prisma. */
export interface PrismaTransactionOptions {
  /** How long `onPaid` may take, ms, before it is rolled back. By default as long as `leaseMs` allows: Prisma's own limit does not count. */
  timeout?: number
  /** How long a transaction may wait for a connection, ms. Prisma's default is 2000. */
  maxWait?: number
}

/**
 * Prisma's limit is out of the way, ms: it gives the connection back before the rollback is through, and on MySQL with autocommit off. Later writes would
 * succeed and not be committed.
 */
const NEVER = 2 ** 31 - 1

const LEVELS: Record<Isolation, string> = { 'read committed': 'ReadCommitted' }

/**
 * Runs on a `PrismaClient`. `tx` is its `Prisma.TransactionClient`.
 *
 * Over pg, hand Prisma a pool and listen to its clients, and over MariaDB or MySQL name a collation: a connection that is lost while it is made would end
 * the process.
 *
 * @example
 * ```ts
 * const pool = new pg.Pool().on('connect', (client) => client.on('error', () => {}))
 * const store = sqlStore(fromPrisma(new PrismaClient({ adapter: new PrismaPg(pool) }), 'postgres'))
 *
 * const adapter = new PrismaMariaDb('mariadb://user:password@host/shop?collation=UTF8MB4_UNICODE_CI')
 * ```
 */
export function fromPrisma<Tx extends PrismaQueryable>(
  prisma: PrismaLike<Tx>,
  dialect: Dialect,
  { timeout, ...options }: PrismaTransactionOptions = {},
): Executor<Tx> {
  return {
    dialect,
    ...connection(prisma),
    within: connection,
    transaction: (work, isolation) =>
      endedByWork(
        dialect,
        (ending) =>
          prisma.$transaction(
            (tx) => {
              const inside = connection(tx)
              return ending(inside, work(inside, tx))
            },
            { ...options, timeout: NEVER, ...(isolation && { isolationLevel: LEVELS[isolation] }) },
          ),
        timeout,
      ),
  }
}

function connection(on: PrismaQueryable): Connection {
  return {
    rows: async (sql, values) => (await on.$queryRawUnsafe(sql, ...values)) as Row[],
    run: async (sql, values) => await on.$executeRawUnsafe(sql, ...values),
  }
}
