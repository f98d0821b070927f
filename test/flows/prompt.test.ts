import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { fromMysql2, fromPg, sqlStore } from '../../src/index.ts'
import type { Executor } from '../../src/store/executor.ts'
import { both } from '../helpers.ts'
import { mysql, mysqlPool, pgPool, postgres } from '../store/databases.ts'

const ORDERS = 60
const COPIES = 8
/** More than can run at once, so that some are claimed later than they are settled. */
const AT_ONCE = 12
const TRIES = 4
/** Real time after which an order counts as forgotten. */
const PATIENCE = 10_000

// The copies of a notification hold the row while the order is claimed for onPaid. No sweeper runs here, so an order
// missed then is never fulfilled.
const DATABASES: [name: string, open: (t: Test) => Promise<Executor<any> | undefined>][] = [
  ['PostgreSQL', async (t) => fromPg(pgPool(await postgres(t), t))],
  [
    'MySQL or MariaDB',
    async (t) => {
      const uri = await mysql(t)
      return uri === undefined ? undefined : fromMysql2(mysqlPool(uri, t))
    },
  ],
]
for (const [name, open] of DATABASES) {
  both(
    `${ORDERS} payments, each notified ${COPIES} times at once: onPaid does not wait for a sweep. ${name}`,
    async (t, make) => {
      const executor = await open(t)
      if (executor === undefined) return
      const store = sqlStore(executor)
      await store.migrate()
      const delivered = new Map<string, number>()
      const ran = new Map<string, number>()
      const shop = await make(t, {
        store,
        options: {
          price: (request) => ({ key: (request.body as { cart: string }).cart, description: 'tea', totalFee: 1250 }),
          onPaid: ({ outTradeNo }) => {
            ran.set(outTradeNo, performance.now())
          },
        },
      })
      const headers = await shop.login()
      const numbers = await Promise.all(
        Array.from({ length: ORDERS }, async (_, n) => {
          const { outTradeNo } = (await shop.post('/wechat/orders', { cart: `cart-${n}` }, headers)).body
          await shop.world.pay(outTradeNo, { deliver: 'hold' })
          return outTradeNo as string
        }),
      )
      const queue = [...numbers]
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let outTradeNo = queue.shift(); outTradeNo !== undefined; outTradeNo = queue.shift()) {
            delivered.set(outTradeNo, performance.now())
            let verdicts: string[] = []
            // A machine that stalls may keep WeChat waiting for too long: then it delivers again.
            for (let tries = 0; tries < TRIES && verdicts.join() !== 'acked'; tries++) {
              const deliveries = await shop.world.notification(outTradeNo).deliver({ count: COPIES, concurrent: true })
              verdicts = [...new Set(deliveries.map(({ verdict }) => verdict))]
            }
            t.strictSame(verdicts, ['acked'], outTradeNo)
          }
        }),
      )
      const end = performance.now() + PATIENCE
      while (ran.size < ORDERS && performance.now() < end) await wait(10)
      const times = [...ran].map(([outTradeNo, at]) => at - delivered.get(outTradeNo)!).sort((a, b) => a - b)
      t.comment(
        `${ran.size} of ${ORDERS}; the median after ${Math.round(times[times.length >> 1]!)} ms, the slowest after ${Math.round(times.at(-1)!)} ms`,
      )
      t.equal(ran.size, ORDERS)
    },
  )
}
