import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import type { SignType } from '../../src/index.ts'
import { createMockWechat } from '../../mock-server/index.ts'
import { openDatabase } from './database.ts'
import { buildShop } from './shop.ts'
import type { WechatAccount } from './shop.ts'

// npm run shop [-- --json]: the shop alone on loopback, with a mock of its own, or against the WeChat that WECHAT_* name.
// It keeps its orders in the SQLite file shop.db, or in the database that DATABASE_URL names; restarting it loses nothing.
const {
  values: { json = false },
} = parseArgs({ options: { json: { type: 'boolean' } } })
const env = process.env

const mock = env.WECHAT_BASE_URL === undefined ? await createMockWechat({ world: { clock: 'real' } }) : undefined
// Nobody keeps a connection by sending a body byte by byte.
const server = createServer({ requestTimeout: 10_000 })
await new Promise<void>((resolve) => {
  server.listen(Number(env.PORT ?? 0), '127.0.0.1', resolve)
})
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const app = await buildShop({
  wechat: mock === undefined ? accountFromEnv() : accountOfMock(),
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

function accountOfMock(): WechatAccount {
  const { appid, appSecret, mchId, apiKey } = mock!.default.credentials
  return { appid, appSecret, merchant: { version: 'v2', mchId, apiKey }, baseUrl: mock!.url }
}

function accountFromEnv(): WechatAccount {
  const signType = env.WECHAT_SIGN_TYPE as SignType | undefined
  return {
    appid: env.WECHAT_APPID ?? '',
    appSecret: env.WECHAT_APP_SECRET ?? '',
    merchant: {
      version: 'v2',
      mchId: env.WECHAT_MCH_ID ?? '',
      apiKey: env.WECHAT_API_KEY ?? '',
      ...(signType && { signType }),
    },
    baseUrl: env.WECHAT_BASE_URL!,
  }
}
