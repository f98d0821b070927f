export type Dialect = 'postgres' | 'mysql' | 'sqlite'

/** What a statement is given: text, an integer, or NULL. */
export type Value = string | number | null

export type Row = Record<string, unknown>

/** Runs one statement at a time. Placeholders are `$1`, `$2` … for PostgreSQL and `?` for the others. */
export interface Connection {
  /** Runs a statement that answers with rows. */
  rows(sql: string, values: Value[]): Promise<Row[]>
  /** Runs a statement that answers with none; resolves with how many rows it touched. */
  run(sql: string, values: Value[]): Promise<number>
}

/** A connection that is only read from. */
export type Reader = Pick<Connection, 'rows'>

/**
 * How far a transaction is kept apart from others. The store locks what it changes, and needs no more than this level; at a higher one, which may be the database's
 * default, the database refuses changes that the store could make.
 */
export type Isolation = 'read committed'

/** What a SQL store needs of a database library. `Tx` is what that library calls a transaction: it is handed to `onPaid`. */
export interface Executor<Tx = unknown> extends Connection {
  readonly dialect: Dialect
  /**
   * Runs `work` in a transaction of its own and commits it; rolls back when `work` rejects, and rejects with the same error. `connection` and `tx` are two
   * faces of one transaction, and no other statement gets into it. Without `isolation` it runs at the database's default.
   */
  transaction<T>(work: (connection: Connection, tx: Tx) => Promise<T>, isolation?: Isolation): Promise<T>
}
