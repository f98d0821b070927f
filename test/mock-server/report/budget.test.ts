import t from 'tap'
import { pauseFor } from '../../../mock-server/report/parts/merchant.ts'
import { createBudget, NO_TIME } from '../../../mock-server/report/parts/budget.ts'

const SKIP = { verdict: 'SKIP', message: NO_TIME }
const never = () => new Promise(() => {})

t.test('only the time of the work counts', async (t) => {
  const budget = createBudget(60_000)
  t.equal(budget.left(), 60_000)
  await budget.during(async () => {
    await pauseFor(2)
    t.ok(budget.left() < 60_000)
  })
  const left = budget.left()
  await pauseFor(2)
  t.equal(budget.left(), left)
  t.equal(budget.isUp(), false)
})

t.test('a step that does not end in time is SKIP, and so is every later one', async (t) => {
  // A limit alone keeps no process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const budget = createBudget(20)
  await budget.during(async () => {
    t.equal(await budget.step(async () => 'done'), 'done')
    await t.rejects(budget.step(never), SKIP)
  })
  t.equal(budget.isUp(), true)
  let tried = false
  const reserved = createBudget(20, () => 20)
  await t.rejects(
    reserved.step(async () => {
      tried = true
    }),
    SKIP,
  )
  t.equal(tried, false)
})

t.test('without a limit each step may take as long as it needs', async (t) => {
  t.equal(await createBudget(Infinity).step(async () => 'done'), 'done')
})
