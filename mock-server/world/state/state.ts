import { badInput } from '../../base/checks.ts'
import { MockError } from '../../base/errors.ts'
import type { FaultsDump } from '../../faults/faults.ts'
import type { JournalDump } from '../../journal/journal.ts'
import { merchantView, type Account } from '../../ledger/account.ts'
import type { KeysDump } from '../../ledger/keys.ts'
import type { Merchant } from '../../ledger/merchant.ts'
import type { OrdersDump } from '../../ledger/orders.ts'
import { resumeRefunds } from '../../ledger/refund-rules.ts'
import type { RefundsDump } from '../../ledger/refunds.ts'
import { NO_NOTIFICATIONS, type NotifierDump } from '../../notify/notifier.ts'
import { appView, type App, type Application } from '../../users/app.ts'
import { NO_TOKENS, type TokensDump } from '../../users/tokens.ts'
import { NO_USERS, type UsersDump } from '../../users/users.ts'
import type { WorldCore } from '../../wechat/core.ts'

interface BooksDump {
  readonly orders: OrdersDump
  readonly refunds: RefundsDump
}

/** A merchant: its identity, for a world that does not know it yet, its keys and its books. */
export interface MerchantDump extends Merchant, BooksDump {
  readonly keys: KeysDump
}

/** An app: its identity, its users and its tokens. */
export interface AppDump extends App {
  readonly users: UsersDump
  readonly tokens: TokensDump
}

/** All mutable state of a world, without its options. Gates and hooks belong to a test, not to a world. */
export interface WorldState {
  readonly now: Date
  readonly replies: number
  /** The first one first. */
  readonly merchants: readonly MerchantDump[]
  readonly apps: readonly AppDump[]
  readonly notifications: NotifierDump
  readonly journal: JournalDump
  readonly faults: FaultsDump
}

const NO_BOOKS: BooksDump = { orders: { orders: [], prepays: [], burnt: [] }, refunds: [] }

function loadBooks({ orders, refunds }: Account, dump: BooksDump = NO_BOOKS): void {
  orders.load(dump.orders)
  refunds.load(dump.refunds)
}

function loadUsers({ users, tokens }: Application, dump?: Pick<AppDump, 'users' | 'tokens'>): void {
  users.load(dump?.users ?? NO_USERS)
  tokens.load(dump?.tokens ?? NO_TOKENS)
}

/** A deep copy: later events do not change it. */
export function takeState({ clock, counters, accounts, apps, notifier, journal, faults }: WorldCore): WorldState {
  return structuredClone({
    now: clock.now(),
    replies: counters.replies,
    merchants: accounts.map((account) => ({
      ...merchantView(account),
      keys: account.keys.dump(),
      orders: account.orders.dump(),
      refunds: account.refunds.dump(),
    })),
    apps: apps.map((app) => ({ ...appView(app), users: app.users.dump(), tokens: app.tokens.dump() })),
    notifications: notifier.dump(),
    journal: journal.dump(),
    faults: faults.dump(),
  })
}

/**
 * Restores a world: gates open, hooks are dropped. On the real clock time continues, and whatever fell due meanwhile is
 * due at once. `prepare` runs once it is certain that the restore can be done.
 * @throws MockError CLOCK_BUSY
 */
export function putState(world: WorldCore, state: WorldState, prepare = () => {}): void {
  const { accounts, apps, clock, counters, gates, hooks, notifier, autoPay, journal, faults } = world
  const copy = structuredClone(state)
  clock.reset(copy.now)
  prepare()
  gates.clear()
  hooks.clear()
  counters.replies = copy.replies
  for (const account of accounts) {
    account.nonces.clear()
    const merchant = copy.merchants.find(({ mchId }) => mchId === account.mchId)
    if (merchant) account.keys.load(merchant.keys)
    // Orders of sub-merchants need them. An export may be from before there were any.
    account.actsFor = merchant?.actsFor ?? account.actsFor
    loadBooks(account, merchant)
  }
  for (const app of apps) {
    loadUsers(
      app,
      copy.apps.find(({ appid }) => appid === app.appid),
    )
  }
  notifier.load(copy.notifications)
  accounts.forEach(resumeRefunds)
  autoPay.resume(accounts)
  journal.load(copy.journal)
  faults.load(copy.faults)
}

/**
 * What can be reset separately; `orders` includes refunds, notifications and deliveries, `users` includes codes and access
 * tokens, `faults` includes gates and hooks.
 */
export const RESET_PARTS = ['orders', 'users', 'journal', 'faults', 'clock'] as const
/** A part of a world that can be emptied. */
export type ResetPart = (typeof RESET_PARTS)[number]

/**
 * Empties parts of a world; default: all of them, except the time of a real clock.
 * @throws MockError CLOCK_BUSY, CLOCK_REAL, BAD_INPUT
 */
export function resetState(world: WorldCore, start: Date, parts: readonly ResetPart[]): void {
  const { accounts, apps, clock, notifier, autoPay, journal, faults, gates, hooks } = world
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
    // The timers are gone with the old time; what they were for has to be rescheduled.
    notifier.resume()
    accounts.forEach(resumeRefunds)
  }
  if (resets('orders')) {
    for (const account of accounts) loadBooks(account)
    notifier.load(NO_NOTIFICATIONS)
  }
  autoPay.resume(accounts)
  if (resets('users')) for (const app of apps) loadUsers(app)
  if (resets('journal')) {
    journal.delete()
    for (const { nonces } of accounts) nonces.clear()
  }
  if (resets('faults')) {
    faults.clear()
    gates.clear()
    hooks.clear()
  }
}
