import { Refusal, type Account, type Reason } from '../../ledger/account.ts'
import { errorV3, internalNumber, NUMBER } from '../../wire/error-codes-v3.ts'
import type { PayApi } from '../../wire/names.ts'
import { signedHeaders, type SignedHeaders, type Signer } from '../../wire/sign-v3.ts'
import type { SignExplanation } from '../../wire/explain-sign.ts'
import type { Behaviour } from '../behaviour.ts'
import type { WorldCore } from '../core.ts'
import type { Answer } from '../exchange.ts'

interface ErrorDetails {
  /** Default: the text of the code. */
  readonly message?: string | undefined
  readonly status?: number | undefined
  readonly detail?: unknown
  /** For the journal. */
  readonly cause?: unknown
  /** Sent before the merchant's signature was checked, or because it is wrong, so without a signature of WeChat's. */
  readonly unsigned?: boolean
  readonly explanation?: SignExplanation | undefined
  /** At the end of Request-ID; default: that of the code. */
  readonly number?: number | undefined
}

/** A refusal: a code, and what differs from the code's usual values. */
export class V3Error extends Error {
  override readonly name = 'V3Error'
  readonly code: string
  readonly details: ErrorDetails

  constructor(code: string, details: ErrorDetails = {}) {
    super(details.message ?? '', details.cause === undefined ? {} : { cause: details.cause })
    this.code = code
    this.details = details
  }
}

/** The detail of a real one has only `location` and `value`. */
export const paramError = (message: string, location: string | null, value: unknown, number?: number) =>
  new V3Error('PARAM_ERROR', { message, detail: { location, value }, number })

/** An answer without a body or a signature, such as that to an unknown path. */
export class Bare extends Error {
  override readonly name = 'Bare'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A file. */
export interface File {
  readonly text: string
  readonly bytes: Buffer
  readonly contentType: string
}

/** A JSON object, nothing (204), or a file. */
export type Result = Readonly<Record<string, unknown>> | undefined | File

const OTHER_TERMS = '请求重入时，参数与首次请求时不一致'

type Refused = readonly [code: string, text?: string, number?: number]

/** How v3 expresses the ledger's refusals; the text and the number in Request-ID are those of the code unless given. */
function refusedOf(api: PayApi, reason: Reason, { v3RepeatedOrder, v3PaidOrder }: Behaviour): Refused {
  const ofOrders: Partial<Record<Reason, Refused>> = {
    closed: ['INVALID_REQUEST', '该订单已失效', NUMBER.overOrder],
    paid: [v3PaidOrder],
    'terms-differ':
      v3RepeatedOrder === 'INVALID_REQUEST'
        ? ['INVALID_REQUEST', OTHER_TERMS, NUMBER.otherTerms]
        : ['OUT_TRADE_NO_USED'],
  }
  const ofRefunds: Partial<Record<Reason, Refused>> = {
    'other-order': ['INVALID_REQUEST', '支付单号校验不一致，请核实后再试'],
    'other-total': ['INVALID_REQUEST', '您的请求参数与订单信息不一致'],
    'terms-differ': ['INVALID_REQUEST', '订单金额或退款金额与之前请求不一致，请核实后再试'],
    overdue: ['INVALID_REQUEST', '订单已经超过退款期限'],
    'refunded-in-full': ['INVALID_REQUEST', '订单已全额退款'],
    'above-what-is-left': ['INVALID_REQUEST', '退款金额大于可退金额'],
    'too-many': ['INVALID_REQUEST', '退款次数超过限制'],
    'not-abnormal': ['INVALID_REQUEST', '退款单状态不是退款异常，不能发起异常退款'],
  }
  return (api === 'refund' || api === 'abnormalrefund' ? ofRefunds : ofOrders)[reason]!
}

/** Translates a refusal of the ledger; anything else is a bug of the mock. */
function errorOf(api: PayApi, error: unknown, behaviour: Behaviour): V3Error | Bare {
  if (error instanceof V3Error || error instanceof Bare) return error
  if (!(error instanceof Refusal)) throw error
  const [code, message, number] = refusedOf(api, error.reason, behaviour)
  return new V3Error(code, { message, number, cause: error.message })
}

/** How often a message is signed by which of the keys in use. */
export function signerOf(
  { keys, keyMode, publicKeyShare, newKeyShare, random }: Account,
  number: number,
  wanted?: string,
): Signer {
  const publicKeys = keyMode === 'certificate' ? [] : keys.publicKeys().map(({ id, key }) => ({ serial: id, key }))
  const certificates =
    keyMode === 'public-key' ? [] : keys.platformCertificates().map(({ serialNo, key }) => ({ serial: serialNo, key }))
  const named = [...publicKeys, ...certificates].find(({ serial }) => serial === wanted)
  if (named) return named
  // During a change, a request that names no key is answered with the certificate; notifications are divided by share.
  const usesPublicKey =
    certificates.length === 0 ||
    (publicKeys.length > 0 && wanted === undefined && random.fraction('signer', number) < publicKeyShare)
  const usable = usesPublicKey ? publicKeys : certificates
  return usable.length > 1 && random.fraction('newest key', number) >= newKeyShare ? usable[0]! : usable.at(-1)!
}

/** As in the recorded replies. */
const HEADERS = {
  Server: 'nginx',
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-cache, must-revalidate',
  'X-Content-Type-Options': 'nosniff',
  'Content-Language': 'zh-CN',
}

export interface Speaker {
  readonly api: PayApi
  readonly world: WorldCore
  readonly account: Account
  /** The request's Wechatpay-Serial; '' if there is none. */
  readonly wanted: string
}

/** How one call answers. */
export function answers({ api, world, account, wanted }: Speaker) {
  const number = world.nextReply()
  const requestId = (code: number) => `${world.random.hex(32, 'Request-ID', number).toUpperCase()}-${code}`

  function reply(status: number, body: string, code: number, signed: boolean): Answer['v3'] {
    const nonce = world.random.hex(32, 'reply nonce', number)
    const signedAt = (skewSeconds: number): SignedHeaders =>
      signedHeaders(signerOf(account, number, wanted), world.signNow().getTime() + skewSeconds * 1000, nonce, body)
    return {
      status,
      headers: {
        ...HEADERS,
        'Request-ID': requestId(code),
        // Fastify sends no Content-Length without content.
        ...(status === 204 && { 'Content-Length': '0' }),
        ...(signed && signedAt(0)),
      },
      ...(signed && { signedAt }),
    }
  }

  return {
    succeed: (result: Result): Answer => {
      if (result && 'bytes' in result) {
        const { text, bytes, contentType } = result as File
        const headers = { Server: 'nginx', 'Content-Type': contentType, 'Request-ID': requestId(0) }
        return { note: 'SUCCESS', body: bytes, readable: text, v3: { status: 200, headers } }
      }
      const body = result === undefined ? '' : JSON.stringify(result)
      return { note: 'SUCCESS', body, v3: reply(body === '' ? 204 : 200, body, 0, true)! }
    },
    fail: (thrown: unknown): Answer => {
      const error = errorOf(api, thrown, world.behaviour)
      if (error instanceof Bare) {
        return { note: `HTTP ${error.status}: ${error.message}`, body: '', v3: { status: error.status, headers: {} } }
      }
      const known = errorV3(api, error.code)
      const {
        message = known.text,
        status = known.status,
        detail,
        cause,
        unsigned = false,
        explanation,
        number = internalNumber(known.code),
      } = error.details
      const body = JSON.stringify({ code: known.code, ...(detail !== undefined && { detail }), message })
      return {
        note: `${known.code} ${message}${cause === undefined ? '' : ` (${cause instanceof Error ? cause.message : String(cause)})`}`,
        body,
        v3: reply(status, body, number, !unsigned)!,
        ...(explanation && { sign: explanation }),
      }
    },
  }
}
