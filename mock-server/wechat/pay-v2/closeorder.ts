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
  handle: ({ orders, clock, behaviour }, { get }) => {
    const order = orders.find(get('out_trade_no'))
    if (!order) {
      if (behaviour.closeUnknown === 'success') return CLOSED
      throw new BusinessFail('ORDERNOTEXIST', '订单不存在')
    }
    if (order.payment) throw new BusinessFail('ORDERPAID', 'order paid')
    if (order.tradeState === 'CLOSED') {
      if (behaviour.closeTwice === 'success') return CLOSED
      throw new BusinessFail('ORDERCLOSED', '订单已关闭')
    }
    if (behaviour.closeEarly === 'SYSTEMERROR' && clock.now().getTime() - order.createdAt.getTime() < LEAST_AGE_MS) {
      throw new BusinessFail('SYSTEMERROR', '系统错误')
    }
    order.tradeState = 'CLOSED'
    return CLOSED
  },
}
