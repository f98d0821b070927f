import { badInput } from '../base/checks.ts'
import { strict, text, validate, type Properties } from '../base/schema.ts'
import type { MessageForm } from '../faults/hooks.ts'
import type { Account } from '../ledger/account.ts'
import { candidateKeys } from '../wechat/pay-v3/authorization.ts'
import { messageForm } from '../wechat/pay-v3/notifications.ts'
import type { SignExplanation } from '../wire/explain-sign.ts'
import { explainRequest } from '../wire/explain-sign-v3.ts'
import type { ApiVersion } from '../wire/names.ts'
import { changeFields, signAgain } from '../wire/tamper.ts'
import { readAuthorization } from '../wire/sign-v3.ts'
import { readXml } from '../wire/xml.ts'
import type { Parties } from './parties.ts'
import type { SignTime } from './options.ts'

/** How the messages of a merchant are read and changed. */
export function formOf(version: ApiVersion, { apiKey, apiV3Key }: Account): MessageForm {
  if (version === 'v3') return messageForm(apiV3Key)
  return {
    read: (body) => Object.fromEntries(readXml(body)),
    change: (body, changes, resign) => {
      const changed = changeFields(body, changes)
      // A refund's notification has no signature.
      return resign && readXml(changed).has('sign') ? signAgain(changed, apiKey) : changed
    },
  }
}

/** An application refuses a signature whose time is further from its own than this many milliseconds. */
const TOLERANCE_MS = 5 * 60_000

/** Added to a verdict if the two times differ so much that an application on the other one refuses. */
export function timeHint(signTime: SignTime, signed: Date, world: Date, machine: Date): string | undefined {
  const [other, whose, option] =
    signTime === 'real' ? [world, "the world's", 'world'] : [machine, "the machine's", 'real']
  if (Math.abs(signed.getTime() - other.getTime()) <= TOLERANCE_MS) return undefined
  return `signatures are dated ${signed.toISOString()} here, and an application that uses ${whose} time, ${other.toISOString()}, refuses them: set signTime to ${option}`
}

/** A call of API v3 as it was sent. */
export interface SignedCall {
  readonly method: string
  /** The path and the query as on the request line. */
  readonly url: string
  /** Default: none. */
  readonly body?: string
  /** The value of the header. */
  readonly authorization: string
}

export const SIGNED_CALL: Properties = {
  method: text(16),
  url: text(8192),
  body: { type: 'string' },
  authorization: text(4096),
}
const CALL = strict(SIGNED_CALL, 'method', 'url', 'authorization')

/** @throws MockError BAD_INPUT */
export function explainCall({ merchantOr }: Parties, call: SignedCall, theirs?: string): SignExplanation {
  validate(CALL, call)
  const { method, url, body = '', authorization } = call
  const fields = readAuthorization(authorization)
  if (typeof fields === 'string') {
    throw badInput('authorization', 'form', `must be WECHATPAY2-SHA256-RSA2048 with its five fields, each name="value"`)
  }
  const { mchid, serial_no: serialNo, timestamp, nonce_str: nonce, signature } = fields
  const keys = candidateKeys(merchantOr(mchid), serialNo)
  return explainRequest({ method, url, timestamp, nonce, body }, signature, keys, theirs)
}
