import t from 'tap'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import type { Connection, Row, Value } from '../../../src/store/executor.ts'
import { tables } from '../../../src/store/sql/schema/tables.ts'
import { transactionsOf } from '../../../src/store/sql/transactions.ts'
import { newOrder, paymentOf } from '../orders.ts'

/** A connection that finds these orders, and its queries. */
function finding(...numbers: string[]): { connection: Connection; asked: Value[][] } {
  const asked: Value[][] = []
  return {
    asked,
    connection: {
      async rows(_sql, values): Promise<Row[]> {
        asked.push(values)
        return numbers.map((number) => ({ out_trade_no: number }))
      },
      run: () => t.fail('nothing is written here') as never,
    },
  }
}

const unpaid = newOrder('tea')
const paid = { ...unpaid, payment: paymentOf(unpaid) }
const other = { ...paid, payment: { ...paid.payment, transactionId: 'another' } }

t.test('a change claims a transaction only if it records one for the first time', async (t) => {
  for (const dialect of ['postgres', 'mysql', 'sqlite'] as const) {
    const { claim } = transactionsOf(tables(), DIALECTS[dialect])
    const { connection, asked } = finding()
    t.equal(await claim(unpaid, undefined, connection), undefined)
    t.equal(await claim(unpaid, paid, connection), undefined)
    t.equal(await claim(paid, paid, connection), undefined)
    t.same(asked, [], 'and nothing is queried for the others')
    for (const before of [undefined, unpaid, other]) {
      t.match(await claim(paid, before, connection), { sql: /^insert into wechat_payments / })
    }
    t.equal(asked.length, dialect === 'postgres' ? 0 : 3, `${dialect}: queried first, or claimed in one round trip`)
  }
})

t.test('the query before the insert finds the owner of the transaction', async (t) => {
  const { claim, holder } = transactionsOf(tables(), DIALECTS.mysql)
  t.equal(await claim(paid, unpaid, finding('tea').connection), undefined, 'its own')
  await t.rejects(claim(paid, unpaid, finding('cake').connection), {
    code: 'WECHAT_TRANSACTION_TAKEN',
    message: `The transaction ${paid.payment.transactionId} has paid the order cake.`,
  })
  t.equal(await holder(paid, finding('cake').connection), 'cake')
  t.equal(await holder(paid, finding('tea').connection), undefined)
  t.equal(await holder(unpaid, finding('cake').connection), undefined, 'an unpaid order has none')
})
