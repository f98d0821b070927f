import t from 'tap'
import type { HistoryLine, Order, OrderState, Payment, Refund } from '../../../../src/model.ts'
import type { Executor } from '../../../../src/store/executor.ts'
import { codec } from '../../../../src/store/sql/codec.ts'
import { DIALECTS } from '../../../../src/store/sql/dialects.ts'
import { HISTORY, REFUND } from '../../../../src/store/sql/fields.ts'
import type { Fields, PlacedRefund } from '../../../../src/store/sql/fields.ts'
import { migrations, schema } from '../../../../src/store/sql/schema/schema.ts'
import { tables } from '../../../../src/store/sql/schema/tables.ts'
import type { Tables } from '../../../../src/store/sql/schema/tables.ts'
import { sqlStore } from '../../../../src/store/sql/sql.ts'
import { insert } from '../../../../src/store/sql/statements.ts'
import { everyDatabase } from '../../databases.ts'
import { OWNER, at, change, newOrder, ORDER_1, paymentOf } from '../../orders.ts'

/** Writes like a process of version 1 or 2. */
function writer(executor: Executor, names: Tables) {
  const differences = DIALECTS[executor.dialect]
  const write = async <T>(table: string, fields: Fields<T>, rows: T[]) => {
    const { sql, values } = insert(table, codec(fields, differences, table), rows)!
    await executor.run(differences.numbered(sql), values)
  }
  return {
    orders: (...orders: Order[]) => write(names.orders, ORDER_1, orders),
    refunds: ({ outTradeNo, refunds }: Order) =>
      write<PlacedRefund>(
        names.refunds,
        REFUND,
        refunds.map((refund, position) => ({ ...refund, outTradeNo, position })),
      ),
    history: (...lines: HistoryLine[]) => write<HistoryLine>(names.history, HISTORY, lines),
    transaction: ({ transactionId, outTradeNo }: Payment) =>
      executor.run(
        differences.numbered(
          `insert into ${names.transactions} (transaction_id, out_trade_no) values (${differences.place.key}, ${differences.place.key})`,
        ),
        [transactionId, outTradeNo],
      ),
  }
}

const REFUNDED: Refund = {
  outRefundNo: 'refund-1',
  key: 'refund',
  refundFee: 1,
  reason: undefined,
  origin: 'local',
  state: 'processing',
  refundId: undefined,
  createdAt: at(0),
  succeededAt: undefined,
  attempts: 1,
  dueAt: at(60_000),
  fulfilment: 'none',
}

const STATES: OrderState[] = ['created', 'unknown', 'prepaid', 'closing', 'paid', 'closed', 'failed']

/** An order of each kind, with all its fields. */
function ordersOfEveryKind(): Order[] {
  const all = STATES.map((state, n) =>
    newOrder(`of-${state}`, {
      state,
      attach: n % 2 === 0 ? '红茶' : undefined,
      liveKey: state === 'closed' || state === 'failed' ? null : `of-${state}`,
      dueAt: n % 2 === 0 ? at(n) : null,
      claims: n,
    }),
  )
  const paid = (name: string, part: Partial<Order>): Order => {
    const order = newOrder(name, { state: 'paid', prepayId: 'wx1', prepayExpiresAt: at(1), queriedAt: at(2), ...part })
    return { ...order, payment: { ...paymentOf(order), bankType: 'OTHERS', attach: '红茶' } }
  }
  return [
    ...all,
    paid('owed', { fulfilment: 'due', dueAt: at(3), attempts: 2, claims: 3 }),
    paid('done', { fulfilment: 'done' }),
    paid('late', { state: 'closed', liveKey: null, fulfilment: 'held' }),
    paid('refunding', { fulfilment: 'done', dueAt: at(60_000), refunds: [REFUNDED] }),
  ]
}

for (const { dialect, connect } of await everyDatabase(t)) {
  t.test(dialect, async (t) => {
    const executor = connect()

    for (const from of [1, 2]) {
      t.test(`from version ${from}, with orders of every kind`, async (t) => {
        const tablePrefix = `from_${from}_`
        const names = tables(tablePrefix)
        for (const sql of migrations(dialect, names).slice(0, from).flat()) await executor.run(sql, [])
        const old = writer(executor, names)
        const orders = ordersOfEveryKind()
        await old.orders(...orders)
        await old.refunds(orders.at(-1)!)
        const said: HistoryLine[] = orders.flatMap((order) => {
          const [line] = change(order).history
          return [line!, { ...line!, seen: 'again', from: order.state }]
        })
        await old.history(...said)
        for (const { payment } of orders) if (payment !== undefined && from === 2) await old.transaction(payment)

        const store = sqlStore(executor, { tablePrefix })
        await store.migrate()
        const kept = orders.map((order) => ({ ...order, apiVersion: 'v2' as const, claims: 0 }))
        for (const order of kept) {
          t.match(await store.findOrder(order.outTradeNo), order)
          const live = await store.findLiveOrder(order.key, order.mchId)
          t.equal(live?.outTradeNo, order.liveKey === null ? undefined : order.outTradeNo)
          t.match(
            (await store.history(order.outTradeNo)).map(({ seen, count }) => [seen, count]),
            [
              ['seen', 1],
              ['again', 1],
            ],
          )
        }

        const due = (await store.claimDue(OWNER, at(5), 100, 60_000)).map(({ order }) => order.outTradeNo)
        t.same(due, ['of-created', 'of-prepaid', 'owed', 'of-paid'], 'the longest overdue first')
        t.same(await store.countDue(at(60_005), at(60_000)), { due: 6, stuck: 1 })

        const owed = kept.find(({ outTradeNo }) => outTradeNo === 'owed')!
        await t.rejects(
          store.updateOrder('of-prepaid', (order) => change({ ...order, payment: owed.payment })),
          { code: 'WECHAT_TRANSACTION_TAKEN' },
        )
        await store.updateOrder('of-closing', (order) => ({
          ...change({ ...order, state: 'closed', liveKey: null, dueAt: null }),
          history: [{ ...change(order).history[0]!, seen: 'again', from: 'closing', to: 'closing' }],
        }))
        t.match(await store.history('of-closing'), [{ count: 1 }, { count: 2 }])
        t.same(await store.insertOrder(change(newOrder('next', { liveKey: 'of-closing' }))), { inserted: true })
        t.match(await store.insertOrder(change(newOrder('third', { liveKey: 'of-paid' }))), {
          inserted: false,
          existing: { outTradeNo: 'of-paid' },
        })

        await t.rejects(old.orders(newOrder('of an old process')), 'which cannot write any more')
        const before = await store.findOrder('of-prepaid')
        for (const sql of schema(dialect, { tablePrefix, from })) await executor.run(sql, [])
        t.same(await store.findOrder('of-prepaid'), before, 'run again, the statements do nothing')
      })

      t.test(`from version ${from}, it waits for the leases of running processes`, async (t) => {
        const tablePrefix = `held_${from}_`
        const names = tables(tablePrefix)
        for (const sql of migrations(dialect, names).slice(0, from).flat()) await executor.run(sql, [])
        const store = sqlStore(executor, { tablePrefix })
        const old = writer(executor, names)
        const now = Date.now()
        const soon = new Date(now + 40_000)
        const paid = (name: string, part: Partial<Order>) => {
          const order = newOrder(name, { state: 'paid', ...part })
          return { ...order, payment: paymentOf(order) }
        }
        // None of these is being worked on: they wait for a query, a retry or a refund.
        await old.orders(
          newOrder('asked', { claims: 1, dueAt: soon }),
          paid('failing', { fulfilment: 'due', attempts: 1, claims: 1, dueAt: soon }),
          paid('fresh', { fulfilment: 'due', dueAt: new Date(now - 1000) }),
        )
        const held = [
          paid('paid', { fulfilment: 'due', claims: 1, dueAt: soon }),
          paid('refunded', {
            fulfilment: 'done',
            claims: 1,
            dueAt: soon,
            refunds: [{ ...REFUNDED, state: 'success', fulfilment: 'due', dueAt: new Date(now - 1000) }],
          }),
        ]
        const [paidOne] = held
        const twin = { ...paid('twin', paidOne!), outTradeNo: 'twin', liveKey: 'twin' }
        await old.orders(paidOne!, twin)
        await t.rejects(store.migrate(), { message: /^2 orders are being worked on by a process of an older version/ })
        await executor.run(`delete from ${names.orders} where out_trade_no in ('paid', 'twin')`, [])
        for (const order of held) {
          await old.orders(order)
          if (order.refunds.length > 0) await old.refunds(order)
          await t.rejects(store.migrate(), {
            code: 'WECHAT_STORE_FAILED',
            message: /^1 order is being worked on by a process of an older version/,
          })
          const moved = DIALECTS[dialect].numbered(
            `update ${names.orders} set due_at = ${DIALECTS[dialect].place.time} where out_trade_no = '${order.outTradeNo}'`,
          )
          await executor.run(moved, [DIALECTS[dialect].time(new Date(now - 1000))])
        }
        await store.migrate()
        t.match(await store.findOrder('paid'), { fulfilment: 'due', claims: 0 })
      })
    }
  })
}
