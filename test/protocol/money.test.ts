import t from 'tap'
import { isFen, parseFen } from '../../src/protocol/money.ts'

t.test('an amount is a whole number of fen, at least 1, exactly representable', async (t) => {
  for (const value of [1, 101, 1250, Number.MAX_SAFE_INTEGER]) {
    t.equal(isFen(value), true, String(value))
  }
  for (const value of [
    0,
    -1,
    -0,
    0.1,
    19.99,
    12.5,
    1e21,
    Number.MAX_SAFE_INTEGER + 1,
    NaN,
    Infinity,
    '1',
    1n,
    null,
    undefined,
    [1],
    { valueOf: () => 1 },
  ]) {
    t.equal(isFen(value), false, typeof value === 'object' ? JSON.stringify(value) : `${typeof value} ${String(value)}`)
  }
})

t.test('an amount on the wire is decimal digits and nothing else', async (t) => {
  const good: [string, number][] = [
    ['1', 1],
    ['101', 101],
    ['1250', 1250],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ]
  for (const [text, value] of good) {
    t.equal(parseFen(text), value, text)
  }
  const bad = [
    undefined,
    '',
    '0',
    '00',
    '01',
    '-1',
    '+1',
    '1.0',
    '1.',
    '.1',
    '1e2',
    '1E2',
    '0x10',
    '1_000',
    '1,000',
    ' 1',
    '1 ',
    '1\n',
    '\t1',
    '１',
    '١',
    'NaN',
    'Infinity',
    'one',
    '9007199254740992',
    '9999999999999999',
    '10000000000000000',
  ]
  for (const text of bad) {
    t.equal(parseFen(text), undefined, JSON.stringify(text) ?? 'undefined')
  }
})
