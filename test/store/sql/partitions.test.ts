import t from 'tap'
import { fromPg } from '../../../src/store/adapters/pg.ts'
import { schema } from '../../../src/store/sql/schema/schema.ts'
import { sqlStore } from '../../../src/store/sql/sql.ts'
import { contract, pgPool, postgres } from '../databases.ts'
import { at, change, newOrder } from '../orders.ts'

/** As docs/stores.md says: the tables of orders, made by hand, with ranges of numbers. Ours begin with the date. */
function partitioned(sql: string): string {
  return /^create table if not exists wechat_(trades|refunds) /.test(sql)
    ? `${sql.replace(/ with \(fillfactor = \d+\)$/, '')} partition by range (out_trade_no)`
    : sql
}

t.test(
  'orders and refunds in ranges of their numbers keep the contract, and a month that is archived can be dropped',
  async (t) => {
    const pool = pgPool(await postgres(t), t)
    for (const sql of schema('postgres').map(partitioned)) await pool.query(sql)
    for (const table of ['wechat_trades', 'wechat_refunds']) {
      await pool.query(`create table ${table}_2026_01 partition of ${table} for values from ('202601') to ('202602')`)
      await pool.query(`create table ${table}_other partition of ${table} default`)
    }
    await contract(t, {
      executor: fromPg(pool),
      write: (tx, id) => tx.query('insert into own (id) values ($1)', [id]),
    })

    t.test('orders are archived into a table partitioned by time', async (t) => {
      const store = sqlStore(fromPg(pool))
      await pool.query(
        'create table archived (out_trade_no text, created_at timestamptz, content jsonb, primary key (created_at, out_trade_no)) partition by range (created_at)',
      )
      await pool.query(
        `create table archived_2026_01 partition of archived for values from ('2026-01-01') to ('2026-02-01')`,
      )
      const createdAt = new Date('2026-01-15T09:30:00+08:00')
      const of = (outTradeNo: string) =>
        newOrder(outTradeNo, { state: 'closed', liveKey: null, createdAt, expiresAt: createdAt })
      const numbers = ['20260115093000Tq7Zk200000001', '20260115093000Tq7Zk200000002']
      await pool.query('delete from wechat_trades')
      for (const number of numbers) await store.insertOrder(change(of(number)))
      const count = async (table: string) => Number((await pool.query(`select count(*) from ${table}`)).rows[0].count)
      t.equal(await count('wechat_trades_2026_01'), 2)
      const archived = await store.archive({
        before: at(9000),
        async to(orders, tx) {
          for (const { order, ...rest } of orders) {
            await tx.query('insert into archived values ($1, $2, $3)', [
              order.outTradeNo,
              order.createdAt,
              JSON.stringify({ order, ...rest }),
            ])
          }
        },
      })
      t.equal(archived, 2)
      t.same([await count('wechat_trades_2026_01'), await count('archived_2026_01')], [0, 2])
      await pool.query('drop table wechat_trades_2026_01')
      t.equal(await store.findOrder(numbers[0]!), undefined)
      const { rows } = await pool.query('select content from archived order by out_trade_no')
      t.match(
        rows.map(({ content }) => content),
        numbers.map((outTradeNo) => ({ order: { outTradeNo }, history: [{ seen: 'seen' }] })),
      )
    })
  },
)
