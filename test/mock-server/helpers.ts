import { createDecipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import {
  createMockWechat,
  type Credentials,
  type MockOptions,
  type MockWechat,
  type PayOptions,
  type SignType,
  type World,
  type WorldOptions,
} from '../../mock-server/index.ts'
import { signV2 } from '../../mock-server/wire/sign-v2.ts'
import { readXml, writeXml } from '../../mock-server/wire/xml.ts'

export const sample = (name: string) => readFileSync(new URL(`../samples/${name}`, import.meta.url), 'utf8')
export const vectors = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T

export const ACK = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'
export const REFUSAL = '<xml><return_code>FAIL</return_code><return_msg>not now</return_msg></xml>'

/** 2026-01-15 12:00:00 in China. */
export const NOON = Date.UTC(2026, 0, 15, 4)

/** A mock that stops with the test; its world begins at {@link NOON}. */
export async function startMock(t: Test, options: MockOptions = {}): Promise<MockWechat> {
  const mock = await createMockWechat({ ...options, world: { startTime: NOON, ...options.world } })
  t.teardown(() => mock.close())
  return mock
}

/** A promise and the function that resolves it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let settle!: (value: T) => void
  const promise = new Promise<T>((resolve) => {
    settle = resolve
  })
  return { promise, resolve: settle }
}

export const port = (server: Server) => (server.address() as AddressInfo).port

/** A plain HTTP server that stops with the test. */
export async function listen(t: Test, handler: RequestListener): Promise<Server> {
  const server = createServer(handler)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(
    () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  )
  return server
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A fresh address nobody listens on. */
export async function deadUrl(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${port(server)}/notify`
  await new Promise((resolve) => server.close(resolve))
  return url
}

export interface Notified {
  readonly headers: IncomingHttpHeaders
  readonly method: string | undefined
  readonly url: string | undefined
  readonly body: string
}

/** A merchant's notify handler: `answer` returns the reply's body (or writes the response itself and returns nothing). */
export type Answer = (
  notified: Notified,
  response: ServerResponse,
  count: number,
) => string | undefined | Promise<string | undefined>

export interface Shop {
  readonly notifyUrl: string
  readonly server: Server
  readonly received: Notified[]
}

/** A merchant's server with a notify handler; it acknowledges by default. */
export async function startShop(t: Test, answer: Answer = () => ACK): Promise<Shop> {
  const received: Notified[] = []
  const server = await listen(t, async (request, response) => {
    const { headers, method, url } = request
    const notified = { headers, method, url, body: await bodyOf(request) }
    const reply = await answer(notified, response, received.push(notified))
    if (reply !== undefined) response.end(reply)
  })
  return { notifyUrl: `http://127.0.0.1:${port(server)}/notify`, server, received }
}

export type Values = Readonly<Record<string, string | number | undefined>>

export interface WireReply {
  readonly status: number
  readonly contentType: string | null
  readonly text: string
  readonly fields: Record<string, string>
}

/** Posts raw bytes to a path of WeChat's. */
export async function postRaw(
  url: string,
  body: string | Buffer | undefined,
  init: RequestInit = {},
): Promise<WireReply> {
  const response = await fetch(url, { method: 'POST', ...(body !== undefined && { body }), ...init })
  const text = await response.text()
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    text,
    fields: Object.fromEntries(readXml(text)),
  }
}

export const entriesOf = (values: Values): [string, string][] =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, String(value)])

/** A merchant's request as sent: with the common fields, without `undefined` ones, signed. */
export function signedXml(
  { credentials }: { readonly credentials: Credentials },
  values: Values,
  signType?: SignType,
): string {
  const fields = entriesOf({
    appid: credentials.appid,
    mch_id: credentials.mchId,
    nonce_str: '5K8264ILTKCH16CQ2502SI8ZNMTM67VS',
    sign_type: signType,
    ...values,
  })
  return writeXml([...fields, ['sign', signV2(fields, credentials.apiKey, signType ?? 'MD5')]])
}

export const callPay = (world: World, api: string, values: Values, signType?: SignType) =>
  postRaw(`${world.baseUrl}/pay/${api}`, signedXml(world, values, signType))

/** An order with typical pitfalls for a signer: Chinese text, an empty value, a value of '0'. */
export const orderFields = (notifyUrl: string, values: Values = {}): Values => ({
  body: '龙井茶 & 点心',
  detail: '',
  attach: '0',
  out_trade_no: 'tea-0001',
  total_fee: 1250,
  spbill_create_ip: '14.23.150.211',
  notify_url: notifyUrl,
  trade_type: 'JSAPI',
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  ...values,
})

/** A unifiedorder that must succeed; returns the prepay_id. */
export async function placeOrder(
  world: World,
  notifyUrl: string,
  values: Values = {},
  signType?: SignType,
): Promise<string> {
  const { fields } = await callPay(world, 'unifiedorder', orderFields(notifyUrl, values), signType)
  if (fields.prepay_id === undefined) throw new Error(`unifiedorder refused: ${JSON.stringify(fields)}`)
  return fields.prepay_id
}

/** The five parameters of wx.requestPayment for a prepay_id, signed. */
export function paymentParams({ credentials, clock }: World, prepayId: string, signType: SignType = 'MD5') {
  const params = {
    timeStamp: String(Math.floor(clock.now().getTime() / 1000)),
    nonceStr: 'e61463f8efa94090b1f366cccfbbb444',
    package: `prepay_id=${prepayId}`,
    signType,
  }
  return {
    ...params,
    paySign: signV2(Object.entries({ appId: credentials.appid, ...params }), credentials.apiKey, signType),
  }
}

/** Calls the control API. */
export async function control(
  mock: MockWechat,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; json: any }> {
  const response = await fetch(`${mock.controlUrl}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  return { status: response.status, json: await response.json() }
}

/** A refund as the merchant requests it, for the order of {@link orderFields}. */
export const refundFields = (values: Values = {}): Values => ({
  out_trade_no: 'tea-0001',
  out_refund_no: 'tea-0001-r1',
  total_fee: 1250,
  refund_fee: 1250,
  ...values,
})

/** A refund that must be accepted. */
export async function placeRefund(world: World, values: Values = {}): Promise<Record<string, string>> {
  const { fields } = await callPay(world, 'refund', refundFields(values))
  if (fields.result_code !== 'SUCCESS') throw new Error(`refund refused: ${JSON.stringify(fields)}`)
  return fields
}

/** Decrypts the secret part of a refund's notification as a merchant does. */
export function decryptReqInfo(body: string, apiKey: string): string {
  const decipher = createDecipheriv('aes-256-ecb', createHash('md5').update(apiKey).digest('hex'), null)
  return decipher.update(readXml(body).get('req_info')!, 'base64', 'utf8') + decipher.final('utf8')
}

/** The fields of it. */
export function readReqInfo(body: string, apiKey: string): Record<string, string> {
  const plain = decryptReqInfo(body, apiKey)
  return Object.fromEntries(readXml(plain.replace(/^<root>/, '<xml>').replace(/<\/root>$/, '</xml>')))
}

/** A world whose order tea-0001 has been paid, and the notified shop. */
export async function startPaid(
  t: Test,
  world: WorldOptions = {},
  order: Values = {},
  pay: PayOptions = {},
): Promise<{ mock: MockWechat; world: World; shop: Shop }> {
  const mock = await startMock(t, { world })
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl, order)
  await mock.default.pay('tea-0001', pay)
  return { mock, world: mock.default, shop }
}
