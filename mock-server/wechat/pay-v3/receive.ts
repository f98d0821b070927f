import type { Finding } from '../../journal/entry.ts'
import type { Account } from '../../ledger/account.ts'
import type { EffectNamed } from '../../faults/effects.ts'
import type { PayApi } from '../../wire/names.ts'
import { readAuthorization, type Authorization } from '../../wire/sign-v3.ts'
import type { AtMerchant, Registry, WorldCore } from '../core.ts'
import type { Answer, Call, Refused, WireEndpoint, WireMessage } from '../exchange.ts'
import { answers, Bare, V3Error, type Result } from './answers.ts'
import { checkAuthorization, headerOf } from './authorization.ts'
import { checkParameters, type Fields } from './fields.ts'
import { lint } from './lint.ts'

/** A request that passed every check of the protocol. */
export interface V3Request {
  readonly world: WorldCore
  readonly account: Account
  readonly registry: Registry
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** Checked against the table of the endpoint. */
  readonly body: any
  /** The request's Wechatpay-Serial; '' if there is none. */
  readonly wechatSerial: string
  /** `https://host`, as the client called it. */
  readonly origin: string
  /** The sub-merchant of a service provider's call; '' if none is named. */
  readonly subMchId: string
}

/** One API of api.mch.weixin.qq.com/v3. */
export interface V3Endpoint {
  readonly api: PayApi
  readonly method: 'GET' | 'POST'
  /** With `:name` for the parts that are parameters. */
  readonly path: string
  readonly params?: Fields
  readonly query?: Fields
  readonly body?: Fields
  /**
   * Whether a service provider names a sub-merchant: not in a call of ordinary merchants only, in each one, or if it
   * wants. Default: the call knows no sub-merchants.
   */
  readonly subMerchant?: 'never' | 'always' | 'optional'
  /** The number of the order that a request is about. */
  readonly orderOf?: (account: Account, values: Readonly<Record<string, string>>) => string | undefined
  /** Throws {@link V3Error} or a Refusal of the ledger. */
  readonly handle: (request: V3Request) => Result
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch (cause) {
    throw new V3Error('INVALID_REQUEST', { message: '请求内容传入了非UTF8参数', cause })
  }
}

/** @throws V3Error */
function readBody({ body, unreadable }: WireMessage): unknown {
  if (unreadable) throw new V3Error('PARAM_ERROR', { cause: unreadable })
  if (!body?.length) return {}
  const text = decode(body)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new V3Error('PARAM_ERROR', { cause })
  }
}

/** The body, as far as it is readable, to find the merchant of a request. */
function glance(message: WireMessage): Readonly<Record<string, unknown>> {
  try {
    return Object(readBody(message)) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}

type Names = Readonly<Record<string, unknown>>

/**
 * The sub-merchant that a call is about. The texts are on record: yansongda/pay 1049; community
 * 0004ccea544418550f7b6f17a56000, and 000e4c2627010811c0dd2d4f65b800 with its status.
 * @throws V3Error
 */
function subMerchantOf({ actsFor }: Account, { subMerchant }: V3Endpoint, body: Names, query: Names): string {
  const told = subMerchant === 'never' ? '' : String(body.sub_mchid ?? query.sub_mchid ?? '')
  if (subMerchant === undefined) return ''
  if (actsFor.length === 0) {
    if (told === '') return ''
    throw new V3Error('PARAM_ERROR', {
      message: '普通商户不允许传sub_mch_id',
      cause: 'the merchant is not a service provider',
    })
  }
  if (told === '') {
    if (subMerchant === 'optional') return ''
    throw new V3Error('PARAM_ERROR', { message: '受理机构必须传入sub_mch_id' })
  }
  const known = actsFor.map(({ mchId }) => mchId)
  if (known.includes(told)) return told
  throw new V3Error('NO_AUTH', {
    message: '受理关系不存在',
    cause: `sub_mchid is ${told}, the provider acts for ${known.join(', ')}`,
  })
}

/** The mchid in the body or the query must be the one that signed. */
function checkMchId({ mchId }: Account, body: Names, query: Names): void {
  const told = body.mchid ?? body.sp_mchid ?? query.mchid ?? query.sp_mchid ?? mchId
  if (told === mchId) return
  throw new V3Error('PARAM_ERROR', {
    message: 'http header中的mchid与post payload中的mchid不匹配',
    cause: `signed by ${mchId}, but mchid is ${String(told)}`,
  })
}

/** The refusal that a fault asks for. */
function refusedByFault(refused: Refused): V3Error {
  switch (refused.kind) {
    case 'return_code_fail': {
      const { return_msg: message = '系统繁忙，请稍后重试' } = refused as EffectNamed<'return_code_fail'>
      return new V3Error('SYSTEM_ERROR', { message, unsigned: true })
    }
    case 'v3_error': {
      const { code, status, message, detail, signed = true } = refused as EffectNamed<'v3_error'>
      return new V3Error(code, { status, message, detail, unsigned: !signed })
    }
    default: {
      const { err_code: code, err_code_des: message } = refused as EffectNamed<'result_code_fail'>
      return new V3Error(code, { message })
    }
  }
}

/** Receives one request. */
function receive(registry: Registry, endpoint: V3Endpoint, message: WireMessage): Call {
  const { api } = endpoint
  const query = Object.fromEntries(message.query)
  const seen = glance(message)
  const authorization = readAuthorization(headerOf(message, 'authorization'))
  const mchId =
    typeof authorization === 'string'
      ? (query.mchid ?? query.sp_mchid ?? seen.mchid ?? seen.sp_mchid)
      : authorization.mchid
  const merchant: AtMerchant | undefined = registry.byMchId(String(mchId))
  const world = merchant?.world
  const speaker = world ?? registry.fallback()
  const account = merchant?.account ?? speaker.accounts[0]!
  const wechatSerial = headerOf(message, 'wechatpay-serial') ?? ''
  const texts = Object.fromEntries(
    Object.entries({ ...seen, ...query, ...message.params }).map(([name, value]) => [name, String(value)]),
  )
  const outTradeNo = endpoint.orderOf ? endpoint.orderOf(account, texts) : texts.out_trade_no
  const { succeed, fail } = answers({ api, world: speaker, account, wanted: wechatSerial })

  /** The checks run in the order of the fact sheet. */
  function check(): V3Request {
    if (message.method !== endpoint.method) throw new Bare(405, `${endpoint.path} takes ${endpoint.method}`)
    checkAuthorization(registry, speaker, message)
    const body = readBody(message)
    const { params = {}, query: queryFields = {}, body: bodyFields } = endpoint
    checkParameters(message.params, params, 'uri_template', speaker.behaviour)
    checkParameters(query, queryFields, 'query', speaker.behaviour)
    if (bodyFields) checkParameters(body, bodyFields, 'body', speaker.behaviour)
    const names = body as Names
    checkMchId(account, names, query)
    return {
      world: speaker,
      account,
      registry,
      params: message.params,
      query,
      body,
      wechatSerial,
      origin: message.origin,
      subMchId: subMerchantOf(account, endpoint, names, query),
    }
  }

  return {
    api,
    version: 'v3',
    world,
    ...(outTradeNo !== undefined && { outTradeNo }),
    isSound: () => {
      try {
        check()
        return true
      } catch {
        return false
      }
    },
    refuse: (refused) => fail(refusedByFault(refused)),
    answer: () => {
      let findings: readonly Finding[] = []
      const withFindings = (answer: Answer) => (findings.length > 0 ? { ...answer, lint: findings } : answer)
      try {
        const request = check()
        const { nonce_str: nonce } = authorization as Authorization
        const linted = lint(api, request, nonce, outTradeNo ?? '')
        findings = linted.findings
        if (speaker.strict && linted.refusal) throw linted.refusal
        return withFindings(succeed(endpoint.handle(request)))
      } catch (error) {
        return withFindings(fail(error))
      }
    },
  }
}

/** The endpoint as a route of the wire. */
export const v3Route = (registry: Registry, endpoint: V3Endpoint): WireEndpoint => ({
  api: endpoint.api,
  path: endpoint.path,
  receive: (message) => receive(registry, endpoint, message),
})
