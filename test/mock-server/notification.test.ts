import t from 'tap'
import { Entry, overlapOf, type NotificationActions, type NotificationData } from '../../mock-server/notification.ts'
import { NOON } from './helpers.ts'

const data: NotificationData = {
  id: 'tea-1',
  kind: 'pay',
  mchId: '10000100',
  outTradeNo: 'tea-1',
  outRefundNo: undefined,
  url: 'http://shop/notify',
  body: '<xml></xml>',
  sequence: 0,
  attempts: [],
  due: new Date(NOON),
  sends: 1,
  acked: false,
  finished: false,
  held: false,
  cancelled: false,
}

t.test('the state, and when the next send is due', async (t) => {
  const actions = {} as NotificationActions
  const cases: [changes: Partial<NotificationData>, state: string][] = [
    [{}, 'pending'],
    [{ held: true }, 'held'],
    [{ held: true, finished: true }, 'exhausted'],
    [{ finished: true, cancelled: true }, 'cancelled'],
    [{ acked: true, cancelled: true, finished: true, held: true }, 'acked'],
  ]
  for (const [changes, state] of cases) {
    t.match(
      new Entry({ ...data, ...changes }, actions),
      { state, nextDueAt: state === 'pending' ? new Date(NOON) : undefined },
      state,
    )
  }
})

t.test('how far deliveries were under way together', async (t) => {
  const between = (...spans: [start: number, end: number][]) =>
    overlapOf(spans.map(([start, end]) => ({ startedMs: start, durationMs: end - start })))
  t.same(between(), { most: 0, spreadMs: 0, sharedMs: 0 })
  t.same(between([10, 20]), { most: 1, spreadMs: 0, sharedMs: 10 })
  t.same(between([0, 10], [10, 20]), { most: 1, spreadMs: 10, sharedMs: 0 })
  t.same(between([0, 10], [2, 8], [5, 20]), { most: 3, spreadMs: 5, sharedMs: 3 })
  t.same(between([0, 10], [2, 8], [9, 20]), { most: 2, spreadMs: 9, sharedMs: 0 })
})
