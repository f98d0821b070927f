import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import tap from 'tap'
import type { Test } from 'tap'
import { createMockWechat } from '../mock-server/index.ts'
import type { World, WorldOptions } from '../mock-server/index.ts'
import { signV2 as signWire } from '../mock-server/wire/sign-v2.ts'
import { readXml as readWire, writeXml as writeWire } from '../mock-server/wire/xml.ts'
import wechatPay, { memoryStore } from '../src/index.ts'
import type { PayParams, Price, SignType, Store, WechatPayOptions } from '../src/index.ts'

export { sample, serve, vectors } from './fixtures.ts'

/** A certificate as from the merchant platform: plain HTTP does not use it, but without it refunds are refused. */
const [cert, key] = ['cert', 'key'].map((name) => readFileSync(new URL(`tls/${name}.pem`, import.meta.url))) as [
  Buffer,
  Buffer,
]

export type Version = 'v2' | 'v3'

/** timeoutMs where a call is not answered: short, but other calls of the same test must not reach it on a busy machine. */
export const HANG_MS = 600

/** The ways of signing: MD5 and HMAC-SHA256 in API v2, RSA in v3. */
export const SIGNATURES: [name: string, { version: Version; signType?: SignType }][] = [
  ['MD5', { version: 'v2', signType: 'MD5' }],
  ['HMAC-SHA256', { version: 'v2', signType: 'HMAC-SHA256' }],
  ['RSA', { version: 'v3' }],
]

/** A test for each version of WeChat Pay's API: `open` is {@link merchant} of that version. */
export function both(name: string, test: (t: Test, open: typeof merchant, version: Version) => Promise<void>): void {
  for (const version of ['v2', 'v3'] as const) {
    tap.test(`${version}: ${name}`, async (t) => {
      await test(t, async (t, options) => await merchant(t, { version, ...options }), version)
    })
  }
}

/** One log line of the app under test. */
export type LogLine = Record<string, unknown> & { msg: string }

export interface Merchant {
  app: FastifyInstance
  store: Store
  world: World
  url: string
  /** Everything the app logged. */
  logs: LogLine[]
  /** The order numbers that `onPaid` ran for. */
  paid: string[]
  /** Logs a user in and returns the headers of an authenticated request. */
  login(openid?: string): Promise<{ authorization: string }>
  /** Orders as a mini program does, and opens the cashier; resolves with the order number. */
  order(options?: { price?: Partial<Price>; openid?: string }): Promise<string>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<{ status: number; body: any }>
  /** Does everything that is due, and waits for running work. */
  settle(): Promise<void>
  /** Posts any body to the notify route. */
  notify(
    body: string | Buffer,
    headers?: Record<string, string>,
  ): Promise<{ status: number; contentType: string | undefined; text: string }>
}

/** The merchant of a world: a Fastify app that listens on loopback and talks to the mock over real HTTP, on the world's clock. */
export async function merchant(
  t: Test,
  {
    version = 'v2',
    store = memoryStore(),
    signType,
    world: worldOptions,
    options = {},
    app: appOptions = {},
    before = () => {},
    after = () => {},
  }: {
    /** The version of WeChat Pay's API. */
    version?: Version
    store?: Store<any>
    signType?: SignType
    world?: WorldOptions
    options?: Partial<WechatPayOptions<any>> | ((world: World) => Partial<WechatPayOptions<any>>)
    app?: FastifyServerOptions
    before?: (app: FastifyInstance) => void
    after?: (app: FastifyInstance) => void
  } = {},
): Promise<Merchant> {
  const mock = await createMockWechat({ ...(worldOptions && { world: worldOptions }) })
  const world = mock.default
  const { appid, appSecret } = world.credentials
  const logs: LogLine[] = []
  const paid: string[] = []
  let price: Price = { key: 'cart-1', description: '龙井茶 & <茶>', totalFee: 1250, attach: 'a=b&c="0"' }

  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const app = Fastify({
    ...appOptions,
    logger: {
      level: 'debug',
      stream: {
        write: (line: string) => {
          logs.push(JSON.parse(line) as LogLine)
        },
      },
    },
    serverFactory: (handler) => server.on('request', handler),
  })
  t.teardown(async () => {
    await app.close()
    await mock.close()
    server.close().closeAllConnections()
  })
  before(app)
  await app.register(wechatPay, {
    appid,
    appSecret,
    merchant:
      version === 'v3'
        ? world.merchantOptions('v3')
        : { ...world.merchantOptions('v2'), cert: { cert, key }, ...(signType && { signType }) },
    baseUrl: mock.url,
    publicUrl: url,
    store,
    now: () => world.clock.now(),
    sweepIntervalMs: 0,
    price: () => price,
    onPaid: (order) => {
      paid.push(order.outTradeNo)
    },
    ...(typeof options === 'function' ? options(world) : options),
  })
  after(app)
  await app.ready()

  async function post(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: any }> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: await response.json() }
  }

  async function login(openid = 'oAlice'): Promise<{ authorization: string }> {
    const { status, body } = await post('/wechat/login', { code: world.loginCode({ openid }).code })
    if (status !== 200) throw new Error(JSON.stringify(body))
    return { authorization: `Bearer ${(body as { token: string }).token}` }
  }

  return {
    app,
    store,
    world,
    url,
    logs,
    paid,
    login,
    post,
    async order({ price: changes = {}, openid } = {}) {
      price = { ...price, ...changes }
      const { status, body } = await post('/wechat/orders', {}, await login(openid))
      if (status !== 200) throw new Error(JSON.stringify(body))
      const { outTradeNo, ...params } = body as { outTradeNo: string } & PayParams
      world.requestPayment(params)
      return outTradeNo
    },
    async settle() {
      await app.wechat.idle()
      await app.wechat.sweep()
      await app.wechat.idle()
    },
    async notify(body, headers = { 'content-type': 'text/xml' }) {
      const response = await fetch(`${url}/wechat/notify`, { method: 'POST', headers, body })
      return {
        status: response.status,
        contentType: response.headers.get('content-type') ?? undefined,
        text: await response.text(),
      }
    },
  }
}

/** A genuine notification's fields with changes (`undefined` removes one), signed again with `key` by the mock's own signer. */
export function resigned(
  body: string,
  changes: Record<string, string | undefined>,
  key: string,
  signType: SignType = 'HMAC-SHA256',
): string {
  const fields = new Map(readWire(body))
  fields.delete('sign')
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) fields.delete(name)
    else fields.set(name, value)
  }
  if (!('sign' in changes)) fields.set('sign', signWire(fields, key, signType))
  return writeWire([...fields])
}

/**
 * A genuine notification with its signature, whose signed text is split into other fields: those inside `attach` become separate fields, and the last
 * of them, `into`, gets what they displace.
 */
export function recut(body: string, into: string): string {
  const fields = [...new Map(readWire(body))].sort(([a], [b]) => (a < b ? -1 : 1))
  const text = fields.filter(([name, value]) => name !== 'sign' && value !== '').map((field) => field.join('='))
  const [before, rest] = text.join('&').split(`&${into}=`) as [string, string]
  const split = rest.indexOf('&result_code=')
  const cut = [before, `${into}=${rest.slice(0, split)}`, rest.slice(split + 1)]
    .flatMap((part, n) => (n === 1 ? [part] : part.split('&')))
    .map((field): [string, string] => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)])
  return writeWire([...cut, ['sign', new Map(fields).get('sign')!]])
}

/** Whether a reply tells WeChat that the notification was accepted. */
export function accepted(text: string): boolean {
  return text === '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'
}

/** All that a log, a page or a person might show of an error. */
export function viewsOf(error: unknown): string[] {
  const { message, stack, cause } = error as Error
  const views = [
    String(error),
    message,
    String(stack),
    JSON.stringify(error),
    inspect(error, { depth: 20, showHidden: true }),
  ]
  return cause === undefined ? views : [...views, ...viewsOf(cause)]
}
