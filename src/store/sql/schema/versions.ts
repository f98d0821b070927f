import type { Differences } from '../dialects.ts'
import type { Table, Tables } from './tables.ts'

type Types = Differences['types']

function paymentColumns({ key, name, text, integer, time }: Types): string[] {
  return [
    `transaction_id ${key}`,
    `paid_out_trade_no ${name}`,
    `paid_appid ${name}`,
    `paid_mch_id ${name}`,
    `paid_openid ${name}`,
    `paid_fee ${integer}`,
    `paid_currency ${name}`,
    `paid_at ${time}`,
    `paid_bank_type ${name}`,
    `paid_attach ${text}`,
  ]
}

/** The orders of versions 1 and 2. */
function ordersOf1({ orders }: Tables, types: Types): Table {
  const { key, name, text, integer, time, count } = types
  return {
    name: orders,
    columns: [
      `out_trade_no ${key} not null primary key`,
      `order_key ${name} not null`,
      `live_key ${key} unique`,
      `appid ${name} not null`,
      `mch_id ${name} not null`,
      `openid ${name} not null`,
      `description ${text} not null`,
      `total_fee ${integer} not null`,
      `currency ${name} not null`,
      `attach ${text}`,
      `client_ip ${name} not null`,
      `created_at ${time} not null`,
      `expires_at ${time} not null`,
      `state ${name} not null`,
      `prepay_id ${name}`,
      `prepay_expires_at ${time}`,
      `queried_at ${time}`,
      ...paymentColumns(types),
      `refund_count ${count} not null`,
      `fulfilment ${name} not null`,
      `attempts ${integer} not null`,
      `due_at ${time}`,
      `claims ${integer} not null`,
    ],
    indexes: [
      { name: 'transaction_id', columns: 'transaction_id', partial: true },
      { name: 'due_at', columns: 'due_at', partial: true },
    ],
  }
}

/** The schedule of versions 3 to 5. */
function dueOf3({ due }: Tables, { types, ddl }: Differences): Table {
  const columns = 'due_at, out_trade_no'
  return {
    name: due,
    columns: [
      `due_at ${types.time} not null`,
      `out_trade_no ${types.key} not null`,
      ...ddl.schedule.constraint(columns),
    ],
    indexes: ddl.schedule.index(columns).map((columns) => ({ name: 'at', columns })),
    options: ddl.schedule.options,
  }
}

/** WeChat's transactions in versions 2 to 5. */
function transactionsOf2({ transactions }: Tables, { key }: Types): Table {
  return {
    name: transactions,
    columns: [`transaction_id ${key} not null primary key`, `out_trade_no ${key} not null`],
  }
}

/** Tables to make, and statements. A version that has been released stays as it is: the next one alters what it made. */
export const VERSIONS: ((names: Tables, differences: Differences) => (Table | string)[])[] = [
  (names, { types, ddl: { counter, reports } }) => {
    const { key, name, text, integer, time } = types
    return [
      {
        name: names.versions,
        columns: ['version integer not null primary key'],
      },
      ordersOf1(names, types),
      {
        name: names.refunds,
        columns: [
          `out_trade_no ${key} not null`,
          `position ${integer} not null`,
          `out_refund_no ${key} not null`,
          `refund_key ${name} not null`,
          `refund_fee ${integer} not null`,
          `reason ${text}`,
          `origin ${name} not null`,
          `state ${name} not null`,
          `refund_id ${name}`,
          `created_at ${time} not null`,
          `succeeded_at ${time}`,
          `attempts ${integer} not null`,
          `due_at ${time}`,
          `fulfilment ${name} not null`,
          'primary key (out_trade_no, position)',
        ],
      },
      {
        name: names.history,
        columns: [
          `id ${counter} primary key`,
          `out_trade_no ${key} not null`,
          `seen_at ${time} not null`,
          `source ${name} not null`,
          `seen ${text} not null`,
          `outcome ${text} not null`,
          `from_state ${name} not null`,
          `to_state ${name} not null`,
        ],
        indexes: [{ name: 'out_trade_no', columns: 'out_trade_no, id' }],
      },
      {
        name: names.anomalies,
        columns: [
          `id ${key} not null primary key`,
          `kind ${name} not null`,
          `out_trade_no ${key} not null`,
          `found_at ${time} not null`,
          `reason ${text} not null`,
          ...paymentColumns(types),
          `action ${name}`,
          `note ${text}`,
          `resolved_at ${time}`,
          ...reports,
        ],
        indexes: [{ name: 'found_at', columns: 'found_at' }],
      },
      {
        name: names.sessions,
        columns: [
          `token_hash ${key} not null primary key`,
          `appid ${name} not null`,
          `openid ${name} not null`,
          `unionid ${name}`,
          `expires_at ${time} not null`,
        ],
        indexes: [{ name: 'expires_at', columns: 'expires_at' }],
      },
    ]
  },

  // A transaction pays one order. If one transaction has paid several orders, the earliest keeps it and the others become findings.
  // Repeated news of an order is counted.
  (names, { types, read, ddl: { concat } }) => {
    const { orders, transactions, repeats, anomalies } = names
    const { integer, time } = types
    const [transactionId, outTradeNo, holder] = [
      'paid.transaction_id',
      'paid.out_trade_no',
      'claimed.out_trade_no',
    ].map((column) => read('key', column)) as [string, string, string]
    const id = concat("'reused-transaction:'", outTradeNo, "':'", transactionId)
    const reason = concat("'The transaction '", transactionId, "' has paid the order '", holder)
    const payment =
      'transaction_id, paid_out_trade_no, paid_appid, paid_mch_id, paid_openid, paid_fee, paid_currency, paid_at, paid_bank_type, paid_attach'
    return [
      // Gone if version 3 has been applied as well.
      ordersOf1(names, types),
      transactionsOf2(names, types),
      {
        name: repeats,
        columns: [
          `history_id ${integer} not null primary key`,
          `times ${integer} not null`,
          `last_seen_at ${time} not null`,
        ],
      },
      `insert into ${transactions} (transaction_id, out_trade_no) ` +
        `select paid.transaction_id, paid.out_trade_no from ${orders} as paid where paid.transaction_id is not null ` +
        `and not exists (select 1 from ${orders} as earlier where earlier.transaction_id = paid.transaction_id ` +
        'and (earlier.created_at < paid.created_at or (earlier.created_at = paid.created_at and earlier.out_trade_no < paid.out_trade_no))) ' +
        `and not exists (select 1 from ${transactions} as claimed where claimed.transaction_id = paid.transaction_id)`,
      `insert into ${anomalies} (id, kind, out_trade_no, found_at, reason, ${payment}) ` +
        `select ${id}, 'reused-transaction', paid.out_trade_no, paid.paid_at, ${reason}, ${payment.replaceAll(/\w+/g, 'paid.$&')} ` +
        `from ${orders} as paid join ${transactions} as claimed on claimed.transaction_id = paid.transaction_id ` +
        `where claimed.out_trade_no <> paid.out_trade_no and not exists (select 1 from ${anomalies} as known where known.id = ${id})`,
    ]
  },

  // The schedule and the unique values of an order are in narrow tables beside it, so that changing an order touches no index. An order records which version of WeChat
  // Pay's API it was made with. The table of orders has a new name, so a write by a process of an older version fails as a whole.
  (names, differences) => {
    const { types, ddl } = differences
    const { orders, trades, due, keys } = names
    const before = ordersOf1(names, types)
    const named = (column: string) => column.split(' ')[0]!
    const gone = ['claims']
    const known = before.columns.filter((column) => !gone.includes(named(column)))
    const copied = known.map(named).join(', ')
    // What changes is at the end, so that a change is a short part of the row: PostgreSQL logs what lies between the first and the last byte that differ.
    // History is the last of all, and its latest line the first.
    const paid = paymentColumns(types).map(named)
    const last = [
      'live_key',
      'pay_url',
      'prepay_id',
      'prepay_expires_at',
      ...paid,
      'refund_count',
      'state',
      'fulfilment',
      'attempts',
      'claimed_by',
      'queried_at',
      'due_at',
    ]
    const place = (column: string) => last.indexOf(named(column))
    const columns = [
      ...known.map((column) => column.replace(' unique', '').replace(/^(openid .*) not null$/, '$1')),
      `pay_url ${types.text}`,
      `claimed_by ${types.name}`,
    ]
    columns.sort((one, other) => place(one) - place(other))
    return [
      before,
      {
        name: trades,
        columns: [
          columns[0]!,
          `api_version ${types.name} not null default 'v2'`,
          // How it is paid, and further values of its terms. Only in a mini program is the payer known from the start.
          `trade_type ${types.name} not null default 'JSAPI'`,
          `extras ${types.json}`,
          `refund_accounts ${types.json}`,
          // For a service provider's order: its sub-merchant.
          `sub_mch_id ${types.name}`,
          `sp_appid ${types.name}`,
          `shipments ${types.json}`,
          `shipments_sent ${types.integer}`,
          `shipping_attempts ${types.integer}`,
          `shipping_due_at ${types.time}`,
          ...columns.slice(1),
          `claims ${types.integer} not null default 0`,
          `history ${types.text}`,
        ],
        options: ddl.roomy,
      },
      dueOf3(names, differences),
      {
        name: keys,
        columns: [
          `mch_id ${types.name} not null`,
          `live_key ${types.key} not null`,
          `out_trade_no ${types.key} not null`,
          'primary key (mch_id, live_key)',
        ],
        options: ddl.narrow,
      },
      ...ddl.freeze({ [orders]: 'drop column if exists claims' }, [trades, due, keys]),
      ddl.copy(trades, copied, `from ${orders}`),
      ddl.copy(due, 'due_at, out_trade_no', `from ${orders} where due_at is not null`),
      ddl.copy(keys, 'mch_id, live_key, out_trade_no', `from ${orders} where live_key is not null`),
      `drop table if exists ${orders}`,
      ...ddl.thaw,
    ]
  },

  // Values that processes share by name.
  ({ shared }, { types: { key, text } }) => [
    { name: shared, columns: [`name ${key} not null primary key`, `content ${text} not null`] },
  ],

  // Which processes are alive.
  ({ processes }, { types: { key, integer } }) => [
    { name: processes, columns: [`name ${key} not null primary key`, `beats ${integer} not null`] },
  ],

  // A transaction belongs to a merchant, and so does a place in the schedule: merchants that share a store do not meet. The tables have new names, so a write by a
  // process of an older version fails as a whole.
  (names, differences) => {
    const { types, ddl } = differences
    const { trades, due, schedule, transactions, payments } = names
    const place = 'mch_id, due_at, out_trade_no'
    const paid = 'mch_id, transaction_id, out_trade_no'
    const merchant = `mch_id ${types.name} not null`
    const number = `out_trade_no ${types.key} not null`
    const held =
      `select ${trades}.mch_id, ${transactions}.transaction_id, ${transactions}.out_trade_no ` +
      `from ${transactions} join ${trades} on ${trades}.out_trade_no = ${transactions}.out_trade_no`
    return [
      // Gone if this version has been applied.
      dueOf3(names, differences),
      transactionsOf2(names, types),
      {
        name: schedule,
        columns: [`due_at ${types.time} not null`, merchant, number, ...ddl.schedule.constraint(place)],
        indexes: ddl.schedule.index(place).map((columns) => ({ name: 'at', columns })),
        options: ddl.schedule.options,
      },
      {
        name: payments,
        columns: [merchant, `transaction_id ${types.key} not null`, number, 'primary key (mch_id, transaction_id)'],
        options: ddl.narrow,
      },
      ...ddl.freeze(
        {
          [due]: 'drop column if exists due_at',
          [transactions]: 'drop constraint if exists closed, add constraint closed check (false) not valid',
        },
        [trades, schedule, payments],
      ),
      ddl.copy(schedule, place, `from ${trades} where due_at is not null${ddl.schedule.missing(names)}`),
      ddl.copy(payments, paid, `from (${held}) as held`),
      `drop table if exists ${due}`,
      `drop table if exists ${transactions}`,
      ...ddl.thaw,
    ]
  },
]
