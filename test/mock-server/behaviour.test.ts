import t from 'tap'
import { behaviourOf, CHOICES } from '../../mock-server/behaviour.ts'

t.test('the first value of a choice is its default', async (t) => {
  t.same(behaviourOf(), Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, values[0]])))
  t.same(behaviourOf({ closeTwice: 'success' }), { ...behaviourOf(), closeTwice: 'success' })
  t.throws(() => behaviourOf({ closeTwise: 'success' } as object), {
    code: 'BAD_INPUT',
    details: { field: 'behaviour.closeTwise' },
  })
  t.throws(() => behaviourOf({ closeUnknown: 'x' as 'success' }), {
    code: 'BAD_INPUT',
    message: 'behaviour.closeUnknown: must be one of success, ORDERNOTEXIST; got "x"',
  })
})
