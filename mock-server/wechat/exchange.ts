import { STATUS_CODES } from 'node:http'
import type { Presence } from '../base/activity.ts'
import type { Effect, EffectOf, ErrcodeFail, FaultView, ResultCodeFail, ReturnCodeFail } from '../faults/faults.ts'
import type { Finding } from '../journal/entry.ts'
import type { SignExplanation } from '../wire/explain-sign.ts'
import { encodeGbk } from '../wire/gbk.ts'
import type { LoginApi, PayApi } from '../wire/names.ts'
import { withBadSign } from '../wire/tamper.ts'
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

export type Refusal = ReturnCodeFail | ResultCodeFail | ErrcodeFail

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
  readonly refuse: (refusal: Refusal) => Answer
}

/** A reply as it leaves the mock. */
export interface WireReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  readonly readable?: string
}

export type Outcome =
  | { readonly kind: 'reply'; readonly reply: WireReply }
  /** The connection breaks after so many bytes of the body. */
  | { readonly kind: 'truncate'; readonly reply: WireReply; readonly bytes: number }
  | { readonly kind: 'hang' | 'reset' }

/** What the journal learns of an exchange. */
export interface Remarks extends Pick<Answer, 'note' | 'sign' | 'lint'> {
  /** The name of the fault that struck it. */
  readonly fault?: string
}

/** Writes the exchange down; there is no reply where a fault has lost it. */
export type Recorder = (reply: WireReply | undefined, remarks: Remarks) => void

/** What can strike a call; a notification has effects of its own. */
type CallFault = EffectOf<PayApi | LoginApi>
type StruckCall = FaultView & { readonly effect: CallFault }

const plain = ({ body, contentType = 'text/plain', readable }: Answer): WireReply => ({
  status: 200,
  headers: { 'content-type': contentType },
  body,
  ...(readable !== undefined && { readable }),
})

const PAGE =
  '<!DOCTYPE html>\n<html><head><title>Service temporarily unavailable</title></head><body><h1>Service temporarily unavailable</h1></body></html>\n'

/** Effects that need WeChat's own reply, because they spoil it; the others take its place. */
type Spoiling = Extract<CallFault, { kind: 'delay' | 'truncate' | 'bad_sign' | 'gbk' }>
type Replacing = Exclude<CallFault, Spoiling>

const SPOILING: readonly Effect['kind'][] = ['delay', 'truncate', 'bad_sign', 'gbk']
const isSpoiling = (effect: CallFault): effect is Spoiling => SPOILING.includes(effect.kind)

const BROKEN: Outcome = { kind: 'reset' }
const send = (reply: WireReply): Outcome => ({ kind: 'reply', reply })

/** How much of a body is left: half of it, or so much as was asked for, but never all. */
const truncated = (length: number, bytes = length >> 1) => Math.max(0, Math.min(bytes, length - 1))

function spoil(effect: Spoiling, answer: Answer): Outcome {
  switch (effect.kind) {
    case 'delay':
      return send(plain(answer))
    case 'bad_sign':
      return send(plain({ ...answer, body: withBadSign(String(answer.body)) }))
    case 'gbk':
      return send(plain({ ...answer, body: encodeGbk(String(answer.body)), contentType: 'text/xml; charset=GBK' }))
    case 'truncate':
      return { kind: 'truncate', reply: plain(answer), bytes: truncated(Buffer.byteLength(answer.body), effect.bytes) }
  }
}

function replace(effect: Replacing, call: Call): Outcome {
  switch (effect.kind) {
    case 'hang':
    case 'reset':
      return { kind: effect.kind }
    case 'http':
      return send({
        status: effect.status,
        headers: { 'content-type': 'text/plain' },
        body: effect.body ?? STATUS_CODES[effect.status] ?? '',
      })
    case 'html_page':
      return send({ status: effect.status ?? 200, headers: { 'content-type': 'text/html' }, body: PAGE })
    default:
      return send(plain(call.refuse(effect)))
  }
}

interface Done {
  readonly outcome: Outcome
  readonly remarks: Remarks
}

const remarksOf = ({ note, sign, lint }: Answer): Remarks => ({ note, ...(sign && { sign }), ...(lint && { lint }) })
const NOT_CARRIED_OUT: Remarks = { note: 'not carried out' }

function strike(call: Call, effect: CallFault): Done {
  if (isSpoiling(effect)) {
    const answer = call.answer()
    return { outcome: answer.broken ? BROKEN : spoil(effect, answer), remarks: remarksOf(answer) }
  }
  return {
    remarks: effect.when === 'after' ? remarksOf(call.answer()) : NOT_CARRIED_OUT,
    outcome: replace(effect, call),
  }
}

function untouched(call: Call): Done {
  const answer = call.answer()
  return { outcome: answer.broken ? BROKEN : send(plain(answer)), remarks: remarksOf(answer) }
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
  const fault = faults.claim(api, outTradeNo, ({ kind }) => kind !== 'result_code_fail' || call.isSound!()) as
    StruckCall | undefined
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
