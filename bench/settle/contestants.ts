import pg from 'pg'
import type { PayApi } from '../../src/client/pay.ts'
import { createOrders } from '../../src/engine/orders.ts'
import { fromPg } from '../../src/store/adapters/pg.ts'
import { sqlStore } from '../../src/store/sql/sql.ts'
import { paymentOf } from './orders.ts'

/** Settles the n-th order. */
export type Settle = (n: number) => Promise<void>

export const CONTESTANTS = {
  settle,
  bare: (pool, tablePrefix) => byHand(pool, tablePrefix, false),
  same: (pool, tablePrefix) => byHand(pool, tablePrefix, true),
} satisfies Record<string, (pool: pg.Pool, tablePrefix: string) => Settle>

export type Name = keyof typeof CONTESTANTS

/** What this package does when a verified notification has been read. */
function settle(pool: pg.Pool, tablePrefix: string): Settle {
  const { appid, mchId } = paymentOf(0)
  const orders = createOrders({
    appids: [appid],
    mchId,
    // Nobody orders or asks here.
    pay: {} as PayApi,
    store: sqlStore(fromPg(pool), { tablePrefix }),
    policy: { latePayment: 'hold' },
    observer: { anomaly() {}, due() {} },
    now: () => new Date(),
    newOutTradeNo: () => '',
  })
  return async (n) => {
    const payment = paymentOf(n)
    const observed = await orders.observePayment('notify', payment)
    if (observed?.outcome !== 'settled') {
      throw new Error(`${payment.outTradeNo} was not settled: ${observed?.why ?? 'unknown'}`)
    }
  }
}

/**
 * The SQL that any shop must run for it, by hand: only the columns that are compared are read, every statement is prepared. With `besides`, it leaves the rows
 * that `settle` leaves: the delivery is in the schedule, and the transaction cannot pay another order.
 */
function byHand(pool: pg.Pool, tablePrefix: string, besides: boolean): Settle {
  const read = {
    name: 'read',
    text: `select state, appid, mch_id, openid, total_fee, currency, due_at::text from ${tablePrefix}trades where out_trade_no = $1 for update`,
  }
  const write = {
    name: 'write',
    text:
      `update ${tablePrefix}trades set state = 'paid', transaction_id = $2, paid_out_trade_no = $1, paid_appid = $3, paid_mch_id = $4, paid_openid = $5, paid_fee = $6, ` +
      "paid_currency = $7, paid_at = $8, paid_bank_type = $9, paid_attach = $10, fulfilment = 'due', due_at = $11 where out_trade_no = $1",
  }
  const note = {
    name: 'note',
    text: `insert into ${tablePrefix}history (out_trade_no, seen_at, source, seen, outcome, from_state, to_state) values ($1, $2, 'notify', $3, 'paid', $4, 'paid')`,
  }
  const plan = {
    name: 'plan',
    text: `update ${tablePrefix}schedule set due_at = $3 where hashtext(mch_id) = hashtext($1) and due_at = $4 and hashtext(out_trade_no) = hashtext($2) and out_trade_no = $2`,
  }
  const take = {
    name: 'take',
    text: `insert into ${tablePrefix}payments (mch_id, transaction_id, out_trade_no) values ($1, $2, $3)`,
  }
  return async (n) => {
    const { transactionId, outTradeNo, appid, mchId, openid, totalFee, currency, paidAt, bankType, attach } =
      paymentOf(n)
    const client = await pool.connect()
    try {
      await client.query('begin')
      const {
        rows: [order],
      } = await client.query({ ...read, values: [outTradeNo] })
      if (
        order.state !== 'prepaid' ||
        order.appid !== appid ||
        order.mch_id !== mchId ||
        order.openid !== openid ||
        Number(order.total_fee) !== totalFee ||
        order.currency !== currency
      ) {
        throw new Error(`${outTradeNo} cannot be settled.`)
      }
      const now = new Date().toISOString()
      await client.query({
        ...write,
        values: [
          outTradeNo,
          transactionId,
          appid,
          mchId,
          openid,
          totalFee,
          currency,
          paidAt.toISOString(),
          bankType,
          attach,
          now,
        ],
      })
      if (besides) {
        const { rowCount } = await client.query({ ...plan, values: [mchId, outTradeNo, now, order.due_at] })
        if (rowCount !== 1) throw new Error(`${outTradeNo} is not in the schedule.`)
        await client.query({ ...take, values: [mchId, transactionId, outTradeNo] })
      }
      await client.query({ ...note, values: [outTradeNo, now, `payment ${transactionId}`, order.state] })
      await client.query('commit')
    } finally {
      client.release()
    }
  }
}
