import { WechatError } from '../../errors.ts'
import type { Advice, WechatErrorCode } from '../../errors.ts'
import { readXml } from '../../protocol/xml.ts'
import type { Fields } from '../../protocol/xml.ts'
import { unzipped } from '../bills.ts'
import type { Http, HttpRequest } from '../http.ts'
import { ADVICE, BILLS_FROM, quoted } from '../refusals.ts'

/** The largest files take some minutes. */
const DOWNLOAD_LIMIT_MS = 10 * 60_000
const MAX_REFUSAL_BYTES = 64 * 1024

/**
 * The text of a bill, compressed or not; a refusal is XML, and unsigned like the bill.
 *
 * @throws {WechatError}
 */
export async function download(via: Http, request: HttpRequest): Promise<AsyncGenerator<Buffer, void>> {
  const { status, body } = await via.stream(request, DOWNLOAD_LIMIT_MS)
  const isRefusal = (text: Buffer) => text.subarray(0, 4).toString() === '<xml'
  let head = Buffer.alloc(0)
  for (let next = await body.next(); !next.done; next = await body.next()) {
    head = Buffer.concat([head, next.value])
    if (head.length >= (isRefusal(head) || status !== 200 ? MAX_REFUSAL_BYTES : 4)) break
  }
  if (status === 200 && head.length > 0 && !isRefusal(head)) {
    const file = rest(head, body)
    return head[0] === 0x1f && head[1] === 0x8b ? unzipped(file) : file
  }
  await body.return()
  throw status === 200 ? refused(head) : unavailable(`WeChat Pay answered with HTTP ${status}`)
}

async function* rest(head: Buffer, body: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  try {
    yield head
    yield* body
  } finally {
    await body.return()
  }
}

function unavailable(what: string, details = {}): WechatError {
  return new WechatError('WECHAT_UNAVAILABLE', `${what}. ${ADVICE.repeat}`, { advice: 'repeat', ...details })
}

/** The meaning of the texts (9_6; the pairing of text and number comes from client libraries). The first match counts. */
const TEXTS: [text: RegExp, code: WechatErrorCode, advice: Advice, toDo: string][] = [
  [/creating/i, 'WECHAT_UNAVAILABLE', 'repeat', BILLS_FROM],
  [/exist/i, 'WECHAT_REFUSED', 'stop', 'Nothing was traded that day.'],
  [/system ?error|zip error/i, 'WECHAT_UNAVAILABLE', 'repeat', ADVICE.repeat],
  [
    /sign ?error|appid|权限|^invalid parameter$/i,
    'WECHAT_ACCOUNT_REFUSED',
    'configure',
    'check `merchant` and `appid`',
  ],
  [/^/, 'WECHAT_REFUSED', 'stop', ADVICE.stop],
]

/** downloadbill gives `return_msg` and `error_code`, downloadfundflow `err_code` and `err_code_des`. */
function refused(body: Buffer): WechatError {
  let fields: Fields
  try {
    fields = readXml(body)
  } catch (cause) {
    return new WechatError('WECHAT_REPLY_INVALID', 'WeChat Pay answered with neither a bill nor a reason. Repeat it.', {
      advice: 'repeat',
      cause,
    })
  }
  const wechatCode = quoted(fields.get('err_code') ?? fields.get('error_code'))
  const wechatText = quoted(fields.get('err_code_des') ?? fields.get('return_msg'))
  const said = `${wechatCode} ${wechatText}`.trim()
  const [, code, advice, toDo] = TEXTS.find(([text]) => text.test(wechatText) || text.test(wechatCode))!
  const message =
    code === 'WECHAT_ACCOUNT_REFUSED'
      ? `WeChat Pay refused this server's request for a bill: ${toDo}, and the merchant's permissions.`
      : `WeChat Pay returned no bill: ${said}. ${toDo}`
  return new WechatError(code, message, { wechatCode, wechatText, advice })
}
