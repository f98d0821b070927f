import t from 'tap'
import { within } from '../../mock-server/within.ts'

t.test('in time or not', async t => {
  t.equal(await within(Promise.resolve('done'), 1000), true)
  t.equal(await within(new Promise(() => {}), 10), false)
  await t.rejects(within(Promise.reject(new Error('broken')), 1000), { message: 'broken' })
})
