import type { Account } from '../../ledger/account.ts'
import type { Certificate } from '../../ledger/keys.ts'
import { explainRequest, type CandidateKey } from '../../wire/explain-sign-v3.ts'
import { isSignedBy, readAuthorization, requestText, type Authorization } from '../../wire/sign-v3.ts'
import type { Registry, WorldCore } from '../core.ts'
import type { WireMessage } from '../exchange.ts'
import { V3Error } from './answers.ts'

/** From this age on requests are refused. */
const TOLERANCE_MS = 5 * 60_000

/** How much of the body a recorded `truncated_sign_message` shows. */
const SHOWN_BYTES = 8

export function headerOf({ headers }: WireMessage, name: string): string | undefined {
  const value = headers[name]
  return value === undefined ? undefined : String(value)
}

/** The order APIs check fewer headers, and have their own text. */
const isOfOrders = ({ url }: WireMessage) => /^\/v3\/pay\/(?:partner\/)?transactions\//.test(url)

const unsigned = (
  code: string,
  message: string,
  details: { readonly detail?: unknown; readonly cause?: unknown } = {},
) => new V3Error(code, { message, ...details, unsigned: true })

/** @throws V3Error */
function readHeader(message: WireMessage): Authorization {
  const authorization = readAuthorization(headerOf(message, 'authorization'))
  if (typeof authorization !== 'string') return authorization
  const ofOrders = isOfOrders(message) && authorization !== 'form'
  throw unsigned(
    'SIGN_ERROR',
    ofOrders
      ? '签名信息错误，验签失败'
      : authorization === 'scheme'
        ? 'HTTP头Authorization认证类型不正确'
        : 'Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》',
    { cause: `Authorization: ${authorization}` },
  )
}

/** @throws V3Error */
function checkTime({ timestamp }: Authorization, { signNow, timeHint }: WorldCore): void {
  const [here, there] = [signNow().getTime(), Number(timestamp) * 1000]
  if (Math.abs(here - there) <= TOLERANCE_MS) return
  const hint = timeHint()
  throw unsigned('SIGN_ERROR', 'Http头Authorization中的timestamp与发起请求的时间不得超过5分钟', {
    cause: `timestamp ${timestamp} is ${Math.round((there - here) / 1000)} s from ${new Date(here).toISOString()}${hint === undefined ? '' : `; ${hint}`}`,
  })
}

/** The keys that a merchant may have signed with: first that of the certificate it named. */
export function candidateKeys({ keys }: Account, serialNo: string): CandidateKey[] {
  const isNamed = ({ serialNo: own }: Certificate) => own === serialNo.toUpperCase()
  return keys
    .merchantCertificates()
    .sort((a, b) => Number(isNamed(b)) - Number(isNamed(a)))
    .map(({ serialNo, key: { publicKey } }) => ({ told: `the key of certificate ${serialNo}`, publicKey }))
}

/** The debugging aid of recorded answers to a wrong signature. */
function signInformation({ method, url }: WireMessage, text: Buffer, bodyLength: number) {
  const shown = text.length - 1 - Math.max(0, bodyLength - SHOWN_BYTES)
  return {
    detail: { issue: 'sign not match' },
    field: 'signature',
    location: 'authorization',
    sign_information: {
      method,
      sign_message_length: text.length,
      truncated_sign_message: text.subarray(0, shown).toString(),
      url,
    },
  }
}

/**
 * Steps 3 to 5 of the order of checks: none of these refusals is signed.
 * @throws V3Error
 */
export function checkAuthorization(registry: Registry, world: WorldCore, message: WireMessage): void {
  if (!isOfOrders(message) && (!headerOf(message, 'accept') || !headerOf(message, 'user-agent'))) {
    throw unsigned('INVALID_REQUEST', 'Http头缺少Accept或User-Agent')
  }
  const authorization = readHeader(message)
  checkTime(authorization, world)
  const { mchid, serial_no: serialNo, timestamp, nonce_str: nonce, signature } = authorization
  const account = registry.byMchId(mchid)?.account
  const found = account?.keys.findMerchantCertificate(serialNo)
  if (!account || !found) {
    throw unsigned('SIGN_ERROR', '商户证书序列号有误。请使用签名私钥匹配的证书序列号', {
      cause: account
        ? `serial_no is ${serialNo}, the merchant's is ${account.keys.merchantCertificate().serialNo}`
        : `there is no merchant ${mchid}`,
    })
  }
  if (!found.isValid) throw unsigned('SIGN_ERROR', '商户证书已作废')
  const body = message.body ?? Buffer.alloc(0)
  const { method, url } = message
  const request = { method, url, timestamp, nonce, body }
  const text = requestText(request)
  const { publicKey } = found.certificate.key
  if (isSignedBy(text, signature, publicKey)) return
  const explanation = explainRequest(request, signature, candidateKeys(account, serialNo))
  throw new V3Error('SIGN_ERROR', {
    unsigned: true,
    cause: explanation.mistake,
    explanation,
    ...(world.behaviour.signInformation === 'present' && { detail: signInformation(message, text, body.length) }),
  })
}
