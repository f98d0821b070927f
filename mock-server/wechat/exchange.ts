import type { Presence } from '../base/activity.ts'
import { actionOf, type Effect, type EffectNamed, type Outcome, type WireReply } from '../faults/effects.ts'
import type { Finding } from '../journal/entry.ts'
import type { SignExplanation } from '../wire/explain-sign.ts'
import type { LoginApi, PayApi } from '../wire/names.ts'
import type { WorldCore } from './core.ts'

/** What the emulated WeChat says, and what the journal should know. */
export interface Answer {
  readonly body: string | Buffer
  /** What the journal shows of a body that is no text. */
  readonly readable?: string
  /** There is no answer: the connection breaks. */
  readonly broken?: true
  /** Default `text/plain`. */
  readonly contentType?: string
  readonly note: string
  /** Why the signature is not right. */
  readonly sign?: SignExplanation
  /** What production may not like. */
  readonly lint?: readonly Finding[]
}

/** A fault that makes a call answer with a refusal. */
export type Refused = EffectNamed<'return_code_fail' | 'result_code_fail' | 'errcode'>

export interface ClientCertificate {
  readonly commonName: string
  /** Whether it comes from an authority that the mock was given; without any, every certificate does. */
  readonly trusted: boolean
}

/** A request as it came in. */
export interface WireMessage {
  readonly method: string
  readonly query: URLSearchParams
  readonly body: Buffer | undefined
  /** The certificate that the client has shown; absent without TLS, null when it has shown none. */
  readonly certificate?: ClientCertificate | null
  /** Why the body could not be received, if so. */
  readonly unreadable?: Error
}

/** One call of WeChat's that is emulated. */
export interface WireEndpoint {
  readonly api: PayApi | LoginApi
  readonly path: string
  readonly receive: (message: WireMessage) => Call
}

/** A request of the wire that has been read but has had no effect yet. */
export interface Call {
  readonly api: PayApi | LoginApi
  readonly world: WorldCore | undefined
  readonly outTradeNo?: string | undefined
  /** Whether it passes the checks of the protocol, so that a refusal of the business, which is signed, may answer it. */
  readonly isSound?: () => boolean
  /** Checks the request, does what it asks for and answers. */
  readonly answer: () => Answer
  /** The same request answered with a refusal, in the form that this call has for it. */
  readonly refuse: (refused: Refused) => Answer
}

/** What the journal learns of an exchange. */
export interface Remarks extends Pick<Answer, 'note' | 'sign' | 'lint'> {
  /** The name of the fault that struck it. */
  readonly fault?: string
}

/** Writes the exchange down; there is no reply where a fault has lost it. */
export type Recorder = (reply: WireReply | undefined, remarks: Remarks) => void

const plain = ({ body, contentType = 'text/plain', readable }: Answer): WireReply => ({
  status: 200,
  headers: { 'content-type': contentType },
  body,
  ...(readable !== undefined && { readable }),
})

const BROKEN: Outcome = { kind: 'reset' }
const send = (answer: Answer): Outcome => ({ kind: 'reply', reply: plain(answer) })

interface Done {
  readonly outcome: Outcome
  readonly remarks: Remarks
}

const remarksOf = ({ note, sign, lint }: Answer): Remarks => ({ note, ...(sign && { sign }), ...(lint && { lint }) })
const NOT_CARRIED_OUT: Remarks = { note: 'not carried out' }

function untouched(call: Call): Done {
  const answer = call.answer()
  return { outcome: answer.broken ? BROKEN : send(answer), remarks: remarksOf(answer) }
}

function strike(call: Call, effect: Effect): Done {
  const { spoil, replace } = actionOf(effect)
  if (spoil) {
    const answer = call.answer()
    return { outcome: answer.broken ? BROKEN : spoil(plain(answer)), remarks: remarksOf(answer) }
  }
  return {
    remarks: 'when' in effect && effect.when === 'after' ? remarksOf(call.answer()) : NOT_CARRIED_OUT,
    outcome: replace ? replace() : send(call.refuse(effect as Refused)),
  }
}

/** One call to WeChat from its arrival to its reply, through the gates and faults of its world. */
export async function exchange(
  call: Call,
  { gates, faults, delays }: WorldCore,
  presence: Presence,
  record: Recorder,
): Promise<Outcome> {
  const { api, outTradeNo } = call
  gates.signal(`${api}.request`, outTradeNo)
  await gates.pass(`${api}.request`, outTradeNo, presence)
  const fault = faults.claim(api, outTradeNo, (effect) => !actionOf(effect).sound || call.isSound!())
  const delay = fault?.effect.kind === 'delay' ? fault.effect : undefined
  if (delay && delay.when !== 'after') await delays.wait(delay.ms)
  const { outcome, remarks } = fault ? strike(call, fault.effect) : untouched(call)
  record(
    'reply' in outcome ? outcome.reply : undefined,
    fault
      ? { ...remarks, note: `${remarks.note}; fault ${fault.name}: ${fault.effect.kind}`, fault: fault.name }
      : remarks,
  )
  if (delay?.when === 'after') await delays.wait(delay.ms)
  await gates.pass(`${api}.response`, outTradeNo, presence)
  gates.signal(`${api}.response`, outTradeNo)
  return outcome
}
