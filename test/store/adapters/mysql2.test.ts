import type mysql2 from 'mysql2/promise'
import t from 'tap'
import type { Anomaly } from '../../../src/model.ts'
import { fromMysql2 } from '../../../src/store/adapters/mysql2.ts'
import type { Value } from '../../../src/store/executor.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { contract, keepsContract, mysql, mysqlPool } from '../databases.ts'
import { answerFirst } from '../doubles.ts'
import { OWNER, at, change, newOrder } from '../orders.ts'

await keepsContract(t, {
  mysql(uri, t) {
    return {
      executor: fromMysql2(mysqlPool(uri, t)),
      write: (tx: mysql2.PoolConnection, id) => tx.query('insert into own (id) values (?)', [id]),
    }
  },
})

const SETTINGS = [
  'set session transaction isolation level serializable',
  "set time_zone = '-09:00'",
  // Modes that are harmless.
  "set sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES,PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,NO_BACKSLASH_ESCAPES," +
    "NO_AUTO_VALUE_ON_ZERO,PAD_CHAR_TO_FULL_LENGTH,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
  'set foreign_key_checks = 0, sql_auto_is_null = 1, sql_quote_show_create = 0',
  "set collation_connection = 'utf8mb4_general_ci'",
]

t.test('settings of the driver and the session change nothing', async (t) => {
  const uri = await mysql(t)
  if (uri === undefined) return
  const pool = mysqlPool(uri, t, {
    timezone: '+08:00',
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
    flags: ['-FOUND_ROWS'],
  })
  pool.pool.on('connection', (connection) => {
    for (const sql of SETTINGS) connection.query(sql)
  })
  await contract(t, {
    executor: fromMysql2(pool),
    write: (tx: mysql2.PoolConnection, id) => tx.query(`insert into own (id) values ('${id}')`),
  })
})

t.test('writes are committed even if autocommit was switched off in a session of the pool', async (t) => {
  const uri = await mysql(t)
  if (uri === undefined) return
  const pool = mysqlPool(uri, t, { connectionLimit: 1 })
  const store = sqlStore(fromMysql2(pool))
  await store.migrate()
  await pool.query('set autocommit = 0')
  const session = { tokenHash: 'kept', appid: 'a', openid: 'o', unionid: undefined, expiresAt: at(0) }
  const anomaly: Anomaly = { id: 'kept', kind: 'late', outTradeNo: 'kept', at: at(0), reason: 'r' }
  await store.putSession(session)
  await store.putSession({ ...session, tokenHash: 'gone' })
  await store.deleteSession('gone')
  await store.insertAnomaly(anomaly)
  await store.resolveAnomaly('kept', { action: 'dismiss', note: 'n', at: at(1) })

  const other = sqlStore(fromMysql2(mysqlPool(uri, t)))
  t.same(await other.getSession('kept'), session)
  t.equal(await other.getSession('gone'), undefined)
  t.match(await other.findAnomaly('kept'), { resolution: { note: 'n' } })
})

/** A pool that records its calls and fails those that `failing` names. */
function double(failing: string[] = []) {
  const calls: string[] = []
  const note = async (call: string): Promise<any> => {
    calls.push(call)
    if (failing.includes(call)) throw new Error(`${call} failed`)
  }
  const queryable = {
    query: async (sql: string): Promise<[unknown, unknown]> => {
      await note(sql)
      return [[{ sql }], []]
    },
    execute: async (sql: string, values: Value[]): Promise<[unknown, unknown]> => {
      const answer = answerFirst('mysql', {}, sql, values)
      if (answer !== undefined) return [answer, []]
      await note(`${sql} with ${JSON.stringify(values)}`)
      return [{ affectedRows: 3 }, undefined]
    },
  }
  const client = {
    ...queryable,
    beginTransaction: () => note('begin'),
    commit: () => note('commit'),
    rollback: () => note('rollback'),
    release: () => {
      calls.push('release')
    },
    destroy: () => {
      calls.push('destroy')
    },
  }
  return {
    calls,
    client,
    executor: fromMysql2({
      ...queryable,
      getConnection: async () => {
        await note('connect')
        return client
      },
    }),
  }
}

t.test('statements with values are prepared, others are sent as they are', async (t) => {
  const { executor, calls } = double()
  t.same(await executor.rows('select 1', []), [{ sql: 'select 1' }])
  t.equal(await executor.run('delete from a where b = ?', ['c']), 3)
  t.same(calls, ['select 1', 'delete from a where b = ? with ["c"]'])
})

const ENDS: [what: string, failing: string[], outcome: string | undefined, calls: string[]][] = [
  ['a successful work is committed', [], undefined, ['connect', 'begin', 'work', 'commit', 'release']],
  ['a work that fails is rolled back', ['work'], 'work failed', ['connect', 'begin', 'work', 'rollback', 'release']],
  [
    'a commit that fails is rolled back',
    ['commit'],
    'commit failed',
    ['connect', 'begin', 'work', 'commit', 'rollback', 'release'],
  ],
  [
    'a connection that cannot even roll back is not used again',
    ['work', 'rollback'],
    'work failed',
    ['connect', 'begin', 'work', 'rollback', 'destroy'],
  ],
  [
    'a connection that cannot begin is not used again either',
    ['begin'],
    'begin failed',
    ['connect', 'begin', 'destroy'],
  ],
  ['without a connection nothing happens', ['connect'], 'connect failed', ['connect']],
]

for (const [what, failing, outcome, expected] of ENDS) {
  t.test(what, async (t) => {
    const { executor, client, calls } = double(failing)
    const result = executor.transaction(async (connection, tx) => {
      t.equal(tx, client)
      await connection.run('work', [])
      return 'result'
    })
    if (outcome === undefined) t.equal(await result, 'result')
    else await t.rejects(result, { message: outcome })
    t.same(calls, expected)
  })
}

t.test('the isolation level applies to one transaction', async (t) => {
  const { executor, calls } = double()
  await executor.transaction(async () => {}, 'read committed')
  await executor.transaction(async () => {})
  t.same(calls, [
    ...['connect', 'set transaction isolation level read committed', 'begin', 'commit', 'release'],
    ...['connect', 'begin', 'commit', 'release'],
  ])
})

t.test('the statements sent to MySQL', async (t) => {
  const { executor, calls } = double()
  const store = sqlStore(executor)
  const said = async (call: Promise<unknown>): Promise<string> => {
    await call.catch(() => {})
    return calls.splice(0).join('\n')
  }
  t.match(
    await said(store.migrate()),
    /get_lock\('wechat_versions', 60\)[^]+engine = InnoDB[^]+release_lock\('wechat_versions'\)/,
  )
  t.match(await said(store.insertOrder(change(newOrder('a')))), /"2026-02-28 15:59:59.999"/)
  t.match(await said(store.claimDue(OWNER, at(0), 5, 1000)), /for update skip locked/)
  t.match(
    await said(store.putSession({ tokenHash: 'h', appid: 'a', openid: 'o', expiresAt: at(0) })),
    /on duplicate key update token_hash = values\(token_hash\)/,
  )
  t.match(
    await said(store.insertAnomaly({ id: 'a', kind: 'late', outTradeNo: 'a', at: at(0), reason: 'r' })),
    /on duplicate key update reports = reports \+ 1/,
  )
})
