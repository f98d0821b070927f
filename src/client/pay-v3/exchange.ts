import { WechatError } from '../../errors.ts'
import { authorize, isFresh, isProbe, readSeal, verifyV3 } from '../../protocol/sign-v3.ts'
import type { Signer } from '../../protocol/sign-v3.ts'
import { formatSeconds } from '../../protocol/time.ts'
import type { Http, HttpReply, HttpRequest } from '../http.ts'
import type { PlatformKeys } from './platform-keys.ts'
import { ADVICE, quoted, refusalOf } from '../refusals.ts'

export interface ExchangeOptions {
  http: Http
  signer: Signer
  keys: PlatformKeys
  now: () => Date
  /** A fresh nonce: at most 32 letters and digits. */
  nonce: () => string
  /** Called when WeChat has tested whether we refuse wrong signatures. */
  onProbe: (where: 'reply' | 'notification') => void
}

export interface Call {
  method: 'GET' | 'POST'
  /** Path and query, percent-encoded. */
  target: string
  body?: object
  /** The key that encrypts a field of the body. */
  encryptedUnder?: string
}

/** Sends signed requests, and accepts only signed replies. */
export interface Exchange {
  /**
   * The value of a signed reply; `undefined` for an empty one.
   *
   * @throws {WechatError} for a refusal, and `WECHAT_REPLY_INVALID` for an unsigned reply
   */
  call(request: Call): Promise<unknown>
  /** The same without checking the signature: for the list of certificates, which is authenticated by its encryption. */
  callUnsealed(request: Call): Promise<unknown>
  /** A file, which is not signed. */
  download(request: Call): Promise<AsyncGenerator<Buffer, void>>
}

/** The largest files take some minutes. */
const DOWNLOAD_LIMIT_MS = 10 * 60_000
const MAX_REFUSAL_BYTES = 64 * 1024

/** The result of checking a reply's signature. */
type Verdict = 'good' | 'bad' | 'probe' | 'missing'

export function createExchange({ http, signer, keys, now, nonce, onProbe }: ExchangeOptions): Exchange {
  function signed({ method, target, body, encryptedUnder }: Call): HttpRequest {
    const text = body === undefined ? '' : JSON.stringify(body)
    const authorization = authorize(
      { method, target, timestamp: formatSeconds(now()), nonce: nonce(), body: text },
      signer,
    )
    // While a merchant changes from certificates to a public key, this requests a reply signed with the public key (doc/v3/merchant/4012154180).
    const serial = encryptedUnder ?? keys.publicKeyId
    return {
      method,
      path: target,
      headers: {
        accept: 'application/json',
        'user-agent': 'fastify-wechat-pay',
        authorization,
        ...(serial !== undefined && { 'wechatpay-serial': serial }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: text }),
      repeatable: true,
    }
  }

  async function verdictOf({ headers, body }: HttpReply): Promise<Verdict> {
    const seal = readSeal(headers)
    if (seal === undefined) return 'missing'
    if (isProbe(seal)) return 'probe'
    if (!isFresh(seal, now())) return 'bad'
    const key = await keys.find(seal.serial)
    return key !== undefined && verifyV3(seal, body, key) ? 'good' : 'bad'
  }

  /** Sends once more after a probe: the repetition of a request is not probed (doc/v3/merchant/4013053249 §5). */
  async function ask(request: Call): Promise<{ reply: HttpReply; verdict: Verdict }> {
    const reply = await http.send(signed(request))
    const verdict = await verdictOf(reply)
    if (verdict !== 'probe') return { reply, verdict }
    onProbe('reply')
    const again = await http.send(signed(request))
    return { reply: again, verdict: await verdictOf(again) }
  }

  return {
    async call(request) {
      const { reply, verdict } = await ask(request)
      if (!isSuccess(reply)) throw refused(reply, verdict === 'good')
      if (verdict !== 'good') throw unbelievable('has no valid signature')
      return parse(reply)
    },

    async callUnsealed(request) {
      const reply = await http.send(signed(request))
      if (!isSuccess(reply)) throw refused(reply, false)
      return parse(reply)
    },

    async download(request) {
      const { body, ...reply } = await http.stream(signed(request), DOWNLOAD_LIMIT_MS)
      if (reply.status === 200) return body
      let text = Buffer.alloc(0)
      for await (const chunk of body) {
        text = Buffer.concat([text, chunk])
        if (text.length > MAX_REFUSAL_BYTES) break
      }
      throw refused({ ...reply, body: text }, false)
    },
  }
}

/** 202 is not a success: WeChat has received the request but done nothing yet. */
function isSuccess({ status }: HttpReply): boolean {
  return status === 200 || status === 204
}

function parse({ body }: HttpReply): unknown {
  if (body.length === 0) return undefined
  try {
    return JSON.parse(body.toString())
  } catch {
    throw unbelievable('is not JSON')
  }
}

function unbelievable(what: string): WechatError {
  return new WechatError(
    'WECHAT_REPLY_INVALID',
    `WeChat Pay's reply ${what} and was rejected. Query before anything else.`,
    { advice: 'query' },
  )
}

/**
 * The meaning of a failed reply. A 429 is recognised by its status, anything else by its code first (doc/v3/merchant/4012081717). An unsigned reply is
 * never a fact about an order.
 */
function refused(reply: HttpReply, signed: boolean): WechatError {
  const { code, message, detail } = errorOf(reply)
  const said = [code, message].filter((text) => text !== '').join(' ')
  // Callers branch on the code: without a signature it is only text.
  const wechat = signed
    ? { wechatCode: code, wechatText: message, wechatDetail: detail }
    : { wechatText: said, wechatDetail: detail }
  if (reply.status === 429) {
    return new WechatError('WECHAT_RATE_LIMITED', `WeChat Pay asks to slow down: ${said}. ${ADVICE.repeat}`, {
      ...wechat,
      advice: 'repeat',
    })
  }
  const known = refusalOf(code)
  if (signed && known !== undefined) {
    const [errorCode, advice] = known
    return new WechatError(errorCode, `WeChat Pay refused: ${said}. ${ADVICE[advice]}`, { ...wechat, advice })
  }
  if (reply.status >= 500 || reply.status === 202) {
    return new WechatError(
      'WECHAT_UNAVAILABLE',
      `WeChat Pay answered with HTTP ${reply.status}: ${said}. ${ADVICE.repeat}`,
      { ...wechat, advice: 'repeat' },
    )
  }
  // WeChat does not sign replies to requests with a wrong signature.
  if (!signed && known?.[0] === 'WECHAT_ACCOUNT_REFUSED') {
    return new WechatError('WECHAT_ACCOUNT_REFUSED', "WeChat Pay refused this server's request.", {
      ...wechat,
      wechatText: `${said}: check mchId, serialNo, privateKey and the clock`,
      advice: 'repeat',
    })
  }
  if (!signed) return unbelievable(`with HTTP ${reply.status} has no valid signature`)
  return new WechatError('WECHAT_REFUSED', `WeChat Pay refused: ${said}. ${ADVICE.stop}`, { ...wechat, advice: 'stop' })
}

function errorOf({ body }: HttpReply): { code: string; message: string; detail: unknown } {
  let value: { code?: unknown; message?: unknown; detail?: unknown } | null = null
  try {
    value = JSON.parse(body.toString())
  } catch {
    // An empty body, or a page from something between WeChat and us.
  }
  const text = (part: unknown) => quoted(typeof part === 'string' ? part : undefined)
  return { code: text(value?.code), message: text(value?.message), detail: value?.detail }
}
