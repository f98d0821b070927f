import type { Anomaly, Order } from '../../model.ts'
import { isDone } from '../../store/done.ts'
import type { Store } from '../../store/store.ts'

/** What a request to forget a payer did. */
export interface Forgotten {
  /** Orders that no longer name their payer. */
  masked: number
  /** Orders that still do, because work is left to do, or because a finding that names the payer waits for a person. */
  kept: number
}

/**
 * Takes a payer's openid out of everything of this merchant that is over, when the payer asks for it: of orders, their payments and decided findings. The payer's
 * sessions end, as do those of all merchants of the store. Money, numbers and times stay, and so does an order for which something is left to do, or about which a person has to decide: call again
 * once it is over, until `kept` is 0. Any number of calls may run, beside working processes; one that is cut off has masked whole orders.
 *
 * It reads all orders of the store once, 1000 at a time, as nothing is indexed by openid: 100,000 took 1.8 s on PostgreSQL.
 *
 * @throws {WechatError} `WECHAT_INPUT_INVALID`, `WECHAT_STORE_FAILED`
 */
export type Forget = (openid: string) => Promise<Forgotten>

const AT_ONCE = 1000
/** Comes after every number. */
const END = '~'

export function createForget({ store, mchId, now }: { store: Store; mchId: string; now: () => Date }): Forget {
  /** The numbers of orders about which a person has to decide, because of findings that are `wanted`. */
  async function doubtful(wanted: (anomaly: Anomaly) => boolean): Promise<Set<string>> {
    const numbers = new Set<string>()
    let page = await store.anomalies(AT_ONCE)
    for (;;) {
      for (const { outTradeNo } of page.filter(wanted)) numbers.add(outTradeNo)
      if (page.length < AT_ONCE) return numbers
      page = await store.anomalies(AT_ONCE, page.at(-1))
    }
  }

  return async (openid) => {
    const isOf = ({ openid: payer, payment }: Order) => payer === openid || payment?.openid === openid

    /** Whether the order no longer names its payer. */
    async function mask(outTradeNo: string): Promise<boolean> {
      const at = now()
      const updated = await store.updateOrder(outTradeNo, (order) => {
        if (!isOf(order) || !isDone(order)) return undefined
        const { state } = order
        const line = { outTradeNo, at, source: 'operator', seen: 'payer forgotten', outcome: 'openid masked' } as const
        return { order: without(openid, order), history: [{ ...line, from: state, to: state }], anomalies: [] }
      })
      return updated === undefined || !isOf(updated.order)
    }

    // First, so that the payer places no more orders with an old token.
    await store.forget(openid)
    const undecided = await doubtful(() => true)
    const kept = new Set<string>()
    let masked = 0
    let page = await store.ordersBetween('', END, AT_ONCE)
    for (;;) {
      for (const order of page.filter((order) => order.mchId === mchId && isOf(order))) {
        const { outTradeNo } = order
        const isOver = isDone(order) && !undecided.has(outTradeNo) && (await mask(outTradeNo))
        if (isOver) masked++
        else kept.add(outTradeNo)
      }
      if (page.length < AT_ONCE) break
      page = await store.ordersBetween(page.at(-1)!.outTradeNo, END, AT_ONCE)
    }
    // Also findings about other people's or unknown orders, and new ones.
    for (const outTradeNo of await doubtful(({ payment }) => payment?.openid === openid)) kept.add(outTradeNo)
    // Again: a finding may have been decided before it was read as undecided.
    await store.forget(openid)
    return { masked, kept: kept.size }
  }
}

/** Somebody else may have paid the order: that openid stays. */
function without(openid: string, order: Order): Order {
  const { openid: orderer, ...unnamed } = order
  const { payment } = order
  const masked = orderer === undefined || orderer === openid ? unnamed : order
  return payment?.openid === openid ? { ...masked, payment: { ...payment, openid: '' } } : masked
}
