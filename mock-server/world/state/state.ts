import { badInput } from '../../base/checks.ts'
import { MockError } from '../../base/errors.ts'
import type { FaultsDump } from '../../faults/faults.ts'
import type { JournalDump } from '../../journal/journal.ts'
import type { App, Merchant } from '../../ledger/merchant.ts'
import type { Order, OrdersDump } from '../../ledger/orders.ts'
import { resumeRefunds } from '../../ledger/refund-rules.ts'
import type { RefundsDump } from '../../ledger/refunds.ts'
import { NO_NOTIFICATIONS, type NotifierDump } from '../../notify/notifier.ts'
import { NO_TOKENS, type TokensDump } from '../../users/tokens.ts'
import { NO_USERS, type UsersDump } from '../../users/users.ts'
import type { WorldCore } from '../../wechat/core.ts'
import { appView, merchantView } from '../parties.ts'

/** What a merchant has on one side. */
export interface BooksDump {
  readonly orders: OrdersDump
  readonly refunds: RefundsDump
}

/** A merchant: who it is, for a world that does not know it yet, and what it has. */
export interface MerchantDump extends Merchant, BooksDump {
  readonly sandbox: BooksDump
}

/** An app: who it is, and what it has. */
export interface AppDump extends App {
  readonly users: UsersDump
  readonly tokens: TokensDump
}

/** Everything in a world that changes; who it is, and how it was made, does not. Gates and hooks belong to a test, not to it. */
export interface WorldState {
  readonly now: Date
  readonly replies: number
  readonly orders: OrdersDump
  readonly refunds: RefundsDump
  readonly sandbox: BooksDump
  /** The other merchants of the world; absent in an export of before there were any. */
  readonly merchants?: readonly MerchantDump[]
  /** The other apps. */
  readonly apps?: readonly AppDump[]
  readonly users: UsersDump
  readonly tokens: TokensDump
  readonly notifications: NotifierDump
  readonly journal: JournalDump
  readonly faults: FaultsDump
}

const booksOf = ({ orders, refunds }: WorldCore): BooksDump => ({ orders: orders.dump(), refunds: refunds.dump() })

const NO_BOOKS: BooksDump = { orders: { orders: [], prepays: [] }, refunds: [] }

function loadBooks(side: WorldCore, { orders: { orders, prepays }, refunds }: BooksDump): void {
  const { appid } = side.credentials
  // An export of before a world could have several apps does not say which one an order is of.
  side.orders.load({ orders: orders.map((order: Partial<Order>) => ({ appid, ...order }) as Order), prepays })
  side.refunds.load(refunds)
}

/** A deep copy: what happens afterwards does not change it. */
export function takeState(world: WorldCore): WorldState {
  const { clock, counters, sandbox, merchants, apps, users, tokens, notifier, journal, faults } = world
  return structuredClone({
    now: clock.now(),
    replies: counters.replies,
    ...booksOf(world),
    sandbox: booksOf(sandbox()),
    merchants: merchants()
      .slice(1)
      .map((merchant) => ({ ...merchantView(merchant), ...booksOf(merchant), sandbox: booksOf(merchant.sandbox()) })),
    apps: apps()
      .slice(1)
      .map((app) => ({ ...appView(app), users: app.users.dump(), tokens: app.tokens.dump() })),
    users: users.dump(),
    tokens: tokens.dump(),
    notifications: notifier.dump(),
    journal: journal.dump(),
    faults: faults.dump(),
  })
}

/**
 * Puts a world back; what a gate holds is let go, and hooks are forgotten. On the real clock time goes on, and what was due meanwhile is due at once.
 * `prepare` runs when it is certain that this can be done.
 * @throws MockError CLOCK_BUSY
 */
export function putState(world: WorldCore, state: WorldState, prepare = () => {}): void {
  const {
    now,
    replies,
    orders,
    refunds,
    sandbox,
    merchants = [],
    apps = [],
    users,
    tokens,
    notifications,
    journal,
    faults,
  } = structuredClone(state)
  world.clock.reset(now)
  prepare()
  world.gates.clear()
  world.hooks.clear()
  for (const { nonces } of world.merchants()) nonces.clear()
  world.counters.replies = replies
  const [, ...others] = world.merchants()
  loadBooks(world, { orders, refunds })
  loadBooks(world.sandbox(), sandbox)
  for (const merchant of others) {
    const dump = merchants.find(({ mchId }) => mchId === merchant.credentials.mchId)
    loadBooks(merchant, dump ?? NO_BOOKS)
    loadBooks(merchant.sandbox(), dump?.sandbox ?? NO_BOOKS)
  }
  world.users.load(users)
  world.tokens.load(tokens)
  for (const app of world.apps().slice(1)) {
    const dump = apps.find(({ appid }) => appid === app.credentials.appid)
    app.users.load(dump?.users ?? NO_USERS)
    app.tokens.load(dump?.tokens ?? NO_TOKENS)
  }
  world.notifier.load(notifications)
  for (const side of world.sides()) resumeRefunds(side)
  world.autoPay.resume(world.sides())
  world.journal.load(journal)
  world.faults.load(faults)
}

/** What can be reset by itself; `orders` takes refunds, notifications and deliveries along, `users` codes and access tokens, `faults` gates and hooks. */
export const RESET_PARTS = ['orders', 'users', 'journal', 'faults', 'clock'] as const
export type ResetPart = (typeof RESET_PARTS)[number]

/**
 * Empties parts of a world; default: all of them, but the time of a real clock.
 * @throws MockError CLOCK_BUSY, CLOCK_REAL, BAD_INPUT
 */
export function resetState(world: WorldCore, start: Date, parts: readonly ResetPart[]): void {
  const { clock, notifier, journal, faults, gates, hooks } = world
  const sides = world.sides()
  const unknown = parts.find((part) => !RESET_PARTS.includes(part))
  if (unknown !== undefined) {
    throw badInput('what', 'enum', `must be some of ${RESET_PARTS.join(', ')}; got ${JSON.stringify(unknown)}`)
  }
  const resets = (part: ResetPart) => parts.length === 0 || parts.includes(part)
  if (parts.includes('clock') && clock.mode === 'real') {
    throw new MockError('CLOCK_REAL', 'this world runs on the real clock, which cannot be reset')
  }
  if (resets('clock')) {
    clock.reset(start)
    // The timers are gone with the old time, what they were for is not.
    notifier.resume()
    for (const side of sides) resumeRefunds(side)
  }
  if (resets('orders')) {
    for (const side of sides) loadBooks(side, NO_BOOKS)
    notifier.load(NO_NOTIFICATIONS)
  }
  world.autoPay.resume(sides)
  if (resets('users')) {
    for (const { users, tokens } of world.apps()) {
      users.load(NO_USERS)
      tokens.load(NO_TOKENS)
    }
  }
  if (resets('journal')) {
    journal.delete()
    for (const { nonces } of world.merchants()) nonces.clear()
  }
  if (resets('faults')) {
    faults.clear()
    gates.clear()
    hooks.clear()
  }
}
