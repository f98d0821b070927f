import type pg from 'pg'
import { schema } from '../../src/store/sql/schema/schema.ts'
import type { Payment } from '../../src/model.ts'

const APPID = 'wx2421b1c4370ec43b'
const MCH_ID = '1900000109'
const OPENID = 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'

/** What begins every number; the position of the order, in ten digits, ends it. */
const OUT_TRADE_NO = '20260115093000Tq7Zk2-'
const TRANSACTION_ID = '420000054020260115'

/** The payment of the n-th order. */
export function paymentOf(n: number): Payment {
  const digits = String(n).padStart(10, '0')
  return {
    transactionId: `${TRANSACTION_ID}${digits}`,
    outTradeNo: `${OUT_TRADE_NO}${digits}`,
    appid: APPID,
    mchId: MCH_ID,
    openid: OPENID,
    totalFee: 100 + (n % 9900),
    currency: 'CNY',
    paidAt: new Date('2026-01-15T09:31:12+08:00'),
    bankType: 'CMB_CREDIT',
    attach: '茶叶 2 盒，门店自提',
  }
}

const COMMON = {
  out_trade_no: `'${OUT_TRADE_NO}' || digits`,
  order_key: "'cart-' || digits",
  live_key: "'cart-' || digits",
  appid: `'${APPID}'`,
  mch_id: `'${MCH_ID}'`,
  openid: `'${OPENID}'`,
  description: "'Tea'",
  total_fee: '100 + n % 9900',
  currency: "'CNY'",
  attach: "'茶叶 2 盒，门店自提'",
  client_ip: "'203.0.113.7'",
  created_at: 'now()',
  expires_at: "now() + interval '2 hours'",
  prepay_id: "'wx15093000257392f61a80c7ab2f1d0000'",
  prepay_expires_at: "now() + interval '2 hours'",
  refund_count: '0',
  attempts: '0',
  claims: '0',
  // As this version writes it: without, the tables of older versions would be asked for each order.
  history: `'[[1768440600000,"order","order of 100 fen","created"]]'`,
}

const UNPAID = { ...COMMON, state: "'prepaid'", fulfilment: "'none'" }

/** Paid and delivered: owes nothing. */
const DONE = {
  ...COMMON,
  state: "'paid'",
  fulfilment: "'done'",
  due_at: 'null',
  transaction_id: `'${TRANSACTION_ID}' || digits`,
  paid_at: 'now()',
  paid_bank_type: "'CMB_CREDIT'",
  paid_attach: COMMON.attach,
}

/** Makes the tables and fills them with `count` orders that have been ordered and can be paid. */
export async function fillUnpaid(client: pg.Client, tablePrefix: string, count: number): Promise<void> {
  await fill(client, tablePrefix, [
    { ...UNPAID, due_at: "now() + interval '2 hours'", of: `generate_series(0, ${count - 1}) as n` },
  ])
}

/** Makes the tables and fills them with what a shop has: `due` orders due since a minute, one in a hundred due tomorrow, all others done with; and beside them orders of another merchant, due for longer. */
export async function fillHistory(
  client: pg.Client,
  tablePrefix: string,
  count: number,
  due: number,
  others: number,
): Promise<void> {
  const at = (condition: string) => `generate_series(0, ${count - 1}) as n where ${condition}`
  const step = count / due
  await fill(client, tablePrefix, [
    { ...DONE, of: at(`n % ${step} <> 0 and n % 100 <> 7`) },
    { ...UNPAID, due_at: "now() + interval '1 day'", of: at(`n % ${step} <> 0 and n % 100 = 7`) },
    // All over the table, as the orders that somebody left unpaid are.
    { ...UNPAID, due_at: "now() - interval '1 minute' + n * interval '1 microsecond'", of: at(`n % ${step} = 0`) },
    {
      ...UNPAID,
      out_trade_no: "'other-' || digits",
      mch_id: "'1900000110'",
      due_at: "now() - interval '1 hour' + n * interval '1 microsecond'",
      of: `generate_series(0, ${others - 1}) as n`,
    },
  ])
}

async function fill(
  client: pg.Client,
  tablePrefix: string,
  kinds: (Record<string, string> & { of: string })[],
): Promise<void> {
  const all = schema('postgres', { tablePrefix })
  const isTable = (sql: string) => sql.startsWith('create table')
  // Nothing of this must survive a crash, and indexes are made faster of a full table.
  await client.query('set synchronous_commit = off')
  for (const sql of all.filter(isTable)) await client.query(sql)
  const [trades, schedule, keys] = ['trades', 'schedule', 'keys'].map((name) => tablePrefix + name)
  for (const { of, ...columns } of kinds) {
    const from = `(select n, lpad(n::text, 10, '0') as digits from ${of}) as numbers`
    await client.query(
      `insert into ${trades} (${Object.keys(columns).join(', ')}) select ${Object.values(columns).join(', ')} from ${from}`,
    )
  }
  await client.query(
    `insert into ${schedule} (mch_id, due_at, out_trade_no) select mch_id, due_at, out_trade_no from ${trades} where due_at is not null`,
  )
  await client.query(
    `insert into ${keys} (mch_id, live_key, out_trade_no) select mch_id, live_key, out_trade_no from ${trades}`,
  )
  for (const sql of all.filter((sql) => !isTable(sql))) await client.query(sql)
  await client.query(`vacuum analyze ${trades}, ${schedule}`)
}
