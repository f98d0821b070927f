import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fileStore } from '../../examples/own-store.ts'
import type { FileStore, FileTx } from '../../examples/own-store.ts'
import { storeContract } from '../../src/testing.ts'
import { both } from '../helpers.ts'

const dir = t.testdir()
const newPath = () => join(mkdtempSync(join(dir, 'store-')), 'shop.store')

let store: FileStore
const cases = storeContract<FileTx>({
  makeStore: () => {
    store = fileStore(newPath())
    return store
  },
  probe: {
    write: async (tx, id) => {
      tx.set(id, true)
    },
    read: async (id) => store.get(id) === true,
  },
  oneWriter: true,
})
for (const { name, run } of cases) t.test(name, run)

both('an order on the own store is paid, delivered, and still there after a restart', async (t, open) => {
  const path = newPath()
  const store = fileStore(path)
  const shop = await open(t, {
    store,
    options: {
      onPaid: (order, { tx }) => {
        ;(tx as FileTx).set(`delivered:${order.outTradeNo}`, order.key)
      },
    },
  })
  const outTradeNo = await shop.order()
  t.match(await shop.world.pay(outTradeNo), { delivery: { verdict: 'acked' } })
  await shop.app.wechat.idle()
  const again = fileStore(path)
  t.match(await again.findOrder(outTradeNo), { state: 'paid', fulfilment: 'done' })
  t.equal(again.get(`delivered:${outTradeNo}`), 'cart-1')
})
