import t from 'tap'
import { MockError } from '../../mock-server/errors.ts'

t.test('an error has a code, the status the control API answers with, and details', async (t) => {
  const error = new MockError('CLOCK_BUSY', 'wait', { since: 1 })
  t.ok(error instanceof Error)
  t.match(error, { name: 'MockError', code: 'CLOCK_BUSY', statusCode: 409, message: 'wait', details: { since: 1 } })
  t.same(new MockError('UNKNOWN_ORDER', 'none').details, {})
})
