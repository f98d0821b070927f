import type { Activity } from '../base/activity.ts'
import type { Random } from '../base/random.ts'
import type { Delays } from '../base/real-time.ts'
import type { Clock } from '../clock/clock.ts'
import type { FaultBook } from '../faults/faults.ts'
import type { Gates } from '../faults/gates.ts'
import type { HookBook } from '../faults/hooks.ts'
import type { Journal } from '../journal/journal.ts'
import type { AutoPay } from '../ledger/auto-pay.ts'
import type { CertMode, Credentials, Nonces } from '../ledger/merchant.ts'
import type { OrderBook } from '../ledger/orders.ts'
import type { RefundBook } from '../ledger/refunds.ts'
import type { Notifier } from '../notify/notifier.ts'
import type { Tokens } from '../users/tokens.ts'
import type { Users } from '../users/users.ts'
import type { SignType } from '../wire/sign-v2.ts'
import type { Behaviour } from './behaviour.ts'
import type { NotifyStyle } from './pay-v2/notifications.ts'

/** What the emulated endpoints see of a world: its parts, not its public face. */
export interface WorldCore {
  readonly id: string
  /** Whether this is the sandbox: the same merchant, with a key and orders of its own. */
  readonly inSandbox: boolean
  readonly sandbox: () => WorldCore
  /** The merchants of the world, its first one first: each sees the world with its own credentials, orders and refunds. */
  readonly merchants: () => readonly WorldCore[]
  /** The apps of the world, its first one first: each sees the world with its own credentials, users and tokens. */
  readonly apps: () => readonly WorldCore[]
  /** Each merchant, and its sandbox: where an order can be. */
  readonly sides: () => readonly WorldCore[]
  /** How much of a certificate the merchant must show where WeChat wants one. */
  readonly certMode: CertMode
  readonly credentials: Credentials
  /** The only algorithm accepted, if the merchant is bound to one. */
  readonly signType: SignType | undefined
  readonly behaviour: Behaviour
  /** Whether what production may not like is refused. */
  readonly strict: boolean
  readonly nonces: Nonces
  readonly clock: Omit<Clock, 'advance'>
  readonly random: Random
  readonly orders: OrderBook
  readonly refunds: RefundBook
  readonly autoPay: AutoPay
  /** After how long a refund succeeds by itself; undefined: never. */
  readonly refundDelayMs: number | undefined
  /** The URL set in the merchant platform; '' when there is none. */
  readonly refundNotifyUrl: string
  readonly users: Users
  readonly tokens: Tokens
  readonly journal: Journal
  readonly activity: Activity
  readonly faults: FaultBook
  readonly gates: Gates
  readonly hooks: HookBook
  readonly delays: Delays
  readonly notifier: Notifier
  readonly notifyStyle: NotifyStyle
  /** How many replies have drawn something. */
  readonly counters: { replies: number }
  /** A number for each signed reply: its nonce is drawn by it. */
  readonly nextReply: () => number
  /** Nothing happens or is sent any more; what gates hold is let go. */
  readonly end: () => void
}

/** Finds the world that a request of the wire belongs to. */
export interface Registry {
  readonly byAppid: (appid: string) => WorldCore | undefined
  readonly byMchId: (mchId: string) => WorldCore | undefined
  /** The world that drew this openid for one of its users; a name a test has chosen belongs to no world. */
  readonly byOpenid: (openid: string) => WorldCore | undefined
  /** The world that gave out this access token. */
  readonly byAccessToken: (token: string) => WorldCore | undefined
  /** The world of whose app this is a code for a phone number. */
  readonly byPhoneCode: (code: string) => WorldCore | undefined
  /** The world whose time and ids answer a request that belongs to none. */
  readonly fallback: () => WorldCore
}
