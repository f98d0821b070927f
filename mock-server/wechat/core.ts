import type { Activity } from '../base/activity.ts'
import type { Random } from '../base/random.ts'
import type { Delays } from '../base/real-time.ts'
import type { Clock } from '../clock/clock.ts'
import type { FaultBook } from '../faults/faults.ts'
import type { Gates } from '../faults/gates.ts'
import type { HookBook } from '../faults/hooks.ts'
import type { Journal } from '../journal/journal.ts'
import type { Account, AutoPay } from '../ledger/account.ts'
import type { WorldCredentials } from '../ledger/merchant.ts'
import type { Notifier } from '../notify/notifier.ts'
import type { Application } from '../users/app.ts'
import type { Behaviour } from './behaviour.ts'

/** A world as the emulated endpoints see it: its parts, not its public interface. */
export interface WorldCore {
  readonly id: string
  /** Its merchants, the first one first. */
  readonly accounts: readonly Account[]
  /** Its apps, the first one first. */
  readonly apps: readonly Application[]
  readonly behaviour: Behaviour
  /** Whether it refuses whatever production might refuse. */
  readonly strict: boolean
  readonly clock: Omit<Clock, 'advance'>
  readonly random: Random
  readonly autoPay: AutoPay
  readonly journal: Journal
  readonly activity: Activity
  readonly faults: FaultBook
  readonly gates: Gates
  readonly hooks: HookBook
  readonly delays: Delays
  readonly notifier: Notifier
  /** How many replies have drawn random values. */
  readonly counters: { replies: number }
  /** A number for each reply that draws random values, such as a nonce. */
  readonly nextReply: () => number
  /** From then on nothing happens and nothing is sent; gates release what they hold. */
  readonly end: () => void
}

/** The current ones of the first merchant and the first app; certificates are created on first access. */
export function credentialsOf({ accounts, apps }: Pick<WorldCore, 'accounts' | 'apps'>): WorldCredentials {
  const [{ mchId, apiKey, certificate, certificateFile }, { appid, appSecret }] = [accounts[0]!, apps[0]!]
  return {
    appid,
    appSecret,
    mchId,
    apiKey,
    get cert() {
      return certificate()
    },
    get p12() {
      return certificateFile()
    },
  }
}

export interface InApp {
  readonly world: WorldCore
  readonly app: Application
}

export interface AtMerchant {
  readonly world: WorldCore
  readonly account: Account
}

/** Finds the world that a wire request belongs to. */
export interface Registry {
  readonly byAppid: (appid: string) => InApp | undefined
  readonly byMchId: (mchId: string) => AtMerchant | undefined
  /** The app that drew this openid for one of its users; an openid chosen by a test belongs to no app. */
  readonly byOpenid: (openid: string) => InApp | undefined
  /** The app that gave out this access token. */
  readonly byAccessToken: (token: string) => InApp | undefined
  /** The app that gave out this code for a phone number. */
  readonly byPhoneCode: (code: string) => InApp | undefined
  /** The world that answers requests belonging to none. */
  readonly fallback: () => WorldCore
}
