import { WechatError } from '../../errors.ts'
import { signedV2 } from '../../protocol/explain-sign.ts'
import { signV2, verifyV2 } from '../../protocol/sign-v2.ts'
import type { SignType } from '../../protocol/sign-v2.ts'
import { readXml, writeXml } from '../../protocol/xml.ts'
import type { Fields } from '../../protocol/xml.ts'
import type { Secret } from '../../base/secret.ts'
import type { Http, HttpReply, HttpRequest } from '../http.ts'
import type { KeyRing } from '../key-ring.ts'
import { callerOf } from '../partner.ts'
import type { Caller, Merchants, Party } from '../partner.ts'
import { ADVICE, quoted, readCommunicationFailure, refusalOf, UNKNOWN_REFUSAL } from '../refusals.ts'
import { answersAnother } from './answers.ts'
import { download } from './download.ts'

export interface ExchangeOptions extends Merchants {
  apiKeys: KeyRing
  signType: SignType
  /** A fresh nonce: at most 32 letters and digits. */
  nonce: () => string
}

/** Sends signed messages. */
export interface Exchange {
  /** Accepts only signed replies. Resolves with the fields of a success. @throws {WechatError} */
  call(path: string, fields: readonly [string, string][], via: Http, of?: Party): Promise<Fields>
  /** An unsigned reply as a stream: a bill, of one sub-merchant or of everything. `algorithm` if the call takes only one. @throws {WechatError} */
  download(
    path: string,
    fields: readonly [string, string][],
    via: Http,
    algorithm?: SignType,
    subMchId?: string,
  ): Promise<AsyncGenerator<Buffer, void>>
}

export function createExchange({ apiKeys, signType, nonce, ...merchants }: ExchangeOptions): Exchange {
  const { appids, mchId, partner } = merchants
  return {
    call: async (path, fields, via, of) =>
      await apiKeys.use((apiKey) => call(apiKey, path, fields, via, of), isWrongKey),
    download: async (path, fields, via, algorithm = signType, subMchId) => {
      const caller =
        subMchId === undefined ? { appid: partner?.spAppid ?? appids[0]! } : callerOf(merchants, { subMchId })
      return await apiKeys.use(
        async (apiKey) => await download(via, request(path, message(apiKey, fields, algorithm, caller))),
        isWrongKey,
      )
    },
  }

  function message(
    apiKey: Secret,
    fields: readonly [string, string][],
    algorithm: SignType,
    { appid, sub }: Caller,
  ): Fields {
    const all: Fields = new Map([
      ['appid', appid],
      ['mch_id', mchId],
      ...(sub?.subAppid === undefined ? [] : [['sub_appid', sub.subAppid] as const]),
      ...(sub === undefined ? [] : [['sub_mch_id', sub.subMchId] as const]),
      ['nonce_str', nonce()],
      ['sign_type', algorithm],
      ...fields,
    ])
    return all.set('sign', signV2(all, apiKey.reveal(), algorithm))
  }

  function request(path: string, fields: Fields): HttpRequest {
    return {
      method: 'POST',
      path,
      body: writeXml(fields),
      headers: { 'content-type': 'text/xml; charset=utf-8' },
      repeatable: true,
    }
  }

  async function call(
    apiKey: Secret,
    path: string,
    fields: readonly [string, string][],
    via: Http,
    of: Party | undefined,
  ): Promise<Fields> {
    const asked = message(apiKey, fields, signType, callerOf(merchants, of))
    return judge(await via.send(request(path, asked)), path, asked)
  }

  /** In WeChat's order: communication, signature, account, business. */
  function judge(reply: HttpReply, path: string, asked: Fields): Fields {
    if (reply.status !== 200) {
      throw new WechatError(
        'WECHAT_UNAVAILABLE',
        `WeChat Pay answered with HTTP ${reply.status}. ${reply.status < 500 ? 'Check `baseUrl` and proxies, and repeat' : 'Repeat'} it unchanged.`,
        { advice: 'repeat' },
      )
    }
    let fields: Fields
    try {
      fields = readXml(reply.body.toString())
    } catch (cause) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay's reply cannot be read: ${(cause as WechatError).message} Query before anything else.`,
        { advice: 'query', cause },
      )
    }
    // A communication failure is never signed: it only means that we cannot rely on the call having had an effect.
    if (fields.get('return_code') === 'FAIL') {
      const text = quoted(fields.get('return_msg'))
      const { about, toDo } = readCommunicationFailure(text)
      const wechatText = `${text}: ${toDo}`
      throw about === 'order'
        ? new WechatError('WECHAT_REFUSED', `WeChat Pay refused this order: ${text}. ${ADVICE.stop}`, { wechatText })
        : new WechatError('WECHAT_ACCOUNT_REFUSED', "WeChat Pay refused this server's request.", {
            wechatText: isSignError(text) ? `${wechatText}. Signed was: ${signedV2(asked)}` : wechatText,
            advice: 'configure',
          })
    }
    if (!isSigned(fields, apiKeys, signType)) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        "WeChat Pay's reply has no valid signature and was rejected. Query before anything else.",
        { advice: 'query' },
      )
    }
    if (!isOfCaller(fields, asked)) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        "WeChat Pay's reply is for another appid or merchant and was rejected. Query before anything else.",
        { advice: 'query' },
      )
    }
    const result = fields.get('return_code') === 'SUCCESS' ? fields.get('result_code') : undefined
    if (result !== 'SUCCESS' && result !== 'FAIL') {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        "WeChat Pay's reply is neither success nor refusal and was rejected. Query before anything else.",
        { advice: 'query' },
      )
    }
    const foreign = answersAnother(path, asked, fields)
    if (foreign !== undefined) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay's reply to ${path} contains ${foreign}: it answers another call and was rejected. Query before anything else.`,
        { advice: 'query' },
      )
    }
    if (result === 'FAIL') {
      const wechatCode = quoted(fields.get('err_code'))
      const wechatText = quoted(fields.get('err_code_des'))
      const [code, advice, toDo] = refusalOf(wechatCode) ?? UNKNOWN_REFUSAL
      throw new WechatError(code, `WeChat Pay refused: ${wechatCode} ${wechatText}. ${toDo}`, {
        wechatCode,
        wechatText,
        advice,
      })
    }
    return fields
  }
}

/** "签名错误", for bills "SIGN ERROR": WeChat has done nothing, as it could not identify us. */
function isWrongKey(error: unknown): boolean {
  return error instanceof WechatError && isSignError(error.wechatText ?? '')
}

function isSignError(text: string): boolean {
  return /^(签名错误|SIGN ERROR)/.test(text)
}

/** A reply repeats who called; only some repeat the app of a sub-merchant. */
function isOfCaller(reply: Fields, asked: Fields): boolean {
  const repeats = (name: string) => reply.get(name) === asked.get(name)
  return (
    repeats('appid') &&
    repeats('mch_id') &&
    (!asked.has('sub_mch_id') || repeats('sub_mch_id')) &&
    (!asked.has('sub_appid') || !reply.get('sub_appid') || repeats('sub_appid'))
  )
}

/** Whether WeChat has signed the message for this merchant. */
export function isSigned(fields: Fields, apiKeys: KeyRing, signType: SignType): boolean {
  return apiKeys.all.some((apiKey) => verifyV2(fields, apiKey.reveal(), signType))
}
