import t from 'tap'
import { createOutbox, jobOf } from '../../../src/engine/claims/jobs.ts'
import { decide } from '../../../src/engine/machine.ts'
import type { Observation } from '../../../src/engine/machine/observation.ts'
import type { Job } from '../../../src/hooks.ts'
import { sqlStore } from '../../../src/index.ts'
import type { Order, Shipment } from '../../../src/index.ts'
import { everyDatabase } from '../../store/databases.ts'
import { at, newOrder, paymentOf, T0 } from '../helpers.ts'

const SHIPMENT: Shipment = { logisticsType: 'virtual', parcels: [{ itemDesc: 'tea' }] }
const PAID: Order = { ...newOrder({ state: 'paid', fulfilment: 'done' }), payment: paymentOf(newOrder()) }
const news = (order: Order, observation: Observation) => decide(order, observation, { latePayment: 'hold' }, T0)

t.test('repeated news of an answered report changes nothing', async (t) => {
  const shipping = { shipments: [SHIPMENT], sent: 1, attempts: 0, dueAt: null }
  for (const order of [PAID, { ...PAID, shipping }]) {
    for (const observation of [
      { seen: 'shipped', n: 0 },
      { seen: 'ship-failed', n: 0, reason: 'late', isFinal: true },
    ] as const) {
      const { outcome, change } = news(order, observation)
      t.equal(outcome, 'ignored')
      t.equal(change!.order.shipping, order.shipping)
      t.strictSame(change!.anomalies, [])
    }
  }
})

t.test("a due report becomes a job, also in the caller's transaction", async (t) => {
  const order = news(PAID, { seen: 'ship-wanted', shipment: SHIPMENT }).change!.order
  t.match(order.dueAt, at(60_000))
  t.match(jobOf(PAID, order, T0), { kind: 'shipping', outTradeNo: PAID.outTradeNo })
  for (const { dialect, connect } of await everyDatabase(t)) {
    const executor = connect()
    const store = sqlStore<any>(executor as never)
    await store.migrate()
    await store.insertOrder({ order: PAID, history: [], anomalies: [] })
    const jobs: Job[] = []
    const outbox = createOutbox((job) => jobs.push(job))
    const decided = (current: Order) =>
      outbox(news(current, { seen: 'ship-wanted', shipment: SHIPMENT }).change!, current, T0)
    await (executor as any).transaction(async (_: unknown, tx: unknown) => {
      await store.updateOrder(PAID.outTradeNo, decided, tx)
    })
    t.match(jobs, [{ kind: 'shipping' }], dialect)
    t.match(await store.findOrder(PAID.outTradeNo), { shipping: { shipments: [SHIPMENT], sent: 0 } }, dialect)
    const { within: _, ...without } = connect() as any
    await t.rejects(sqlStore<any>(without).updateOrder(PAID.outTradeNo, decided, {}), {
      code: 'WECHAT_INPUT_INVALID',
      sent: false,
    })
  }
})
