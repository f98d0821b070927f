import t from 'tap'
import { checkFields, date, optional, shown, text } from '../../src/base/rules.ts'
import { NASTY } from '../nonsense.ts'

t.test('a string: the fault names the broken rule and does not quote the string', async (t) => {
  const cases: [value: unknown, fault: string | undefined][] = [
    ['a', undefined],
    ['茶茶a', undefined],
    ['', 'must be a string of 1 to 7 bytes of UTF-8, not of 0'],
    ['12345678', 'must be a string of 1 to 7 bytes of UTF-8, not of 8'],
    ['茶茶茶', 'must be a string of 1 to 7 bytes of UTF-8, not of 9'],
    ['a\nb', 'must have no line breaks or other control characters, but character 2 is U+000A'],
    ['\t', 'must have no line breaks or other control characters, but character 1 is U+0009'],
    ['ab\0', 'must have no line breaks or other control characters, but character 3 is U+0000'],
    ['\uffff', 'must have no line breaks or other control characters, but character 1 is U+FFFF'],
    ['a\ud83c', 'must be well-formed Unicode, but it contains half a character'],
    [7, 'must be a string of 1 to 7 bytes of UTF-8, not 7'],
    [undefined, 'must be a string of 1 to 7 bytes of UTF-8, not undefined'],
    [null, 'must be a string of 1 to 7 bytes of UTF-8, not null'],
    [{ secret: 'abc' }, 'must be a string of 1 to 7 bytes of UTF-8, not [Object]'],
    [Promise.resolve('abc'), 'must be a string of 1 to 7 bytes of UTF-8, not [Promise]'],
  ]
  for (const [value, fault] of cases) t.equal(text(1, 7)(value), fault, shown(value))
  t.equal(text(0, 7)(''), undefined)
  t.equal(text(0, 7)('12345678'), 'must be a string of at most 7 bytes of UTF-8, not of 8')
})

t.test('a moment', async (t) => {
  t.equal(date(new Date(0)), undefined)
  t.equal(date(new Date(NaN)), 'must be a valid Date, not Invalid Date')
  for (const value of [0, '2026-01-01', null, undefined, {}, Object.create(Date.prototype)]) {
    t.match(date(value), /^must be a valid Date, not /)
  }
})

t.test('optional fields may be left out', async (t) => {
  t.equal(optional(date)(undefined), undefined)
  t.match(optional(date)(null), 'must be a valid Date, not null')
})

t.test('an object: all its faults, including unknown names', async (t) => {
  const rules = { token: text(1, 7), expiresAt: optional(date) }
  t.strictSame(checkFields({ token: 'a' }, rules), { fields: { token: 'a', expiresAt: undefined }, faults: [] })
  t.strictSame(checkFields({ token: '', expiresAt: 7, expires: 1, 'x\n': 1 }, rules).faults, [
    'token must be a string of 1 to 7 bytes of UTF-8, not of 0',
    'expiresAt must be a valid Date, not 7',
    "'expires' is none of token, expiresAt",
    "'x\\n' is none of token, expiresAt",
  ])
  t.strictSame(checkFields({ token: 'a', expires: undefined }, rules).faults, [], 'a name without a value is ignored')
  t.strictSame(checkFields({ token: 'a', id: 7 }, rules, 'kept'), {
    fields: { token: 'a', expiresAt: undefined, id: 7 },
    faults: [],
  })
  class Row {
    get token() {
      return 'a'
    }
  }
  t.strictSame(checkFields(new Row(), rules).fields.token, 'a', 'a getter of a class is read')
  t.strictSame(checkFields('a.b.c', rules).faults, [
    'it must be an object with token, expiresAt, not a string of 5 characters',
  ])
  const wide = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`p${n}`, n]))
  t.match(checkFields({ token: 'a', ...wide }, rules).faults, { length: 11, 10: 'and 90 more' })
  for (const value of [undefined, null, 7, true, () => {}]) {
    t.strictSame(checkFields(value, rules).faults, [`it must be an object with token, expiresAt, not ${shown(value)}`])
  }
  t.strictSame(checkFields(NASTY['a revoked proxy']!(), rules).faults, ['it throws when it is read'])
})

t.test('values are shown in short form, and reading them is safe', async (t) => {
  t.equal(shown('a\n"b"'), `'a\\n"b"'`)
  t.equal(shown([{ a: 1 }]), '[Array]')
  for (const [name, make] of Object.entries(NASTY)) t.ok(shown(make()).length <= 110, name)
})
