import { WechatError } from '../../errors.ts'
import { DIALECTS } from './dialects.ts'
import type { Differences } from './dialects.ts'
import type { Dialect } from '../executor.ts'

export interface SchemaOptions {
  /** What the names of the tables begin with. Default `wechat_`. */
  tablePrefix?: string | undefined
  /** The version that the tables have already: only what is newer comes back. Default 0, none. */
  from?: number | undefined
}

/**
 * The statements that make the tables of `sqlStore`, for migrations of your own; `store.migrate()` runs the same. Each does nothing when it has been
 * applied before.
 *
 * @throws {WechatError} `WECHAT_OPTIONS_INVALID`
 */
export function schema(dialect: Dialect, { tablePrefix, from = 0 }: SchemaOptions = {}): string[] {
  return migrations(dialect, tables(tablePrefix)).slice(from).flat()
}

export interface Tables {
  /** Orders up to version 2. */
  orders: string
  /** Orders with their payments. */
  trades: string
  refunds: string
  /** One row for each transaction of WeChat's: the order that it has paid. */
  transactions: string
  history: string
  /** One row for each line of history that was said again: how often, and when last. */
  repeats: string
  anomalies: string
  sessions: string
  /** What processes share by a name. */
  shared: string
  /** One row for each version that was applied. */
  versions: string
}

/** @throws {WechatError} `WECHAT_OPTIONS_INVALID` */
export function tables(prefix = 'wechat_'): Tables {
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(prefix)) {
    throw new WechatError(
      'WECHAT_OPTIONS_INVALID',
      `tablePrefix must be 1 to 40 lower-case letters, digits and _, no digit first; it is ${JSON.stringify(prefix)}`,
    )
  }
  return {
    orders: `${prefix}orders`,
    trades: `${prefix}trades`,
    refunds: `${prefix}refunds`,
    transactions: `${prefix}transactions`,
    history: `${prefix}history`,
    repeats: `${prefix}repeats`,
    anomalies: `${prefix}anomalies`,
    sessions: `${prefix}sessions`,
    shared: `${prefix}shared`,
    versions: `${prefix}versions`,
  }
}

/** The statements of each version, 1 first: they make it from the one before, and note that they have. */
export function migrations(dialect: Dialect, names: Tables): string[][] {
  const differences = DIALECTS[dialect]
  return VERSIONS.map((version, n) => [
    ...version(names, differences).flatMap((step) => (typeof step === 'string' ? [step] : create(step, differences))),
    `insert into ${names.versions} (version) select ${n + 1} from (select count(*) as count from ${names.versions} where version = ${n + 1}) as known where count = 0`,
  ])
}

interface Table {
  name: string
  columns: string[]
  indexes?: Index[]
}

interface Index {
  name: string
  columns: string
  /** Leave out rows in which the column is NULL, if the database can. */
  partial?: boolean
}

function create({ name: table, columns, indexes = [] }: Table, { ddl }: Differences): string[] {
  const named = indexes.map(({ name, columns, partial = false }) => ({
    name: `${table}_${name}`,
    columns,
    where: partial ? ` where ${columns} is not null` : '',
  }))
  const inside = ddl.indexInside ? named.map(({ name, columns }) => `key ${name} (${columns})`) : []
  const beside = ddl.indexInside
    ? []
    : named.map(({ name, columns, where }) => `create index if not exists ${name} on ${table} (${columns})${where}`)
  return [
    `create table if not exists ${table} (\n  ${[...columns, ...inside].join(',\n  ')}\n)${ddl.tableOptions}`,
    ...beside,
  ]
}

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

/** Tables to make, and statements. A version that has been released stays as it is: the next one alters what it made. */
const VERSIONS: ((names: Tables, differences: Differences) => (Table | string)[])[] = [
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

  // A transaction pays one order. Of orders that one transaction has paid already, the earliest has it, and the others are findings.
  // The same news of an order is counted.
  ({ orders, transactions, repeats, anomalies }, { types: { key, integer, time }, read, ddl: { concat } }) => {
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
      {
        name: transactions,
        columns: [`transaction_id ${key} not null primary key`, `out_trade_no ${key} not null`],
      },
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

  // An order says which version of WeChat Pay's API it was made with. The table has another name: what a process of an older version still writes fails as a whole.
  (names, { types }) => {
    const before = ordersOf1(names, types)
    const columns = before.columns.map((column) => column.split(' ')[0]!)
    return [
      before,
      {
        ...before,
        name: names.trades,
        columns: [...before.columns, `api_version ${types.name} not null default 'v2'`],
      },
      `insert into ${names.trades} (${columns.join(', ')}) select ${columns.join(', ')} from ${names.orders} where not exists (select 1 from ${names.trades} where ${names.trades}.out_trade_no = ${names.orders}.out_trade_no)`,
      `drop table if exists ${names.orders}`,
    ]
  },

  // What processes share by a name.
  ({ shared }, { types: { key, text } }) => [
    { name: shared, columns: [`name ${key} not null primary key`, `content ${text} not null`] },
  ],
]
