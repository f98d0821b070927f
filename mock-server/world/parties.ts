import type { CertMode, Credentials, WorldCore } from '../wechat/core.ts'
import { MockError } from '../base/errors.ts'
import { createNonces } from '../wechat/pay-v2/lint.ts'
import { createOrderBook } from '../ledger/orders.ts'
import { createRandom } from '../base/random.ts'
import { createRefundBook } from '../ledger/refunds.ts'
import type { SignType } from '../wire/sign-v2.ts'
import { createTokens } from '../users/tokens.ts'
import { createUsers, type UsersOptions } from '../users/users.ts'

/** What can be changed of a merchant; what is left out stays. */
export interface MerchantChanges {
  /** Exactly 32 bytes. */
  readonly apiKey?: string
  /** The only algorithm it may sign with; `any`: each request chooses. */
  readonly signType?: SignType | 'any'
  /** `required` needs a mock with TLS. */
  readonly certMode?: CertMode
}

export interface Merchant extends Required<MerchantChanges> {
  readonly mchId: string
}

/** What can be changed of an app; what is left out stays. */
export interface AppChanges {
  readonly appSecret?: string
}

export type App = Pick<Credentials, 'appid' | 'appSecret'>

/** @throws MockError BAD_INPUT */
export function checkApiKey(apiKey: string | undefined): void {
  if (apiKey === undefined || Buffer.byteLength(apiKey) === 32) return
  throw new MockError(
    'BAD_INPUT',
    `apiKey: must be exactly 32 bytes, as the merchant platform demands; got ${Buffer.byteLength(apiKey)}`,
    { field: 'apiKey', rule: '32 bytes' },
  )
}

/** @throws MockError BAD_INPUT */
export function checkCertMode(certMode: CertMode | undefined, tls: boolean): void {
  if (certMode !== 'required' || tls) return
  throw new MockError(
    'BAD_INPUT',
    'certMode: required needs a mock with TLS, to which a certificate can be shown; start it with tls',
    { field: 'certMode', rule: 'tls' },
  )
}

export const merchantView = ({ credentials: { mchId, apiKey }, signType, certMode }: WorldCore): Merchant => ({
  mchId,
  apiKey,
  signType: signType ?? 'any',
  certMode,
})

/** @throws MockError BAD_INPUT */
export function checkMerchant({ apiKey, certMode }: MerchantChanges, tls: boolean): void {
  checkApiKey(apiKey)
  checkCertMode(certMode, tls)
}

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

/** @throws MockError BAD_INPUT */
export function checkMchId(mchId: string): void {
  if (typeof mchId !== 'string' || !/^\d{1,32}$/.test(mchId)) {
    throw new MockError('BAD_INPUT', `mchId: must be 1 to 32 digits; got ${JSON.stringify(mchId)}`, {
      field: 'mchId',
      rule: 'digits',
    })
  }
}

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

/** @throws MockError BAD_INPUT */
export function checkAppid(appid: string): void {
  if (typeof appid !== 'string' || !/^\w{1,32}$/.test(appid)) {
    throw new MockError('BAD_INPUT', `appid: must be 1 to 32 letters and digits; got ${JSON.stringify(appid)}`, {
      field: 'appid',
      rule: 'word',
    })
  }
}
