import t from 'tap'
import { createOutbox, jobOf } from '../../../src/engine/claims/jobs.ts'
import type { Job } from '../../../src/hooks.ts'
import type { Order, Refund } from '../../../src/model.ts'
import { at, MINUTE, newOrder, ordered, paymentOf, rig, T0 } from '../helpers.ts'

const order = newOrder({ claims: 3 })
const paid = newOrder({ claims: 3, state: 'paid', fulfilment: 'due', dueAt: T0, payment: paymentOf(order) })
const refund = {
  outRefundNo: 'r1',
  key: 'k',
  origin: 'local',
  refundFee: 1,
  state: 'processing',
  createdAt: T0,
  fulfilment: 'none',
  attempts: 0,
  dueAt: T0,
} as unknown as Refund
const done: Partial<Order> = { fulfilment: 'done' }

/** What a change makes of the order, and the kind of its job. */
const CHANGES: [name: string, before: Order, after: Order, kind: Job['kind'] | undefined][] = [
  ['paid', order, paid, 'onPaid'],
  ['onPaid has failed', paid, { ...paid, attempts: 1, dueAt: at(5000) }, 'onPaid'],
  ['delivered', paid, { ...paid, ...done, dueAt: null }, undefined],
  ['repeated news', paid, { ...paid }, undefined],
  ['a refund to be requested', paid, { ...paid, ...done, dueAt: at(30), refunds: [refund] }, 'refund'],
  [
    'a refund that is back',
    { ...paid, dueAt: null },
    { ...paid, ...done, refunds: [{ ...refund, state: 'success', fulfilment: 'due' }] },
    'onRefunded',
  ],
  [
    'a refund that is back, whose hook has failed, while another one is asked about',
    { ...paid, dueAt: null },
    { ...paid, ...done, refunds: [{ ...refund, fulfilment: 'due', dueAt: at(MINUTE) }, refund] },
    'refund',
  ],
  [
    'a refund without anything due',
    { ...paid, dueAt: null },
    { ...paid, ...done, refunds: [{ ...refund, fulfilment: 'due', dueAt: null }, refund] },
    'refund',
  ],
  ['the next query of an unpaid order', order, { ...order, dueAt: at(1) }, undefined],
  ['an unpaid order to be asked about at once', order, { ...order, dueAt: T0 }, 'query'],
]

for (const [name, before, after, kind] of CHANGES) {
  t.test(`${name}: ${kind ?? 'no job'}`, async (t) => {
    const { mchId, outTradeNo } = order
    const job = jobOf(before, after, T0)
    t.strictSame(job, kind && { kind, mchId, outTradeNo, claims: 3 })
    t.strictSame(job && JSON.parse(JSON.stringify(job)), job, 'it is JSON')
  })
}

t.test('the job goes to the hook in the transaction of its change, and says when it is due', async (t) => {
  const got: unknown[] = []
  const outbox = createOutbox((...args) => got.push(args))
  const { also, ...change } = outbox({ order: paid, history: [], anomalies: [] }, order, T0)
  t.strictSame(change, { order: paid, history: [], anomalies: [] })
  t.strictSame(got, [])
  await also!('the transaction')
  t.strictSame(got, [[jobOf(order, paid, T0), { tx: 'the transaction', dueAt: T0 }]])
  const same = { order: paid, history: [], anomalies: [] }
  t.equal(outbox(same, paid, T0), same, 'a change that makes nothing due stays as it is')
})

for (const [name, enqueue, cause] of [
  [
    'throws',
    () => {
      throw new Error('no connection')
    },
    /^no connection$/,
  ],
  [
    'rejects',
    async () => {
      throw new Error('no connection')
    },
    /^no connection$/,
  ],
  ['never ends', async () => await new Promise(() => {}), /had not ended after 20 ms/],
] as const) {
  t.test(`an enqueue that ${name} is an error that a client may see`, async (t) => {
    const { also } = createOutbox(enqueue, 20)({ order: paid, history: [], anomalies: [] }, order, T0)
    await t.rejects(also!(undefined), {
      code: 'WECHAT_STORE_FAILED',
      advice: 'repeat',
      message: 'The hook enqueue failed, so nothing was recorded. Try again.',
      cause: { message: cause },
    })
  })
}

t.test(
  'a job that arrives while a process closes is refused, so that the queue delivers it to another one',
  async (t) => {
    let finish = () => {}
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    let begin = () => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const made = rig({
      concurrency: 1,
      async onPaid() {
        begin()
        await held
      },
    })
    const numbers: string[] = []
    for (const key of ['cart-1', 'cart-2']) {
      const order = await ordered(made, { key })
      numbers.push(order.outTradeNo)
      await made.orders.observePayment('notify', paymentOf(order, { transactionId: key }))
    }
    const { work, store } = made
    const running = work.perform(numbers[0]!)
    await begun
    const waiting = work.perform(numbers[1]!)
    work.stop()
    finish()
    t.ok(await running, 'what has been claimed is given back or done')
    const refused = { code: 'WECHAT_BUSY', advice: 'repeat', sent: false }
    await t.rejects(waiting, refused)
    await t.rejects(work.perform(numbers[1]!), refused)
    t.match(await store.findOrder(numbers[1]!), { fulfilment: 'due', claims: 0 })
  },
)
