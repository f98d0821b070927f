import type { Presence } from '../base/activity.ts'
import type { Delays } from '../base/real-time.ts'
import type { EffectOf } from '../faults/effects.ts'
import type { FaultBook } from '../faults/faults.ts'
import type { Gates } from '../faults/gates.ts'
import type { Notice } from '../wire/names.ts'
import { withBadSign } from '../wire/tamper.ts'
import { allRead, type Exchange, type Sender } from './sender.ts'

export interface Sent {
  /** As it went out. */
  readonly body: string
  readonly exchange: Exchange
}

/** A notification that no gate holds any more. */
export interface Passage {
  /** Never rejects. */
  readonly post: (
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    limitMs: number,
  ) => Promise<Sent>
}

/** The path of WeChat's notifications to the merchant, through the gates and faults of the world. */
export interface NoticeWire {
  /**
   * Resolves when the notification may be sent. Once `isOff` returns true, because its world has dropped it, it no longer
   * touches the gates and faults of that world.
   */
  readonly depart: (api: Notice, outTradeNo: string, presence: Presence, isOff: () => boolean) => Promise<Passage>
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

export const createNoticeWire = ({ gates, faults, delays, sender }: NoticeWireOptions): NoticeWire => ({
  depart: async (api, outTradeNo, presence, isOff) => {
    if (!isOff()) gates.signal(`${api}.request`, outTradeNo)
    if (!isOff()) await gates.pass(`${api}.request`, outTradeNo, presence)
    const { name = '', effect } = (isOff() ? {} : (faults.claim(api, outTradeNo) ?? {})) as {
      name?: string
      effect?: EffectOf<Notice>
    }
    const is = (kind: 'delay' | 'reset', when: 'before' | 'after') =>
      effect?.kind === kind && (effect.when ?? 'before') === when
    const ms = effect?.kind === 'delay' ? effect.ms : 0
    if (is('delay', 'before')) await delays.wait(ms)
    await allRead()
    return {
      post: async (url, headers, intended, limitMs) => {
        const body = effect?.kind === 'bad_sign' ? withBadSign(intended) : intended
        const answered: Exchange = is('reset', 'before')
          ? { durationMs: 0, error: broken(`fault ${name}`) }
          : await sender.post(url, headers, body, limitMs)
        const exchange = is('delay', 'after') ? later(answered, ms, limitMs) : answered
        if (exchange !== answered) await delays.wait(exchange.durationMs - answered.durationMs)
        if (!isOff()) await gates.pass(`${api}.response`, outTradeNo, presence)
        if (!isOff()) gates.signal(`${api}.response`, outTradeNo)
        return {
          body,
          exchange: is('reset', 'after')
            ? { durationMs: exchange.durationMs, error: broken(`fault ${name}`) }
            : exchange,
        }
      },
    }
  },
})
