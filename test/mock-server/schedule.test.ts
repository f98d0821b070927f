import t from 'tap'
import { planOf, type AnySchedule } from '../../mock-server/schedule.ts'

const hours = (schedule: AnySchedule) => planOf(schedule).gaps.reduce((sum, gap) => sum + gap, 0) / 3_600_000

t.test('schedules', async (t) => {
  t.equal(planOf('current').gaps.length, 15)
  t.equal(hours('current') * 3600, 86_640, '24 h 4 min')
  t.equal(planOf('legacy').gaps.length, 9)
  t.same(planOf([1, 0.5]), { gaps: [1000, 500], immediate: true })
  t.same(planOf([]), { gaps: [], immediate: true }, 'one send, and no retry')
})

t.test('with or without an immediate send', async (t) => {
  t.same(planOf({}), planOf('current'))
  t.same(planOf({ gaps: 'legacy', immediate: true }), planOf('legacy'))
  t.same(planOf({ gaps: [15], immediate: false }), { gaps: [15_000], immediate: false })
  t.same(planOf({ immediate: false }), { ...planOf('current'), immediate: false })
})

t.test('what is no schedule', async (t) => {
  const cases: [told: unknown, field: string][] = [
    ['2019', 'schedule'],
    ['toString', 'schedule'],
    [null, 'schedule'],
    [[1, -1], 'schedule'],
    [{ gaps: 'never' }, 'schedule.gaps'],
    [{ gaps: ['soon'] }, 'schedule.gaps'],
    [{ gaps: [], immediate: false }, 'schedule.gaps'],
    [{ immediate: 'no' }, 'schedule.immediate'],
    [{ includeImmediate: false }, 'schedule'],
  ]
  for (const [told, field] of cases) {
    t.throws(() => planOf(told as AnySchedule), { code: 'BAD_INPUT', details: { field } }, JSON.stringify(told))
  }
})
