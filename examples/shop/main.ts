import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import type { SignType } from '../../src/index.ts'
import { createMockWechat } from '../../mock-server/index.ts'
import { openDatabase, placeOf } from './database.ts'
import { buildShop } from './shop.ts'
import type { WechatAccount } from './shop.ts'

// npm run shop [-- --json] [-- --version v2|v3]: the shop alone on loopback, with a mock of its own, or against the WeChat that WECHAT_* name.
// It keeps its orders in the SQLite file shop.db, or in the database that DATABASE_URL names; restarting it loses nothing.

type Version = 'v2' | 'v3'
const DEFAULT_PORT = 3000
const env = process.env

/** Ends the process with one sentence. */
function fail(sentence: string, code = 1): never {
  console.error(sentence)
  process.exit(code)
}

async function main(): Promise<void> {
  const { version, json } = readArguments()
  const server = await listen()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const place = env.DATABASE_URL || 'shop.db'
  const database = await openDatabase(place, {
    onWait: (reason) => console.error(`The shop waits for the database ${placeOf(place)}: ${reason}`),
  })
  const mock =
    env.WECHAT_BASE_URL === undefined
      ? await createMockWechat({ world: { clock: 'real' }, appOrigins: [url, url.replace('127.0.0.1', 'localhost')] })
      : undefined
  const mockUrl = mock?.url ?? env.WECHAT_MOCK_URL
  const world = env.WECHAT_MOCK_WORLD ?? 'default'
  const app = await buildShop({
    wechat: mock === undefined ? accountFromEnv(version) : accountOf(mock, version),
    publicUrl: url,
    database,
    server,
    ...(mockUrl !== undefined && { phone: { url: mockUrl, world } }),
    probe: env.SHOP_PROBE === '1',
    log: true,
  })

  const notifyUrl = `${url}/wechat/notify`
  console.log(
    json
      ? JSON.stringify({ url, notifyUrl, mockUrl: mock?.url ?? null })
      : [
          `The shop listens on ${url}, in API ${version}; its orders are in ${placeOf(place)}.`,
          '',
          ...(mockUrl === undefined
            ? ['Open your mini program: this shop talks to another WeChat than a mock.']
            : [
                `  Open ${url}/`,
                '       the mini program: log in, order, pay or cancel, ask for a refund',
                `  and  ${mockUrl}/__mock/ui/${world}/orders`,
                '       what WeChat saw of it: every message, why a notification was not accepted, faults to set',
              ]),
          '',
          `WeChat notifies ${notifyUrl}. Ctrl+C ends the shop; it loses nothing${mock ? ', but the mock forgets its users and orders' : ''}.`,
        ].join('\n'),
  )

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      app
        .close()
        .then(() => mock?.close())
        .then(
          () => process.exit(0),
          (error: unknown) => fail(`The shop has ended, but not in order: ${(error as Error).message}`),
        )
    })
  }
}

function readArguments(): { version: Version; json: boolean } {
  const standard = env.WECHAT_BASE_URL !== undefined && (env.WECHAT_API_V3_KEY ?? '') === '' ? 'v2' : 'v3'
  try {
    const {
      values: { json = false, version = standard },
    } = parseArgs({ options: { json: { type: 'boolean' }, version: { type: 'string' } } })
    if (version === 'v2' || version === 'v3') return { version, json }
    return fail(`--version is v2 or v3, not ${version}.`, 2)
  } catch (error) {
    return fail(`${(error as Error).message}\nUsage: npm run shop -- [--version v2|v3] [--json]`, 2)
  }
}

/** Listens on PORT, or on 3000, or, if that is taken, anywhere. */
async function listen(port = Number(env.PORT ?? DEFAULT_PORT)): Promise<Server> {
  // Nobody keeps a connection by sending a body byte by byte.
  const server = createServer({ requestTimeout: 10_000 })
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  } catch (error) {
    if (env.PORT === undefined && port === DEFAULT_PORT) return await listen(0)
    throw new Error(`The shop cannot listen on port ${port}: ${(error as Error).message}`, { cause: error })
  }
}

function accountOf(mock: Awaited<ReturnType<typeof createMockWechat>>, version: Version): WechatAccount {
  const { credentials, merchantOptions } = mock.default
  const { appid, appSecret } = credentials
  return { appid, appSecret, merchant: merchantOptions(version), baseUrl: mock.url }
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

main().catch((error: NodeJS.ErrnoException) => {
  fail(error.code?.startsWith('WECHAT_') === true ? `${error.code}: ${error.message}` : error.message)
})
