import { isDeepStrictEqual } from 'node:util'
import { wechatTime } from '../wire/time.ts'
import { Refusal, type Account } from './account.ts'
import { isOver, PREPAY_LIFE_MS, type Order } from './orders.ts'

/** Some recorded requests set one minute, the recorded text says five; the documentation asks for more than one. */
const LEAST_LIFE_MS = 60_000

/** What identifies an order; a repeated call must not change it (the mock's interpretation: no official table says so). */
type Terms = Pick<
  Order,
  'version' | 'outTradeNo' | 'appid' | 'body' | 'totalFee' | 'tradeType' | 'openid' | 'sub' | 'feeType' | 'parameters'
>
/** What a repeated call may change. */
type Changes = Pick<Order, 'deviceInfo' | 'attach' | 'notifyUrl' | 'nonceStr' | 'signType' | 'expiresAt'>

const TERMS = ['version', 'appid', 'body', 'totalFee', 'tradeType', 'openid', 'sub', 'feeType', 'parameters'] as const
const isSame = (order: Order, terms: Terms) => TERMS.every((name) => isDeepStrictEqual(order[name], terms[name]))

/** `previous` is the prepay_id it replaces, so that two drawn at the same moment differ. */
function drawPrepayId({ now, random }: Account, outTradeNo: string, previous = ''): string {
  const at = now()
  return `wx${wechatTime(at).slice(6)}${random.hex(26, 'prepay_id', outTradeNo, at.getTime(), previous)}`
}

function resubmit(account: Account, order: Order, terms: Terms, changes: Changes, repeated: 'same' | 'new'): void {
  if (isOver(order)) throw new Refusal('closed')
  if (!isSame(order, terms)) throw new Refusal('terms-differ')
  if (order.tradeState !== 'NOTPAY') throw new Refusal('paid')
  Object.assign(order, changes)
  const now = account.now()
  if (repeated === 'same' && now.getTime() - order.prepayIssuedAt.getTime() < PREPAY_LIFE_MS) return
  Object.assign(order, {
    prepayId: drawPrepayId(account, order.outTradeNo, order.prepayId),
    prepayIssuedAt: now,
  })
  account.orders.indexPrepay(order)
}

/**
 * Creates an order, or accepts the same order again. `repeated`: which prepay_id a repeated order gets while the first is
 * still valid.
 * @throws Refusal expires-too-soon, closed, terms-differ, paid
 */
export function placeOrder(account: Account, terms: Terms, changes: Changes, repeated: 'same' | 'new'): Order {
  const { outTradeNo } = terms
  const { expiresAt } = changes
  const now = account.now()
  const existing = account.orders.find(outTradeNo)
  if (account.orders.isBurnt(outTradeNo)) throw new Refusal('terms-differ')
  if (expiresAt && expiresAt.getTime() - now.getTime() < LEAST_LIFE_MS) {
    throw new Refusal(
      'expires-too-soon',
      `time_expire is ${wechatTime(expiresAt)}, the world's time is ${wechatTime(now)} (both GMT+8)`,
    )
  }
  if (existing) {
    resubmit(account, existing, terms, changes, repeated)
    return existing
  }
  const order: Order = {
    ...terms,
    ...changes,
    createdAt: now,
    prepayId: drawPrepayId(account, outTradeNo),
    prepayIssuedAt: now,
    tradeState: 'NOTPAY',
    payment: undefined,
  }
  account.orders.add(order)
  account.orders.indexPrepay(order)
  account.autoPay.order(account, order)
  return order
}

/** @throws Refusal paid, closed */
export function closeOrder(order: Order): void {
  if (order.payment) throw new Refusal('paid')
  if (isOver(order)) throw new Refusal('closed')
  Object.assign(order, { tradeState: 'CLOSED', forcedState: undefined })
}
