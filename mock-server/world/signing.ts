import type { MessageForm } from '../faults/hooks.ts'
import type { Account } from '../ledger/account.ts'
import { messageForm } from '../wechat/pay-v3/notifications.ts'
import type { ApiVersion } from '../wire/names.ts'
import { changeFields, signAgain } from '../wire/tamper.ts'
import { readXml } from '../wire/xml.ts'
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

/** An application refuses what is signed at another time than this many milliseconds from its own. */
const TOLERANCE_MS = 5 * 60_000

/** What is said where the two times differ so much that an application on the other one refuses. */
export function timeHint(signTime: SignTime, signed: Date, world: Date, machine: Date): string | undefined {
  const [other, whose, option] =
    signTime === 'real' ? [world, "the world's", 'world'] : [machine, "the machine's", 'real']
  if (Math.abs(signed.getTime() - other.getTime()) <= TOLERANCE_MS) return undefined
  return `signatures are dated ${signed.toISOString()} here, and an application that goes by ${whose} time, ${other.toISOString()}, refuses them: set signTime to ${option}`
}
