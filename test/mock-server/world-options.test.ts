import t from 'tap'
import { startMock } from './helpers.ts'

t.test('what a world cannot be given is refused, also in plain JavaScript', async t => {
  const mock = await startMock(t)
  const cases: [options: object, field: string, rule: string][] = [
    [{ signtype: 'MD5' }, 'signtype', 'additionalProperties'],
    [{ signType: 'md5' }, 'signType', 'enum'],
    [{ clock: 'reel' }, 'clock', 'enum'],
    [{ certMode: 'always' }, 'certMode', 'enum'],
    [{ behaviour: { closeUnknown: 'x' } }, 'behaviour.closeUnknown', 'enum']
  ]
  for (const [options, field, rule] of cases) t.throws(() => mock.world(options), { code: 'BAD_INPUT', details: { field, rule } }, JSON.stringify(options))
  t.equal(mock.worlds().length, 1)
  mock.world({ signType: 'MD5', clock: 'real', certMode: 'none' })
})
