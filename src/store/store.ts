import { WechatError } from '../errors.ts'
import type { Anomaly, HistoryEntry, HistoryLine, Order, Owner, Resolution, TokenSession } from '../model.ts'

/** A change of one order: its new row, and the history and anomalies that are committed with it. */
export interface Change {
  order: Order
  history: HistoryLine[]
  anomalies: Anomaly[]
  /** Only in a change of `updateOrder`: runs in its transaction, after its rows are written. What it throws undoes the change. */
  also?: ((tx: unknown) => Promise<void>) | undefined
}

/**
 * Gets the row as it is under the lock, and returns what it becomes; `undefined` leaves it.
 * Pure and synchronous, so that the lock is short and the call may be repeated.
 */
export type Decide = (current: Order) => Change | undefined

/** The result of an update: the order as it is now, and the findings to report. */
export interface Updated {
  order: Order
  /** The change's anomalies that were not known before. */
  raised: Anomaly[]
}

/**
 * Refuses a change that records a payment whose transaction has paid another order.
 *
 * @param holder The order that it has paid.
 */
export function transactionTaken(transactionId: string, holder: string): WechatError {
  return new WechatError('WECHAT_TRANSACTION_TAKEN', `The transaction ${transactionId} has paid the order ${holder}.`)
}

/**
 * For a claim: what the order becomes if it only needs a query, with the next query in its schedule and this one in its history; otherwise
 * `undefined`. Pure and synchronous.
 */
export type Plan = (claimed: Order) => Change | undefined

export interface ClaimOptions {
  /** Only this order. */
  outTradeNo?: string | undefined
  /** Stored as `claimedBy`. */
  claimer?: string | undefined
  plan?: Plan | undefined
}

/** An order that is archived, with everything that goes with it. */
export interface Archived {
  order: Order
  history: HistoryEntry[]
  /** All of them resolved. */
  anomalies: Anomaly[]
}

export interface ArchiveOptions<Tx> {
  /** Orders that were made, and last heard of, before this. */
  before: Date
  /** Gets the orders of a step, in the transaction that deletes them: what it throws leaves them where they are. */
  to?: ((orders: Archived[], tx: Tx) => Promise<void> | void) | undefined
}

/** The most orders that are archived in one transaction. */
export const ARCHIVE_STEP = 100

/** The right to do an order's due work until the lease ends or somebody else claims it. */
export interface Claim {
  order: Order
  /** The value of `order.claims` that this claim wrote. */
  claims: number
  /** The order is as the plan says: its next query is already in the schedule. */
  planned?: true
}

/**
 * Keeps rows and makes one change at a time. It contains no rules: those are in the engine.
 *
 * What a store must guarantee, and what `fastify-wechat-pay/testing` checks:
 *
 * 1. When a promise resolves, the change survives a crash of the process (a memory store excepted).
 * 2. `outTradeNo` is unique, and so is `liveKey` among the orders of one `mchId`, unless `null`: a change that would take another order's is rejected with
 *    `WECHAT_ORDER_CONFLICT` and writes nothing.
 *    Both are compared exactly: case, accents and spaces count.
 * 3. A `payment.transactionId` belongs to the first order of its `mchId` that records it: a change that would record it for another order of this merchant, new
 *    or not, is rejected with `WECHAT_TRANSACTION_TAKEN`, whose message names the order that has it, and writes nothing. Compared exactly, as above.
 * 4. `updateOrder` runs `decide` on the newest committed row, and no other change of that row happens between this read and its commit.
 *    The row, its history and its anomalies commit together or not at all. When `decide` throws, nothing is written and the error passes through.
 *    The same for the change's `also`, which gets the transaction, and runs again if the transaction does. A store that ignores it keeps money safe, but no job
 *    is enqueued.
 * 5. Of two claimers at the same moment only one gets the row, and nobody gets a row of another owner, whose order WeChat would deny.
 * 6. An order's refunds are part of its row, and keep their order.
 * 7. A line of history that repeats an earlier one of its order (`source`, `seen`, `outcome`, `from` and `to`), and changes no state (`from` equals `to`), is
 *    counted there: `count` grows, and `lastAt` is its `at`. Any number of equal requests adds only one row.
 * 8. Values come back as they were written: moments to the millisecond, money as numbers, any text, `null` as `null`, and an absent field as `undefined`.
 *    A NUL or half a character, which not every database can store, may come back as U+FFFD; it must not prevent the write.
 *
 * `Tx` is the transaction passed to `onPaid`: that of the user's own library.
 */
export interface Store<Tx = unknown> {
  /** Adds a row with its first line of history, or returns the existing row with the same `outTradeNo`, or the merchant's with the same `liveKey`. */
  insertOrder(change: Change): Promise<{ inserted: true } | { inserted: false; existing: Order }>
  findOrder(outTradeNo: string): Promise<Order | undefined>
  /** The merchant's order whose `liveKey` is `key`. */
  findLiveOrder(key: string, mchId: string): Promise<Order | undefined>
  /** The existing orders among at most 1000 numbers, in any order. */
  findOrders(outTradeNos: readonly string[]): Promise<Order[]>
  /** Up to `limit` orders of all accounts with a number between `after` and `before`, sorted by number, compared byte by byte. */
  ordersBetween(after: string, before: string, limit: number): Promise<Order[]>
  /** Likewise the orders with a number after `after` that have a refund, local or not, made at or after `from` and before `to`. */
  refundedBetween(from: Date, to: Date, after: string, limit: number): Promise<Order[]>
  /** `undefined` when there is no such order. Resolves with the row as it stands, changed or not. In `tx`, a transaction of the caller, the change is committed with it. */
  updateOrder(outTradeNo: string, decide: Decide, tx?: Tx): Promise<Updated | undefined>
  /**
   * Takes up to `limit` rows of the owner (its merchant number, and one of its apps) whose `dueAt` is not after `now`, the longest due first, and increments `claims`. `plan` gets each row with its
   * new claim and may return what it becomes, in the same change; for the others `dueAt` moves to `now + leaseMs`. Skips rows that another claimer is taking,
   * without waiting for them. With `outTradeNo`, takes only that row, and waits
   * for a change of it that is under way: a due row is found unless another claimer takes it first.
   */
  claimDue(owner: Owner, now: Date, limit: number, leaseMs: number, options?: ClaimOptions): Promise<Claim[]>
  /** Notes that the process `claimer` is alive, for the `beats`-th time, and answers with the latest beat of each process. */
  beat(claimer: string, beats: number): Promise<{ claimer: string; beats: number }[]>
  /**
   * Forgets a process that has died, and answers how many rows it makes due at `now`: rows that it has claimed and that are due later than `now`, but not
   * after `until` or with a `queriedAt` not before `askedSince`. Nothing else changes: a process that was not dead after all still holds its leases until somebody else claims the rows.
   */
  takeOver(claimer: string, now: Date, until: Date, askedSince: Date): Promise<number>
  /**
   * Makes due at `now` all rows of this merchant that are due after `latest`, except unpaid orders that expire after it, and returns their number.
   * Nothing else changes. No work waits that long: a clock that was ahead has put it there.
   */
  bringForward(mchId: string, latest: Date, now: Date): Promise<number>
  /**
   * Runs the user's work in a transaction, then `decide` on the row under its lock, in the same transaction; commits both. Rolls both back and
   * returns `lost` if the row has been claimed by another meanwhile; an expired lease is still valid until the next claim. No row of ours is
   * locked while the work runs. Errors of `work` and `decide` roll back and pass through. If the database aborts the transaction in favour of
   * another, both may run again in a new one.
   */
  fulfil(claim: Claim, work: (tx: Tx) => Promise<void>, decide: Decide): Promise<'done' | 'lost'>
  /** In the order in which the lines were first written. An order keeps at most 1000: of more, the first 100 and the latest 900. */
  history(outTradeNo: string): Promise<HistoryEntry[]>
  /** Records a finding that belongs to no order of ours. `false` if it is known already. */
  insertAnomaly(anomaly: Anomaly): Promise<boolean>
  /** Up to `limit` undecided ones, sorted by `at` and then by `id`, byte by byte; for the next page, those that come `after` the last of this one. */
  anomalies(limit: number, after?: Pick<Anomaly, 'at' | 'id'>): Promise<Anomaly[]>
  /**
   * Takes out the orders of all accounts that are done and unchanged since `before`, with their history, refunds and anomalies, and returns their number. One that owes
   * something stays, and so does one with an undecided anomaly. In steps of at most 100, each in a transaction: `to` gets its orders, then they are
   * deleted. Their keys are free again, and their transactions are unknown: a notification that comes later is a finding (`unknown-order`).
   */
  archive(options: ArchiveOptions<Tx>): Promise<number>
  findAnomaly(id: string): Promise<Anomaly | undefined>
  /** Records the decision; `false` if the anomaly is unknown or was decided before. */
  resolveAnomaly(id: string, resolution: Resolution): Promise<boolean>
  /** How many orders of this merchant have work due at `now`, and how many of these have waited since before `since`. */
  countDue(mchId: string, now: Date, since: Date): Promise<{ due: number; stuck: number }>
  putSession(session: TokenSession): Promise<void>
  getSession(tokenHash: string): Promise<TokenSession | undefined>
  deleteSession(tokenHash: string): Promise<void>
  /** Deletes the sessions that have ended before `at`. */
  deleteSessionsBefore(at: Date): Promise<void>
  /**
   * Deletes the sessions of a payer, in all apps, and takes the openid out of the anomalies that are decided: their `payment.openid` becomes `''`. Orders stay as
   * they are.
   */
  forget(openid: string): Promise<void>
  /** A value that the processes of this store share by name, such as an access token. */
  getShared(name: string): Promise<string | undefined>
  /**
   * Replaces the shared value `before` (`undefined`: nothing yet) with `after`, a different text; `false` if it has another value by now. Of
   * several replacements at one moment, one succeeds.
   */
  swapShared(name: string, before: string | undefined, after: string): Promise<boolean>
}
