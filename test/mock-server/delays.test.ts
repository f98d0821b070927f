import t from 'tap'
import { createDelays } from '../../mock-server/delays.ts'

t.test('a wait ends after its time, or never once closed', async t => {
  const delays = createDelays()
  const started = performance.now()
  await delays.wait(20)
  t.ok(performance.now() - started >= 19)
  const done: string[] = []
  delays.wait(20).then(() => done.push('closed'))
  delays.close()
  await createDelays().wait(40)
  t.same(done, [])
})
