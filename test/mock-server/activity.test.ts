import t from 'tap'
import { createActivity } from '../../mock-server/activity.ts'

t.test('names what is in flight and tells when nothing is', async t => {
  const activity = createActivity()
  t.equal(activity.busy(), false)
  await activity.idle()

  const leaveQuery = activity.enter('orderquery tea-1')
  const leaveNotify = activity.enter('notify tea-1 attempt 0')
  t.equal(activity.busy(), true)
  t.same(activity.list(), ['orderquery tea-1', 'notify tea-1 attempt 0'])

  const order: string[] = []
  const idle = activity.idle().then(() => order.push('idle'))
  leaveNotify()
  await Promise.resolve()
  order.push('one left')
  leaveQuery()
  await idle
  t.same(order, ['one left', 'idle'])
  t.same(activity.list(), [])
})

t.test('two of one name are two', async t => {
  const activity = createActivity()
  const leave = activity.enter('notify tea-1 attempt 0')
  activity.enter('notify tea-1 attempt 0')
  leave()
  t.equal(activity.busy(), true)
})
