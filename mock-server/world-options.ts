import { checkNames, checkOneOf } from './known.ts'
import type { AnyWorldOptions } from './world.ts'

const NAMES = Object.keys({
  id: true,
  seed: true,
  startTime: true,
  clock: true,
  schedule: true,
  ackTimeoutMs: true,
  maxJournal: true,
  signType: true,
  refundDelay: true,
  sessionKeyPeriod: true,
  codeLimit: true,
  autoPay: true,
  refundNotifyUrl: true,
  settleUrl: true,
  strict: true,
  certMode: true,
  behaviour: true,
  appid: true,
  appSecret: true,
  mchId: true,
  apiKey: true
} satisfies Record<keyof AnyWorldOptions, true>)

const CHOICES = { clock: ['virtual', 'real'], signType: ['MD5', 'HMAC-SHA256'], certMode: ['none', 'required'] } as const

/**
 * What the types say, for callers that have none.
 * @throws MockError BAD_INPUT
 */
export function checkWorldOptions (options: AnyWorldOptions): void {
  checkNames('', options, NAMES)
  for (const [name, known] of Object.entries(CHOICES)) {
    const choice = options[name as keyof typeof CHOICES]
    if (choice !== undefined) checkOneOf(name, choice, known)
  }
}
