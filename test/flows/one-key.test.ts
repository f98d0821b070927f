import t from 'tap'
import { both } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'
import { everyStore } from '../store/databases.ts'

const PAIRS = 20
const TEN = Array.from({ length: 10 }, (_, n) => 100 * (n + 1))

for (const [name, open] of await everyStore(t)) {
  both(
    `of simultaneous orders with one key and several prices, at least one is made. ${name}`,
    async (t, make, version) => {
      const shop = await make(t, {
        store: await open(),
        options: {
          price: (request) => {
            const { cart, totalFee } = request.body as { cart: string; totalFee: number }
            return { key: cart, description: 'tea', totalFee }
          },
        },
      })
      const asked: string[] = []
      shop.world.on('journal', ({ api }) => {
        asked.push(api)
      })
      const headers = await shop.login()

      /** Orders the cart at each price at the same moment, and resolves with the order numbers. */
      async function race(cart: string, prices: number[]): Promise<string[]> {
        asked.length = 0
        const replies = await Promise.all(
          prices.map((totalFee) => shop.post('/wechat/orders', { cart, totalFee }, headers)),
        )
        const given = replies.filter(({ status }) => status === 200).map(({ body }) => body.outTradeNo as string)
        for (const { status, body } of replies) {
          if (status !== 200) t.match([status, body], [409, { code: 'WECHAT_ORDER_CONFLICT' }])
        }
        t.ok(given.length > 0, `${cart}: at least one can be paid`)
        const open = given.filter((outTradeNo) => shop.world.order(outTradeNo).tradeState === 'NOTPAY')
        t.equal(open.length, 1, 'the live order is one of them, and the only one')
        t.match(await live(shop, cart), { outTradeNo: open[0], state: 'prepaid' })
        const calls = ['unifiedorder', 'orderquery', 'closeorder'].map(
          (api) => asked.filter((each) => each === api).length,
        )
        t.same(
          calls,
          [given.length, given.length - 1, given.length - 1],
          'each order but the last is closed once, with no extra calls',
        )
        return given
      }

      let both = 0
      for (let n = 0; n < PAIRS; n++) if ((await race(`${version}-pair-${n}`, [100, 200])).length === 2) both++
      const ten = await race(`${version}-ten`, TEN)
      t.comment(`${both} of ${PAIRS} pairs got both orders, one after the other; of ten at once ${ten.length}`)
    },
  )
}

async function live({ store, world }: Merchant, key: string) {
  return await store.findLiveOrder(key, world.credentials.mchId)
}
