import { WechatError } from '../../errors.ts'
import type { RefundReport } from '../../model.ts'
import { parseFen } from '../../protocol/money.ts'
import { parseTime } from '../../protocol/time.ts'
import { kept } from '../../protocol/xml.ts'
import type { Fields } from '../../protocol/xml.ts'

/** refund_status of V2. */
const STATES = new Map<string | undefined, RefundReport['state']>([
  ['PROCESSING', 'processing'],
  ['SUCCESS', 'success'],
  ['REFUNDCLOSE', 'closed'],
  ['CHANGE', 'abnormal'],
])

/** An order has at most 50 refunds (refund, 9_4), listed ten per page (refundquery, 9_5). */
const MAX_REFUNDS = 50
const MAX_PAGES = 5

/** The n-th refund of a verified reply to refundquery; `undefined` unless all of it is readable. */
export function readRefund(reply: Fields, n: number): RefundReport | undefined {
  const outTradeNo = kept(reply, 'out_trade_no')
  const outRefundNo = kept(reply, `out_refund_no_${n}`)
  const refundId = kept(reply, `refund_id_${n}`)
  const refundFee = parseFen(reply.get(`refund_fee_${n}`))
  const state = STATES.get(reply.get(`refund_status_${n}`))
  if (
    outTradeNo === undefined ||
    outRefundNo === undefined ||
    refundId === undefined ||
    refundFee === undefined ||
    state === undefined
  ) {
    return undefined
  }
  const succeededAt = parseTime(reply.get(`refund_success_time_${n}`) ?? '')
  return { outRefundNo, outTradeNo, refundId, refundFee, state, succeededAt }
}

/**
 * All refunds of an order. `ask` returns the verified reply to refundquery by out_trade_no, from the refund at `offset` (2.5: ten at a time, with
 * `total_refund_count` if there are more); `undefined` if there are none.
 *
 * @throws {WechatError} `WECHAT_REPLY_INVALID`, or what `ask` threw
 */
export async function listRefunds(
  ask: (offset: number) => Promise<Fields | undefined>,
  outTradeNo: string,
): Promise<RefundReport[]> {
  const all: RefundReport[] = []
  for (let page = 0; page < MAX_PAGES; page++) {
    const reply = await ask(all.length)
    if (reply === undefined) return all
    const count = parseFen(reply.get('refund_count'))
    if (count === undefined) break
    const total = parseFen(reply.get('total_refund_count')) ?? count
    const found = Array.from({ length: Math.min(count, MAX_REFUNDS) }, (_, n) => readRefund(reply, n))
    if (!found.every((refund) => refund?.outTradeNo === outTradeNo)) break
    all.push(...(found as RefundReport[]))
    if (all.length >= total) return all
  }
  throw new WechatError(
    'WECHAT_REPLY_INVALID',
    `WeChat Pay was queried about the refunds of ${outTradeNo} and gave no valid answer. Query them again.`,
    { advice: 'query' },
  )
}
