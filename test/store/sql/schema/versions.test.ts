import t from 'tap'
import { DIALECTS } from '../../../../src/store/sql/dialects.ts'
import { VERSIONS } from '../../../../src/store/sql/schema/versions.ts'
import { tables } from '../../../../src/store/sql/schema/tables.ts'

const nameOf = (column: string) => column.split(' ')[0]

t.test('columns that change often are at the end of an order, and not indexed', async (t) => {
  for (const differences of Object.values(DIALECTS)) {
    const [trades] = VERSIONS[2]!(tables(), differences).filter(
      (step) => typeof step !== 'string' && step.name === 'wechat_trades',
    )
    if (typeof trades !== 'object') return t.fail('there is no such table')
    t.same(trades.columns.slice(-8).map(nameOf), [
      'state',
      'fulfilment',
      'attempts',
      'claimed_by',
      'queried_at',
      'due_at',
      'claims',
      'history',
    ])
    t.equal(trades.indexes, undefined)
    t.same(trades.columns.filter((column) => /unique|primary/.test(column)).map(nameOf), ['out_trade_no'])
  }
})
