import t from 'tap'
import { casesOf, suiteOf } from '../../../mock-server/report/index.ts'
import { size } from '../../sizes.ts'
import { startMock } from '../helpers.ts'
import { BUGS_V2 } from './bugs-v2.ts'
import { findBugs, passesOnSeeds, runSound, runToy } from './plant.ts'

t.setTimeout(600_000)

/** Cases that compute or wait for seconds. */
const SLOW = size(/^N-(?:516|515|601|605|607|617)$/, /^$/)
const exclude = casesOf(suiteOf('v2'))
  .map(({ id }) => id)
  .filter((id) => SLOW.test(id))

t.test('a correct merchant passes everything', async (t) => {
  await passesOnSeeds(t, 150, (mock, seed, n) =>
    runSound(mock, { seed, exclude }, n % 2 === 1 ? { signType: 'HMAC-SHA256' } : {}),
  )
})

t.test('a correct merchant that uses HMAC-SHA256 accepts it and refuses MD5', async (t) => {
  const mock = await startMock(t)
  const card = await runToy(mock, { only: ['N-102', 'N-118', 'N-347'] }, [], { signType: 'HMAC-SHA256' })
  t.match(card.results, [{ verdict: 'PASS' }, { verdict: 'PASS' }, { verdict: 'PASS' }])
})

t.test('the run finds every planted bug', async (t) => {
  await findBugs(t, 'v2', BUGS_V2, SLOW)
})

t.test('every case finds a planted bug, or says why it exists', async (t) => {
  const found = new Set(Object.values(BUGS_V2).flatMap(({ finds }) => finds.split(' ')))
  for (const { id, why } of casesOf(suiteOf('v2'))) t.ok(found.has(id) !== (why !== undefined), `${id} ${why ?? ''}`)
  t.ok(Object.keys(BUGS_V2).length >= 60)
  t.ok(casesOf(suiteOf('v2')).length >= 100)
})
