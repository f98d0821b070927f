import type { Presence } from '../base/activity.ts'
import type { Delays } from '../base/real-time.ts'
import { actionOf, withSignature, type EffectOf } from '../faults/effects.ts'
import type { FaultBook } from '../faults/faults.ts'
import type { Gates } from '../faults/gates.ts'
import type { Outgoing } from '../faults/hooks.ts'
import type { ApiVersion, Notice } from '../wire/names.ts'
import { probeOf, wrongSignature } from '../wire/sign-v3.ts'
import { withBadSign } from '../wire/tamper.ts'
import { allRead, type Exchange, type Sender } from './sender.ts'

export interface Sent {
  /** As it went out. */
  readonly headers: Outgoing['headers']
  readonly body: string
  readonly exchange: Exchange
}

/** A notification that is no longer held by a gate. */
export interface Passage {
  /** The fault that is applied to it. */
  readonly fault?: string
  /** Never rejects. */
  readonly post: (outgoing: Outgoing, limitMs: number) => Promise<Sent>
}

/** The path of WeChat's notifications to the merchant, through the gates and faults of the world. */
export interface NoticeWire {
  /**
   * Resolves when the notification may be sent. Once `isOff` returns true, because its world has dropped it, it no longer
   * touches the gates and faults of that world.
   */
  readonly depart: (
    api: Notice,
    version: ApiVersion,
    outTradeNo: string,
    presence: Presence,
    isOff: () => boolean,
  ) => Promise<Passage>
}

export interface NoticeWireOptions {
  readonly gates: Gates
  readonly faults: FaultBook
  readonly delays: Delays
  readonly sender: Sender
}

/** A connection that the mock breaks on purpose. */
export const broken = (why: string): Error => Object.assign(new Error(why), { code: 'ECONNRESET' })

/** Delays the answer by this long: past the time limit it counts as none. */
function later(exchange: Exchange, ms: number, limitMs: number): Exchange {
  const durationMs = exchange.durationMs + ms
  return durationMs > limitMs
    ? { durationMs: Math.max(exchange.durationMs, limitMs), timedOut: true }
    : { ...exchange, durationMs }
}

const suits = (version: ApiVersion) => (effect: Parameters<typeof actionOf>[0]) =>
  (actionOf(effect).version ?? version) === version

/** What is sent if a fault applies. */
function spoilt(outgoing: Outgoing, effect: EffectOf<Notice> | undefined): Outgoing {
  const { headers, body, sign } = outgoing
  switch (effect?.kind) {
    case 'bad_sign':
      return sign
        ? { ...outgoing, headers: withSignature(headers, wrongSignature) }
        : { ...outgoing, body: withBadSign(body) }
    case 'probe':
      return { ...outgoing, headers: withSignature(headers, (signature) => probeOf(signature, effect.shape ?? 'live')) }
    case 'skew':
      return { ...outgoing, headers: { ...headers, ...sign?.(body, effect.seconds) } }
    default:
      return outgoing
  }
}

export const createNoticeWire = ({ gates, faults, delays, sender }: NoticeWireOptions): NoticeWire => ({
  depart: async (api, version, outTradeNo, presence, isOff) => {
    if (!isOff()) gates.signal(`${api}.request`, outTradeNo)
    if (!isOff()) await gates.pass(`${api}.request`, outTradeNo, presence)
    const { name = '', effect } = (isOff() ? {} : (faults.claim(api, outTradeNo, suits(version)) ?? {})) as {
      name?: string
      effect?: EffectOf<Notice>
    }
    const is = (kind: 'delay' | 'reset', when: 'before' | 'after') =>
      effect?.kind === kind && (effect.when ?? 'before') === when
    const ms = effect?.kind === 'delay' ? effect.ms : 0
    if (is('delay', 'before')) await delays.wait(ms)
    await allRead()
    return {
      ...(effect && { fault: name }),
      post: async (outgoing, limitMs) => {
        const { url, headers, body } = spoilt(outgoing, effect)
        const answered: Exchange = is('reset', 'before')
          ? { durationMs: 0, error: broken(`fault ${name}`) }
          : await sender.post(url, headers, body, limitMs)
        const exchange = is('delay', 'after') ? later(answered, ms, limitMs) : answered
        if (exchange !== answered) await delays.wait(exchange.durationMs - answered.durationMs)
        if (!isOff()) await gates.pass(`${api}.response`, outTradeNo, presence)
        if (!isOff()) gates.signal(`${api}.response`, outTradeNo)
        return {
          headers,
          body,
          exchange: is('reset', 'after')
            ? { durationMs: exchange.durationMs, error: broken(`fault ${name}`) }
            : exchange,
        }
      },
    }
  },
})
