import type { Credentials, WorldCredentials } from '../ledger/merchant.ts'

/** Credentials as JSON: the bytes of the file in base64. */
export const credentialsView = ({ p12: { pfx, passphrase }, ...credentials }: WorldCredentials) => ({
  ...credentials,
  p12: { pfx: pfx.toString('base64'), passphrase },
})

/** The variables that configure an application; no value needs quoting in a shell. */
export const appEnvironment = (baseUrl: string, { appid, appSecret, mchId, apiKey }: Credentials) => ({
  WECHAT_BASE_URL: baseUrl,
  WECHAT_APPID: appid,
  WECHAT_APP_SECRET: appSecret,
  WECHAT_MCH_ID: mchId,
  WECHAT_API_KEY: apiKey,
})

/** Additional variables for a test: where to control the mock, and the name of the world. */
export const wholeEnvironment = (baseUrl: string, controlUrl: string, world: string, credentials: Credentials) => ({
  ...appEnvironment(baseUrl, credentials),
  WECHAT_MOCK_URL: new URL(controlUrl).origin,
  WECHAT_MOCK_WORLD: world,
})
