import type { Presence } from '../base/activity.ts'
import { actionOf, type Effect, type EffectNamed, type Outcome, type WireReply } from '../faults/effects.ts'
import type { Finding } from '../journal/entry.ts'
import type { SignExplanation } from '../wire/explain-sign.ts'
import type { ApiVersion, LoginApi, PayApi } from '../wire/names.ts'
import type { WorldCore } from './core.ts'

/** The emulated WeChat's answer, and its annotations for the journal. */
export interface Answer {
  readonly body: string | Buffer
  /** What the journal shows for a body that is not text. */
  readonly readable?: string
  /** There is no answer: the connection breaks. */
  readonly broken?: true
  /** Default `text/plain`. */
  readonly contentType?: string
  /** API v3: the status and all headers. */
  readonly v3?: Pick<WireReply, 'status' | 'headers' | 'signedAt'>
  readonly note: string
  /** Why the signature is wrong. */
  readonly sign?: SignExplanation
  /** What production might refuse. */
  readonly lint?: readonly Finding[]
}

/** A fault that makes a call answer with a refusal instead. */
export type Refused = EffectNamed<'return_code_fail' | 'result_code_fail' | 'v3_error' | 'errcode'>

export interface ClientCertificate {
  readonly commonName: string
  /** Whether it was issued by the mock's configured authority; without one, every certificate counts. */
  readonly trusted: boolean
}

/** A request as received. */
export interface WireMessage {
  readonly method: string
  /** The path and the query as on the request line. */
  readonly url: string
  /** The decoded parts of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** `https://host`, as the client called it. */
  readonly origin: string
  readonly query: URLSearchParams
  readonly body: Buffer | undefined
  /** The client's certificate; absent without TLS, null if it presented none. */
  readonly certificate?: ClientCertificate | null
  /** Why the body could not be received, if it could not. */
  readonly unreadable?: Error
}

/** One emulated WeChat call. */
export interface WireEndpoint {
  readonly api: PayApi | LoginApi
  readonly path: string
  readonly receive: (message: WireMessage) => Call
}

/** A wire request that has been read but has had no effect yet. */
export interface Call {
  readonly api: PayApi | LoginApi
  /** Which version of the payment API; undefined for login. */
  readonly version?: ApiVersion
  readonly world: WorldCore | undefined
  readonly outTradeNo?: string | undefined
  /** Whether it passes the protocol's checks, so that a signed business refusal may answer it. */
  readonly isSound?: () => boolean
  /** Checks the request, executes it and answers. */
  readonly answer: () => Answer
  /** Answers the request with a refusal, in this call's own form. */
  readonly refuse: (refused: Refused) => Answer
}

/** What the journal records about an exchange. */
export interface Remarks extends Pick<Answer, 'note' | 'sign' | 'lint'> {
  /** The name of the fault that was applied. */
  readonly fault?: string
}

/** Records the exchange; there is no reply if a fault dropped it. */
export type Recorder = (reply: WireReply | undefined, remarks: Remarks) => void

const plain = ({ body, contentType = 'text/plain', readable, v3 }: Answer): WireReply => ({
  status: 200,
  headers: { 'content-type': contentType },
  ...v3,
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

/** Handles one call to WeChat from arrival to reply, through the gates and faults of its world. */
export async function exchange(
  call: Call,
  { gates, faults, delays }: WorldCore,
  presence: Presence,
  record: Recorder,
): Promise<Outcome> {
  const { api, outTradeNo, version } = call
  gates.signal(`${api}.request`, outTradeNo)
  await gates.pass(`${api}.request`, outTradeNo, presence)
  const fault = faults.claim(api, outTradeNo, (effect) => {
    const action = actionOf(effect)
    return (action.version ?? version) === version && (!action.sound || call.isSound!())
  })
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
