import { createDecipheriv, createSign, createVerify, randomBytes, X509Certificate } from 'node:crypto'
import { createMockWechat, type MockOptions, type World } from '../../mock-server/index.ts'
import { NOON, type Values } from './helpers.ts'
import type { Test } from 'tap'

// A merchant that speaks API v3, written independently: nothing here comes from the mock.

export interface V3Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: any
  /** Whether a key of the world has signed it. */
  readonly signedBy: 'public-key' | 'certificate' | 'nobody'
}

export interface CallOptions {
  readonly body?: unknown
  /** Send exactly these bytes. */
  readonly raw?: string | Buffer
  readonly headers?: Record<string, string>
  /** What differs in what is signed, or in the header. */
  readonly timestamp?: number
  readonly nonce?: string
  readonly serialNo?: string
  readonly mchId?: string
  readonly privateKey?: string
  readonly authorization?: string
  readonly signedUrl?: string
}

export const sign = (text: string | Buffer, privateKey: string) =>
  createSign('RSA-SHA256').update(text).sign(privateKey, 'base64')

type Who = Pick<World, 'credentials' | 'clock'>

/** The value of Authorization. */
export function authorization(
  { credentials, clock }: Who,
  method: string,
  url: string,
  body: string | Buffer,
  options: CallOptions = {},
): string {
  const { v3 } = credentials
  const {
    timestamp = Math.floor(clock.now().getTime() / 1000),
    nonce = randomBytes(16).toString('hex'),
    serialNo = v3.serialNo,
    mchId = credentials.mchId,
    privateKey = v3.privateKey,
    signedUrl = url,
  } = options
  const text = Buffer.concat([
    Buffer.from(`${method}\n${signedUrl}\n${timestamp}\n${nonce}\n`),
    Buffer.from(body),
    Buffer.from('\n'),
  ])
  return `WECHATPAY2-SHA256-RSA2048 mchid="${mchId}",nonce_str="${nonce}",signature="${sign(text, privateKey)}",timestamp="${timestamp}",serial_no="${serialNo}"`
}

/** Which key signed a reply or a notification. */
export function signer(
  { credentials: { v3 } }: Who,
  headers: { get: (name: string) => string | null },
  body: string,
): V3Reply['signedBy'] {
  const [timestamp, nonce, signature, serial] = ['timestamp', 'nonce', 'signature', 'serial'].map((name) =>
    headers.get(`wechatpay-${name}`),
  )
  const keys = [
    ['public-key', v3.publicKeyId, v3.publicKey],
    ['certificate', v3.platformSerialNo, new X509Certificate(v3.platformCertificate).publicKey],
  ] as const
  const found = keys.find(
    ([, id, key]) =>
      id === serial &&
      signature !== null &&
      createVerify('RSA-SHA256').update(`${timestamp}\n${nonce}\n${body}\n`).verify(key, signature!, 'base64'),
  )
  return found?.[0] ?? 'nobody'
}

export async function call(world: World, method: string, url: string, options: CallOptions = {}): Promise<V3Reply> {
  const { body, headers = {} } = options
  const raw = options.raw ?? (body === undefined ? '' : JSON.stringify(body))
  const response = await fetch(`${world.baseUrl}${url}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(raw.length > 0 && { 'content-type': 'application/json' }),
      authorization: options.authorization ?? authorization(world, method, url, raw, options),
      ...headers,
    },
    ...(raw.length > 0 && { body: typeof raw === 'string' ? raw : new Uint8Array(raw) }),
  })
  const text = await response.text()
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return {
    status: response.status,
    headers: response.headers,
    text,
    json,
    signedBy: signer(world, response.headers, text),
  }
}

export const get = (world: World, url: string, options?: CallOptions) => call(world, 'GET', url, options)
export const post = (world: World, url: string, body: unknown, options?: CallOptions) =>
  call(world, 'POST', url, { body, ...options })

/** A mini-program order. */
export const orderBody = ({ credentials: { appid, mchId } }: Who, notifyUrl: string, values: object = {}) => ({
  appid,
  mchid: mchId,
  description: '龙井茶 & 点心',
  out_trade_no: 'tea-0001',
  notify_url: notifyUrl,
  amount: { total: 1250, currency: 'CNY' },
  payer: { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' },
  ...values,
})

export const JSAPI = '/v3/pay/transactions/jsapi'

/** An order that must succeed; returns the prepay_id. */
export async function order(world: World, notifyUrl: string, values: object = {}): Promise<string> {
  const { json, text } = await post(world, JSAPI, orderBody(world, notifyUrl, values))
  if (json?.prepay_id === undefined) throw new Error(`the order was refused: ${text}`)
  return json.prepay_id as string
}

export const query = (world: World, outTradeNo = 'tea-0001') =>
  get(world, `/v3/pay/transactions/out-trade-no/${outTradeNo}?mchid=${world.credentials.mchId}`)

export const refundBody = (values: object = {}) => ({
  out_trade_no: 'tea-0001',
  out_refund_no: 'tea-0001-r1',
  amount: { refund: 1250, total: 1250, currency: 'CNY' },
  ...values,
})

export const REFUNDS = '/v3/refund/domestic/refunds'

/** The decrypted resource of a notification. */
export function open(body: string, { credentials: { v3 } }: Who): any {
  const { resource } = JSON.parse(body) as { resource: Record<string, string> }
  return JSON.parse(unseal(resource, v3.apiV3Key)) as unknown
}

export function unseal(resource: Values, key: string): string {
  const bytes = Buffer.from(String(resource.ciphertext), 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, String(resource.nonce))
  decipher.setAAD(Buffer.from(String(resource.associated_data))).setAuthTag(bytes.subarray(-16))
  return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8')
}

/** The five parameters of wx.requestPayment. */
export function paymentParams({ credentials, clock }: Who, prepayId: string) {
  const params = {
    timeStamp: String(Math.floor(clock.now().getTime() / 1000)),
    nonceStr: 'e61463f8efa94090b1f366cccfbbb444',
    package: `prepay_id=${prepayId}`,
    signType: 'RSA',
  }
  const text = `${credentials.appid}\n${params.timeStamp}\n${params.nonceStr}\n${params.package}\n`
  return { ...params, paySign: sign(text, credentials.v3.privateKey) }
}

/** A mock and its world, which begins at {@link NOON}. */
export async function startV3(t: Test, options: MockOptions = {}): Promise<World> {
  const mock = await createMockWechat({ ...options, world: { startTime: NOON, ...options.world } })
  t.teardown(() => mock.close())
  return mock.default
}
