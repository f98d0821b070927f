import { fieldWithin } from '../../protocol/sign-v2.ts'
import type { Fields } from '../../protocol/xml.ts'

/** Fields that identify replies to other calls, and notifications. A reply to a close has none of them (closeorder wxa 9_3), and no reliable mark of its own. */
const NOT_OF_A_CLOSE = [
  'prepay_id',
  'trade_type',
  'trade_state',
  'transaction_id',
  'openid',
  'total_fee',
  'time_end',
  'refund_id',
  'out_refund_no',
  'refund_count',
]

/**
 * The field that shows that a reply belongs to another call. A reply repeats only some numbers of its request, and one key signs all replies, so a
 * recorded or mixed-up reply passes verification anywhere. Replies to the other calls are recognised by their mandatory fields: `prepay_id`,
 * `trade_state`, `refund_id`, `refund_status_0`.
 */
export function answersAnother(path: string, asked: Fields, reply: Fields): string | undefined {
  for (const number of ['out_trade_no', 'out_refund_no', 'transaction_id']) {
    if (asked.has(number) && reply.get(number) && reply.get(number) !== asked.get(number)) return `another ${number}`
  }
  // Such a field can be hidden in the value before it, under the same signature. Only the reply to a query contains free text (`attach`).
  if (path !== '/pay/orderquery') {
    for (const value of reply.values()) {
      const hidden = fieldWithin(value)
      if (hidden !== undefined) return `${hidden} within another field`
    }
  }
  if (path === '/pay/closeorder') return NOT_OF_A_CLOSE.find((name) => reply.get(name))
  const tradeType = asked.has('trade_type') && reply.get('trade_type')
  return tradeType && tradeType !== asked.get('trade_type') ? 'another trade_type' : undefined
}
