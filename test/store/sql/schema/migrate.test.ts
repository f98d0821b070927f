import t from 'tap'
import type { Account, HistoryLine, Order, OrderState, Payment, Refund } from '../../../../src/model.ts'
import type { Executor } from '../../../../src/store/executor.ts'
import { codec } from '../../../../src/store/sql/codec.ts'
import { DIALECTS } from '../../../../src/store/sql/dialects.ts'
import { HISTORY, ORDER, REFUND, toRow } from '../../../../src/store/sql/fields.ts'
import type { Fields, PlacedRefund } from '../../../../src/store/sql/fields.ts'
import { migrations, schema } from '../../../../src/store/sql/schema/schema.ts'
import { tables } from '../../../../src/store/sql/schema/tables.ts'
import type { Tables } from '../../../../src/store/sql/schema/tables.ts'
import { sqlStore } from '../../../../src/store/sql/sql.ts'
import { insert } from '../../../../src/store/sql/statements.ts'
import type { Claim } from '../../../../src/store/store.ts'
import { everyDatabase } from '../../databases.ts'
import { ACCOUNT, OWNER, at, change, newOrder, ORDER_1, paymentOf } from '../../orders.ts'

/** Writes like a process of an older version. */
function writer(executor: Executor, names: Tables) {
  const differences = DIALECTS[executor.dialect]
  const write = async <T>(table: string, fields: Fields<T>, rows: T[]) => {
    const { sql, values } = insert(table, codec(fields, differences, table), rows)!
    await executor.run(differences.numbered(sql), values)
  }
  return {
    orders: (...orders: Order[]) => write(names.orders, ORDER_1, orders),
    /** From version 3 on. */
    trades: (...orders: Order[]) => write(names.trades, ORDER, orders.map(toRow)),
    due: ({ dueAt, outTradeNo }: Order) =>
      executor.run(
        differences.numbered(
          `insert into ${names.due} (due_at, out_trade_no) values (${differences.place.time}, ${differences.place.key})`,
        ),
        [differences.time(dueAt!), outTradeNo],
      ),
    key: ({ mchId, liveKey, outTradeNo }: Order) =>
      executor.run(
        differences.numbered(
          `insert into ${names.keys} (mch_id, live_key, out_trade_no) values (${differences.place.name}, ${differences.place.key}, ${differences.place.key})`,
        ),
        [mchId, liveKey, outTradeNo],
      ),
    refunds: async ({ outTradeNo, refunds }: Order) => {
      if (refunds.length === 0) return
      await write<PlacedRefund>(
        names.refunds,
        REFUND,
        refunds.map((refund, position) => ({ ...refund, outTradeNo, position })),
      )
    },
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

    for (const from of [3, 4, 5]) {
      t.test(`from version ${from}, a transaction and a place in the schedule become their merchant's`, async (t) => {
        const tablePrefix = `from_${from}_`
        const names = tables(tablePrefix)
        for (const sql of migrations(dialect, names).slice(0, from).flat()) await executor.run(sql, [])
        const old = writer(executor, names)
        const theirs: Account = { ...ACCOUNT, mchId: '1900000002' }
        const orders = ordersOfEveryKind().concat(
          newOrder('theirs', { ...theirs, dueAt: at(2) }),
          newOrder('their-paid', { ...theirs, state: 'paid', payment: paymentOf(newOrder('their-paid', theirs)) }),
        )
        // Recorded by two orders before one transaction paid one order; the other is a finding.
        const { payment: shared } = orders.find(({ outTradeNo }) => outTradeNo === 'done')!
        orders.push(newOrder('second', { state: 'paid', payment: shared }))
        await old.trades(...orders)
        for (const order of orders) {
          await old.refunds(order)
          if (order.dueAt !== null) await old.due(order)
          if (order.liveKey !== null) await old.key(order)
          if (order.payment?.outTradeNo === order.outTradeNo) await old.transaction(order.payment)
        }

        const store = sqlStore(executor, { tablePrefix })
        await store.migrate()
        for (const order of orders) t.match(await store.findOrder(order.outTradeNo), order)
        const numbers = (claims: Claim[]) => claims.map(({ order }) => order.outTradeNo)
        t.same(await store.countDue(theirs.mchId, at(5), at(3)), { due: 1, stuck: 1 })
        t.same(await store.countDue(ACCOUNT.mchId, at(5), at(1)), { due: 4, stuck: 1 })
        t.same(numbers(await store.claimDue(OWNER, at(5), 9, 1)), ['of-created', 'of-prepaid', 'owed', 'of-paid'])
        t.same(numbers(await store.claimDue({ ...OWNER, mchId: theirs.mchId }, at(5), 9, 1)), ['theirs'])

        const taken = { code: 'WECHAT_TRANSACTION_TAKEN', message: /has paid the order done\.$/ }
        for (const outTradeNo of ['of-prepaid', 'second']) {
          await store.updateOrder(outTradeNo, (order) => change({ ...order, payment: undefined }))
          await t.rejects(
            store.updateOrder(outTradeNo, (order) => change({ ...order, payment: shared })),
            taken,
          )
        }
        await store.updateOrder('theirs', (order) => change({ ...order, payment: shared }))
        await t.rejects(
          store.updateOrder('of-prepaid', (order) => change({ ...order, payment: shared })),
          taken,
        )

        await t.rejects(old.due(newOrder('of an old process', { dueAt: at(0) })), 'which cannot write any more')
        await t.rejects(old.transaction(paymentOf(newOrder('of an old process'))))
        const counted = () => store.countDue(ACCOUNT.mchId, at(60_000), at(0))
        const before = await counted()
        for (const sql of schema(dialect, { tablePrefix })) await executor.run(sql, [])
        t.same(await counted(), before, 'run again, they do nothing')
      })
    }

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
        t.same(await store.countDue(OWNER.mchId, at(60_005), at(60_000)), { due: 6, stuck: 1 })

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
    }

    for (const from of [1, 2, 3, 4, 5]) {
      t.test(`from version ${from}, it waits for the leases of running processes`, async (t) => {
        const tablePrefix = `held_${from}_`
        const names = tables(tablePrefix)
        for (const sql of migrations(dialect, names).slice(0, from).flat()) await executor.run(sql, [])
        const store = sqlStore(executor, { tablePrefix })
        const { refunds, ...old } = writer(executor, names)
        const [table, write] = from < 3 ? [names.orders, old.orders] : [names.trades, old.trades]
        const now = Date.now()
        const soon = new Date(now + 40_000)
        const paid = (name: string, part: Partial<Order>) => {
          const order = newOrder(name, { state: 'paid', ...part })
          return { ...order, payment: paymentOf(order) }
        }
        // None of these is being worked on: they wait for a query, a retry or a refund.
        await write(
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
        await write(paidOne!, twin)
        await t.rejects(store.migrate(), { message: /^2 orders are being worked on by a process of an older version/ })
        await executor.run(`delete from ${table} where out_trade_no in ('paid', 'twin')`, [])
        for (const order of held) {
          await write(order)
          await refunds(order)
          await t.rejects(store.migrate(), {
            code: 'WECHAT_STORE_FAILED',
            message: /^1 order is being worked on by a process of an older version/,
          })
          const moved = DIALECTS[dialect].numbered(
            `update ${table} set due_at = ${DIALECTS[dialect].place.time} where out_trade_no = '${order.outTradeNo}'`,
          )
          await executor.run(moved, [DIALECTS[dialect].time(new Date(now - 1000))])
        }
        await store.migrate()
        t.match(await store.findOrder('paid'), { fulfilment: 'due', claims: from < 3 ? 0 : 1 })
      })
    }
  })
}
