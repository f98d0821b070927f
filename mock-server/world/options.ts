import { MockError } from '../base/errors.ts'
import { checkNames, checkOneOf } from '../base/checks.ts'
import { checkAppid, checkMchId } from './parties.ts'
import { LONGEST_TIMEOUT_MS } from '../base/real-time.ts'
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
  apiKey: true,
} satisfies Record<keyof AnyWorldOptions, true>)

const CHOICES = {
  clock: ['virtual', 'real'],
  signType: ['MD5', 'HMAC-SHA256'],
  certMode: ['none', 'required'],
} as const

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1

/** What else has no check of its own where it is read. */
const RULES: Partial<Record<keyof AnyWorldOptions, readonly [rule: string, holds: (value: unknown) => boolean]>> = {
  id: [
    '1 to 64 letters, digits, dots, dashes and underscores',
    (value) => isText(value) && /^[\w.-]{1,64}$/.test(value as string),
  ],
  seed: ['a number or a text', (value) => typeof value === 'number' || typeof value === 'string'],
  ackTimeoutMs: [
    `whole milliseconds from 1 to ${LONGEST_TIMEOUT_MS}`,
    (value) => isCount(value) && (value as number) <= LONGEST_TIMEOUT_MS,
  ],
  maxJournal: ['a whole number from 1', isCount],
  strict: ['true or false', (value) => typeof value === 'boolean'],
  appSecret: ['a text', isText],
  apiKey: ['a text', isText],
}

/**
 * What the types say, for callers that have none.
 * @throws MockError BAD_INPUT
 */
export function checkWorldOptions(options: AnyWorldOptions): void {
  checkNames('', options, NAMES)
  for (const [name, known] of Object.entries(CHOICES)) {
    const choice = options[name as keyof typeof CHOICES]
    if (choice !== undefined) checkOneOf(name, choice, known)
  }
  for (const [name, [rule, holds]] of Object.entries(RULES)) {
    const value = options[name as keyof AnyWorldOptions]
    if (value !== undefined && !holds(value)) {
      throw new MockError('BAD_INPUT', `${name}: must be ${rule}; got ${JSON.stringify(value)}`, { field: name, rule })
    }
  }
  const { appid, mchId } = options
  if (appid !== undefined) checkAppid(appid)
  if (mchId !== undefined) checkMchId(mchId)
}
