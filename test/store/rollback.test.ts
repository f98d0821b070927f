import t from 'tap'
import { inTime } from '../../src/store/rollback.ts'

t.test('a connection that is not rolled back in time is destroyed', async (t) => {
  t.equal(await inTime(Promise.resolve()), true)
  t.equal(await inTime(Promise.reject(new Error('connection lost'))), false)
  t.equal(await inTime(new Promise(() => {}), 1), false, 'it waits behind a statement that does not end')
})
