import type { Dialect, Executor, Reader, Row } from '../executor.ts'

export interface Session {
  /** Whether a single statement commits on its own, as a transaction at the isolation level the store needs. */
  single: boolean
}

/** What is checked. */
type Checked = Reader & Pick<Executor, 'locksFirst'>

type Settings = Readonly<Record<string, unknown>>

/** A setting that would break a promise of the store without an error. */
interface Rule {
  setting: string
  /** The values that are allowed. A setting the database does not have is not a fault. */
  is: RegExp
  /** Why, and what to do. */
  advice: string
  /** Where it matters. */
  when?: (settings: Settings) => boolean
}

interface Check {
  /** Sends a text and reads it back. Where a server stores it, it is sent twice, and comes back as the stored bytes as well, in hexadecimal digits. */
  echo: string
  settings(connection: Checked, echoed: Row): Promise<Settings>
  rules: Rule[]
  single(settings: Settings): boolean
}

const PRIMARY = 'connect to the primary, with a role that may write'

const CHECKS: Record<Dialect, Check> = {
  postgres: {
    echo:
      "select $1::text as sent_back, encode(convert_to($2::text, 'UTF8'), 'hex') as stored_as, " +
      "current_setting('transaction_isolation') as transaction_isolation, current_setting('transaction_read_only') as transaction_read_only",
    settings: async (_connection, echoed) => echoed,
    rules: [
      {
        setting: 'transaction_read_only',
        is: /^off$/,
        advice: `this is a standby, or default_transaction_read_only is on: ${PRIMARY}`,
      },
    ],
    single: ({ transaction_isolation: isolation }) => isolation === 'read committed',
  },

  mysql: {
    echo: 'select ? as sent_back, hex(?) as stored_as',
    async settings(connection) {
      const names = CHECKS.mysql.rules.map(({ setting }) => `'${setting}'`)
      const rows = await connection.rows(`show variables where variable_name in (${names.join(', ')}, 'log_bin')`, [])
      return Object.fromEntries(rows.map((row) => [row.Variable_name, row.Value]))
    },
    rules: [
      {
        setting: 'autocommit',
        is: /^ON$/,
        advice: 'what is written may never be committed, and what is read is stale: set autocommit = 1',
      },
      {
        setting: 'completion_type',
        is: /^NO_CHAIN$/,
        advice: 'each commit begins a transaction that nobody commits: set completion_type = NO_CHAIN',
      },
      { setting: 'unique_checks', is: /^ON$/, advice: 'one key may get two live orders: set unique_checks = 1' },
      { setting: 'sql_select_limit', is: /^\d{10,}$/, advice: 'rows are left out: set sql_select_limit = default' },
      {
        setting: 'sql_mode',
        is: /STRICT_(TRANS|ALL)_TABLES/,
        advice: 'what does not fit its column is cut off: add STRICT_TRANS_TABLES',
      },
      {
        setting: 'sql_mode',
        is: /^(?!.*EMPTY_STRING_IS_NULL)/,
        advice: 'empty texts are lost: take EMPTY_STRING_IS_NULL away',
      },
      { setting: 'read_only', is: /^OFF$/, advice: PRIMARY },
      { setting: 'innodb_read_only', is: /^OFF$/, advice: PRIMARY },
      { setting: 'tx_read_only', is: /^OFF$/, advice: PRIMARY },
      { setting: 'transaction_read_only', is: /^OFF$/, advice: PRIMARY },
      {
        setting: 'binlog_format',
        is: /^(ROW|MIXED)$/,
        advice: 'nothing can be written at READ COMMITTED: set binlog_format = ROW',
        when: ({ log_bin: log }) => log === 'ON',
      },
    ],
    // Other code may have switched autocommit off in a session of the pool.
    single: () => false,
  },

  sqlite: {
    echo: 'select ? as sent_back',
    async settings(connection) {
      const rows: Row[] = []
      for (const setting of ['journal_mode', 'query_only', 'read_uncommitted']) {
        rows.push(...(await connection.rows(`pragma ${setting}`, [])))
      }
      const functions = connection.locksFirst === true ? [] : await connection.rows('pragma function_list', [])
      const isLibsql = functions.some(({ name }) => name === 'libsql_vector_idx')
      return Object.assign({}, ...rows, isLibsql && { libsql: 'in use' })
    },
    rules: [
      { setting: 'journal_mode', is: /^(?!off)/, advice: 'nothing can be rolled back: pragma journal_mode = wal' },
      { setting: 'query_only', is: /^0$/, advice: 'nothing can be written: pragma query_only = 0' },
      {
        setting: 'read_uncommitted',
        is: /^0$/,
        advice: 'changes are read that may be undone: pragma read_uncommitted = 0',
      },
      {
        setting: 'libsql',
        is: /^$/,
        advice:
          'after a statement that finds the database locked, no later write is committed: use fromSqlite or fromDrizzle, which take the lock first, or another SQLite',
      },
    ],
    single: () => true,
  },
}

/** Characters beyond ASCII and beyond the first plane of Unicode, and one that some modes take for an escape. */
const SAMPLE = '\\红茶🍵'
const HEX = Buffer.from(SAMPLE).toString('hex')

/**
 * Looks at a session of the database before it is used. A store that ran with the wrong settings would lose or change data, and nobody would
 * notice.
 */
export async function checkSession(dialect: Dialect, connection: Checked): Promise<Session> {
  const check = CHECKS[dialect]
  const samples = check.echo.includes('stored_as') ? [SAMPLE, SAMPLE] : [SAMPLE]
  const [echoed = {}] = await connection.rows(check.echo, samples)
  const settings = await check.settings(connection, echoed)
  const faults = check.rules
    .filter(({ setting, is, when }) => {
      const value = settings[setting]
      return value !== undefined && (when === undefined || when(settings)) && !is.test(String(value))
    })
    .map(({ setting, advice }) => `${setting} is ${JSON.stringify(String(settings[setting]))}: ${advice}`)
  const { sent_back: back, stored_as: stored = HEX } = echoed
  if (back !== SAMPLE || String(stored).toLowerCase() !== HEX) {
    faults.unshift(
      `the text ${JSON.stringify(SAMPLE)} comes back as ${JSON.stringify(back)} and is stored as the bytes ${String(stored)}: ` +
        'the character set of the connection must be UTF-8 (utf8mb4), sql_mode without NO_BACKSLASH_ESCAPES, and rows must be objects with the columns as they are named',
    )
  }
  if (faults.length > 0) {
    throw new Error(`The store cannot keep its promises on this database as it is set. ${faults.join('. ')}`)
  }
  return { single: check.single(settings) }
}
