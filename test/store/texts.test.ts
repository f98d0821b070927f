import t from 'tap'
import type { Anomaly } from '../../src/model.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { neutral } from '../../src/store/neutral.ts'
import { sqlStore } from '../../src/store/sql/sql.ts'
import type { Store } from '../../src/store/store.ts'
import { isKept, kept } from '../../src/store/texts.ts'
import { everyDatabase } from './databases.ts'
import { at, change, newOrder, paymentOf } from './orders.ts'

t.test('characters that a database cannot store are removed from a text', async (t) => {
  const cases: [text: string, kept: string][] = [
    ['', ''],
    ['龙井茶 🍵\n\t\x01\ufffd', '龙井茶 🍵\n\t\x01\ufffd'],
    ['a\0b\0', 'a\ufffdb\ufffd'],
    ['\ud83c', '\ufffd'],
    ['\udf75\ud83c', '\ufffd\ufffd'],
    ['a\0\ud83c', 'a\ufffd\ufffd'],
  ]
  for (const [text, expected] of cases) {
    t.equal(isKept(text), text === expected)
    t.equal(kept(text), expected)
    t.equal(kept(expected), expected)
  }
})

t.test('every store returns the same', async (t) => {
  const stores: [string, Store<any>][] = [['memory', memoryStore()]]
  for (const { dialect, connect } of await everyDatabase(t)) {
    const store = sqlStore(connect())
    await store.migrate()
    stores.push([dialect, store])
  }
  for (const [name, store] of stores) {
    await t.test(name, async (t) => {
      const asked = neutral(store)
      // A database stores half a character as U+FFFD.
      await store.insertOrder(change(newOrder('a\ufffd')))
      for (const [n, text] of ['a\0', 'a\ud83c', '\udf75', '\0'].entries()) {
        t.equal(await asked.findOrder(text), undefined)
        t.equal(await asked.findLiveOrder(text, '1900000001'), undefined)
        t.equal(await asked.updateOrder(text, () => t.fail('there is no such order') as never), undefined)
        t.same(await asked.history(text), [])
        t.equal(await asked.findAnomaly(text), undefined)

        const order = newOrder(`order ${n}`)
        const said = change(order).history[0]!
        const payment = { ...paymentOf(order), attach: text, bankType: text }
        const anomaly: Anomaly = {
          id: order.outTradeNo,
          kind: 'mismatch',
          outTradeNo: text,
          at: at(0),
          reason: text,
          payment,
        }
        await asked.insertOrder({ order, history: [{ ...said, seen: text, outcome: text }], anomalies: [anomaly] })
        const [line] = await asked.history(order.outTradeNo)
        const found = await asked.findAnomaly(order.outTradeNo)
        // History is kept as JSON, which escapes what a database cannot store.
        t.same([line?.seen, line?.outcome], [text, text], 'history is written unchanged')
        const texts = [found?.reason, found?.outTradeNo, found?.payment?.attach]
        const keeps = name === 'memory' ? text : kept(text)
        t.same(
          texts,
          texts.map(() => keeps),
          'the row is stored',
        )
      }
    })
  }
})
