import t from 'tap'
import { tables } from '../../../../src/store/sql/schema/tables.ts'

t.test('a prefix that SQL would have to quote is refused', async (t) => {
  for (const tablePrefix of ['', 'Wechat_', '1_', 'we chat_', 'a"; drop table users; --', 'a.b', 'x'.repeat(41)]) {
    t.throws(
      () => tables(tablePrefix),
      { code: 'WECHAT_OPTIONS_INVALID', message: JSON.stringify(tablePrefix) },
      tablePrefix,
    )
  }
})
