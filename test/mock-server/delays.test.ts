import t from 'tap'
import { createDelays } from '../../mock-server/delays.ts'

t.test('a wait ends after its time', async (t) => {
  const started = performance.now()
  await createDelays().wait(20)
  t.ok(performance.now() - started >= 19)
})

t.test('waits end when they are closed; later ones do not begin', async (t) => {
  const delays = createDelays()
  const waits = [delays.wait(600_000), delays.wait(600_000)]
  delays.close()
  await Promise.all([...waits, delays.wait(600_000)])
  t.pass('at once')
})
