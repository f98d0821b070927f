import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import type { SignType } from '../../src/index.ts'
import { createMockWechat } from '../../mock-server/index.ts'
import { openDatabase } from './database.ts'
import { buildShop } from './shop.ts'
import type { WechatAccount } from './shop.ts'

const env = process.env

// npm run shop [-- --json] [-- --version v2|v3]: the shop alone on loopback, with a mock of its own, or against the WeChat that WECHAT_* name.
// It keeps its orders in the SQLite file shop.db, or in the database that DATABASE_URL names; restarting it loses nothing.
const {
  values: {
    json = false,
    version = env.WECHAT_BASE_URL !== undefined && (env.WECHAT_API_V3_KEY ?? '') === '' ? 'v2' : 'v3',
  },
} = parseArgs({ options: { json: { type: 'boolean' }, version: { type: 'string' } } })
if (version !== 'v2' && version !== 'v3') {
  console.error(`--version is v2 or v3, not ${version}.`)
  process.exit(2)
}
type Version = 'v2' | 'v3'

const mock = env.WECHAT_BASE_URL === undefined ? await createMockWechat({ world: { clock: 'real' } }) : undefined
// Nobody keeps a connection by sending a body byte by byte.
const server = createServer({ requestTimeout: 10_000 })
await new Promise<void>((resolve) => {
  server.listen(Number(env.PORT ?? 0), '127.0.0.1', resolve)
})
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const app = await buildShop({
  wechat: mock === undefined ? accountFromEnv(version) : accountOfMock(version),
  publicUrl: url,
  database: await openDatabase(env.DATABASE_URL ?? 'shop.db'),
  server,
  probe: env.SHOP_PROBE === '1',
  log: true,
})

const facts = { url, notifyUrl: `${url}/wechat/notify`, mockUrl: mock?.url ?? null }
console.log(
  json
    ? JSON.stringify(facts)
    : `The shop listens on ${facts.url}, WeChat notifies ${facts.notifyUrl}, the mock WeChat is ${facts.mockUrl}`,
)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    app
      .close()
      .then(async () => {
        await mock?.close()
      })
      .then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
  })
}

function accountOfMock(version: Version): WechatAccount {
  const { credentials, merchantOptions } = mock!.default
  const { appid, appSecret } = credentials
  return { appid, appSecret, merchant: merchantOptions(version), baseUrl: mock!.url }
}

/** By the names that `wechat-mock --print-env` prints. */
function accountFromEnv(version: Version): WechatAccount {
  const { WECHAT_MCH_ID: mchId = '', WECHAT_API_KEY: apiKey } = env
  const signType = env.WECHAT_SIGN_TYPE as SignType | undefined
  return {
    appid: env.WECHAT_APPID ?? '',
    appSecret: env.WECHAT_APP_SECRET ?? '',
    merchant:
      version === 'v2'
        ? { version, mchId, apiKey: apiKey ?? '', ...(signType && { signType }) }
        : {
            version,
            mchId,
            apiV3Key: env.WECHAT_API_V3_KEY ?? '',
            privateKey: env.WECHAT_PRIVATE_KEY ?? '',
            serialNo: env.WECHAT_SERIAL_NO ?? '',
            publicKeyId: env.WECHAT_PUBLIC_KEY_ID ?? '',
            publicKey: env.WECHAT_PUBLIC_KEY ?? '',
            ...(apiKey && { apiKey }),
          },
    baseUrl: env.WECHAT_BASE_URL!,
  }
}
