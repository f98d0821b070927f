import { WechatError } from '../errors.ts'
import type { Account, Anomaly, HistoryEntry, HistoryLine, Order, Resolution, TokenSession } from '../model.ts'

/** A change of one order: its new row, and what is committed with it. */
export interface Change {
  order: Order
  history: HistoryLine[]
  anomalies: Anomaly[]
}

/**
 * Given the row as it is under the lock, says what it becomes; `undefined` leaves it.
 * Pure and synchronous, so that the lock is short and the call may be repeated.
 */
export type Decide = (current: Order) => Change | undefined

export interface Updated {
  order: Order
  /** Those of the change's anomalies that were not known before. */
  raised: Anomaly[]
}

/**
 * The refusal of a change that records a payment whose transaction has paid another order.
 *
 * @param holder The order that it has paid.
 */
export function transactionTaken(transactionId: string, holder: string): WechatError {
  return new WechatError('WECHAT_TRANSACTION_TAKEN', `The transaction ${transactionId} has paid the order ${holder}.`)
}

/** The right to do an order's due work until the lease ends or somebody else claims it. */
export interface Claim {
  order: Order
  /** The value of `order.claims` that this claim wrote. */
  claims: number
}

/**
 * Keeps rows and makes one change at a time. It holds no rule: those live in the engine.
 *
 * What a store must guarantee, and what `fastify-wechat-pay/testing` checks:
 *
 * 1. When a promise resolves, the change survives a crash of the process (a memory store excepted).
 * 2. `outTradeNo` is unique, and so is `liveKey` where it is not `null`: a change that would take another order's is rejected with
 *    `WECHAT_ORDER_CONFLICT` and writes nothing.
 *    Both are compared exactly: case, accents and spaces count.
 * 3. A `payment.transactionId` belongs to the first order that it is recorded for: a change that would record it for another, added or changed, is rejected with
 *    `WECHAT_TRANSACTION_TAKEN`, whose message names the order that has it, and writes nothing. Compared exactly, as above.
 * 4. `updateOrder` runs `decide` on the newest committed row, and no other change of that row happens between this read and its commit.
 *    The row, its history and its anomalies commit together or not at all. When `decide` throws, nothing is written and the error passes through.
 * 5. Of two claimers at the same moment only one gets the row, and nobody gets a row of another account: with its credentials WeChat would deny the order.
 * 6. An order's refunds are part of its row, and stay in the order in which they stand there.
 * 7. A line of history that says the same as an earlier one of its order (`source`, `seen`, `outcome`, `from` and `to`), and changes no state (`from` is `to`), is
 *    counted there: `count` grows, and `lastAt` is its `at`. Any number of the same requests makes no more rows than one.
 * 8. What is written comes back the same: moments to the millisecond, money as numbers, any text, `null` as `null`, and an absent field as `undefined`.
 *    A NUL and half of a character, which not every database keeps, may come back as U+FFFD; they keep nothing from being written.
 *
 * `Tx` is the transaction handed to `onPaid`: whatever the user's own library calls one.
 */
export interface Store<Tx = unknown> {
  /** Adds a row with its first line of history; answers with the row that stands in the way (same `outTradeNo` or `liveKey`) when there is one. */
  insertOrder(change: Change): Promise<{ inserted: true } | { inserted: false; existing: Order }>
  findOrder(outTradeNo: string): Promise<Order | undefined>
  /** The order whose `liveKey` is `key`. */
  findLiveOrder(key: string): Promise<Order | undefined>
  /** Those of at most 1000 numbers that exist, in any order. */
  findOrders(outTradeNos: readonly string[]): Promise<Order[]>
  /** Up to `limit` orders of all accounts with a number after `after` and before `before`, by their numbers, which are compared byte by byte. */
  ordersBetween(after: string, before: string, limit: number): Promise<Order[]>
  /** Likewise those with a number after `after` that have a refund made from `from` on and before `to`, local ones or others. */
  refundedBetween(from: Date, to: Date, after: string, limit: number): Promise<Order[]>
  /** `undefined` when there is no such order. Resolves with the row as it stands, changed or not. */
  updateOrder(outTradeNo: string, decide: Decide): Promise<Updated | undefined>
  /**
   * Takes up to `limit` rows of the account whose `dueAt` is not after `now`, the longest due first; moves their `dueAt` to `now + leaseMs` and counts `claims` up.
   * Rows that another claimer is just taking are passed over, not waited for. With `outTradeNo`, only that row, and then a change of it that is under way is
   * waited for: a row that is due is found, unless another claimer takes it first.
   */
  claimDue(account: Account, now: Date, limit: number, leaseMs: number, outTradeNo?: string): Promise<Claim[]>
  /**
   * Makes due at `now` whatever of all accounts is due after `latest`, but for unpaid orders that expire after it, and answers how many rows that were. Nothing else changes.
   * No work waits for so long: a clock that was ahead has put it there.
   */
  bringForward(latest: Date, now: Date): Promise<number>
  /**
   * Runs the user's work in a transaction, then `decide` on the row under its lock, in the same transaction; commits both. Rolls both back and
   * answers `lost` when the row has been claimed by somebody else meanwhile; a lease that has ended still holds while nobody has. No row of ours is locked
   * while the work runs. Errors of `work` and `decide` roll back and pass through. Where the database gives the transaction up in favour of another one, both may be
   * run again in a new one.
   */
  fulfil(claim: Claim, work: (tx: Tx) => Promise<void>, decide: Decide): Promise<'done' | 'lost'>
  /** In the order in which the lines were first written. */
  history(outTradeNo: string): Promise<HistoryEntry[]>
  /** Records a finding that belongs to no order of ours. `false` when it is known already. */
  insertAnomaly(anomaly: Anomaly): Promise<boolean>
  /** Those that wait, oldest first. */
  anomalies(): Promise<Anomaly[]>
  findAnomaly(id: string): Promise<Anomaly | undefined>
  /** Records what was decided; `false` when it is not known or was decided before. */
  resolveAnomaly(id: string, resolution: Resolution): Promise<boolean>
  /** How many orders, of all accounts, have work due at `now`, and how many of these have waited since before `since`. */
  countDue(now: Date, since: Date): Promise<{ due: number; stuck: number }>
  putSession(session: TokenSession): Promise<void>
  getSession(tokenHash: string): Promise<TokenSession | undefined>
  deleteSession(tokenHash: string): Promise<void>
  /** Deletes the sessions that have ended before `at`. */
  deleteSessionsBefore(at: Date): Promise<void>
  /** What the processes that use this store share by a name, such as an access token. */
  getShared(name: string): Promise<string | undefined>
  /**
   * Replaces what they share, which must be `before` (`undefined`: nothing yet), by `after`, another text; `false` when it is something else by now. Of several that
   * replace the same at one moment, one does.
   */
  swapShared(name: string, before: string | undefined, after: string): Promise<boolean>
}
