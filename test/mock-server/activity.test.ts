import t from 'tap'
import { createActivity } from '../../mock-server/activity.ts'

t.test('names what is in flight and tells when nothing is', async (t) => {
  const activity = createActivity()
  t.equal(activity.busy(), false)
  await activity.idle()

  const query = activity.enter('orderquery tea-1')
  const notify = activity.enter('notify tea-1 attempt 0')
  t.equal(activity.busy(), true)
  t.same(activity.list(), ['orderquery tea-1', 'notify tea-1 attempt 0'])

  const order: string[] = []
  const idle = activity.idle().then(() => order.push('idle'))
  notify.leave()
  await Promise.resolve()
  order.push('one left')
  query.leave()
  await idle
  t.same(order, ['one left', 'idle'])
  t.same(activity.list(), [])
})

t.test('knows what somebody waits for', async (t) => {
  const activity = createActivity()
  activity.enter('orderquery tea-1')
  t.same(activity.awaited(), [])
  const notify = activity.enter('notify tea-1 attempt 0', true)
  t.same(activity.awaited(), ['notify tea-1 attempt 0'])
  notify.stepOut()
  t.same(activity.awaited(), [], 'it is held')
  notify.stepIn()
  t.same(activity.awaited(), ['notify tea-1 attempt 0'])
})

t.test('two of one name are two', async (t) => {
  const activity = createActivity()
  const first = activity.enter('notify tea-1 attempt 0')
  activity.enter('notify tea-1 attempt 0')
  first.leave()
  t.equal(activity.busy(), true)
})

t.test('what is held on purpose is not waited for until it steps in again', async (t) => {
  const activity = createActivity()
  const held = activity.enter('orderquery tea-1')
  held.stepOut()
  t.same(activity.list(), [])
  await activity.idle()
  held.stepIn()
  t.same(activity.list(), ['orderquery tea-1'])
  held.leave()
  held.stepIn()
  t.equal(activity.busy(), false, 'what has ended does not come back')
})
