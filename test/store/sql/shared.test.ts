import t from 'tap'
import type { Access } from '../../../src/store/sql/access.ts'
import { DIALECTS } from '../../../src/store/sql/dialects.ts'
import { tables } from '../../../src/store/sql/schema/tables.ts'
import { sharedOf } from '../../../src/store/sql/shared.ts'

// The store contract tests it on real databases.

t.test('a database error is not treated as an existing name', async (t) => {
  const gone = new Error('the disk is full')
  const failing = {
    single: async () => {
      throw gone
    },
  } as unknown as Access<unknown>
  const { swapShared } = sharedOf(tables(), DIALECTS.sqlite, failing)
  for (const before of [undefined, 'before']) {
    t.equal(await swapShared('token', before, 'after').catch((error: unknown) => error), gone)
  }
})
