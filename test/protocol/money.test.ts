import t from 'tap'
import { isFen, parseFen, parseYuan } from '../../src/protocol/money.ts'

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

t.test('an amount in yuan is read by its digits', async (t) => {
  const good: [text: string, digits: number, value: number][] = [
    ['0.29', 2, 29],
    ['19.99', 2, 1999],
    ['12.5', 2, 1250],
    ['12', 2, 1200],
    ['0.00', 2, 0],
    ['-0.00', 2, 0],
    ['-2.50', 2, -250],
    ['-0.05', 2, -5],
    ['12.50000', 2, 1250],
    ['0.01000', 5, 1000],
    ['-0.00001', 5, -1],
    ['9999999999999.99', 2, 999999999999999],
  ]
  for (const [text, digits, value] of good) {
    t.equal(parseYuan(text, digits), value, text)
  }
  t.ok(Object.is(parseYuan('-0.00'), 0))
  const bad = [
    '',
    '0.005',
    '1,250.00',
    '1.',
    '.5',
    '+1',
    '1e3',
    '0x1',
    ' 1',
    '1 ',
    '１',
    '12345678901234',
    '--1',
    'NaN',
    '¥1',
  ]
  for (const text of bad) t.equal(parseYuan(text), undefined, JSON.stringify(text))
  t.equal(parseYuan('9999999999999.99999', 5), undefined, 'more than a number can hold')
})
