import t from 'tap'
import { KeyRing } from '../../src/client/key-ring.ts'
import { Secret } from '../../src/base/secret.ts'

const [OLD, NEW] = [new Secret('old'), new Secret('new')]
const wrong = new Error('wrong key')
const isWrongKey = (error: unknown) => error === wrong

/** The result of a task at a WeChat that accepts the keys `known`, and the keys that were tried. */
function under(known: string, outcome: () => Promise<string> = async () => 'done') {
  const tried: string[] = []
  const task = async (key: Secret) => {
    tried.push(key.reveal())
    if (key.reveal() !== known) throw wrong
    return await outcome()
  }
  return { task, tried }
}

t.test('one key', async (t) => {
  const ring = new KeyRing([OLD])
  t.strictSame(ring.all, [OLD])
  t.equal(await ring.use(under('old').task, isWrongKey), 'done')
  await t.rejects(ring.use(under('new').task, isWrongKey), wrong)
})

t.test('during a change of keys, the key that works is used', async (t) => {
  const ring = new KeyRing([OLD, NEW])
  t.strictSame(ring.all, [OLD, NEW])
  const before = under('old')
  t.equal(await ring.use(before.task, isWrongKey), 'done')
  t.strictSame(before.tried, ['old'])

  const change = under('new')
  t.equal(await ring.use(change.task, isWrongKey), 'done')
  t.strictSame(change.tried, ['old', 'new'])
  t.equal(ring.current, NEW)

  const after = under('new')
  t.equal(await ring.use(after.task, isWrongKey), 'done')
  t.strictSame(after.tried, ['new'], 'the key that worked last is tried first')

  const back = under('old')
  t.equal(await ring.use(back.task, isWrongKey), 'done', 'and back')
  t.equal(ring.current, OLD)

  const neither = under('third')
  await t.rejects(ring.use(neither.task, isWrongKey), wrong)
  t.strictSame(neither.tried, ['old', 'new'])
  t.equal(ring.current, OLD)
})

t.test('a refusal for another reason shows that the key is right', async (t) => {
  const ring = new KeyRing([OLD, NEW])
  const refused = under('new', async () => {
    throw new Error('paid')
  })
  await t.rejects(ring.use(refused.task, isWrongKey), /paid/)
  t.equal(ring.current, NEW)
})
