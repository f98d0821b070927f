import { createCipheriv, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { HttpReply, HttpRequest } from '../../../src/client/http.ts'
import { createPayV3 } from '../../../src/client/pay-v3/pay-v3.ts'
import type { PayV3Options } from '../../../src/client/pay-v3/pay-v3.ts'
import { readCertificate } from '../../../src/client/pay-v3/platform-keys.ts'
import type { PlatformKey } from '../../../src/client/pay-v3/platform-keys.ts'
import { Secret } from '../../../src/base/secret.ts'
import { v3 } from '../../fixtures.ts'

/** A WeChat of API v3 for unit tests: it signs with the keys of the vectors, by its own code. */

const { keys } = v3()

export const APPID = 'wxd678ef0567a96787'
export const MCH_ID = '1900000109'
export const API_V3_KEY = '0123456789abcdefABCDEFghijklmnop'
export const NOTIFY_URL = 'https://shop.example.com/wechat/notify'
export const NOW = new Date('2026-01-01T00:00:00Z')
export const SECONDS = String(NOW.getTime() / 1000)
export const NONCE = '5K8264ILTKCH16CQ2502SI8ZNMTM67VS'
export const MERCHANT_CERTIFICATE = keys.mock_merchant!.certificate_pem!
export const MERCHANT_KEY = createPrivateKey(keys.mock_merchant!.private_key_pem!)
export const SERIAL_NO = keys.mock_merchant!.certificate_serial!
export const PUBLIC_KEY: PlatformKey = {
  serial: keys.mock_wechatpay_public_key!.public_key_id!,
  key: createPublicKey(keys.mock_wechatpay_public_key!.public_key_pem!),
}
export const CERTIFICATE: PlatformKey = readCertificate(keys.mock_platform_cert!.certificate_pem!)
export const CERTIFICATE_PEM = keys.mock_platform_cert!.certificate_pem!

const PRIVATE = {
  public: createPrivateKey(keys.mock_wechatpay_public_key!.private_key_pem!),
  certificate: createPrivateKey(keys.mock_platform_cert!.private_key_pem!),
}

export interface SealOptions {
  by?: keyof typeof PRIVATE
  timestamp?: string
  nonce?: string
  serial?: string
  signature?: string
}

/** The headers that WeChat sends with a signed body. */
export function sealed(body: string, options: SealOptions = {}): Record<string, string> {
  const { by = 'public', timestamp = SECONDS, nonce = 'd824f2e086d3c1df967785d13fcd22ef' } = options
  const serial = options.serial ?? (by === 'public' ? PUBLIC_KEY.serial : CERTIFICATE.serial)
  const signature =
    options.signature ??
    sign('sha256', Buffer.from(`${timestamp}\n${nonce}\n${body}\n`), PRIVATE[by]).toString('base64')
  return {
    'wechatpay-timestamp': timestamp,
    'wechatpay-nonce': nonce,
    'wechatpay-serial': serial,
    'wechatpay-signature': signature,
    'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
  }
}

/** A resource as WeChat encrypts it. */
export function encrypted(
  plain: string,
  { key = API_V3_KEY, nonce = 'EcZ9Cmy4Xyx1', associated = 'transaction', bits = 256 as 128 | 256 } = {},
) {
  const cipher = createCipheriv(`aes-${bits}-gcm`, key.slice(0, bits / 8), nonce)
  cipher.setAAD(Buffer.from(associated))
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64')
  return { original_type: associated, algorithm: 'AEAD_AES_256_GCM', ciphertext, associated_data: associated, nonce }
}

/** A reply from WeChat, signed unless `seal` is `false`. */
export function answer(body: unknown, { status = 200, seal = {} as SealOptions | false } = {}): HttpReply {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers: seal === false ? {} : sealed(text, seal), body: Buffer.from(text) }
}

export interface Asked {
  method: string
  target: string
  body: any
  headers: Readonly<Record<string, string>>
}

/** A merchant whose WeChat returns these replies one after the other. A request not signed as documented fails. */
export function merchant(replies: (HttpReply | Error)[] = [], options: Partial<PayV3Options> = {}) {
  const asked: Asked[] = []
  const probes: string[] = []
  const pay = createPayV3({
    http: {
      async send({ method, path, headers = {}, body = '' }: HttpRequest) {
        checkSignature(method, path, body, headers.authorization!)
        asked.push({ method, target: path, body: body === '' ? undefined : JSON.parse(body), headers })
        const reply = replies.shift()
        if (reply === undefined) throw new Error(`nobody answers ${method} ${path}`)
        if (reply instanceof Error) throw reply
        return reply
      },
      async stream({ method, path, headers = {} }: HttpRequest) {
        checkSignature(method, path, '', headers.authorization!)
        asked.push({ method, target: path, body: undefined, headers })
        const { body, ...reply } = replies.shift() as HttpReply
        return {
          ...reply,
          body: (async function* () {
            for (let at = 0; at < body.length; at += 1000) yield body.subarray(at, at + 1000)
          })(),
        }
      },
      async close() {},
    },
    appids: [APPID],
    signer: { mchId: MCH_ID, serialNo: SERIAL_NO, privateKey: MERCHANT_KEY },
    apiV3Keys: [new Secret(API_V3_KEY)],
    platformKeys: [PUBLIC_KEY],
    downloadCertificates: false,
    notifyUrl: NOTIFY_URL,
    nonce: () => NONCE,
    now: () => NOW,
    onProbe: (where) => {
      probes.push(where)
    },
    ...options,
  })
  return { pay, asked, probes }
}

function checkSignature(method: string, target: string, body: string, authorization: string): void {
  const [, scheme, rest] = /^(\S+) (.*)$/.exec(authorization)!
  const {
    mchid,
    nonce_str: nonce,
    signature,
    timestamp,
    serial_no: serial,
  } = Object.fromEntries([...rest!.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]))
  const message = Buffer.from(`${method}\n${target}\n${timestamp}\n${nonce}\n${body}\n`)
  const good = verify(
    'sha256',
    message,
    createPublicKey(keys.mock_merchant!.public_key_pem!),
    Buffer.from(signature!, 'base64'),
  )
  if (
    scheme !== 'WECHATPAY2-SHA256-RSA2048' ||
    mchid !== MCH_ID ||
    serial !== SERIAL_NO ||
    timestamp !== SECONDS ||
    !good
  ) {
    throw new Error(`not signed: ${authorization}`)
  }
}
