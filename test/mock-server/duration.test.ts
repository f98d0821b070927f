import t from 'tap'
import { checkMoment, parseDuration } from '../../mock-server/duration.ts'

const good: [string | number, number][] = [
  ['24h4m', 86_640_000],
  ['15s', 15_000],
  ['30m', 1_800_000],
  ['1d', 86_400_000],
  ['500ms', 500],
  ['1m500ms', 60_500],
  ['0s', 0],
  [0, 0],
  [1500, 1500],
  ['2932896d15h59m', 253_402_271_940_000],
]
for (const [by, ms] of good) t.equal(parseDuration(by), ms, JSON.stringify(by))

const bad: unknown[] = [
  '',
  '15',
  's',
  '15 s',
  '-15s',
  '1.5h',
  '1w',
  '15s!',
  -1,
  1.5,
  NaN,
  Infinity,
  null,
  undefined,
  {},
  9007199254740991,
  '99999999999d',
  253_402_272_000_000,
]
for (const by of bad) {
  t.throws(
    () => parseDuration(by as string),
    { code: 'BAD_INPUT', message: /^by: must be .* got /, details: { field: 'by', rule: 'duration' } },
    String(by),
  )
}
t.throws(() => parseDuration('soon', 'refundDelay'), { message: /^refundDelay: /, details: { field: 'refundDelay' } })

for (const ms of [0, 253_402_271_999_999]) t.equal(checkMoment('startTime', ms), ms)
for (const ms of [-1, 253_402_272_000_000, 9e15, NaN]) {
  t.throws(
    () => checkMoment('startTime', ms),
    {
      code: 'BAD_INPUT',
      message: /^startTime: must be a moment of the years 1970 to 9999/,
      details: { field: 'startTime', rule: 'moment' },
    },
    String(ms),
  )
}
