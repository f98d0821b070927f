import t from 'tap'
import type { EnqueueContext, Job } from '../../src/index.ts'
import { both, merchant } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

/** A queue, and how it delivers what it was given. */
function queue() {
  const jobs: (Job & { dueAt: Date })[] = []
  return {
    jobs,
    /** As it comes back from any queue. */
    take: () => JSON.parse(JSON.stringify(jobs.shift())) as Job,
    async enqueue(job: Job, { dueAt, tx }: EnqueueContext<unknown>) {
      if (tx !== undefined) throw new Error('a memory store has no transaction')
      jobs.push({ ...job, dueAt })
    },
  }
}

const perform = async ({ app }: Merchant, job: Job) => await app.wechat.perform(job)

/** How a job may arrive, and whether each delivery finds work. */
const DELIVERIES: [name: string, deliver: (shop: Merchant, job: Job) => Promise<boolean[]>, found: boolean[]][] = [
  ['once', async (shop, job) => [await perform(shop, job)], [true]],
  ['twice', async (shop, job) => [await perform(shop, job), await perform(shop, job)], [true, false]],
  [
    'five times at once',
    async (shop, job) => (await Promise.all(Array.from({ length: 5 }, () => perform(shop, job)))).sort().reverse(),
    [true, false, false, false, false],
  ],
  [
    'late, after the sweeper has been there',
    async (shop, job) => {
      await shop.world.advance('10m')
      await shop.settle()
      return [await perform(shop, job)]
    },
    [false],
  ],
  [
    'never',
    async (shop) => {
      await shop.settle()
      return []
    },
    [],
  ],
]

for (const [name, deliver, found] of DELIVERIES) {
  both(`a job that is delivered ${name}: onPaid has run once`, async (t, open) => {
    const { jobs, take, enqueue } = queue()
    const shop = await open(t, { options: { enqueue } })
    const outTradeNo = await shop.order()
    t.match((await shop.world.pay(outTradeNo)).delivery, { verdict: 'acked' })
    await shop.app.wechat.idle()
    const { mchId } = shop.world.credentials
    t.match(jobs, [{ kind: 'onPaid', mchId, outTradeNo, claims: 0 }])
    t.strictSame(shop.paid, [], 'the process that was notified hands it over')

    t.strictSame(await deliver(shop, take()), found)
    t.strictSame(shop.paid, [outTradeNo])
    t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid', fulfilment: 'done', dueAt: null })
    t.strictSame(jobs, [])
  })
}

both(
  'if enqueue throws, nothing is recorded, the answer is FAIL, and the next notification brings the job',
  async (t, open) => {
    const { jobs, take, enqueue } = queue()
    let up = false
    const shop = await open(t, {
      options: {
        async enqueue(job, context) {
          if (!up) throw new Error('the queue is down')
          await enqueue(job, context)
        },
      },
    })
    const outTradeNo = await shop.order()
    t.not((await shop.world.pay(outTradeNo)).delivery!.verdict, 'acked')
    t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'prepaid', payment: undefined })
    t.ok(
      shop.logs.some(
        ({ err }) => /enqueue failed/.test(JSON.stringify(err)) && /the queue is down/.test(JSON.stringify(err)),
      ),
    )
    up = true
    const { deliveries } = await shop.world.advance('15s')
    t.match(deliveries, [{ verdict: 'acked' }])
    t.match(jobs, [{ kind: 'onPaid', outTradeNo }])
    t.ok(await perform(shop, take()))
    t.strictSame(shop.paid, [outTradeNo])
  },
)

both('a job brings its own order, whatever else has been due for longer', async (t, open) => {
  const { take, enqueue } = queue()
  const shop = await open(t, { options: { enqueue } })
  const numbers: string[] = []
  for (const key of ['cart-1', 'cart-2']) {
    numbers.push(await shop.order({ price: { key } }))
    await shop.world.pay(numbers.at(-1)!)
    await shop.world.advance('1s')
  }
  const jobs = [take(), take()]
  t.ok(await perform(shop, jobs[1]!))
  t.strictSame(shop.paid, [numbers[1]])
  t.notOk(await perform(shop, jobs[1]!))
  t.ok(await perform(shop, jobs[0]!))
  t.strictSame(shop.paid, numbers.toReversed())
})

both('a hook that fails comes back as a job for later, which does nothing if it comes too early', async (t, open) => {
  const { jobs, take, enqueue } = queue()
  let broken = true
  const delivered: string[] = []
  const shop = await open(t, {
    options: {
      enqueue,
      onPaid: ({ outTradeNo }) => {
        if (broken) throw new Error('warehouse is closed')
        delivered.push(outTradeNo)
      },
    },
  })
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  t.ok(await perform(shop, take()), 'a failure is no reason for the queue to deliver the job again')
  const dueAt = new Date(shop.world.clock.now().getTime() + 5000)
  t.match(jobs, [{ kind: 'onPaid', outTradeNo, claims: 1, dueAt }])
  broken = false
  const job = take()
  t.notOk(await perform(shop, job))
  await shop.world.advance('5s')
  t.ok(await perform(shop, job))
  t.strictSame(delivered, [outTradeNo])
})

both('a refund is followed to its end by jobs alone', async (t, open) => {
  const { jobs, take, enqueue } = queue()
  const back: string[] = []
  const shop = await open(t, {
    options: {
      enqueue,
      onRefunded: (_order, { outRefundNo }) => {
        back.push(outRefundNo)
      },
    },
  })
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  t.ok(await perform(shop, take()))
  const { outRefundNo } = await shop.app.wechat.refunds.create(outTradeNo, { key: 'return', refundFee: 100 })
  await shop.world.settleRefund(outRefundNo, 'SUCCESS', { deliver: 'hold' })
  const kinds: string[] = []
  while (jobs.length > 0) {
    await shop.world.advance('1m')
    kinds.push(jobs[0]!.kind)
    await perform(shop, take())
  }
  t.strictSame(back, [outRefundNo])
  t.strictSame(new Set(kinds), new Set(['refund', 'onRefunded']))
  t.match(await shop.app.wechat.orders.get(outTradeNo), { dueAt: null })
})

t.test('a worker of one merchant refuses the job of another', async (t) => {
  const shop = await merchant(t)
  await t.rejects(perform(shop, { kind: 'onPaid', mchId: '1900000999', outTradeNo: 'order-1', claims: 0 }), {
    code: 'WECHAT_INPUT_INVALID',
    message: /a job of the merchant 1900000999/,
  })
  const { mchId } = shop.world.credentials
  t.notOk(await perform(shop, { kind: 'onPaid', mchId, outTradeNo: 'order-1', claims: 0 }), 'there is no such order')
})
