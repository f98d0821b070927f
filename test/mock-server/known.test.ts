import t from 'tap'
import { checkNames, checkOneOf } from '../../mock-server/known.ts'

t.test('a value of a list', async (t) => {
  checkOneOf('api', 'refund', ['refund', 'report'])
  t.throws(() => checkOneOf('api', 'refnud', ['refund', 'report']), {
    code: 'BAD_INPUT',
    message: 'api: must be one of refund, report; got "refnud"',
    details: { field: 'api', rule: 'enum' },
  })
})

t.test('the names in an object', async (t) => {
  checkNames('', {}, ['times'])
  checkNames('', { times: undefined }, ['times'])
  t.throws(() => checkNames('fault.', { times: 1, time: 3 }, ['times', 'nth']), {
    code: 'BAD_INPUT',
    message: 'fault.time: there is no such name here; there are times, nth',
    details: { field: 'fault.time', rule: 'additionalProperties' },
  })
})
