import t from 'tap'
import { casesOf, runCard, suiteOf } from '../../../mock-server/report/index.ts'
import { deadUrl, startMock } from '../helpers.ts'
import { size } from '../../sizes.ts'
import { inParallel, passesOnSeeds, runLogin } from './plant.ts'

t.setTimeout(300_000)

/** Each bug, planted alone, and the cases that find it. */
const BUGS: Readonly<Record<string, string>> = {
  'key-told': 'L-101 L-102',
  'unionid-needed': 'L-101 L-103',
  'unionid-refused': 'L-104',
  'again-refused': 'L-105',
  'errcode-unread': 'L-202 L-203 L-204 L-205 L-206 L-207 L-208 L-209 L-210',
  'error-told': 'L-202',
  'empty-ok': 'L-301 L-302 L-303',
  'objects-ok': 'L-304 L-305',
  'long-ok': 'L-306 L-310',
  'claim-believed': 'L-307',
  'broken-body-ok': 'L-308 L-309',
  'odd-ok': 'L-311',
  'null-crashes': 'L-312',
  'code-pasted': 'L-320',
  'no-limit': 'L-401',
  'status-unread': 'L-402',
  'half-read': 'L-403 L-404',
  'errors-let-in': 'L-405 L-406',
  'openid-unread': 'L-407 L-408',
  'one-at-a-time': 'L-409',
  'few-at-once': 'L-106',
}

t.test('a correct login route passes everything', async (t) => {
  await passesOnSeeds(t, 30, async (mock, seed) => [await runLogin(mock, { seed })])
})

t.test('the run finds every planted bug', async (t) => {
  const mock = await startMock(t)
  // One bug for each way to find bugs.
  const quick = [
    'key-told',
    'errcode-unread',
    'error-told',
    'empty-ok',
    'null-crashes',
    'errors-let-in',
    'code-pasted',
    'unionid-needed',
    'one-at-a-time',
  ]
  const bugs = Object.entries(BUGS).filter(([bug]) => size(quick.includes(bug), true))
  await inParallel(bugs, 8, async ([bug, finds]) => {
    const only = finds.split(' ').slice(0, size(1, 99))
    const card = await runLogin(mock, { only }, [bug])
    for (const { id, verdict, said } of card.results) {
      t.match(verdict, /^(?:FAIL|LAX)$/, `${bug}: ${id} ${verdict} ${said}`)
    }
  })
})

t.test('a login route that does not exist', async (t) => {
  const mock = await startMock(t)
  const { results } = await runCard(mock.default, { version: 'login', loginUrl: await deadUrl(), only: ['L-301'] })
  t.match(results, [{ verdict: 'SKIP', said: /the backend does not serve even a genuine one: .*ECONNREFUSED/ }])
})

t.test('every case finds a planted bug, or says why it exists', async (t) => {
  const found = new Set(Object.values(BUGS).flatMap((finds) => finds.split(' ')))
  const cases = casesOf(suiteOf('login'))
  for (const { id, why } of cases) t.ok(found.has(id) || why !== undefined, id)
  t.ok(cases.length >= 25)
})
