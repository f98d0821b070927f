import t from 'tap'
import { createActivity } from '../../../mock-server/base/activity.ts'
import { createDelays } from '../../../mock-server/base/real-time.ts'
import { createVirtualClock } from '../../../mock-server/clock/virtual-clock.ts'
import { createDeliveryLog, keptReply } from '../../../mock-server/notify/delivery-log.ts'
import {
  type Delivery,
  Entry,
  type NotificationActions,
  type NotificationData,
  overlapOf,
} from '../../../mock-server/notify/notification.ts'
import { createNotifier, NO_NOTIFICATIONS, type NotifierOptions } from '../../../mock-server/notify/notifier.ts'
import type { NoticeWire } from '../../../mock-server/notify/passage.ts'
import { type Schedule, planOf } from '../../../mock-server/notify/schedule.ts'
import type { Exchange } from '../../../mock-server/notify/sender.ts'
import type { NotificationKind } from '../../../mock-server/wire/names.ts'
import { ACK, deferred, NOON, REFUSAL } from '../helpers.ts'

/** A payment of the only merchant. */
const PAY = { version: 'v2', kind: 'pay', mchId: '10000100' } as const

const answer = (body: string): Exchange => ({ durationMs: 1, reply: { status: 200, headers: {}, body } })

/** A notifier whose merchant gives the answers one after the other, the last one forever. */
function setup(
  answers: (string | Promise<string>)[],
  schedule: Schedule = 'current',
  prepare: NotifierOptions['prepare'] = (_entry, _attempt, outgoing) => outgoing,
) {
  const activity = createActivity()
  const clock = createVirtualClock(NOON, () => (activity.busy() ? activity.idle() : undefined))
  const posts: Parameters<Awaited<ReturnType<NoticeWire['depart']>>['post']>[] = []
  const wire: NoticeWire = {
    depart: async () => ({
      post: async (...post) => {
        posts.push(post)
        return { ...post[0], exchange: answer(await (answers.length > 1 ? answers.shift()! : answers[0]!)) }
      },
    }),
  }
  const told: Delivery[] = []
  const notifier = createNotifier({
    clock,
    activity,
    wire,
    delays: createDelays(),
    plan: planOf(schedule),
    ackTimeoutMs: 150,
    maxDeliveries: 100,
    prepare,
    onDelivery: (delivery) => {
      told.push(delivery)
    },
    hasEnded: () => false,
  })
  const entry = notifier.create('tea-1', 'http://shop/notify', '<xml>1</xml>', PAY)
  const seconds = () => notifier.deliveries().map(({ sentAt }) => (sentAt.getTime() - NOON) / 1000)
  return { activity, clock, notifier, entry, posts, told, seconds }
}

t.test('a notification and its deliveries name the merchant of the order', async (t) => {
  const { notifier, entry } = setup([ACK])
  t.match(await notifier.start(entry), { mchId: '10000100' })
  const other = notifier.create('tea-1', 'http://shop/notify', '<xml>2</xml>', { ...PAY, mchId: '10000101' })
  t.match(await notifier.start(other), { notificationId: 'tea-1:2', mchId: '10000101' })
})

t.test('a long answer is judged as a whole, but only its beginning is remembered', async (t) => {
  const { notifier, entry } = setup([`${' '.repeat(100_000)}${ACK}`])
  t.match(await notifier.start(entry), { verdict: 'acked', response: { body: /^ +$/, length: 100_000 + ACK.length } })
})

t.test('never acknowledged: sent at once, then 15 times, counted from the send, always the same bytes', async (t) => {
  const { clock, notifier, entry, posts, told, seconds } = setup([REFUSAL])
  t.equal(entry.state, 'held', 'nothing is sent before the start')
  const first = await notifier.start(entry)
  t.match(first, {
    id: 'd1',
    outTradeNo: 'tea-1',
    attempt: 0,
    sentAt: new Date(NOON),
    url: 'http://shop/notify',
    verdict: 'fail_xml',
  })
  t.match(first, {
    request: { headers: { 'content-type': 'text/xml' }, body: '<xml>1</xml>' },
    response: { status: 200, body: REFUSAL },
    durationMs: 1,
  })
  t.match(entry, { state: 'pending', nextDueAt: new Date(NOON + 15_000) })
  t.match(clock.timers(), [{ due: new Date(NOON + 15_000), what: 'notify tea-1 attempt 1' }])

  await clock.advance('24h4m')
  t.same(seconds(), [0, 15, 30, 60, 240, 840, 2040, 3840, 5640, 7440, 11_040, 21_840, 32_640, 43_440, 65_040, 86_640])
  t.same(
    notifier.deliveries().map(({ attempt }) => attempt),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  )
  t.match(entry, { state: 'exhausted', nextDueAt: undefined })
  t.same(clock.timers(), [])
  t.same(entry.attempts, notifier.deliveries())
  t.same(told, notifier.deliveries())
  t.same(new Set(posts.map((post) => JSON.stringify(post))).size, 1)
  t.equal(posts[0]![1], 150, 'the limit of the reply')
})

t.test('without an immediate send: 15 gaps make 15 sends', async (t) => {
  const { clock, notifier, entry, seconds } = setup([REFUSAL], { gaps: 'current', immediate: false })
  t.equal(await notifier.start(entry), undefined, 'nothing has been sent')
  t.match(entry, { state: 'pending', attempts: { length: 0 }, nextDueAt: new Date(NOON + 15_000) })
  t.match(clock.timers(), [{ due: new Date(NOON + 15_000), what: 'notify tea-1 attempt 0' }])
  await clock.advance('20s')
  t.same(seconds(), [15])
  await clock.advance('24h4m')
  t.same(seconds(), [15, 30, 60, 240, 840, 2040, 3840, 5640, 7440, 11_040, 21_840, 32_640, 43_440, 65_040, 86_640])
  t.equal(entry.state, 'exhausted')
})

t.test('without an immediate send: held and released, before and after it has started', async (t) => {
  const { clock, entry, seconds } = setup([REFUSAL], { gaps: [15, 60], immediate: false })
  t.equal(await entry.release(), undefined)
  t.match(entry, { state: 'pending', nextDueAt: new Date(NOON + 15_000) })
  entry.hold()
  t.same(clock.timers(), [])
  await entry.release()
  t.equal(entry.nextDueAt?.getTime(), NOON + 15_000, 'at its due time')
  entry.hold()
  await clock.advance('20s')
  t.match(await entry.release(), { attempt: 0, sentAt: new Date(NOON + 20_000) }, 'what should have been sent by now')
  await clock.advance('1h')
  t.same(seconds(), [20, 80])
})

t.test('an acknowledgement ends the schedule, at any attempt', async (t) => {
  for (const attempt of [0, 1, 3]) {
    const { clock, notifier, entry } = setup([...Array(attempt).fill(REFUSAL), ACK])
    await notifier.start(entry)
    await clock.advance('30h')
    t.equal(notifier.deliveries().length, attempt + 1)
    t.match(entry, { state: 'acked', nextDueAt: undefined })
  }
})

t.test('manual sends are outside the schedule', async (t) => {
  const { clock, notifier, entry, seconds } = setup([REFUSAL], [60, 60])
  await notifier.start(entry)
  await clock.advance('10s')
  t.equal((await entry.deliver()).length, 1)
  t.match(await entry.deliver({ count: 2 }), [{ attempt: 0 }, { attempt: 0 }], 'they repeat the last send')
  t.match(entry, { state: 'pending', nextDueAt: new Date(NOON + 60_000) }, 'a failure does not change the schedule')
  await clock.advance('5m')
  t.same(seconds(), [0, 10, 10, 10, 60, 120])
  t.match(await entry.deliver(), [{ attempt: 2 }])
  t.equal(entry.state, 'exhausted')
})

t.test('manual sends: an acknowledgement ends the schedule, and stays', async (t) => {
  const { clock, notifier, entry } = setup([REFUSAL, ACK, REFUSAL])
  await notifier.start(entry)
  t.match(await entry.deliver({ count: 2 }), [{ verdict: 'acked' }, { verdict: 'fail_xml' }])
  t.match(entry, { state: 'acked', nextDueAt: undefined })
  await clock.advance('30h')
  t.equal(notifier.deliveries().length, 3)
})

t.test('manual sends: what was never started stays held until it is acknowledged', async (t) => {
  const { clock, entry } = setup([REFUSAL, ACK])
  t.match(await entry.deliver(), [{ attempt: 0, verdict: 'fail_xml' }])
  t.equal(entry.state, 'held')
  t.same(clock.timers(), [])
  await entry.deliver()
  t.equal(entry.state, 'acked')
})

t.test('concurrent sends are logged in the order of sending, and hold the clock', async (t) => {
  const answers = [1, 2, 3].map(() => deferred<string>())
  const { activity, clock, notifier, entry } = setup(answers.map(({ promise }) => promise))
  const delivered = entry.deliver({ count: 3, concurrent: true })
  t.same(activity.list(), Array(3).fill('notify tea-1 attempt 0'))
  const advanced = clock.advance('1s')
  answers[2]!.resolve(ACK)
  await new Promise((resolve) => setImmediate(resolve))
  t.match(notifier.deliveries(), [{ id: 'd3', verdict: 'acked' }], 'only judged deliveries are shown')
  t.same(clock.now(), new Date(NOON))
  for (const { resolve } of answers) resolve(REFUSAL)
  t.match(await delivered, [{ id: 'd1' }, { id: 'd2' }, { id: 'd3' }])
  t.match(
    notifier.deliveries().map(({ verdict }) => verdict),
    ['fail_xml', 'fail_xml', 'acked'],
  )
  await advanced
  t.same(activity.list(), [])
})

t.test('after a manual send is acknowledged while the schedule is sending, no retry is planned', async (t) => {
  const slow = deferred<string>()
  const { clock, notifier, entry } = setup([slow.promise, ACK])
  const first = notifier.start(entry)
  await entry.deliver()
  slow.resolve(REFUSAL)
  t.match(await first, { verdict: 'fail_xml' })
  t.equal(entry.state, 'acked')
  t.same(clock.timers(), [])
})

t.test('a throwing listener does not hold the clock forever', async (t) => {
  const { activity, notifier, entry, told } = setup([ACK])
  told.push = () => {
    throw new Error('the listener failed')
  }
  await t.rejects(notifier.start(entry), { message: 'the listener failed' })
  t.equal(activity.busy(), false)
})

t.test('ids: an order number, or kind and number, and counted from the second on', async (t) => {
  const { notifier, entry } = setup([ACK])
  const create = (kind: NotificationKind, outRefundNo?: string) =>
    notifier.create('tea-1', 'http://shop/notify', '<xml>2</xml>', {
      ...PAY,
      kind,
      ...(outRefundNo && { outRefundNo }),
    })
  const made = [entry, create('refund', 'r-1'), create('refund', 'r-1'), create('fail'), create('fail'), create('pay')]
  t.same(
    made.map(({ id }) => id),
    ['tea-1', 'refund:r-1', 'refund:r-1:2', 'fail:tea-1', 'fail:tea-1:2', 'tea-1:2'],
  )
  for (const notification of made) t.equal(notifier.find(notification.id), notification)
  t.match(await notifier.start(made[1]!), {
    notificationId: 'refund:r-1',
    kind: 'refund',
    outTradeNo: 'tea-1',
    outRefundNo: 'r-1',
  })
  t.match(await notifier.start(entry), { notificationId: 'tea-1', kind: 'pay', outRefundNo: undefined })
})

t.test('notifications are found by order; deliveries can be collected', async (t) => {
  const { notifier, entry } = setup([ACK])
  t.equal(notifier.find('tea-1'), entry)
  t.equal(notifier.find('tea-2'), undefined)
  t.same(notifier.list(), [entry])
  await notifier.start(entry)
  const collected = notifier.collect()
  await entry.deliver()
  t.match(collected(), [{ id: 'd2' }])
})

t.test('held: the schedule stops, and continues where it was', async (t) => {
  const { clock, entry, seconds } = setup([REFUSAL], [60, 60])
  await entry.release()
  t.match(entry, { state: 'pending', attempts: [{ attempt: 0 }] }, 'released for the first time, it is sent')
  entry.hold()
  t.match(entry, { state: 'held', nextDueAt: undefined })
  await clock.advance('10s')
  t.equal(await entry.release(), undefined, 'nothing is due yet')
  t.match(entry, { state: 'pending', nextDueAt: new Date(NOON + 60_000) })

  entry.hold()
  await clock.advance('2m')
  t.same(seconds(), [0])
  t.match(
    await entry.release(),
    { attempt: 1, sentAt: new Date(NOON + 130_000) },
    'what should have been sent is sent at once',
  )
  t.match(entry.nextDueAt, new Date(NOON + 190_000))
  await clock.advance('1h')
  t.same(seconds(), [0, 130, 190])
  t.equal(await entry.release(), undefined)
  t.equal(entry.state, 'exhausted')
})

t.test('held while being sent: no retry until it is released', async (t) => {
  const slow = deferred<string>()
  const { clock, entry, notifier, seconds } = setup([slow.promise, REFUSAL], [60])
  const first = notifier.start(entry)
  entry.hold()
  t.equal(await entry.release(), undefined, 'the send in progress plans the next')
  entry.hold()
  slow.resolve(REFUSAL)
  await first
  t.same(clock.timers(), [])
  await entry.release()
  await clock.advance('1h')
  t.same(seconds(), [0, 60])
})

t.test('cancelled: WeChat gives up; a manual send is still possible', async (t) => {
  const { clock, entry, notifier, seconds } = setup([REFUSAL, REFUSAL, ACK])
  await notifier.start(entry)
  entry.cancel()
  t.match(entry, { state: 'cancelled', nextDueAt: undefined })
  t.equal(await entry.release(), undefined)
  await clock.advance('25h')
  t.same(seconds(), [0])
  await entry.deliver()
  t.equal(entry.state, 'cancelled')
  await entry.deliver()
  t.equal(entry.state, 'acked')
})

t.test('manual sends with pauses, one after the other or at once', async (t) => {
  for (const concurrent of [false, true]) {
    const { entry, activity } = setup([ACK])
    const began = performance.now()
    const delivered = entry.deliver({ count: 3, concurrent, delayMs: 20 })
    t.equal(activity.list().length, concurrent ? 3 : 1, 'a pause holds the clock')
    const starts = (await delivered).map(({ startedMs }) => startedMs)
    // A busy machine may start any of them late, but none early, but for a timer's millisecond.
    for (const [n, start] of starts.entries()) t.ok(start - began >= n * 19, JSON.stringify([began, ...starts]))
  }
})

t.test('a notification can be changed just before it is sent', async (t) => {
  const { entry, posts } = setup([ACK], 'current', (_entry, attempt, outgoing) => ({
    ...outgoing,
    url: `http://other/${attempt}`,
    body: 'other',
  }))
  t.match(await entry.deliver(), [{ url: 'http://other/0', request: { body: 'other' } }])
  t.equal(posts[0]![0].url, 'http://other/0')
  t.equal(entry.body, '<xml>1</xml>')
})

t.test('a restored dump continues where it was taken', async (t) => {
  const { clock, entry, notifier, seconds } = setup([REFUSAL], [60, 60])
  await notifier.start(entry)
  notifier.create('tea-2', 'http://shop/notify', '<xml>2</xml>', PAY)
  const dump = structuredClone(notifier.dump())
  await clock.advance('61s')
  notifier.load(dump)
  t.same(
    notifier.list().map(({ id, state }) => `${id} ${state}`),
    ['tea-1 pending', 'tea-2 held'],
  )
  t.same(seconds(), [0])
  t.same(clock.timers(), [{ due: new Date(NOON + 60_000), what: 'notify tea-1 attempt 1' }])
  await clock.advance(0)
  t.same(seconds(), [0, 61], 'what became due meanwhile is due')
})

t.test('a send in progress while a dump is taken is due again in it', async (t) => {
  for (const attempt of [0, 1]) {
    const slow = deferred<string>()
    const { clock, entry, notifier, activity } = setup(
      [...Array(attempt).fill(REFUSAL), slow.promise, REFUSAL],
      [15, 60],
    )
    if (attempt === 1) await notifier.start(entry)
    const sent = attempt === 0 ? notifier.start(entry) : clock.advance('15s')
    while (!activity.busy()) await new Promise((resolve) => setImmediate(resolve))
    const dump = structuredClone(notifier.dump())
    slow.resolve(REFUSAL)
    await sent
    notifier.load(dump)
    const due = new Date(NOON + attempt * 15_000)
    t.match(notifier.list(), [{ state: 'pending', nextDueAt: due, attempts: { length: attempt } }])
    t.same(clock.timers(), [{ due, what: `notify tea-1 attempt ${attempt}` }])
    await clock.advance('1h')
    t.same(
      notifier.find('tea-1')!.attempts.map(({ attempt }) => attempt),
      [0, 1, 2],
    )
    t.match(notifier.dump(), { notifications: [{ sends: 3, due: undefined }] })
  }
})

t.test('a send in progress while everything is dropped leaves no trace', async (t) => {
  const slow = deferred<string>()
  const { entry, notifier, clock, told, posts } = setup([slow.promise])
  const first = notifier.start(entry)
  while (posts.length === 0) await Promise.resolve()
  notifier.load(NO_NOTIFICATIONS)
  slow.resolve(REFUSAL)
  t.match(await first, { verdict: 'fail_xml' })
  t.same([notifier.list(), notifier.deliveries(), told, clock.timers()], [[], [], [], []])
})

t.test('notifications of dropped orders are dropped, and the order of creation continues', async (t) => {
  const { notifier } = setup([ACK])
  const kept = notifier.create('tea-2', 'http://shop/notify', '<xml>2</xml>', PAY)
  notifier.forget((outTradeNo) => outTradeNo === 'tea-1')
  t.same(notifier.list(), [kept])
  t.equal(notifier.find('tea-1'), undefined)
  t.equal(notifier.create('tea-3', 'http://shop/notify', '', PAY).data.sequence, 2)
})

t.test('what is still to be sent when everything is dropped is not sent', async (t) => {
  const { entry, notifier, posts, told, activity } = setup([REFUSAL])
  const one = entry.deliver({ count: 3, delayMs: 1 })
  const both = entry.deliver({ count: 2, concurrent: true, delayMs: 1 })
  notifier.load(NO_NOTIFICATIONS)
  const lost = { verdict: 'reset', reason: /the world no longer remembers it/ }
  t.match(await one, [lost], 'no more of them are tried')
  t.match(await both, [lost, lost])
  t.match(await entry.deliver(), [lost], 'nor later, by code that still has it')
  t.same([posts, told, notifier.deliveries(), activity.list()], [[], [], [], []])
  t.match(
    await notifier.start(notifier.create('tea-1', 'http://shop/notify', '', PAY)),
    { id: 'd1' },
    'they have used no number',
  )
})

t.test('an event, which has no order, is dropped once it is finished', async (t) => {
  const { notifier } = setup([ACK])
  const event = { ...PAY, kind: 'event', name: 'X' } as const
  const held = notifier.create('', 'http://shop/notify', '{}', event)
  const over = notifier.create('', 'http://shop/notify', ACK, event)
  await notifier.start(over)
  notifier.forget(() => false)
  const events = () => notifier.list().filter(({ kind }) => kind === 'event')
  t.same(
    events().map(({ id }) => id),
    ['event:X'],
  )
  await notifier.start(held)
  notifier.forget(() => false)
  t.same(events(), [])
})

const data: NotificationData = {
  version: 'v2',
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

t.test('how much deliveries overlapped', async (t) => {
  const between = (...spans: [start: number, end: number][]) =>
    overlapOf(spans.map(([start, end]) => ({ startedMs: start, durationMs: end - start })))
  t.same(between(), { most: 0, spreadMs: 0, sharedMs: 0 })
  t.same(between([10, 20]), { most: 1, spreadMs: 0, sharedMs: 10 })
  t.same(between([0, 10], [10, 20]), { most: 1, spreadMs: 10, sharedMs: 0 })
  t.same(between([0, 10], [2, 8], [5, 20]), { most: 3, spreadMs: 5, sharedMs: 3 })
  t.same(between([0, 10], [2, 8], [9, 20]), { most: 2, spreadMs: 9, sharedMs: 0 })
})

const delivery = (id: string) => ({ id }) as Delivery
const ids = (deliveries: readonly Delivery[]) => deliveries.map(({ id }) => id)

t.test('in the order of sending, whatever the order of judging', async (t) => {
  const log = createDeliveryLog(10)
  const places = [log.take(), log.take(), log.take()]
  t.same(places, [0, 1, 2])
  for (const place of [2, 0]) log.fill(place, delivery(`d${place}`))
  t.same(ids(log.list()), ['d0', 'd2'], 'only judged ones')
  log.fill(1, delivery('d1'))
  t.same(ids(log.list()), ['d0', 'd1', 'd2'])
})

t.test('it keeps the newest; a collection keeps all from its start', async (t) => {
  const log = createDeliveryLog(3)
  const add = () => {
    const place = log.take()
    log.fill(place, delivery(`d${place}`))
  }
  const before = log.take()
  const collected = log.collect()
  for (let n = 1; n <= 10; n++) {
    add()
    t.equal(log.list().length, Math.min(n, 3))
  }
  log.fill(before, delivery('sent before'))
  t.same(
    ids(collected()),
    ['sent before', ...Array.from({ length: 10 }, (_, n) => `d${n + 1}`)],
    'also those in progress',
  )
  add()
  t.same(ids(log.list()).at(-1), 'd11')
})

t.test('it is stored in a snapshot and restored', async (t) => {
  const log = createDeliveryLog(3)
  for (let n = 0; n < 5; n++) log.fill(log.take(), delivery(`d${n}`))
  const dump = log.dump()
  t.match(dump, { taken: 5, deliveries: [{ id: 'd2' }, { id: 'd3' }, { id: 'd4' }] })
  const other = createDeliveryLog(3)
  other.load(dump)
  t.equal(other.take(), 5)
  other.fill(5, delivery('d5'))
  t.same(ids(other.list()), ['d3', 'd4', 'd5'])
})

t.test('a used number is not used again after a restore', async (t) => {
  const log = createDeliveryLog(3)
  log.fill(log.take(), delivery('d1'))
  const dump = log.dump()
  log.fill(log.take(), delivery('d2'))
  log.load(dump)
  t.same(ids(log.list()), ['d1'])
  t.equal(log.take(), 2)
})

const KEPT = 65_536

t.test('a short reply is stored unchanged', async (t) => {
  const reply = { status: 200, headers: {}, body: 'x'.repeat(KEPT) }
  t.equal(keptReply(reply), reply)
})

t.test('of a long reply the beginning and the length are stored', async (t) => {
  const reply = { status: 500, headers: { server: 'nginx' }, body: `\uFEFF${'茶'.repeat(30_000)}` }
  const kept = keptReply(reply)
  t.match(kept, { status: 500, headers: { server: 'nginx' }, length: 90_003 })
  t.ok(Buffer.byteLength(kept.body) > KEPT - 3, 'nearly the maximum')
  t.ok(reply.body.startsWith(kept.body), 'no character is cut in two')
  t.notOk('raw' in kept)
})

t.test('also of bytes that are not text', async (t) => {
  const raw = Buffer.alloc(100_000, 0xb2)
  const kept = keptReply({ status: 200, headers: {}, body: raw.toString(), raw })
  t.same(kept.raw, raw.subarray(0, KEPT))
  t.not(kept.raw?.buffer, raw.buffer)
  t.equal(kept.length, 100_000)
})

const hours = (schedule: Schedule) => planOf(schedule).gaps.reduce((sum, gap) => sum + gap, 0) / 3_600_000

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

t.test('invalid schedules', async (t) => {
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
    t.throws(() => planOf(told as Schedule), { code: 'BAD_INPUT', details: { field } }, JSON.stringify(told))
  }
})
