import t from 'tap'
import { createDeadlines } from '../../src/base/deadlines.ts'

t.test('deadlines that are not closed in time fire once, in the order in which they began', async (t) => {
  const deadlines = createDeadlines(20)
  const told: string[] = []
  const began = performance.now()
  await new Promise<void>((resolve) => {
    deadlines.begin(() => {
      told.push('first')
    })
    const closed = deadlines.begin(() => {
      told.push('closed')
    })
    closed.close()
    closed.close()
    deadlines.begin(() => {
      told.push('second')
      resolve()
    })
  })
  t.ok(performance.now() - began >= 20)
  t.same(told, ['first', 'second'])
  await new Promise<void>((resolve) => {
    deadlines.begin(resolve)
  })
  t.same(told, ['first', 'second'], 'later deadlines still fire')
  deadlines.stop()
})

t.test('a deadline closed by the callback of another one does not fire', async (t) => {
  const deadlines = createDeadlines(20)
  const told: string[] = []
  const began = performance.now()
  await new Promise<void>((resolve) => {
    deadlines.begin(() => {
      told.push('first')
      second.close()
    }, began)
    const second = deadlines.begin(() => {
      told.push('second')
    }, began)
    deadlines.begin(resolve, began)
  })
  t.same(told, ['first'])
  deadlines.stop()
})

t.test('no timer is left when no deadline is running', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const deadlines = createDeadlines(60_000)
  deadlines.begin(() => {}).close()
  t.equal(timers(), before, 'the timer does not keep the process alive')
  const last = deadlines.begin(() => {})
  t.equal(timers(), before + 1)
  deadlines.stop()
  t.equal(timers(), before + 1, 'running deadlines continue')
  last.close()
  t.equal(timers(), before)
  createDeadlines(60_000).stop()
})

t.test('a task that takes too long is rejected', async (t) => {
  const deadlines = createDeadlines(20)
  const late = () => new Error('late')
  t.equal(await deadlines.limit(Promise.resolve(1), late), 1)
  await t.rejects(deadlines.limit(Promise.reject(new Error('failed')), late), { message: 'failed' })
  await t.rejects(deadlines.limit(new Promise(() => {}), late), { message: 'late' })
  deadlines.stop()
})
