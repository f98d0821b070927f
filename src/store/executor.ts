/** The kind of SQL that a database speaks: `mysql` is for MariaDB too. */
export type Dialect = 'postgres' | 'mysql' | 'sqlite'

/** A parameter of a statement: text, an integer, or NULL. */
export type Value = string | number | null

/** A row, by the names of its columns. */
export type Row = Record<string, unknown>

/** Runs one statement at a time. Placeholders are `$1`, `$2` … for PostgreSQL and `?` for the others. */
export interface Connection {
  /** Runs a statement that returns rows. */
  rows(sql: string, values: Value[]): Promise<Row[]>
  /** Runs a statement that returns none; resolves with the number of affected rows. */
  run(sql: string, values: Value[]): Promise<number>
}

/** A connection for reading only. */
export type Reader = Pick<Connection, 'rows'>

/**
 * The isolation of a transaction. The store locks the rows that it changes, and needs no more than this level; at a higher one, which may be the
 * database's default, the database would refuse changes that are safe.
 */
export type Isolation = 'read committed'

/** What a SQL store needs from a database library. `Tx` is that library's transaction, which is passed to `onPaid`. */
export interface Executor<Tx = unknown> extends Connection {
  readonly dialect: Dialect
  /**
   * Runs `work` in a transaction of its own and commits it; rolls back when `work` rejects, and rejects with the same error. `connection` and `tx` are two views of one transaction, and no other statement gets into it. Without `isolation` it runs at the database's default.
   */
  transaction<T>(work: (connection: Connection, tx: Tx) => Promise<T>, isolation?: Isolation): Promise<T>
  /**
   * Each statement runs where the lock of the database is held already. libsql lets no later write be committed after a prepared statement that finds the database
   * locked, so a store on it needs this.
   */
  readonly locksFirst?: boolean
  /** Runs statements in a transaction that is open already, e.g. one of the app's own. Without it, `fastify.wechat.ship` takes no `tx`. */
  within?(tx: Tx): Connection
}
