import type { Account } from '../../ledger/account.ts'
import { isOpen, isOverdue, PREPAY_LIFE_MS, stateOf, type Order } from '../../ledger/orders.ts'
import { isSignedBy } from '../../wire/sign-v3.ts'
import type { WorldCore } from '../core.ts'

/** The order of a prepay_id, and the merchant of it; the first merchant if nobody has that order. */
export function findPrepay(accounts: readonly Account[], prepayId: string): { account: Account; order?: Order } {
  for (const account of accounts) {
    const order = account.orders.findPrepay(prepayId)
    if (order) return { account, order }
  }
  return { account: accounts[0]! }
}

/** An application that cannot share the world's clock may lag by a whole retry schedule (24 h 4 min). */
const TIMESTAMP_TOLERANCE_MS = 48 * 3_600_000

/** What is wrong about the time and the nonce of a second signature: the field, and why. */
export function wrongForm(
  time: readonly [name: string, value: string],
  nonce: readonly [name: string, value: string],
  now: Date,
): readonly [field: string, reason: string] | undefined {
  const [name, text] = time
  if (!/^\d{10}$/.test(text)) return [name, `${name} must be UNIX seconds, 10 digits; got ${text} (milliseconds?)`]
  if (Math.abs(Number(text) * 1000 - now.getTime()) > TIMESTAMP_TOLERANCE_MS) {
    return [name, `${name} ${text} is more than 48 h from the world's time ${now.toISOString()}`]
  }
  const { length } = nonce[1]
  if (length > 32) return [nonce[0], `${nonce[0]} has ${length} characters; at most 32 are allowed`]
  return undefined
}

/** Whether one of a merchant's valid certificates has signed the text. */
export const isOfMerchant = ({ keys }: Account, text: Uint8Array, signature: string) =>
  keys
    .merchantCertificates()
    .some(
      ({ serialNo, key }) =>
        keys.findMerchantCertificate(serialNo)!.isValid && isSignedBy(text, signature, key.publicKey),
    )

/** Why the cashier does not open for a prepay_id. */
export interface Shut {
  readonly kind: 'expired' | 'paid' | 'scene'
  readonly reason: string
}

export const unknownPrepay = (accounts: readonly Account[], prepayId: string): Shut => ({
  kind: 'expired',
  reason: `no order of merchant ${accounts.map(({ mchId }) => mchId).join(' or ')} has the prepay_id ${prepayId}; the mock loses its orders when it stops or is reset, while the app's database keeps them: order again`,
})

/** `tradeType`: that of orders for this cashier. */
export function shutFor(
  { clock }: Pick<WorldCore, 'clock'>,
  order: Order,
  prepayId: string,
  tradeType: string,
): Shut | undefined {
  const now = clock.now()
  const { outTradeNo } = order
  if (order.tradeType !== tradeType) {
    return { kind: 'scene', reason: `order ${outTradeNo} is for ${order.tradeType}, and this cashier for ${tradeType}` }
  }
  if (order.payment) return { kind: 'paid', reason: `order ${outTradeNo} is already paid` }
  if (!isOpen(order) || isOverdue(order, now)) {
    return { kind: 'expired', reason: `order ${outTradeNo} is ${stateOf(order)}` }
  }
  if (order.prepayId === prepayId && now.getTime() - order.prepayIssuedAt.getTime() < PREPAY_LIFE_MS) return undefined
  return {
    kind: 'expired',
    reason: `the prepay_id of order ${outTradeNo} is older than 2 h, or was replaced by a later unifiedorder; call unifiedorder again with the same out_trade_no`,
  }
}
