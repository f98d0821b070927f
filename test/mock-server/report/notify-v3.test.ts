import t from 'tap'
import { casesOf, suiteOf } from '../../../mock-server/report/index.ts'
import { size } from '../../sizes.ts'
import { BUGS_V3 } from './bugs-v3.ts'
import { findBugs, passesOnSeeds, runSound } from './plant.ts'

t.setTimeout(600_000)

/** Cases that compute or wait for seconds. */
const SLOW = size(/^V-(?:515|601|605|607|617)$/, /^$/)
const exclude = casesOf(suiteOf('v3'))
  .map(({ id }) => id)
  .filter((id) => SLOW.test(id))

t.test('a correct merchant passes everything', async (t) => {
  await passesOnSeeds(t, 130, (mock, seed, n) =>
    runSound(mock, { version: 'v3', seed, exclude }, n % 2 === 1 ? { keyMode: 'certificate' } : {}),
  )
})

t.test('the run finds every planted bug', async (t) => {
  await findBugs(t, 'v3', BUGS_V3, SLOW)
})

t.test('every case finds a planted bug, or says why it exists', async (t) => {
  const found = new Set(Object.values(BUGS_V3).flatMap(({ finds }) => finds.split(' ')))
  for (const { id, why } of casesOf(suiteOf('v3'))) t.ok(found.has(id) !== (why !== undefined), `${id} ${why ?? ''}`)
  t.ok(Object.keys(BUGS_V3).length >= 60)
  t.ok(casesOf(suiteOf('v3')).length >= 100)
})
