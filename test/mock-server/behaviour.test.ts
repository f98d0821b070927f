import t from 'tap'
import { behaviourOf, CHOICES } from '../../mock-server/behaviour.ts'

t.test('the first value of a choice is its default', async t => {
  t.same(behaviourOf(), Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, values[0]])))
  t.same(behaviourOf({ closeTwice: 'success' }), { ...behaviourOf(), closeTwice: 'success' })
})
