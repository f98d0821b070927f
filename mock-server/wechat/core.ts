import type { Activity } from '../base/activity.ts'
import type { Random } from '../base/random.ts'
import type { Delays } from '../base/real-time.ts'
import type { Clock } from '../clock/clock.ts'
import type { FaultBook } from '../faults/faults.ts'
import type { Gates } from '../faults/gates.ts'
import type { HookBook } from '../faults/hooks.ts'
import type { Journal } from '../journal/journal.ts'
import type { Account, AutoPay } from '../ledger/account.ts'
import type { SubCredentials, SubMerchant, V3Credentials, WorldCredentials } from '../ledger/merchant.ts'
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
  /** The time in signatures of API v3 and in the Date header: the world's, or the machine's. */
  readonly signNow: () => Date
  /** A hint if that time is more than five minutes away from the other one. */
  readonly timeHint: () => string | undefined
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
  /** Afterwards nothing happens and nothing is sent; gates release what they hold. */
  readonly end: () => void
}

const subCredentialsOf = (actsFor: readonly SubMerchant[], apps: readonly Application[]): SubCredentials[] =>
  actsFor.map(({ mchId, appids }) => {
    const app = apps.find(({ appid }) => appid === appids[0])
    return { mchId, appid: app?.appid ?? '', appSecret: app?.appSecret ?? '' }
  })

/** The current ones of the first merchant and the first app; certificates are created on first access. */
export function credentialsOf({ accounts, apps }: Pick<WorldCore, 'accounts' | 'apps'>): WorldCredentials {
  const [account, { appid, appSecret }] = [accounts[0]!, apps[0]!]
  const { mchId, apiKey, keys, actsFor } = account
  return {
    ...(actsFor.length > 0 && { subMerchants: subCredentialsOf(actsFor, apps) }),
    appid,
    appSecret,
    mchId,
    apiKey,
    get cert() {
      return keys.merchantCertificate().pair()
    },
    get p12() {
      return keys.merchantCertificate().file()
    },
    get v3() {
      return v3CredentialsOf(account)
    },
  }
}

export function v3CredentialsOf({ apiV3Key, keyMode, keys }: Account): V3Credentials {
  const [merchant, publicKey, platform] = [keys.merchantCertificate(), keys.publicKey(), keys.platformCertificate()]
  const { cert, key } = merchant.pair()
  return {
    apiV3Key,
    serialNo: merchant.serialNo,
    privateKey: key,
    certificate: cert,
    publicKeyId: publicKey.id,
    publicKey: publicKey.pem(),
    platformSerialNo: platform.serialNo,
    platformCertificate: platform.pair().cert,
    keyMode,
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
