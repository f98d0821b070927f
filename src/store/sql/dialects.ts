import type { Dialect, Isolation } from '../executor.ts'
import type { Kind } from './fields.ts'
import type { Tables } from './schema/tables.ts'

/** Where the databases differ. All other SQL is common to all of them. */
export interface Differences {
  types: Readonly<Record<Kind, string>>
  /** Selects a column of this kind so that every driver reads it right, whatever its settings: times as ms since 1970, everything else as text or an integer. */
  read(kind: Kind, column: string): string
  /** The placeholder of a value. */
  place: Readonly<Record<Kind, string>>
  /** A moment in the form that every driver of this database writes right, whatever its settings. */
  time(at: Date): string | number
  /** Turns the `?` of a statement into the placeholders of the drivers. */
  numbered(sql: string): string
  /** The isolation level of the store's own transactions, where the database has several. */
  isolation?: Isolation
  /** Finds a row of the schedule by its index, with the values that this takes. */
  placed: { sql: string; values: readonly ('mchId' | 'dueAt' | 'outTradeNo')[] }
  /** The rows of the schedule that belong to a merchant, by its index; the merchant's number is needed so often. */
  ofMerchant: { sql(schedule: string): string; numbers: number }
  /** Locks the rows of a select until the transaction ends. SQLite needs none: our transactions begin as writers there. */
  lock: string
  /** From where to read the first orders of the schedule for which `isDue` holds and which nobody else has locked: then they are ours. */
  firstFree(names: Pick<Tables, 'schedule' | 'trades'>, isDue: string, limit: number): string
  /** A join that is done from left to right: the order of its rows is that of the table on the left. */
  inOrder: string
  /**
   * For a database that may end a transaction on its own, as MySQL does after a deadlock: statements that keep later ones from being committed one by one
   * until `open` commits the lot.
   */
  fence?: { close: string; open: string }
  /** Whether several statements can be one, and thus one round trip and one transaction. */
  compound: boolean
  /** Ends an insert that leaves an existing row as it is: reports 1 row when the row is new. */
  unlessKnown: string
  ddl: {
    /** A number that the database counts up. */
    counter: string
    /** Columns of the anomalies that only this database needs. */
    reports: string[]
    /** Whether indexes are part of their table's statement. */
    indexInside: boolean
    tableOptions: string
    /** Options of a table whose rows change in place: leaves room for their next versions. */
    roomy: string
    /** Options of a table that is little more than its key. */
    narrow: string
    /** The schedule, whose few rows move all the time: its index, with the constraint that makes it, and its options. */
    schedule: {
      constraint(columns: string): string[]
      index(columns: string): string[]
      options: string
      /** If no constraint keeps an order from having two places: a condition that it has none yet. */
      missing(names: Pick<Tables, 'schedule' | 'trades'>): string
    }
    /** Copies rows from another table, unless they already exist. */
    copy(into: string, columns: string, from: string): string
    /**
     * Blocks writes to tables while they are copied and dropped, so that none is lost: until `thaw`, or forever. Where a table can be altered in a transaction,
     * by the change that is given, after which the statements of older versions fail.
     */
    freeze(changes: Readonly<Record<string, string>>, into: string[]): string[]
    thaw: string[]
    /** The current time, by the clock of the database. */
    now: string
    /** Concatenates texts. */
    concat(...texts: string[]): string
    /** Lets one migration of the tables of this name run at a time, until `unlock` or the end of the transaction. */
    lock(name: string): string[]
    unlock(name: string): string[]
  }
  /** Ends an insert that replaces the row of the same `key`. */
  replacing(key: string, columns: string[]): string
}

const OF_MERCHANT: Differences['ofMerchant'] = { sql: (schedule) => `${schedule}.mch_id = ?`, numbers: 1 }

/** Of text comparison in PostgreSQL only "C" depends on no library of the operating system. */
const POSTGRES_KEY = 'text collate "C"'

export const DIALECTS: Readonly<Record<Dialect, Differences>> = {
  postgres: {
    types: {
      key: POSTGRES_KEY,
      name: 'text',
      text: 'text',
      integer: 'bigint',
      time: 'timestamptz(3)',
      json: 'text',
      count: 'bigint',
    },
    read: (kind, column) => (kind === 'time' ? `(extract(epoch from ${column}) * 1000)::bigint` : column),
    place: {
      key: '?::text',
      name: '?::text',
      text: '?::text',
      integer: '?::bigint',
      time: '?::timestamptz',
      json: '?::text',
      count: '?::bigint',
    },
    time: (at) => at.toISOString(),
    numbered: (sql) => {
      let count = 0
      return sql.replaceAll('?', () => `$${++count}`)
    },
    isolation: 'read committed',
    // Rows of the user's own may refer to an order: "no key update" waits for none of the transactions that write such rows.
    placed: {
      sql: 'hashtext(mch_id) = hashtext(?::text) and due_at = ?::timestamptz and hashtext(out_trade_no) = hashtext(?::text) and out_trade_no = ?::text',
      values: ['mchId', 'dueAt', 'outTradeNo', 'outTradeNo'],
    },
    ofMerchant: {
      sql: (schedule) => `hashtext(${schedule}.mch_id) = hashtext(?::text) and ${schedule}.mch_id = ?::text`,
      numbers: 2,
    },
    lock: 'for no key update',
    // A join may be planned, and remembered, as a scan of the whole table while that is small.
    firstFree: ({ schedule, trades }, isDue, limit) =>
      `${schedule} cross join lateral (select * from ${trades} where ${trades}.out_trade_no = ${schedule}.out_trade_no and ${trades}.due_at = ${schedule}.due_at and ${isDue} for no key update skip locked) as ${trades} ` +
      `where ${DIALECTS.postgres.ofMerchant.sql(schedule)} and ${schedule}.due_at <= ?::timestamptz order by ${schedule}.due_at limit ${limit}`,
    inOrder: 'join',
    compound: true,
    unlessKnown: 'on conflict (id) do nothing',
    replacing: replacingConflict,
    ddl: {
      counter: 'bigint generated always as identity',
      reports: [],
      indexInside: false,
      tableOptions: '',
      now: 'now()',
      roomy: ' with (fillfactor = 85)',
      narrow: '',
      // A text takes more of an index than its hash, and each move writes one entry.
      schedule: {
        constraint: () => [],
        index: (columns) => [columns.replaceAll(/mch_id|out_trade_no/g, 'hashtext($&)')],
        options: ' with (fillfactor = 50)',
        missing: ({ schedule, trades }) =>
          ` and not exists (select 1 from ${schedule} where ${schedule}.out_trade_no = ${trades}.out_trade_no)`,
      },
      copy: copyNew,
      freeze: (changes) => Object.entries(changes).map(([table, change]) => `alter table if exists ${table} ${change}`),
      thaw: [],
      concat: (...texts) => `concat(${texts.join(', ')})`,
      lock: (name) => [`select 1 as locked from pg_advisory_xact_lock(hashtext('${name}'))`],
      unlock: () => [],
    },
  },

  mysql: {
    // Of text comparison in MySQL and MariaDB only that of binary strings lets trailing spaces count, under one name in both.
    types: {
      key: 'varbinary(1020)',
      name: 'varchar(255) character set utf8mb4 collate utf8mb4_bin',
      text: 'mediumtext character set utf8mb4 collate utf8mb4_bin',
      integer: 'bigint',
      time: 'datetime(3)',
      json: 'mediumtext character set utf8mb4 collate utf8mb4_bin',
      count: 'bigint',
    },
    read: (kind, column) => {
      if (kind === 'time') return `timestampdiff(microsecond, '1970-01-01', ${column}) div 1000`
      return kind === 'key' ? `convert(${column} using utf8mb4)` : column
    },
    place: { key: '?', name: '?', text: '?', integer: '?', time: 'cast(? as datetime(3))', json: '?', count: '?' },
    // In UTC: a datetime has no zone, and the server's plays no part.
    time: (at) => at.toISOString().slice(0, 23).replace('T', ' '),
    numbered: (sql) => sql,
    isolation: 'read committed',
    placed: {
      sql: 'mch_id = ? and due_at = cast(? as datetime(3)) and out_trade_no = ?',
      values: ['mchId', 'dueAt', 'outTradeNo'],
    },
    ofMerchant: OF_MERCHANT,
    lock: 'for update',
    firstFree: (names, isDue, limit) =>
      `${first(names, 'straight_join', 'cast(? as datetime(3))', isDue, limit)} for update skip locked`,
    inOrder: 'straight_join',
    fence: { close: 'set autocommit = 0', open: 'set autocommit = 1' },
    compound: false,
    // A row that is changed counts as 2, and this changes it every time.
    unlessKnown: 'on duplicate key update reports = reports + 1',
    replacing: (_key, columns) =>
      `on duplicate key update ${columns.map((column) => `${column} = values(${column})`).join(', ')}`,
    ddl: {
      counter: 'bigint not null auto_increment',
      reports: ['reports bigint not null default 1'],
      indexInside: true,
      tableOptions: ' engine = InnoDB',
      now: 'utc_timestamp(3)',
      roomy: '',
      narrow: '',
      schedule: {
        constraint: (columns) => [`primary key (${columns})`],
        index: () => [],
        options: '',
        missing: () => '',
      },
      copy: (into, columns, from) => `insert ignore into ${into} (${columns}) select ${columns} ${from}`,
      freeze: (changes, into) => [
        `lock tables ${[...Object.keys(changes), ...into].map((name) => `${name} write`).join(', ')}`,
      ],
      thaw: ['unlock tables'],
      concat: (...texts) => `concat(${texts.join(', ')})`,
      // Statements that make tables commit at once here, so that no transaction can be the lock. A minute is more than any of them takes.
      lock: (name) => [`select get_lock('${name}', 60) as locked`],
      unlock: (name) => ['unlock tables', `select release_lock('${name}') as unlocked`],
    },
  },

  sqlite: {
    types: {
      key: 'text',
      name: 'text',
      text: 'text',
      integer: 'integer',
      time: 'integer',
      json: 'text',
      count: 'integer',
    },
    read: (_kind, column) => column,
    place: { key: '?', name: '?', text: '?', integer: '?', time: '?', json: '?', count: '?' },
    time: (at) => at.getTime(),
    numbered: (sql) => sql,
    placed: { sql: 'mch_id = ? and due_at = ? and out_trade_no = ?', values: ['mchId', 'dueAt', 'outTradeNo'] },
    ofMerchant: OF_MERCHANT,
    lock: '',
    firstFree: (names, isDue, limit) => first(names, 'cross join', '?', isDue, limit),
    inOrder: 'cross join',
    compound: false,
    unlessKnown: 'on conflict (id) do nothing',
    replacing: replacingConflict,
    ddl: {
      counter: 'integer',
      reports: [],
      indexInside: false,
      tableOptions: ' strict',
      now: "cast((julianday('now') - 2440587.5) * 86400000 as integer)",
      roomy: '',
      narrow: ', without rowid',
      schedule: {
        constraint: (columns) => [`primary key (${columns})`],
        index: () => [],
        options: ', without rowid',
        missing: () => '',
      },
      copy: copyNew,
      freeze: () => [],
      thaw: [],
      concat: (...texts) => texts.join(' || '),
      lock: () => [],
      unlock: () => [],
    },
  },
}

function first(
  { schedule, trades }: Pick<Tables, 'schedule' | 'trades'>,
  inOrder: string,
  time: string,
  isDue: string,
  limit: number,
): string {
  return (
    `${schedule} ${inOrder} ${trades} on ${trades}.out_trade_no = ${schedule}.out_trade_no ` +
    `where ${isDue} and ${OF_MERCHANT.sql(schedule)} and ${schedule}.due_at <= ${time} order by ${schedule}.due_at limit ${limit}`
  )
}

/** SQLite takes the words after a join for its condition, unless there is a `where`. */
function copyNew(into: string, columns: string, from: string): string {
  const where = from.includes(' where ') ? '' : ' where true'
  return `insert into ${into} (${columns}) select ${columns} ${from}${where} on conflict do nothing`
}

function replacingConflict(key: string, columns: string[]): string {
  return `on conflict (${key}) do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`
}
