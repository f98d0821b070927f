import t from 'tap'
import { within } from '../../mock-server/within.ts'

t.test('in time or not', async (t) => {
  t.equal(await within(Promise.resolve('done'), 1000), true)
  t.equal(await within(new Promise(() => {}), 10), false)
  await t.rejects(within(Promise.reject(new Error('broken')), 1000), { message: 'broken' })
})

t.test('a limit beyond what a timer can measure is no limit of nothing', async (t) => {
  for (const ms of [2 ** 31, Infinity]) {
    t.equal(await within(new Promise((resolve) => setTimeout(resolve, 20)), ms), true, String(ms))
  }
})
