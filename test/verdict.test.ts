import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { verdict } from './verdict.ts'

const PASSED = 'TAP version 14\n# Subtest: a\n    not ok 1 - # TODO\nok 1 - a\n1..1\n'
const FAILED = 'TAP version 14\nok 1 - a\nnot ok 2 - b\n1..2\n'
const since = new Date('2026-01-01T00:00:00Z')

t.test('a run in which no test failed has failed because of coverage', async (t) => {
  const dir = t.testdir({ 'a.tap': PASSED, test: { store: { 'b.tap': PASSED } } })
  t.match(await verdict(dir, since), /^No test has failed: .* coverage/)
})

t.test('a failed test reports itself', async (t) => {
  t.equal(await verdict(t.testdir({ 'a.tap': PASSED, test: { 'b.tap': FAILED } }), since), undefined)
})

t.test('leftovers of an earlier run are ignored', async (t) => {
  const dir = t.testdir({ 'a.tap': PASSED, 'b.tap': FAILED })
  utimesSync(join(dir, 'b.tap'), 0, 0)
  t.match(await verdict(dir, since), /^No test has failed/)
  utimesSync(join(dir, 'a.tap'), 0, 0)
  t.equal(await verdict(dir, since), undefined)
  t.equal(await verdict(join(dir, 'none'), since), undefined, 'nothing ran')
})
