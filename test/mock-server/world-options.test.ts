import t from 'tap'
import { startMock } from './helpers.ts'

t.test('what a world cannot be given is refused, also in plain JavaScript', async (t) => {
  const mock = await startMock(t)
  const cases: [options: object, field: string, rule: string | RegExp][] = [
    [{ signtype: 'MD5' }, 'signtype', 'additionalProperties'],
    [{ signType: 'md5' }, 'signType', 'enum'],
    [{ clock: 'reel' }, 'clock', 'enum'],
    [{ certMode: 'always' }, 'certMode', 'enum'],
    [{ behaviour: { closeUnknown: 'x' } }, 'behaviour.closeUnknown', 'enum'],
    [{ id: 'a/b' }, 'id', /^1 to 64 letters/],
    [{ id: 1 }, 'id', /^1 to 64 letters/],
    [{ seed: {} }, 'seed', 'a number or a text'],
    [{ ackTimeoutMs: 'x' }, 'ackTimeoutMs', /^whole milliseconds/],
    [{ ackTimeoutMs: 0 }, 'ackTimeoutMs', /^whole milliseconds/],
    [{ ackTimeoutMs: 2 ** 31 }, 'ackTimeoutMs', /^whole milliseconds/],
    [{ maxJournal: -1 }, 'maxJournal', 'a whole number from 1'],
    [{ maxJournal: 1.5 }, 'maxJournal', 'a whole number from 1'],
    [{ codeLimit: '3' }, 'codeLimit', 'minimum'],
    [{ strict: 'yes' }, 'strict', 'true or false'],
    [{ appSecret: '' }, 'appSecret', 'a text'],
    [{ apiKey: 5 }, 'apiKey', 'a text'],
    [{ appid: 'bad id!' }, 'appid', 'word'],
    [{ appid: 5 }, 'appid', 'word'],
    [{ mchId: 'abc' }, 'mchId', 'digits'],
    [{ mchId: 1900000109 }, 'mchId', 'digits'],
  ]
  for (const [options, field, rule] of cases) {
    t.throws(() => mock.world(options), { code: 'BAD_INPUT', details: { field, rule } }, JSON.stringify(options))
  }
  t.equal(mock.worlds().length, 1)
  mock.world({
    signType: 'MD5',
    clock: 'real',
    certMode: 'none',
    seed: 1,
    id: 'w-1_a.b',
    strict: true,
    maxJournal: 1,
    ackTimeoutMs: 2 ** 31 - 1,
    appid: 'wx0123456789abcdef',
    appSecret: 's',
    mchId: '1900000109',
    apiKey: '0'.repeat(32),
  })
})
