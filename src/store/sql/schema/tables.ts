import { WechatError } from '../../../errors.ts'

export interface Tables {
  /** Orders up to version 2. */
  orders: string
  /** Orders with their payments. */
  trades: string
  /** The schedule of versions 3 to 5. */
  due: string
  /**
   * One row for each order that has work, with the time when it is due: the same as `due_at` of the order, indexed here, for each merchant, so that the order
   * needs no index.
   */
  schedule: string
  /** One row for each live key: the order that has it. */
  keys: string
  refunds: string
  /** WeChat's transactions in versions 2 to 5. */
  transactions: string
  /** One row for each transaction of a merchant's: the order that it has paid. */
  payments: string
  history: string
  /** One row for each line of history that was repeated: how often, and when last. */
  repeats: string
  anomalies: string
  sessions: string
  /** Values that processes share by name. */
  shared: string
  /** One row for each running process, with its latest heartbeat. */
  processes: string
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
    due: `${prefix}due`,
    schedule: `${prefix}schedule`,
    keys: `${prefix}keys`,
    refunds: `${prefix}refunds`,
    transactions: `${prefix}transactions`,
    payments: `${prefix}payments`,
    history: `${prefix}history`,
    repeats: `${prefix}repeats`,
    anomalies: `${prefix}anomalies`,
    sessions: `${prefix}sessions`,
    shared: `${prefix}shared`,
    processes: `${prefix}processes`,
    versions: `${prefix}versions`,
  }
}

export interface Table {
  name: string
  columns: string[]
  indexes?: Index[]
  options?: string
}

interface Index {
  name: string
  columns: string
  /** Leave out rows in which the column is NULL, if the database can. */
  partial?: boolean
}
