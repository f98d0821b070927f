import t from 'tap'
import {
  address,
  amounts,
  duration,
  durationOrNever,
  list,
  moment,
  name,
  schedule,
  text,
  whole,
} from '../../../mock-server/cli/arguments.ts'
import { NOON } from '../helpers.ts'

t.test('what is read', async (t) => {
  const dir = t.testdir({
    'gaps.json': '[15, 15,\n 30]\n',
    'gaps.txt': '1\n2\n',
    'late.json': '{ "immediate": false }\n',
  })
  t.equal(whole(0, 5)('5'), 5)
  t.equal(duration('1m'), 60_000)
  t.equal(durationOrNever('never'), 'never')
  t.equal(durationOrNever('20s'), 20_000)
  t.same(list('a, b,,c'), ['a', 'b', 'c'])
  t.same(list('c', ['a']), ['a', 'c'])
  t.same(amounts('10,20'), [10, 20])
  t.same(amounts('30', [10]), [10, 30])
  t.same(moment(String(NOON)), new Date(NOON))
  t.same(moment('2026-01-15T12:00:00+08:00'), new Date(NOON))
  t.same(moment('2026-01-15T04:00:00Z'), new Date(NOON))
  t.equal(name('w-1_a.b'), 'w-1_a.b')
  t.equal(address('http://127.0.0.1:8090/x').origin, 'http://127.0.0.1:8090')
  t.equal(text(`${dir}/gaps.txt`), '1\n2\n')
  for (const told of ['current', 'legacy'] as const) t.equal(schedule(told), told)
  t.equal(schedule('2019'), 'current')
  t.same(schedule('1,2'), [1, 2])
  t.same(schedule(`${dir}/gaps.json`), [15, 15, 30])
  t.same(schedule(`${dir}/gaps.txt`), [1, 2])
  t.same(schedule('{"gaps":[1],"immediate":false}'), { gaps: [1], immediate: false })
  t.same(schedule(`${dir}/late.json`), { immediate: false })
})

t.test('what is refused', async (t) => {
  const dir = t.testdir({ words: 'soon, later' })
  const cases: [read: (text: string) => unknown, text: string, message: RegExp][] = [
    [whole(1, 5), '0', /from 1 to 5/],
    [whole(1, 5), '6', /from 1 to 5/],
    [whole(1, 5), '1.5', /whole number/],
    [whole(1, 5), '', /whole number/],
    [duration, 'soon', /20m, 5s or 100ms/],
    [duration, 'never', /20m/],
    [durationOrNever, 'x', /20m/],
    [amounts, '0', /from 1/],
    [moment, 'yesterday', /2026-01-15T12/],
    [moment, '2026-01-15T25:00Z', /2026-01-15T12/],
    [moment, '2026-01-15', /2026-01-15T12/],
    [moment, '2026-01-15T12:00:00', /2026-01-15T12/],
    [name, 'a b', /letters/],
    [name, '', /letters/],
    [address, '127.0.0.1:8090', /http:/],
    [address, 'http://:x', /http:/],
    [text, '/no/such/file', /ENOENT/],
    [schedule, '15,', /gaps in seconds/],
    [schedule, '15,x', /ENOENT/],
    [schedule, '{', /JSON/],
    [schedule, '{"gaps":"never"}', /schedule.gaps: must be current, legacy/],
    [schedule, `${dir}/words`, /gaps in seconds/],
  ]
  for (const [read, text, message] of cases) {
    t.throws(() => read(text), { code: 'commander.invalidArgument', message }, text)
  }
})
