import { text, validate, type Properties } from '../base/schema.ts'
import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { changeMerchant, createAccount, merchantView, type Account, type AccountHost } from '../ledger/account.ts'
import { checkMerchant, MCH_ID, STANDARD, type Merchant, type MerchantChanges } from '../ledger/merchant.ts'
import type { Order } from '../ledger/orders.ts'
import type { Refund } from '../ledger/refunds.ts'
import { APP, APPID, appView, createApplication, type App, type AppChanges, type Application } from '../users/app.ts'
import type { OfApp, UsersOptions } from '../users/users.ts'

/** Which merchant is meant, if the world has several. */
export interface OfMerchant {
  readonly mchId?: string
}

export const OF_MERCHANT: Properties = { mchId: text(32) }

export interface PartiesOptions {
  /** The id of the world. */
  readonly id: string
  /** The random source of ids for all but the first merchant and app. */
  readonly seed: string
  readonly random: Random
  readonly now: () => Date
  readonly tls: boolean
  /** @throws MockError ID_TAKEN */
  readonly checkFree: (kind: 'appid' | 'mchId', name: string) => void
  /** From then on requests are routed to it. */
  readonly claimMchId: (account: Account) => void
  readonly claimAppid: (app: Application) => void
  readonly host: AccountHost
  readonly users: UsersOptions
  readonly accounts: Account[]
  readonly apps: Application[]
  /** @throws MockError UNKNOWN_WORLD */
  readonly checkExists: () => void
}

/** The merchants and apps of a world, and the lookup of the owner of an order, a refund or a user. */
export interface Parties {
  /** Changes a merchant, or adds one not known yet. */
  readonly setMerchant: (mchId: string, changes: MerchantChanges) => Merchant
  readonly setApp: (appid: string, changes: AppChanges) => App
  /**
   * The given merchant; default: the first.
   * @throws MockError UNKNOWN_MERCHANT
   */
  readonly accountFor: (options: OfMerchant) => Account
  /** The merchant with this number; the first one if there is none. */
  readonly merchantOr: (mchId: string | undefined) => Account
  readonly appOr: (appid: string | undefined) => Application
  /** The app of a user: the one named, or the one that knows the openid, or the first. */
  readonly appFor: (openid: string | undefined, options?: OfApp) => Application
  /** If several merchants have this number: the first whose order `fits`, otherwise the first. */
  readonly findOrder: (
    outTradeNo: string,
    options?: OfMerchant,
    fits?: (order: Order) => boolean,
  ) => readonly [Account, Order]
  readonly findRefund: (
    outRefundNo: string,
    options?: OfMerchant,
    fits?: (refund: Refund) => boolean,
  ) => readonly [Account, Refund]
  /**
   * Checks that the state of a world with these parties can be restored here; returns a function that adds the missing ones.
   * @throws MockError BAD_INPUT, ID_TAKEN, UNKNOWN_WORLD
   */
  readonly adopt: (merchants: readonly Merchant[], apps: readonly App[]) => () => void
}

/** Without the number, and without the books of a merchant in a snapshot. */
const changesOf = ({
  apiKey,
  signType,
  certMode,
  apiV3Key,
  keyMode,
  publicKeyShare,
  newKeyShare,
  actsFor,
}: Merchant): MerchantChanges => ({
  apiKey,
  signType,
  certMode,
  apiV3Key,
  keyMode,
  publicKeyShare,
  newKeyShare,
  actsFor,
})

export function createParties(options: PartiesOptions): Parties {
  const { id, seed, random, now, tls, host, users, accounts, apps, checkExists } = options
  const accountOf = (mchId: string | undefined) => accounts.find((account) => account.mchId === mchId)
  const appOf = (appid: string | undefined) => apps.find((app) => app.appid === appid)

  /** @throws MockError BAD_INPUT, ID_TAKEN, UNKNOWN_WORLD */
  function checkNewMerchant(mchId: string, changes: MerchantChanges): void {
    checkExists()
    validate(MCH_ID, mchId, 'mchId')
    checkMerchant(changes, tls)
    options.checkFree('mchId', mchId)
  }

  function addMerchant(mchId: string): Account {
    const [apiKey, apiV3Key] = [random.alphanumeric(32, 'apiKey', mchId), random.alphanumeric(32, 'apiV3Key', mchId)]
    const account = createAccount({ ...STANDARD, mchId, apiKey, apiV3Key }, `${seed}/${mchId}`, host)
    options.claimMchId(account)
    accounts.push(account)
    return account
  }

  function setMerchant(mchId: string, changes: MerchantChanges): Merchant {
    const known = accountOf(mchId)
    if (known) checkMerchant(changes, tls)
    else checkNewMerchant(mchId, changes)
    const boundApps = new Set(changes.actsFor?.flatMap(({ appids }) => appids))
    const newApps = [...boundApps].filter((appid) => !appOf(appid))
    for (const appid of newApps) checkNewApp(appid)
    const account = known ?? addMerchant(mchId)
    for (const appid of newApps) addApp(appid)
    changeMerchant(account, changes)
    return merchantView(account)
  }

  /** @throws MockError BAD_INPUT, ID_TAKEN, UNKNOWN_WORLD */
  function checkNewApp(appid: string): void {
    checkExists()
    validate(APPID, appid, 'appid')
    options.checkFree('appid', appid)
  }

  function addApp(appid: string): Application {
    checkNewApp(appid)
    const appSecret = random.hex(32, 'appSecret', appid)
    const app = createApplication({ appid, appSecret }, `${seed}/${appid}`, now, users)
    options.claimAppid(app)
    apps.push(app)
    return app
  }

  function setApp(appid: string, changes: AppChanges): App {
    validate(APP, changes)
    const { appSecret } = changes
    const app = appOf(appid) ?? addApp(appid)
    if (appSecret !== undefined) app.appSecret = appSecret
    return appView(app)
  }

  /** The given merchant, or all of them. */
  function accountsFor({ mchId }: OfMerchant): readonly Account[] {
    if (mchId === undefined) return accounts
    const account = accountOf(mchId)
    if (account) return [account]
    throw new MockError(
      'UNKNOWN_MERCHANT',
      `world ${id} has no merchant ${mchId}; it has ${accounts.map(({ mchId }) => mchId).join(', ')}`,
    )
  }

  function find<T>(
    what: { readonly code: 'UNKNOWN_ORDER' | 'UNKNOWN_REFUND'; readonly told: string; readonly call: string },
    options: OfMerchant,
    look: (account: Account) => T | undefined,
    fits: (found: T) => boolean,
  ): readonly [Account, T] {
    const found = accountsFor(options).flatMap((account) => {
      const item = look(account)
      return item ? [[account, item] as const] : []
    })
    const [first] = found
    if (!first) {
      const called = options.mchId ?? accounts.map(({ mchId }) => mchId).join(' or ')
      throw new MockError(what.code, `world ${id} has no ${what.told}; was ${what.call} called with mch_id ${called}?`)
    }
    return found.find(([, item]) => fits(item)) ?? first
  }

  return {
    setMerchant,
    setApp,
    accountFor: (options) => accountsFor(options)[0]!,
    merchantOr: (mchId) => accountOf(mchId) ?? accounts[0]!,
    appOr: (appid) => appOf(appid) ?? apps[0]!,
    appFor: (openid, { appid } = {}) => {
      if (appid === undefined) {
        return apps.find(({ users }) => openid !== undefined && users.find(openid)) ?? apps[0]!
      }
      const app = appOf(appid)
      if (app) return app
      throw new MockError(
        'UNKNOWN_APP',
        `world ${id} has no app ${appid}; it has ${apps.map(({ appid }) => appid).join(', ')}`,
      )
    },
    findOrder: (outTradeNo, options = {}, fits = () => true) =>
      find(
        { code: 'UNKNOWN_ORDER', told: `order ${outTradeNo}`, call: 'unifiedorder' },
        options,
        ({ orders }) => orders.find(outTradeNo),
        fits,
      ),
    findRefund: (outRefundNo, options = {}, fits = () => true) =>
      find(
        { code: 'UNKNOWN_REFUND', told: `refund ${outRefundNo}`, call: 'refund' },
        options,
        ({ refunds }) => refunds.find(outRefundNo),
        fits,
      ),
    adopt: (merchants, newApps) => {
      const checkSame = (place: string, theirs: string, own: string) => {
        if (theirs !== own) throw badInput(place, 'const', 'must match the value this world has for the same id')
      }
      merchants.forEach((merchant, n) => {
        const own = accountOf(merchant.mchId)
        if (own) checkSame(`state.merchants.${n}.apiKey`, merchant.apiKey, own.apiKey)
        else checkNewMerchant(merchant.mchId, changesOf(merchant))
      })
      newApps.forEach(({ appid, appSecret }, n) => {
        const own = appOf(appid)
        if (own) checkSame(`state.apps.${n}.appSecret`, appSecret, own.appSecret)
        else checkNewApp(appid)
      })
      return () => {
        for (const merchant of merchants) {
          if (!accountOf(merchant.mchId)) setMerchant(merchant.mchId, changesOf(merchant))
        }
        for (const { appid, appSecret } of newApps) setApp(appid, { appSecret })
      }
    },
  }
}
