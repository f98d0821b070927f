import { fieldWithin } from '../../protocol/sign-v2.ts'
import type { Fields } from '../../protocol/xml.ts'

/** Fields that mark the replies to other calls, and notifications. A reply to a close has none of them (closeorder wxa 9_3), and no mark of its own that is sure. */
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
 * The field by which a reply shows that it answers another question. A reply repeats nothing of the request but some numbers, and one key signs all of them:
 * one that was recorded, or mixed up on the way, verifies wherever it turns up. What tells the other calls' replies apart is what they must carry: `prepay_id`,
 * `trade_state`, `refund_id`, `refund_status_0`.
 */
export function answersAnother(path: string, asked: Fields, reply: Fields): string | undefined {
  for (const number of ['out_trade_no', 'out_refund_no']) {
    if (asked.has(number) && reply.get(number) && reply.get(number) !== asked.get(number)) return `another ${number}`
  }
  // A mark can be cut out of sight, into the value before it, under the same signature. Only the answer to a query holds a text that somebody wrote (`attach`).
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
