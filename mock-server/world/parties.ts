import { createRandom } from '../base/random.ts'
import {
  type App,
  type AppChanges,
  checkMerchant,
  createNonces,
  type Credentials,
  type Merchant,
  type MerchantChanges,
} from '../ledger/merchant.ts'
import { createOrderBook } from '../ledger/orders.ts'
import { createRefundBook } from '../ledger/refunds.ts'
import { createTokens } from '../users/tokens.ts'
import { createUsers, type UsersOptions } from '../users/users.ts'
import type { WorldCore } from '../wechat/core.ts'

export const merchantView = ({ credentials: { mchId, apiKey }, signType, certMode }: WorldCore): Merchant => ({
  mchId,
  apiKey,
  signType: signType ?? 'any',
  certMode,
})

/** A merchant, changed: its key in production, the rest also in the sandbox. */
export function changeMerchant(merchant: WorldCore, changes: MerchantChanges, tls: boolean): Merchant {
  checkMerchant(changes, tls)
  const { apiKey, signType, certMode } = changes
  if (apiKey !== undefined) Object.assign(merchant.credentials, { apiKey })
  for (const side of [merchant, merchant.sandbox()]) {
    if (signType !== undefined) Object.assign(side, { signType: signType === 'any' ? undefined : signType })
    if (certMode !== undefined) Object.assign(side, { certMode })
  }
  return merchantView(merchant)
}

/** Everything that a merchant of a world has for itself; the rest it shares with the others. */
export function addMerchant(world: WorldCore, seed: string, credentials: Credentials): WorldCore {
  const own = (path: string) => ({
    random: createRandom(`${seed}/${path}`),
    orders: createOrderBook(world.clock.now),
    refunds: createRefundBook(),
  })
  const books = own(credentials.mchId)
  const merchant: WorldCore = {
    ...world,
    ...books,
    credentials,
    signType: undefined,
    certMode: 'none',
    nonces: createNonces(),
    sandbox: () => sandbox,
  }
  const sandbox = sandboxOf(merchant, own(`${credentials.mchId}/sandbox`))
  return merchant
}

/** The sandbox of a merchant. */
export const sandboxOf = (merchant: WorldCore, books: Pick<WorldCore, 'random' | 'orders' | 'refunds'>): WorldCore => ({
  ...merchant,
  ...books,
  inSandbox: true,
  credentials: { ...merchant.credentials, apiKey: merchant.random.hex(32, 'sandbox_signkey') },
})

export const appView = ({ credentials: { appid, appSecret } }: WorldCore): App => ({ appid, appSecret })

/** An app, changed: every merchant of the world knows the secret of the first one, to tell it from a key. */
export function changeApp(app: WorldCore, { appSecret }: AppChanges): App {
  const { appid } = app.credentials
  for (const side of [app, ...app.sides()]) {
    if (appSecret !== undefined && side.credentials.appid === appid) Object.assign(side.credentials, { appSecret })
  }
  return appView(app)
}

/** Everything that an app of a world has for itself; the rest it shares with the others. */
export function addApp(world: WorldCore, seed: string, users: UsersOptions, app: App): WorldCore {
  const random = createRandom(`${seed}/${app.appid}`)
  const { now } = world.clock
  return {
    ...world,
    random,
    credentials: { ...world.credentials, ...app },
    users: createUsers(random, now, users),
    tokens: createTokens(random, now),
  }
}
