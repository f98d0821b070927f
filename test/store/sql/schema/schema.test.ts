import t from 'tap'
import { DIALECTS } from '../../../../src/store/sql/dialects.ts'
import { codec } from '../../../../src/store/sql/codec.ts'
import type { Dialect, Executor } from '../../../../src/store/executor.ts'
import { ANOMALY, HISTORY, ORDER, REFUND, SESSION } from '../../../../src/store/sql/fields.ts'
import type { Fields } from '../../../../src/store/sql/fields.ts'
import { migrations, schema } from '../../../../src/store/sql/schema/schema.ts'
import { tables } from '../../../../src/store/sql/schema/tables.ts'
import { sqlStore } from '../../../../src/store/sql/sql.ts'
import type { Order } from '../../../../src/model.ts'
import { insert } from '../../../../src/store/sql/statements.ts'
import { everyDatabase } from '../../databases.ts'
import { at, newOrder, ORDER_1, paymentOf } from '../../orders.ts'

/** Everything that the database knows about the tables with this prefix, without the prefix. */
const DESCRIBE: Record<Dialect, (executor: Executor, prefix: string) => Promise<unknown[]>> = {
  async postgres({ rows }, prefix) {
    return await rows(
      'select table_name, column_name, data_type, datetime_precision, collation_name, is_nullable, column_default, is_identity, ordinal_position::text from information_schema.columns ' +
        'where starts_with(table_name, $1) ' +
        'union all select tablename, indexname, indexdef, null, null, null, null, null, null from pg_indexes where starts_with(tablename, $1)',
      [prefix],
    )
  },
  async sqlite({ rows }, prefix) {
    return await rows('select name, sql from sqlite_master where substr(tbl_name, 1, length(?)) = ?', [prefix, prefix])
  },
  async mysql({ rows }, prefix) {
    const { orders: _, due: __, transactions: ___, ...names } = tables(prefix)
    return await Promise.all(Object.values(names).map((name) => rows(`show create table ${name}`, [])))
  },
}

const VERSIONS = migrations('postgres', tables()).map((_, n) => ({ version: n + 1 }))

async function describe(executor: Executor, prefix: string): Promise<string[]> {
  const found = await DESCRIBE[executor.dialect](executor, prefix)
  return found.map((line) => JSON.stringify(line).replaceAll(prefix, '')).sort()
}

for (const { dialect, connect } of await everyDatabase(t)) {
  t.test(dialect, async (t) => {
    const executor = connect()

    t.test('migrate creates exactly what schema returns', async (t) => {
      await sqlStore(executor, { tablePrefix: 'migrated_' }).migrate()
      for (const sql of schema(dialect, { tablePrefix: 'by_hand_' })) await executor.run(sql, [])
      const made = await describe(executor, 'migrated_')
      t.not(made.length, 0)
      t.strictSame(made, await describe(executor, 'by_hand_'))
    })

    t.test('tables created by hand are not created again', async (t) => {
      for (const sql of schema(dialect, { tablePrefix: 'twice_' })) await executor.run(sql, [])
      for (const sql of schema(dialect, { tablePrefix: 'twice_' })) await executor.run(sql, [])
      const ran: string[] = []
      await sqlStore(
        {
          ...executor,
          run: async (sql) => {
            ran.push(sql)
            return 0
          },
          transaction: () => t.fail('there is nothing to do') as never,
        },
        { tablePrefix: 'twice_' },
      ).migrate()
      t.same(ran, [])
    })

    t.test('five processes that start at once migrate once', async (t) => {
      const stores = Array.from({ length: 5 }, () => sqlStore(connect(), { tablePrefix: 'five_' }))
      for (let times = 0; times < 2; times++) {
        await Promise.all(stores.map((store) => store.migrate()))
        t.same(await executor.rows('select version from five_versions order by version', []), VERSIONS)
      }
    })

    t.test('an interrupted migration leaves no lock, and can be repeated', async (t) => {
      const breaking: Executor = {
        ...executor,
        transaction: (work) =>
          executor.transaction((connection, tx) =>
            work(
              {
                ...connection,
                run: async (sql, values) =>
                  sql.includes('broken_history')
                    ? await Promise.reject(new Error('broken off'))
                    : await connection.run(sql, values),
              },
              tx,
            ),
          ),
      }
      await t.rejects(sqlStore(breaking, { tablePrefix: 'broken_' }).migrate(), { message: 'broken off' })
      await sqlStore(connect(), { tablePrefix: 'broken_' }).migrate()
      t.same(await executor.rows('select version from broken_versions order by version', []), VERSIONS)
    })

    t.test(
      'version 2: of several orders with one transaction the earliest keeps it, and the others become findings',
      async (t) => {
        const tablePrefix = 'from_1_'
        const names = tables(tablePrefix)
        const first = migrations(dialect, names)[0]!
        for (const sql of first) await executor.run(sql, [])
        const paidBy = (transactionId: string, outTradeNo: string, ms = 0) => {
          const order = newOrder(outTradeNo, { state: 'paid', createdAt: at(ms) })
          return { ...order, payment: { ...paymentOf(order), transactionId, attach: '红茶' } }
        }
        const write = async (orders: Order[]) => {
          const row = codec(ORDER_1, DIALECTS[dialect], names.orders)
          const { sql, values } = insert(names.orders, row, orders)!
          await executor.run(DIALECTS[dialect].numbered(sql), values)
        }
        const [late, early] = [paidBy('t-1', 'late', 2), paidBy('t-1', 'early', 1)]
        await write([late, early, paidBy('t-2', 'alone'), paidBy('T-2', 'Alone'), newOrder('unpaid')])

        const store = sqlStore(executor, { tablePrefix })
        await store.migrate()
        const claims = async () =>
          (await executor.rows(`select transaction_id, out_trade_no from ${names.payments}`, []))
            .map((row) => [row.transaction_id, row.out_trade_no].map(String).join(' → '))
            .sort()
        t.same(await claims(), ['T-2 → Alone', 't-1 → early', 't-2 → alone'])
        const found = {
          id: 'reused-transaction:late:t-1',
          kind: 'reused-transaction',
          outTradeNo: 'late',
          at: late.payment.paidAt,
          reason: 'The transaction t-1 has paid the order early',
          payment: late.payment,
        }
        t.hasStrict(await store.anomalies(100), [found])
        t.match(await store.findOrder('late'), { state: 'paid', payment: late.payment }, 'which stay unchanged')

        t.same((await store.findOrder('unpaid'))?.apiVersion, 'v2', 'there were no others')

        const known = await describe(executor, tablePrefix)
        await t.rejects(
          write([paidBy('t-3', 'of an old process')]),
          'a process of version 1 that still runs cannot write any more',
        )
        for (const sql of schema(dialect, { tablePrefix })) await executor.run(sql, [])
        t.same(await describe(executor, tablePrefix), known)
        t.same(await claims(), ['T-2 → Alone', 't-1 → early', 't-2 → alone'], 'run again, the statements do nothing')
        t.same((await store.anomalies(100)).length, 1)
        t.match(await store.findOrder('late'), { state: 'paid', payment: late.payment })
      },
    )

    t.test('the tables have the columns of the model', async (t) => {
      await sqlStore(executor, { tablePrefix: 'model_' }).migrate()
      for (const [name, fields] of Object.entries({
        trades: ORDER,
        refunds: REFUND,
        history: HISTORY,
        anomalies: ANOMALY,
        sessions: SESSION,
      })) {
        const { selection } = codec(fields as Fields<unknown>, DIALECTS[dialect], `model_${name}`)
        t.same(await executor.rows(`select ${selection} from model_${name}`, []), [], name)
      }
    })
  })
}

t.test('given a version, only newer statements are returned', async (t) => {
  const all = migrations('postgres', tables())
  t.same(schema('postgres'), all.flat())
  t.same(schema('postgres', { from: 1 }), all.slice(1).flat())
  t.same(schema('postgres', { from: all.length }), [])
})

const STATEMENT =
  /^(?:create table if not exists|create index if not exists|alter table if exists|alter table|lock tables|insert(?: ignore)? into|drop (?:table|index) if exists) pay_/

t.test('the prefix is part of every name', async (t) => {
  for (const dialect of ['postgres', 'mysql', 'sqlite'] as const) {
    for (const sql of schema(dialect, { tablePrefix: 'pay_' })) {
      if (sql !== 'unlock tables') t.match(sql, STATEMENT)
      t.notMatch(sql, 'wechat_')
    }
  }
})
