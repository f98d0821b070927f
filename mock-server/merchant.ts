import type { CertMode, Credentials, WorldCore } from './core.ts'
import { MockError } from './errors.ts'
import type { SignType } from './sign-v2.ts'

/** What can be changed of a merchant; what is left out stays. */
export interface MerchantChanges {
  /** Exactly 32 bytes. */
  readonly apiKey?: string
  /** The only algorithm it may sign with; `any`: each request chooses. */
  readonly signType?: SignType | 'any'
  /** `required` needs a mock with TLS. */
  readonly certMode?: CertMode
}

export interface Merchant extends Required<MerchantChanges> { readonly mchId: string }

/** What can be changed of an app; what is left out stays. */
export interface AppChanges { readonly appSecret?: string }

export type App = Pick<Credentials, 'appid' | 'appSecret'>

/** @throws MockError BAD_INPUT */
export function checkApiKey (apiKey: string | undefined): void {
  if (apiKey === undefined || Buffer.byteLength(apiKey) === 32) return
  throw new MockError('BAD_INPUT', `apiKey: must be exactly 32 bytes, as the merchant platform demands; got ${Buffer.byteLength(apiKey)}`, { field: 'apiKey', rule: '32 bytes' })
}

/** @throws MockError BAD_INPUT */
export function checkCertMode (certMode: CertMode | undefined, tls: boolean): void {
  if (certMode !== 'required' || tls) return
  throw new MockError('BAD_INPUT', 'certMode: required needs a mock with TLS, to which a certificate can be shown; start it with tls', { field: 'certMode', rule: 'tls' })
}

/** The merchant of a world, changed: its key in production, the rest also in the sandbox. */
export function changeMerchant (world: WorldCore, mchId: string, { apiKey, signType, certMode }: MerchantChanges, tls: boolean): Merchant {
  const { id, credentials } = world
  if (mchId !== credentials.mchId) throw new MockError('UNKNOWN_MERCHANT', `world ${id} has the merchant ${credentials.mchId} and not ${mchId}; another merchant is another world`)
  checkApiKey(apiKey)
  checkCertMode(certMode, tls)
  if (apiKey !== undefined) Object.assign(credentials, { apiKey })
  for (const side of [world, world.sandbox()]) {
    if (signType !== undefined) Object.assign(side, { signType: signType === 'any' ? undefined : signType })
    if (certMode !== undefined) Object.assign(side, { certMode })
  }
  return { mchId, apiKey: credentials.apiKey, signType: world.signType ?? 'any', certMode: world.certMode }
}

/** The app of a world, changed. */
export function changeApp (world: WorldCore, appid: string, { appSecret }: AppChanges): App {
  const { id, credentials } = world
  if (appid !== credentials.appid) throw new MockError('UNKNOWN_APP', `world ${id} has the app ${credentials.appid} and not ${appid}; another app is another world`)
  for (const side of [world, world.sandbox()]) if (appSecret !== undefined) Object.assign(side.credentials, { appSecret })
  return { appid, appSecret: credentials.appSecret }
}
