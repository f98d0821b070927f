import { isDeepStrictEqual } from 'node:util'
import { backoff, later } from '../schedule.ts'
import { acceptedFee } from './refund-fees.ts'
import { TELL_AFTER } from './refund-ruling.ts'
import { afterHook } from './ruling.ts'
import type { Changed, Decision, Ruling } from './ruling.ts'
import type { ShippingObservation } from './shipping-observation.ts'

/** WeChat knows a payment about a minute after it (10060001 until then). */
const KNOWN_AFTER_MS = 60_000

/** The most reports for one order, shipped in parts. */
export const MAX_SHIPMENTS = 20

export const SHIPPING: {
  [Name in ShippingObservation['seen']]: (news: ShippingObservation & { seen: Name }, ruling: Ruling) => Decision
} = {
  'ship-wanted'({ shipment }, ruling) {
    const { order, now } = ruling
    if (order.state !== 'paid') return ruling.keep('refused', `the order is ${order.state}, not paid`)
    if (order.payment!.openid === '') {
      return ruling.keep('refused', 'its payer was forgotten, and WeChat wants the openid')
    }
    if (acceptedFee(order) >= order.payment!.totalFee) return ruling.keep('refused', 'all of it is refunded')
    const { shipments = [], sent = 0, attempts = 0, dueAt = null } = order.shipping ?? {}
    if (shipments.some((known) => isDeepStrictEqual(known, shipment))) return ruling.ignore('already known', 'repeated')
    if (shipments.length >= MAX_SHIPMENTS) return ruling.keep('refused', `it has ${MAX_SHIPMENTS} already`)
    const age = now.getTime() - order.payment!.paidAt.getTime()
    const wait = Math.min(Math.max(KNOWN_AFTER_MS - age, 0), KNOWN_AFTER_MS)
    return become(ruling, 'to be reported to WeChat', {
      shipments: [...shipments, shipment],
      ...{ sent, attempts, dueAt: dueAt ?? later(now, wait) },
    })
  },

  shipped({ n }, ruling) {
    return ruling.order.shipping?.sent === n ? next(ruling, 'reported to WeChat') : ruling.ignore('already known')
  },

  'ship-failed'({ n, reason, isFinal }, ruling) {
    const { shipping, outTradeNo, payment } = ruling.order
    if (shipping?.sent !== n) return ruling.ignore('already known')
    const attempts = shipping.attempts + 1
    const decision = isFinal
      ? next(ruling, 'refused by WeChat')
      : become(ruling, 'to be tried again', {
          ...shipping,
          ...{ attempts, dueAt: later(ruling.now, backoff(attempts)) },
        })
    if (isFinal || attempts >= TELL_AFTER) {
      const what = isFinal ? reason : `not reported after ${attempts} attempts, which go on: ${reason}`
      const id = `shipping-refused:${outTradeNo}:${n + 1}`
      decision.change.anomalies.push({
        ...{ id, kind: 'shipping-refused', outTradeNo, at: ruling.now, payment },
        reason: `shipment ${n + 1}: ${what}`,
      })
    }
    return decision
  },
}

/** The next report, if there is one. */
function next(ruling: Ruling, text: string): Changed {
  const { shipments, sent } = ruling.order.shipping!
  const dueAt = sent + 1 < shipments.length ? ruling.now : null
  return become(ruling, text, { shipments, sent: sent + 1, attempts: 0, dueAt })
}

/** A running hook keeps its lease. */
function become(ruling: Ruling, text: string, shipping: NonNullable<Ruling['order']['shipping']>): Changed {
  return afterHook(ruling.order, ruling.become('changed', text, { shipping }))
}
