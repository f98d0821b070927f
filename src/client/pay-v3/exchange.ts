import { WechatError } from '../../errors.ts'
import { explainSignV3 } from '../../protocol/explain-sign.ts'
import { authorize } from '../../protocol/sign-v3.ts'
import type { Signer } from '../../protocol/sign-v3.ts'
import { formatSeconds } from '../../protocol/time.ts'
import type { Http, HttpReply, HttpRequest } from '../http.ts'
import { createPlatformKeys } from './platform-keys.ts'
import type { PlatformKey, PlatformKeys } from './platform-keys.ts'
import { ADVICE, quoted, refusalOf } from '../refusals.ts'
import { flawOf } from './seal.ts'
import type { Flaw } from './seal.ts'

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

interface Exchanged {
  sent: HttpRequest
  reply: HttpReply
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
  /**
   * The keys that `read` finds in a reply, which is signed with one of them or with a known key (doc/v3/merchant/4012069411). The first list can only be
   * checked against itself; its encryption authenticates it.
   */
  callForKeys(request: Call, read: (reply: unknown) => PlatformKey[]): Promise<PlatformKey[]>
  /** A file, which is not signed. */
  download(request: Call): Promise<AsyncGenerator<Buffer, void>>
}

/** The largest files take some minutes. */
const DOWNLOAD_LIMIT_MS = 10 * 60_000
const MAX_REFUSAL_BYTES = 64 * 1024

/** WeChat refuses signatures that are five minutes old (doc/v3/merchant/4012072670). A reply takes less than the rest. */
const CLOCK_CORRECTED_MS = 4 * 60_000

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

  /** Sends once more if WeChat's first reply has shown that our clock is wrong: WeChat does nothing with a request that it answers with 401. */
  async function sendInTime(request: Call): Promise<Exchanged> {
    const signedAt = now().getTime()
    const first = await send(request)
    const isLate = first.reply.status === 401 && Math.abs(now().getTime() - signedAt) > CLOCK_CORRECTED_MS
    return isLate ? await send(request) : first
  }

  async function send(request: Call): Promise<Exchanged> {
    const sent = signed(request)
    return { sent, reply: await http.send(sent) }
  }

  /** Sends again after a probe: a repeated request is not probed (doc/v3/merchant/4013053249 §5). */
  async function ask(
    request: Call,
    verify: (reply: HttpReply) => Promise<Flaw | undefined>,
  ): Promise<Exchanged & { flaw: Flaw | undefined }> {
    const first = await sendInTime(request)
    const flaw = await verify(first.reply)
    if (flaw?.fault !== 'probe') return { ...first, flaw }
    onProbe('reply')
    const again = await send(request)
    return { ...again, flaw: await verify(again.reply) }
  }

  return {
    async call(request) {
      const { sent, reply, flaw } = await ask(request, (reply) => flawOf(reply, keys.find, now()))
      if (!isSuccess(reply)) throw refused(sent, reply, flaw)
      if (flaw !== undefined) throw unbelievable(flaw.reason)
      return parse(reply)
    },

    async callForKeys(request, read) {
      let listed: PlatformKey[] = []
      const { flaw } = await ask(request, async (reply) => {
        if (!isSuccess(reply)) {
          const { code, message } = errorOf(reply)
          throw noList('WECHAT_UNAVAILABLE', `was answered with HTTP ${reply.status}: ${code} ${message}`)
        }
        listed = read(parse(reply))
        const fresh = createPlatformKeys({ given: listed, now })
        return await flawOf(reply, async (serial) => keys.known(serial) ?? (await fresh.find(serial)), now())
      })
      if (flaw !== undefined) throw noList('WECHAT_REPLY_INVALID', flaw.reason)
      return listed
    },

    async download(request) {
      const sent = signed(request)
      const { body, ...reply } = await http.stream(sent, DOWNLOAD_LIMIT_MS)
      if (reply.status === 200) return body
      let text = Buffer.alloc(0)
      for await (const chunk of body) {
        text = Buffer.concat([text, chunk])
        if (text.length > MAX_REFUSAL_BYTES) break
      }
      throw refused(
        sent,
        { ...reply, body: text },
        { fault: 'incomplete', reason: 'is not signed, like the reply with a file' },
      )
    },
  }
}

/** 202 is not a success: WeChat has received the request but not acted on it yet. */
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
    `WeChat Pay's reply ${what}. It was rejected: query before anything else.`,
    { advice: 'query' },
  )
}

function noList(code: 'WECHAT_UNAVAILABLE' | 'WECHAT_REPLY_INVALID', what: string): WechatError {
  return new WechatError(code, `WeChat Pay's list of platform certificates ${what}.`, { advice: 'repeat' })
}

/**
 * The meaning of a failed reply. A 429 is recognised by its status, anything else by its code first (doc/v3/merchant/4012081717). An unsigned reply is
 * never a fact about an order.
 */
function refused(sent: HttpRequest, reply: HttpReply, flaw: Flaw | undefined): WechatError {
  const { code, message, detail } = errorOf(reply)
  const said = [code, message].filter((text) => text !== '').join(' ')
  // Callers branch on the code: without a signature it is only text.
  const wechat =
    flaw === undefined
      ? { wechatCode: code, wechatText: message, wechatDetail: detail }
      : { wechatText: said, wechatDetail: detail }
  if (reply.status === 429) {
    return new WechatError('WECHAT_RATE_LIMITED', `WeChat Pay asks to slow down: ${said}. ${ADVICE.repeat}`, {
      ...wechat,
      advice: 'repeat',
    })
  }
  const known = refusalOf(code)
  // A refusal is 4xx or 5xx.
  const refuses = reply.status >= 400
  if (flaw === undefined && refuses && known !== undefined) {
    const [errorCode, advice, toDo] = known
    return new WechatError(errorCode, `WeChat Pay refused: ${said}. ${toDo}`, { ...wechat, advice })
  }
  if (reply.status >= 500 || reply.status === 202) {
    return new WechatError(
      'WECHAT_UNAVAILABLE',
      `WeChat Pay answered with HTTP ${reply.status}: ${said}. ${ADVICE.repeat}`,
      { ...wechat, advice: 'repeat' },
    )
  }
  // WeChat does not sign replies to requests with a wrong signature.
  if (flaw !== undefined && known?.[0] === 'WECHAT_ACCOUNT_REFUSED') {
    const { method, path: target, body = '' } = sent
    const why = explainSignV3(
      { method, target, body: String(body), authorization: sent.headers!.authorization! },
      detail,
    )
    return new WechatError('WECHAT_ACCOUNT_REFUSED', "WeChat Pay refused this server's request.", {
      ...wechat,
      wechatText: `${said}: ${why ?? 'check mchId, serialNo, privateKey and the clock'}`,
      advice: 'repeat',
    })
  }
  if (flaw !== undefined) return unbelievable(`with HTTP ${reply.status} ${flaw.reason}`)
  if (!refuses) return unbelievable(`has HTTP ${reply.status}, which is neither success nor a refusal`)
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
