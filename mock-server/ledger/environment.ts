import type { Credentials, V3Credentials, WorldCredentials } from './merchant.ts'

/** Credentials as JSON: the bytes of the file in base64. */
export const credentialsView = ({ p12: { pfx, passphrase }, ...credentials }: WorldCredentials) => ({
  ...credentials,
  p12: { pfx: pfx.toString('base64'), passphrase },
})

export interface AppCredentials extends Credentials, Pick<WorldCredentials, 'subMerchants'> {
  readonly v3: V3Credentials
}

/** The variables that configure an application. Keys are PEM texts of several lines. */
export const appEnvironment = (
  baseUrl: string,
  { appid, appSecret, mchId, apiKey, v3, subMerchants: [sub] = [] }: AppCredentials,
) => ({
  WECHAT_BASE_URL: baseUrl,
  WECHAT_APPID: appid,
  WECHAT_APP_SECRET: appSecret,
  WECHAT_MCH_ID: mchId,
  WECHAT_API_KEY: apiKey,
  WECHAT_API_V3_KEY: v3.apiV3Key,
  WECHAT_SERIAL_NO: v3.serialNo,
  WECHAT_PRIVATE_KEY: v3.privateKey,
  ...(v3.keyMode !== 'certificate' && {
    WECHAT_PUBLIC_KEY_ID: v3.publicKeyId,
    WECHAT_PUBLIC_KEY: v3.publicKey,
  }),
  ...(v3.keyMode !== 'public-key' && {
    WECHAT_PLATFORM_SERIAL_NO: v3.platformSerialNo,
    WECHAT_PLATFORM_CERTIFICATE: v3.platformCertificate,
  }),
  // The first of the sub-merchants of a service provider.
  ...(sub && { WECHAT_SUB_MCH_ID: sub.mchId, WECHAT_SUB_APPID: sub.appid, WECHAT_SUB_APP_SECRET: sub.appSecret }),
})

/** Additional variables for a test: where to control the mock, and the name of the world. */
export const wholeEnvironment = (baseUrl: string, controlUrl: string, world: string, credentials: AppCredentials) => ({
  ...appEnvironment(baseUrl, credentials),
  WECHAT_MOCK_URL: new URL(controlUrl).origin,
  WECHAT_MOCK_WORLD: world,
})

/** Lines for a shell or a .env file: multi-line values are quoted, the others need no quotes. */
export const shellLines = (environment: Readonly<Record<string, string>>) =>
  Object.entries(environment)
    .map(([name, value]) => `${name}=${value.includes('\n') ? `"${value.trimEnd()}"` : value}\n`)
    .join('')
