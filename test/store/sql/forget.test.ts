import t from 'tap'
import { size } from '../../sizes.ts'
import { everyStore } from '../databases.ts'
import { ACCOUNT, at, change, newOrder, OWNER, paymentOf } from '../orders.ts'
import { deliver, forgetIn, LATER, settle } from './lives.ts'

const PAYERS = ['o-forgotten', 'o-stays'] as const
const [PAYER] = PAYERS

for (const [name, open] of await everyStore(t)) {
  t.test(`${name}: a payer is forgotten by several calls at once, beside all other work`, async (t) => {
    const store = await open()
    const forget = forgetIn(store)
    const orders = Array.from({ length: size(8, 40) }, (_, n) => newOrder(`beside-${n}`, { openid: PAYERS[n % 2]! }))
    const session = { appid: ACCOUNT.appid, expiresAt: LATER }
    const found = { kind: 'late', at: at(0), reason: '' } as const
    for (const order of orders) {
      const { outTradeNo, openid } = order
      await store.insertOrder(change(order))
      await store.insertAnomaly({ ...found, id: outTradeNo, outTradeNo, payment: paymentOf(order) })
      await store.putSession({ ...session, tokenHash: outTradeNo, openid: openid! })
    }

    async function live(outTradeNo: string): Promise<void> {
      await store.updateOrder(outTradeNo, settle)
      const [claim] = await store.claimDue(OWNER, at(1), 1, 60_000, { outTradeNo })
      t.equal(await store.fulfil(claim!, async () => {}, deliver), 'done')
      await store.resolveAnomaly(outTradeNo, { action: 'dismiss', note: '', at: at(1) })
      await store.updateOrder(outTradeNo, settle)
    }
    await Promise.all(
      orders.flatMap(({ outTradeNo }, n) => [live(outTradeNo), ...(n % 4 === 0 ? [forget(PAYER)] : [])]),
    )

    t.equal((await forget(PAYER)).kept, 0)
    t.same(await forget(PAYER), { masked: 0, kept: 0 })
    for (const order of orders) {
      const { outTradeNo } = order
      const openid = order.openid === PAYER ? undefined : order.openid
      const paidBy = openid ?? ''
      const { payment, state, fulfilment, dueAt, ...after } = (await store.findOrder(outTradeNo))!
      t.same([after.openid, payment?.openid, state, fulfilment, dueAt], [openid, paidBy, 'paid', 'done', null])
      const said = ['seen', 'settled', 'delivered', ...(openid === undefined ? ['payer forgotten'] : [])]
      t.same(
        (await store.history(outTradeNo)).map(({ seen }) => seen),
        said,
      )
      t.equal((await store.findAnomaly(outTradeNo))?.payment?.openid, paidBy)
      t.equal((await store.getSession(outTradeNo))?.openid, openid)
    }
    t.equal(await store.archive({ before: LATER }), orders.length)
  })
}
