import { closeOrder } from '../../ledger/ordering.ts'
import { isOf, isOver } from '../../ledger/orders.ts'
import type { WireField } from '../../wire/xml.ts'
import { BusinessFail } from './answers.ts'
import type { PayEndpoint } from './receive.ts'

/** "Not sooner than five minutes after unifiedorder" (wxa chapter 9_3). */
const LEAST_AGE_MS = 5 * 60_000

const CLOSED: readonly WireField[] = [['result_msg', 'OK']]

/** V2 closeorder (wxa chapter 9_3). */
export const closeorder: PayEndpoint = {
  api: 'closeorder',
  path: '/pay/closeorder',
  fields: [{ name: 'out_trade_no', max: 32, required: true }],
  handle: ({ world: { behaviour }, account, get, subMchId }) => {
    const order = account.orders.find(get('out_trade_no'))
    if (!order || !isOf(order, subMchId)) {
      // That of another sub-merchant stays open.
      if (!order && behaviour.closeUnknown === 'success') return CLOSED
      throw new BusinessFail('ORDERNOTEXIST')
    }
    if (isOver(order) && behaviour.closeTwice === 'success') return CLOSED
    const isYoung = account.now().getTime() - order.createdAt.getTime() < LEAST_AGE_MS
    if (order.tradeState === 'NOTPAY' && behaviour.closeEarly === 'SYSTEMERROR' && isYoung) {
      throw new BusinessFail('SYSTEMERROR')
    }
    closeOrder(order)
    return CLOSED
  },
}
