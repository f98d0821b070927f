import { join } from 'node:path'
import { fromSqlite, sqlStore } from '../../src/index.ts'
import type { Test } from 'tap'
import type { Store } from '../../src/index.ts'
import { both } from '../helpers.ts'
import { sqliteFile } from '../store/databases.ts'

// What docs/app.md says about backups: a database is restored to an earlier moment, and WeChat still has what has happened since then.

const DAY = '2026-01-15'
const startTime = new Date(`${DAY}T09:00:00+08:00`)

/** A store on a file, which can be restored to the moment of a backup. */
async function restorable(t: Test) {
  const dir = t.testdir()
  const db = sqliteFile(join(dir, 'shop.db'), t)
  const first = sqlStore(fromSqlite(db))
  await first.migrate()
  let current: Store<any> = first
  return {
    store: new Proxy({} as Store, {
      get: (_target, name: keyof Store) => (current[name] as () => unknown).bind(current),
    }),
    backUp() {
      db.exec(`vacuum into '${join(dir, 'backup.db')}'`)
    },
    restore() {
      current = sqlStore(fromSqlite(sqliteFile(join(dir, 'backup.db'), t)))
    },
  }
}

both('a restored database gets back payments, refunds and deliveries, and no money twice', async (t, open) => {
  const { store, backUp, restore } = await restorable(t)
  const refunded: string[] = []
  const found: string[] = []
  const shop = await open(t, {
    store,
    world: { startTime },
    options: {
      onRefunded: (_order, { outRefundNo }) => {
        refunded.push(outRefundNo)
      },
      onAnomaly: ({ kind, outTradeNo }) => {
        found.push(`${kind} ${outTradeNo}`)
      },
    },
  })
  const { app, world, paid } = shop
  const buy = async (key: string) => {
    const outTradeNo = await shop.order({ price: { key } })
    await world.pay(outTradeNo)
    return outTradeNo
  }
  const delivered = await buy('delivered')
  const unpaid = await shop.order({ price: { key: 'unpaid' } })
  await shop.settle()

  backUp()

  await world.pay(unpaid)
  const { outRefundNo } = await app.wechat.refunds.create(delivered, { key: 'r1', refundFee: 250 })
  await world.settleRefund(outRefundNo, 'SUCCESS')
  const later = await buy('later')
  await shop.settle()
  t.strictSame(paid.splice(0), [delivered, unpaid, later])
  t.strictSame(refunded.splice(0), [outRefundNo])

  restore()
  t.match(await app.wechat.orders.get(unpaid), { state: 'prepaid' })
  t.match(await app.wechat.refunds.list(delivered), [])
  await world.advance('26h')
  await shop.settle()
  t.strictSame(paid.splice(0), [unpaid], 'the sweeper asks about the open order, and delivers it again')

  const report = await app.wechat.reconcile(DAY)
  await shop.settle()
  t.strictSame(
    report.differences.map(({ kind, outcome }) => `${kind} ${outcome}`).sort(),
    ['theirs-only healed', 'theirs-only open'],
    'the refund, and the order that was made since the backup',
  )
  t.strictSame(found, [`unknown-order ${later}`])
  t.match(await app.wechat.refunds.list(delivered), [
    { outRefundNo, key: `external:${outRefundNo}`, refundFee: 250, state: 'success' },
  ])
  t.strictSame(refunded, [outRefundNo])
  t.strictSame(paid, [], 'nothing else is delivered')
  t.equal(
    world.refunds().reduce((sum, { refundFee }) => sum + refundFee, 0),
    250,
  )
  await t.rejects(app.wechat.refunds.create(delivered, { key: 'all', refundFee: 1250 }), {
    code: 'WECHAT_ORDER_CONFLICT',
  })
  const { outRefundNo: another } = await app.wechat.refunds.create(delivered, { key: 'r1', refundFee: 250 })
  t.not(another, outRefundNo, 'its key is lost: this is another refund, as documented')
})

both('the same key before WeChat was asked has the same number, and refunds once', async (t, open) => {
  const { store, backUp, restore } = await restorable(t)
  const { app, world, order, settle } = await open(t, { store, world: { startTime } })
  const outTradeNo = await order()
  await world.pay(outTradeNo)
  await settle()
  backUp()
  const made = await app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  restore()
  const again = await app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  t.equal(again.outRefundNo, made.outRefundNo)
  t.equal(world.refunds().length, 1)
})
