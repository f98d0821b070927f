import t from 'tap'
import type { TradeReport } from '../../src/client/pay.ts'
import type { FulfilContext, PaidOrder } from '../../src/hooks.ts'
import type { Order, Payment } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { at, errors, MINUTE, ordered, paymentOf as paidAs, rig, scenario, SECOND, termsOf } from './helpers.ts'
import type { Rig } from './helpers.ts'

const NOTPAY: TradeReport = { tradeState: 'NOTPAY' }
/** A separate transaction for each `order-N`. */
function paymentOf(order: Order, part?: Partial<Payment>): Payment {
  return paidAs(order, { transactionId: `42${order.outTradeNo.slice('order-'.length).padStart(8, '0')}`, ...part })
}

/** A limit in real time for what has to end soon. */
const SOON = 2000

/** A hook that counts its runs and can be made to wait or fail. */
function hook() {
  const runs: string[] = []
  const contexts: FulfilContext<unknown>[] = []
  const behaviour: (() => Promise<void> | void)[] = []
  return {
    runs,
    contexts,
    /** What the next runs do; later ones succeed. */
    next(...does: (() => Promise<void> | void)[]) {
      behaviour.push(...does)
    },
    async onPaid(order: PaidOrder, context: FulfilContext<unknown>) {
      runs.push(order.payment.transactionId)
      contexts.push(context)
      await behaviour.shift()?.()
    },
  }
}

/** A promise settled from outside. */
function gate(): { opened: Promise<void>; open: () => void; fail: (error: Error) => void } {
  let open = () => {}
  let fail: (error: Error) => void = () => {}
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { opened, open, fail }
}

async function paid(made: Rig, part?: Partial<Payment>): Promise<Order> {
  const order = await ordered(made)
  const observed = await made.orders.observePayment('notify', paymentOf(order, part))
  return observed!.order
}

t.test(
  'a payment runs onPaid at once, with the paid order, the transaction and the log, without delaying the reply',
  async (t) => {
    const { onPaid, runs, contexts, next } = hook()
    const held = gate()
    next(() => held.opened)
    const made = rig({ onPaid, startWork: true })
    t.hasStrict(await paid(made), { state: 'paid', fulfilment: 'due' }, 'the payment is acknowledged while onPaid runs')
    for (let time = 0; time < 3; time++) {
      t.hasStrict(
        await made.orders.observePayment('notify', paymentOf((await made.orders.get('order-1'))!)),
        { outcome: 'repeated' },
        'so is a repeated payment',
      )
    }
    held.open()
    await made.work.idle(SOON)
    t.hasStrict(await made.orders.get('order-1'), { state: 'paid', fulfilment: 'done', dueAt: null, attempts: 0 })
    t.same(runs, ['4200000001'])
    t.equal(contexts[0]?.tx, undefined, 'a memory store has no transactions')
    contexts[0]?.log.info({}, 'delivered')
    t.same(made.logged, ['delivered'])
    t.hasStrict((await made.orders.history('order-1')).at(-1), { source: 'fulfil', seen: 'fulfilled', outcome: 'done' })
  },
)

t.test(
  'a notified payment is claimed by the change that records it if a slot is free; others wait for one',
  async (t) => {
    const store = memoryStore() as Store
    const claimed: (string | undefined)[] = []
    const { onPaid, runs, next } = hook()
    const held = gate()
    next(() => held.opened)
    const made = rig({
      store: {
        ...store,
        claimDue: async (...args) => {
          claimed.push(args[4]?.outTradeNo)
          return await store.claimDue(...args)
        },
      },
      onPaid,
      startWork: true,
      concurrency: 1,
    })
    const orders: Order[] = []
    for (const key of ['cart-1', 'cart-2', 'cart-3']) orders.push(await ordered(made, { key }))
    const [first, second, third] = orders as [Order, Order, Order]
    t.hasStrict(await made.orders.observePayment('notify', paymentOf(first)), {
      outcome: 'settled',
      order: { claims: 1, dueAt: at(MINUTE) },
    })
    t.hasStrict(await made.orders.observePayment('notify', paymentOf(second)), {
      outcome: 'settled',
      order: { claims: 0, dueAt: at(0) },
    })
    held.open()
    await made.work.idle(SOON)
    t.hasStrict(
      await made.orders.observePayment('query', paymentOf(third)),
      { outcome: 'settled', order: { claims: 0, dueAt: at(0) } },
      'a sweep that finds it does the work',
    )
    await made.work.idle(SOON)
    t.same(claimed, ['order-2', 'order-3'])
    t.equal(runs.length, 3)
  },
)

t.test('a failed change frees its slot', async (t) => {
  const store = memoryStore() as Store
  let broken = true
  const updateOrder: Store['updateOrder'] = async (number, decide) =>
    await store.updateOrder(number, (order) => {
      const change = decide(order)
      if (broken && change?.order.state === 'paid') throw new Error('the commit failed')
      return change
    })
  const { onPaid, runs } = hook()
  const made = rig({ store: { ...store, updateOrder }, onPaid, startWork: true, concurrency: 1 })
  const order = await ordered(made)
  await t.rejects(made.orders.observePayment('notify', paymentOf(order)), { message: 'the commit failed' })
  await made.work.idle(SOON)
  t.equal(runs.length, 0, 'nothing is fulfilled that was not recorded')
  broken = false
  t.hasStrict(await made.orders.observePayment('notify', paymentOf(order)), {
    outcome: 'settled',
    order: { claims: 1 },
  })
  t.hasStrict(await made.orders.observePayment('notify', paymentOf(order)), { outcome: 'repeated' })
  await made.work.idle(SOON)
  t.equal(runs.length, 1)
})

t.test('20 identical payments and 20 sweeps at once settle once and run onPaid once', async (t) => {
  const { onPaid, runs } = hook()
  const made = rig({ onPaid, startWork: true })
  const order = await ordered(made)
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      await made.orders.observePayment('notify', paymentOf(order))
      await made.work.sweep()
    }),
  )
  await made.work.idle(SOON)
  t.same(runs, ['4200000001'])
  t.equal((await made.orders.history('order-1')).filter(({ outcome }) => outcome === 'paid').length, 1)
})

t.test('an onPaid that throws three times runs again after growing waits, and never after it succeeds', async (t) => {
  const { onPaid, runs, next } = hook()
  next(
    ...['no stock', 'still none', 'database gone'].map((message) => () => {
      throw new Error(message)
    }),
  )
  const made = rig({ onPaid })
  await paid(made)
  for (const [attempts, seconds] of [
    [1, 5],
    [2, 10],
    [3, 20],
  ] as const) {
    t.equal(await made.work.sweep(), 1)
    t.hasStrict(await made.orders.get('order-1'), {
      fulfilment: 'due',
      attempts,
      dueAt: new Date(made.now().getTime() + seconds * SECOND),
    })
    made.advance(seconds * SECOND - 1)
    t.equal(await made.work.sweep(), 0, 'not before its time')
    made.advance(1)
  }
  t.equal(await made.work.sweep(), 1)
  t.hasStrict(await made.orders.get('order-1'), { fulfilment: 'done', attempts: 0, dueAt: null })
  made.advance(24 * 60 * MINUTE)
  t.equal(await made.work.sweep(), 0)
  t.equal(runs.length, 4)
  t.same(
    made.logged,
    Array.from({ length: 3 }, () => 'onPaid failed; it will be run again'),
  )
  t.same(
    (await made.orders.history('order-1')).slice(-4).map(({ seen }) => seen),
    ['fulfil-failed: no stock', 'fulfil-failed: still none', 'fulfil-failed: database gone', 'fulfilled'],
  )
})

const ODD: [thrown: unknown, reason: string][] = [
  ['no stock', 'no stock'],
  [undefined, 'undefined'],
  [null, 'null'],
  [42, '42'],
  [new Error('a\0b'), 'ab'],
  [Object.assign(new Error(''), { message: 7 }), '7'],
  [Object.assign(new Error(''), { message: undefined }), 'Error'],
  [new Error(`${'x'.repeat(499)}😀`), `${'x'.repeat(499)}\ufffd`],
  [Object.create(null), 'something was thrown that cannot be shown'],
]
for (const [thrown, reason] of ODD) {
  t.test(`an onPaid may throw anything: ${reason.slice(0, 40)}`, async (t) => {
    const { onPaid, next } = hook()
    next(() => {
      throw thrown
    })
    const made = rig({ onPaid })
    await paid(made)
    await made.work.sweep()
    t.hasStrict(await made.orders.get('order-1'), { fulfilment: 'due', attempts: 1, dueAt: at(5 * SECOND) })
    t.hasStrict((await made.orders.history('order-1')).at(-1), { seen: `fulfil-failed: ${reason}` })
  })
}

/** Two processes on one store: the onPaid of the first waits for the gate, and its lease ends meanwhile. */
async function overtaken() {
  const store = memoryStore() as Store
  const [slow, quick, begun, held] = [hook(), hook(), gate(), gate()]
  const [first, second] = [rig({ store, onPaid: slow.onPaid }), rig({ store, onPaid: quick.onPaid })]
  slow.next(() => {
    begun.open()
    return held.opened
  })
  await paid(first)
  const working = first.work.sweep()
  await begun.opened
  for (const made of [first, second]) made.advance(MINUTE - 1)
  const early = await second.work.sweep()
  for (const made of [first, second]) made.advance(1)
  return { first, second, slow, quick, held, working, early }
}

t.test('when onPaid outlives its lease, another process takes over and the first result is dropped', async (t) => {
  const { first, second, slow, quick, held, working, early } = await overtaken()
  t.equal(early, 0, 'not before the lease ends')
  t.equal(await second.work.sweep(), 1)
  t.hasStrict(await second.orders.get('order-1'), { fulfilment: 'done', claims: 2 })
  held.open()
  t.equal(await working, 1)
  t.same([slow.runs.length, quick.runs.length], [1, 1])
  t.same(first.logged, ['onPaid took longer than its lease; another process has taken the order over'])
  t.same(second.logged, [])
  t.equal((await first.orders.history('order-1')).filter(({ seen }) => seen === 'fulfilled').length, 1)
})

t.test('an overtaken onPaid that then fails does not disturb the other one', async (t) => {
  const { first, second, quick, held, working } = await overtaken()
  const other = gate()
  quick.next(() => other.opened)
  const overtaking = second.work.sweep()
  held.fail(new Error('too late'))
  await working
  t.hasStrict(
    await first.orders.get('order-1'),
    { fulfilment: 'due', attempts: 0, dueAt: at(2 * MINUTE), claims: 2 },
    'the other one keeps its lease',
  )
  t.equal(await first.work.sweep(), 0)
  other.open()
  t.equal(await overtaking, 1)
  t.hasStrict(await first.orders.get('order-1'), { fulfilment: 'done' })
})

t.test('an onPaid that outlives its lease still counts if nobody took over', async (t) => {
  const { first, slow, held, working } = await overtaken()
  held.open()
  await working
  t.hasStrict(await first.orders.get('order-1'), { fulfilment: 'done', claims: 1 })
  t.equal(slow.runs.length, 1)
})

t.test('an onPaid that refunds the payment runs once, like any other', async (t) => {
  const { onPaid, runs, next } = hook()
  const made = rig({ onPaid, startWork: true })
  next(async () => {
    made.pay.expect(['refund', '5030000001'])
    await made.refunds.create('order-1', { key: 'sold out', refundFee: 1250 })
    t.equal(await made.work.sweep(), 0, 'it is still leased')
  })
  await paid(made)
  await made.work.idle(SOON)
  t.hasStrict(await made.orders.get('order-1'), {
    fulfilment: 'done',
    claims: 1,
    refunds: [{ state: 'processing', dueAt: at(MINUTE) }],
    dueAt: at(MINUTE),
  })
  t.equal(runs.length, 1)
  t.same(made.logged, [])
  t.same(made.pay.asked, ['prepay order-1', 'refund order-1-1'])
})

t.test('if a process died before onPaid, another one runs it', async (t) => {
  const store = memoryStore() as Store
  const { onPaid, runs } = hook()
  const [dead, alive] = [rig({ store }), rig({ store, onPaid })]
  await paid(dead)
  t.equal(await alive.work.sweep(), 1)
  t.same(runs, ['4200000001'])
})

/** A store's `updateOrder`, and a promise for its first recorded failure. */
function failing(store: Store): { updateOrder: Store['updateOrder']; failed: Promise<void> } {
  const { open, opened } = gate()
  return {
    async updateOrder(...args) {
      const updated = await store.updateOrder(...args)
      if (updated?.order.attempts === 1) open()
      return updated
    },
    failed: opened,
  }
}

t.test('an onPaid that never ends is abandoned before its lease ends, and counts as a failure', async (t) => {
  const { onPaid, runs, contexts, next } = hook()
  next(
    () => new Promise(() => {}),
    () => {
      contexts[0]?.log.info({}, String(contexts[0].signal.aborted))
    },
  )
  const store = memoryStore() as Store
  const { updateOrder, failed } = failing(store)
  const made = rig({ store: { ...store, updateOrder }, onPaid, leaseMs: 20 })
  await paid(made)
  t.equal(await made.work.sweep(), 1)
  await failed
  t.hasStrict(await made.orders.get('order-1'), { fulfilment: 'due', attempts: 1, dueAt: at(5 * SECOND), claims: 1 })
  t.match((await made.orders.history('order-1')).at(-1), {
    seen: /fulfil-failed: it had not ended after 18 ms and was abandoned: see the option leaseMs/,
  })
  made.advance(5 * SECOND)
  t.equal(await made.work.sweep(), 1)
  t.hasStrict(await made.orders.get('order-1'), { fulfilment: 'done', claims: 2 })
  t.equal(runs.length, 2)
  t.same(made.logged, ['onPaid failed; it will be run again', 'true'], 'the signal of the first run was aborted')
})

for (const [way, source, slow] of [
  ['in the change that records a payment', 'notify', 'updateOrder'],
  ['for a payment just recorded', 'query', 'claimDue'],
  ['by a sweep', 'operator', 'claimDue'],
] as const) {
  t.test(`a hook's time counts from when its claim was requested: ${way}`, async (t) => {
    let real = 0
    t.intercept(performance, 'now', { value: () => real })
    const store = memoryStore() as Store
    const slowly = async (...args: never[]) => {
      real += 500
      return await (store[slow] as (...args: never[]) => Promise<unknown>)(...args)
    }
    const hooked = { ...store }
    const begun = gate()
    const made = rig({
      store: hooked,
      startWork: way !== 'by a sweep',
      leaseMs: 1000,
      onPaid: async () => {
        Object.assign(hooked, store)
        begun.open()
        await new Promise(() => {})
      },
    })
    const order = await ordered(made)
    Object.assign(hooked, { [slow]: slowly })
    await made.orders.observePayment(source, paymentOf(order))
    if (way === 'by a sweep') made.work.sweep()
    await begun.opened
    t.equal(real, 500)
    real = 901
    await made.work.idle(SOON)
    t.match((await made.orders.history('order-1')).at(-1), { seen: /it had not ended after 900 ms/ })
  })
}

t.test("a hook's signal aborts when its time is up", async (t) => {
  const store = memoryStore() as Store
  const { updateOrder, failed } = failing(store)
  const made = rig({
    store: { ...store, updateOrder },
    leaseMs: 20,
    onPaid: async (_order, { signal }) => {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason)
        })
      })
    },
  })
  await paid(made)
  await made.work.sweep()
  await failed
  t.match((await made.orders.history('order-1')).at(-1), { seen: /fulfil-failed: it had not ended after 18 ms/ })
})

t.test('running hooks can be aborted: each is rolled back and due at once', async (t) => {
  const { onPaid, next } = hook()
  const begun = gate()
  next(() => {
    begun.open()
    return new Promise(() => {})
  })
  const made = rig({ onPaid, startWork: true })
  const order = await paid(made)
  await begun.opened
  const late = await ordered(made, { key: 'cart-2' })
  made.work.stop()
  made.work.giveUp()
  await made.work.idle(SOON)
  t.hasStrict(
    await made.orders.get(order.outTradeNo),
    { fulfilment: 'due', attempts: 0, dueAt: at(0), claims: 1 },
    'it has not failed, and any process may run it at once',
  )
  t.hasStrict((await made.orders.history(order.outTradeNo)).at(-1), {
    source: 'fulfil',
    seen: 'given-back: the app is closing',
    outcome: 'for any process to do',
  })
  t.same(made.logged, ['onPaid was aborted because the app is closing; another process will run it'])
  t.hasStrict(
    await made.orders.observePayment('notify', paymentOf(late)),
    { outcome: 'settled' },
    'later payments are still recorded',
  )
  await made.work.idle(SOON)
  t.hasStrict(
    await made.orders.get(late.outTradeNo),
    { fulfilment: 'due', attempts: 0 },
    'and their onPaid is left to another process',
  )
})

t.test('no hook runs in a transaction that begins too late', async (t) => {
  const store = memoryStore() as Store
  const { onPaid, runs } = hook()
  const connected = gate()
  const fulfil: Store['fulfil'] = async (claim, work, decide) => {
    await connected.opened
    return await store.fulfil(claim, work, decide)
  }
  const { updateOrder, failed } = failing(store)
  const made = rig({ store: { ...store, fulfil, updateOrder }, onPaid, leaseMs: 20 })
  await paid(made)
  await made.work.sweep()
  connected.open()
  await failed
  t.equal(runs.length, 0)
  t.hasStrict(await made.orders.get('order-1'), { fulfilment: 'due', attempts: 1 })
})

t.test('a store that never answers holds its slot only for one lease', async (t) => {
  const store = memoryStore() as Store
  const made = rig({ store: { ...store, fulfil: async () => await new Promise(() => {}) }, leaseMs: 20 })
  await paid(made)
  t.equal(await made.work.sweep(), 1)
  t.hasStrict(
    await made.orders.get('order-1'),
    { fulfilment: 'due', claims: 1 },
    'after the lease any process may claim it',
  )
})

/** Ways in which a store answers late, so that a closing process holds a claim it has not started to work on. */
const CLAIMED_AT_CLOSE: [
  how: string,
  verb: 'updateOrder' | 'claimDue',
  begin: (made: Rig, order: Order) => Promise<unknown>,
  until: number,
][] = [
  [
    'with the record of its payment',
    'updateOrder',
    (made, order) => made.orders.observePayment('notify', paymentOf(order)),
    MINUTE,
  ],
  [
    'when it was announced',
    'claimDue',
    async (made, order) => await made.orders.observePayment('query', paymentOf(order)),
    MINUTE,
  ],
  [
    'by a sweep',
    'claimDue',
    async (made, order) => {
      made.advance(MINUTE)
      await made.orders.observe(order.outTradeNo, { seen: 'unpaid', source: 'query', tradeState: 'NOTPAY' })
      made.advance(2 * MINUTE)
      return await made.work.sweep()
    },
    // The next query.
    2 * MINUTE,
  ],
]
for (const [how, verb, begin, until] of CLAIMED_AT_CLOSE) {
  t.test(`a closing process gives back at once what it claimed but did not start: claimed ${how}`, async (t) => {
    const store = memoryStore() as Store
    const [committed, answered] = [gate(), gate()]
    const { onPaid, runs } = hook()
    const hooked: Store = { ...store }
    const made = rig({ store: hooked, onPaid, startWork: true })
    const order = await ordered(made)
    hooked[verb] = async (...args: never[]): Promise<any> => {
      hooked[verb] = store[verb] as never
      const answer: unknown = await (store[verb] as (...args: never[]) => Promise<unknown>)(...args)
      committed.open()
      await answered.opened
      return answer
    }
    const beginning = begin(made, order)
    await committed.opened
    t.hasStrict(await store.findOrder('order-1'), { claims: 1, dueAt: new Date(made.now().getTime() + until) })
    made.work.stop()
    answered.open()
    await beginning
    await made.work.idle(SOON)
    t.hasStrict(await store.findOrder('order-1'), { claims: 1, attempts: 0, dueAt: made.now() })
    t.hasStrict((await store.history('order-1')).at(-1), { seen: 'given-back: the app is closing' })
    t.same([runs.length, made.pay.asked, made.logged], [0, ['prepay order-1'], []])
  })
}

t.test('a store that does not answer does not hold a slot forever', async (t) => {
  const store = memoryStore() as Store
  let hangs = true
  const { opened, open } = gate()
  const slowly =
    <Args extends unknown[], Result>(verb: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      if (hangs) await opened
      return await verb(...args)
    }
  const { onPaid, runs } = hook()
  const made = rig({
    store: { ...store, claimDue: slowly(store.claimDue), updateOrder: slowly(store.updateOrder) },
    onPaid,
    startWork: true,
    leaseMs: 20,
    concurrency: 1,
  })
  hangs = false
  const orders = [await ordered(made, { key: 'cart-1' }), await ordered(made, { key: 'cart-2' })] as const
  hangs = true
  const late = made.orders.observePayment('notify', paymentOf(orders[0]))
  await made.work.idle(SOON)
  await t.rejects(made.work.sweep(), { code: 'WECHAT_STORE_FAILED', message: /did not answer within 18 ms/ })
  made.work.start('order-2')
  await made.work.idle(SOON)
  t.same(made.logged, ['Work that is due could not be started; the sweeper will'])

  hangs = false
  open()
  t.hasStrict(await late, { outcome: 'settled', order: { claims: 1 } }, 'a record that arrives late still counts')
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  t.equal(runs.length, 0, 'the work is left to the next claim after the lease')
  await made.orders.observePayment('notify', paymentOf(orders[1]))
  await made.work.idle(SOON)
  t.equal(runs.length, 1)
  made.advance(20)
  t.equal(await made.work.sweep(), 1)
  t.equal(runs.length, 2)
})

t.test(
  'at most `concurrency` hooks run at once, others wait without a claim, and a hanging one delays only itself',
  async (t) => {
    const [held, others] = [gate(), gate()]
    let [running, most] = [0, 0]
    const done: string[] = []
    const made = rig({
      concurrency: 3,
      startWork: true,
      onPaid: async ({ key }) => {
        most = Math.max(most, ++running)
        if (key === 'cart-0') await held.opened
        else {
          await new Promise((resolve) => {
            setImmediate(resolve)
          })
        }
        running--
        if (done.push(key) === 11) others.open()
      },
    })
    const numbers: string[] = []
    for (let n = 0; n < 12; n++) numbers.push((await ordered(made, { key: `cart-${n}` })).outTradeNo)
    await Promise.all(
      numbers.map(async (outTradeNo) => {
        await made.orders.observePayment('notify', paymentOf((await made.orders.get(outTradeNo))!))
      }),
    )
    await others.opened
    held.open()
    await made.work.idle(SOON)
    t.equal(most, 3)
    t.equal(done.length, 12)
    t.equal(done.at(-1), 'cart-0')
  },
)

scenario('an unpaid order is queried at the times of the plan, and closed when it expires', async (t, made) => {
  await ordered(made)
  const asked: number[] = []
  for (let second = 0; second < 7200; second += 5) {
    const before = made.pay.asked.length
    if ([5, 30, 60, 180, 300, 600, 1800].includes(second)) made.pay.expect(['query', NOTPAY])
    await made.work.sweep()
    if (made.pay.asked.length > before) asked.push(second)
    made.advance(5 * SECOND)
  }
  t.same(asked, [5, 30, 60, 180, 300, 600, 1800])
  made.pay.expect(['query', NOTPAY], ['close', 'closed'])
  t.equal(await made.work.sweep(), 1)
  t.hasStrict(await made.orders.get('order-1'), { state: 'closed', liveKey: null, dueAt: null })
  t.match((await made.orders.history('order-1')).at(-2), { seen: 'asked', count: 7, lastAt: at(1800 * SECOND) })
  t.same(
    (await made.orders.history('order-1')).slice(-3).map(({ seen }) => seen),
    ['prepaid', 'asked', 'closed: expired'],
  )
})

scenario('of planned queries only answers other than NOTPAY, and missing answers, are recorded', async (t, made) => {
  await ordered(made)
  const lines = async () => (await made.orders.history('order-1')).slice(2).map(({ seen, count }) => [seen, count])
  made.advance(5 * SECOND)
  made.pay.expect(['query', NOTPAY])
  t.equal(await made.work.sweep(), 1)
  t.same(await lines(), [['asked', 1]])
  t.hasStrict(await made.orders.get('order-1'), { claims: 1, queriedAt: at(5 * SECOND), dueAt: at(30 * SECOND) })
  made.advance(25 * SECOND)
  made.pay.expect(['query', { tradeState: 'USERPAYING' }])
  t.equal(await made.work.sweep(), 1)
  t.same(await lines(), [
    ['asked', 2],
    ['USERPAYING', 1],
  ])
  made.advance(30 * SECOND)
  made.pay.expect(['query', errors.timeout()])
  t.equal(await made.work.sweep(), 1)
  t.same(
    (await lines()).map(([seen]) => String(seen).split(':')[0]),
    ['asked', 'USERPAYING', 'no-answer'],
  )
  made.advance(2 * MINUTE)
  made.pay.expect(['query', NOTPAY])
  t.equal(await made.work.sweep(), 1)
  t.same((await lines()).at(-1), ['NOTPAY', 1], 'WeChat can be reached again')
  t.hasStrict(await made.orders.get('order-1'), { attempts: 0, dueAt: at(5 * MINUTE) })
})

scenario('an answer to an older query does not undo what is known meanwhile', async (t, made) => {
  const order = await ordered(made)
  made.advance(5 * SECOND)
  made.pay.expect([
    'query',
    async () => {
      await made.orders.observePayment('notify', paymentOf(order))
      return NOTPAY
    },
  ])
  await made.work.sweep()
  await made.work.idle(SOON)
  t.hasStrict(await made.orders.get('order-1'), { state: 'paid', fulfilment: 'done' })
})

scenario(
  'a payment whose notification was lost is found by a query and fulfilled in the same sweep',
  async (t, made) => {
    const order = await ordered(made)
    made.advance(5 * SECOND)
    made.pay.expect(['query', { tradeState: 'SUCCESS', payment: paymentOf(order) }])
    t.equal(await made.work.sweep(), 2)
    t.hasStrict(await made.orders.get('order-1'), { state: 'paid', fulfilment: 'done' })
  },
)

scenario(
  'if a process died before its call, WeChat is queried after five seconds, and the order is closed there when it expires',
  async (t, { orders, pay, work, advance }) => {
    pay.expect(['prepay', new Error('killed')])
    await t.rejects(orders.create(termsOf({ expiresAt: at(50 * SECOND) })))
    advance(5 * SECOND - 1)
    t.equal(await work.sweep(), 0)
    for (const ms of [1, 25 * SECOND]) {
      advance(ms)
      pay.expect(['query', { tradeState: 'NOT_EXIST' }])
      t.equal(await work.sweep(), 1)
    }
    advance(20 * SECOND)
    pay.expect(['query', { tradeState: 'NOT_EXIST' }], ['close', 'closed'])
    t.equal(await work.sweep(), 1)
    t.hasStrict(await orders.get('order-1'), { state: 'closed' })
  },
)

scenario(
  'while WeChat is unreachable, orders keep their place, and a close is tried less and less often',
  async (t, made) => {
    const { pay, orders, work } = made
    await ordered(made)
    made.advance(5 * SECOND)
    pay.expect(['query', errors.timeout()])
    t.equal(await work.sweep(), 1)
    t.hasStrict(await orders.get('order-1'), { state: 'prepaid', attempts: 1, dueAt: at(30 * SECOND) })

    made.advance(120 * MINUTE)
    for (const [attempts, seconds] of [
      [1, 30],
      [2, 30],
      [3, 30],
      [4, 40],
      [5, 80],
    ] as const) {
      pay.expect(['query', NOTPAY], ['close', errors.timeout()])
      t.equal(await work.sweep(), 1)
      t.hasStrict(await orders.get('order-1'), {
        state: 'closing',
        attempts,
        dueAt: new Date(made.now().getTime() + seconds * SECOND),
      })
      made.advance(seconds * SECOND)
    }
    t.same(new Set(made.logged), new Set(['Work that was due could not be done; it will be tried again']))
    pay.expect(['query', NOTPAY], ['close', 'closed'])
    t.equal(await work.sweep(), 1)
  },
)

scenario(
  'an order that WeChat reports as both paid and not paid is queried again later, not at once',
  async (t, made) => {
    const order = await ordered(made)
    made.advance(120 * MINUTE)
    made.pay.expect(['query', NOTPAY], ['close', 'paid'], ['query', NOTPAY])
    t.equal(await made.work.sweep(), 1)
    made.advance(30 * SECOND)
    made.pay.expect(['query', { tradeState: 'SUCCESS', payment: paymentOf(order) }])
    t.equal(await made.work.sweep(), 2)
    t.hasStrict(await made.orders.get('order-1'), { state: 'paid', fulfilment: 'done' })
  },
)

scenario('an order with a mismatched payment is queried less and less often', async (t, made) => {
  const order = await ordered(made)
  made.advance(120 * MINUTE)
  const misfit: TradeReport = { tradeState: 'SUCCESS', payment: paymentOf(order, { totalFee: 1 }) }
  const waits: number[] = []
  for (let time = 0; time < 5; time++) {
    made.pay.expect(['query', misfit], ['close', 'paid'], ['query', misfit])
    t.equal(await made.work.sweep(), 1)
    const { dueAt } = (await made.orders.get('order-1'))!
    waits.push((dueAt!.getTime() - made.now().getTime()) / SECOND)
    made.advance(dueAt!.getTime() - made.now().getTime())
  }
  t.same(waits, [30, 40, 160, 640, 1800])
  t.equal(made.anomalies.length, 1)
})

scenario('a sweep does everything that is due, however much it is', async (t, made) => {
  for (let n = 1; n <= 40; n++) {
    await ordered(made, { key: `cart-${n}` })
    made.advance(1)
  }
  made.advance(5 * SECOND)
  made.pay.expect(...Array.from({ length: 40 }, () => ['query', NOTPAY] as ['query', TradeReport]))
  made.pay.asked.length = 0
  t.equal(await made.work.sweep(), 40)
  t.same(
    made.pay.asked,
    Array.from({ length: 40 }, (_, n) => `query order-${n + 1}`),
    'the longest overdue first',
  )
})

scenario('work that is done, claimed or of an unknown order is not started', async (t, made) => {
  await paid(made)
  made.work.start('nobody')
  made.work.start('order-1')
  made.work.start('order-1')
  await made.work.idle(SOON)
  made.work.start('order-1')
  await made.work.idle(SOON)
  t.hasStrict(await made.orders.get('order-1'), { fulfilment: 'done', claims: 1 })
  t.same(made.logged, [])
})

t.test('idle waits for running work and for work started meanwhile, up to its limit', async (t) => {
  const { onPaid, next } = hook()
  const [one, two] = [gate(), gate()]
  next(
    () => one.opened,
    () => two.opened,
  )
  const made = rig({ onPaid })
  await made.work.idle(0)
  for (const key of ['cart-1', 'cart-2']) {
    await made.orders.observePayment('notify', paymentOf(await ordered(made, { key })))
  }

  made.work.start('order-1')
  let idle = false
  const waiting = made.work.idle(SOON).then(() => {
    idle = true
  })
  await made.work.idle(1)
  made.work.start('order-2')
  one.open()
  await made.work.idle(1)
  t.equal(idle, false, 'order-2 is running')
  two.open()
  await waiting
  t.hasStrict(await made.orders.get('order-2'), { fulfilment: 'done' })
})

t.test('a failing store stops nothing permanently', async (t) => {
  const memory = memoryStore() as Store
  let down = ''
  const guarded =
    <Args extends unknown[], Result>(name: string, verb: (...args: Args) => Promise<Result>) =>
    async (...args: Args) => {
      if (!down.includes(name)) return await verb(...args)
      if (name === 'updateOrder') noted.open()
      throw new Error(`${name}: the database is down`)
    }
  const LEASE = 300
  const noted = gate()
  const made = rig({
    leaseMs: LEASE,
    store: {
      ...memory,
      claimDue: guarded('claimDue', memory.claimDue),
      fulfil: guarded('fulfil', memory.fulfil),
      updateOrder: guarded('updateOrder', memory.updateOrder),
    },
  })
  await paid(made)

  down = 'claimDue'
  made.work.start('order-1')
  await made.work.idle(SOON)
  await t.rejects(made.work.sweep(), { message: 'claimDue: the database is down' })
  t.same(made.logged, ['Work that is due could not be started; the sweeper will'])

  down = 'fulfil'
  t.equal(await made.work.sweep(), 1)
  t.hasStrict(
    await made.orders.get('order-1'),
    { fulfilment: 'due', attempts: 1, dueAt: at(5 * SECOND) },
    'a failed commit is a failed attempt',
  )

  down = 'fulfil updateOrder'
  made.advance(5 * SECOND)
  const sweeping = made.work.sweep()
  await noted.opened
  down = 'fulfil'
  t.equal(await sweeping, 1)
  t.hasStrict(
    await made.orders.get('order-1'),
    { fulfilment: 'due', attempts: 2, dueAt: at(15 * SECOND) },
    'a failure that cannot be recorded is recorded when the store is back',
  )

  down = 'fulfil updateOrder'
  made.advance(10 * SECOND)
  t.equal(await made.work.sweep(), 1)
  t.hasStrict(
    await made.orders.get('order-1'),
    { fulfilment: 'due', attempts: 2, dueAt: at(15 * SECOND + LEASE) },
    'or left until the lease ends',
  )

  down = ''
  made.advance(MINUTE)
  t.equal(await made.work.sweep(), 1)
  t.hasStrict(await made.orders.get('order-1'), { fulfilment: 'done' })
})

const DAY = 24 * 60 * MINUTE

for (const [how, ahead] of [
  ['an hour', 60 * MINUTE],
  ['ten years', 3650 * DAY],
] as const) {
  t.test(
    `if a process whose clock is ${how} ahead dies with a claim, another runs onPaid in its first sweep`,
    async (t) => {
      const store = memoryStore() as Store
      const { onPaid, runs } = hook()
      const held = gate()
      const [dead, alive] = [rig({ store, onPaid: () => held.opened }), rig({ store, onPaid })]
      const order = await ordered(alive)
      dead.advance(ahead)
      await dead.orders.observePayment('notify', paymentOf(order))
      const dying = dead.work.sweep()
      while ((await store.findOrder('order-1'))!.claims === 0) await new Promise(setImmediate)
      t.equal(await alive.work.sweep(), 1)
      t.same(runs, ['4200000001'])
      t.match(alive.logged, [/^A clock that was ahead/])
      held.open()
      await dying
    },
  )
}

t.test('what such a process leaves behind later is found within five minutes, including refunds', async (t) => {
  const store = memoryStore() as Store
  const [wrong, right] = [rig({ store }), rig({ store })]
  const order = await ordered(right)
  await right.orders.observePayment('notify', paymentOf(order))
  t.equal(await right.work.sweep(), 1)
  wrong.advance(3650 * DAY)
  wrong.pay.expect(['refund', '5030000001'])
  await wrong.refunds.create('order-1', { key: 'return', refundFee: 1250 })
  for (let minute = 1; minute < 5; minute++) {
    right.advance(MINUTE)
    t.equal(await right.work.sweep(), 0)
  }
  right.advance(MINUTE)
  const report = { outRefundNo: 'order-1-1', outTradeNo: 'order-1', refundId: '5030000001', refundFee: 1250 }
  right.pay.expect(['queryRefund', { ...report, state: 'success' }])
  t.equal(await right.work.sweep(), 2)
  t.hasStrict(await right.orders.get('order-1'), { refunds: [{ state: 'success', fulfilment: 'done' }], dueAt: null })
})

t.test('leases, retries and expiries in the future are left alone', async (t) => {
  const { onPaid, next } = hook()
  const held = gate()
  const made = rig({ onPaid, leaseMs: 60 * MINUTE, startWork: true })
  await ordered(made, { key: 'open', expiresAt: at(7 * DAY) })
  const waiting = await ordered(made, { key: 'waiting' })
  next(() => held.opened)
  await made.orders.observePayment('notify', paymentOf(waiting))
  made.pay.expect(...Array.from({ length: 6 }, (): ['query', TradeReport] => ['query', NOTPAY]))
  for (let minute = 0; minute <= 58; minute++) {
    made.advance(MINUTE)
    await made.work.sweep()
  }
  t.same(made.logged, [])
  t.hasStrict(await made.orders.get('order-2'), { claims: 1, dueAt: at(60 * MINUTE) })
  t.hasStrict(await made.orders.get('order-1'), { dueAt: at(7 * DAY) })
  held.open()
  await made.work.idle(SOON)
})

t.test('storing a result is retried until the lease ends', async (t) => {
  const store = memoryStore() as Store
  let isDown = false
  const updateOrder: Store['updateOrder'] = async (...args) => {
    if (isDown) throw new Error('the database is down')
    return await store.updateOrder(...args)
  }
  const { onPaid, next } = hook()
  next(() => {
    isDown = true
    throw new Error('sold out')
  })
  const made = rig({ store: { ...store, updateOrder }, onPaid, leaseMs: 20 })
  await paid(made)
  await made.work.sweep()
  const given = 'Work that was due could not be done; it will be tried again'
  while (!made.logged.includes(given)) await new Promise(setImmediate)
  t.same(made.logged, [
    'onPaid failed; it will be run again',
    'The result of the work could not be stored; trying again',
    given,
  ])
  isDown = false
  t.hasStrict(
    await made.orders.get('order-1'),
    { fulfilment: 'due', attempts: 0, claims: 1 },
    'after that any process may claim it',
  )
})
