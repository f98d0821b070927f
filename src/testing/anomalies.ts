import assert from 'node:assert/strict'
import type { Resolution } from '../model.ts'
import type { Case } from './case.ts'
import { add, at, change, newAnomaly, newOrder, newPayment, same, TEXTS, times } from './rows.ts'

export const ANOMALIES: Case[] = [
  [
    'an anomaly is raised once, however often and however close together it is found',
    async ({ store }) => {
      const { outTradeNo } = await add(store)
      const found = newAnomaly({ id: 'mismatch:1', outTradeNo })
      const raised = await Promise.all(
        times(10, async () => {
          const updated = await store.updateOrder(outTradeNo, (current) => ({
            order: current,
            history: [],
            anomalies: [found],
          }))
          return updated!.raised
        }),
      )
      same(raised.flat(), [found])
      same(await store.anomalies(100), [found])
    },
  ],

  [
    'insertAnomaly says whether the finding is new, and anomalies are read back exactly, oldest first',
    async ({ store }) => {
      const found = TEXTS.map((text, n) =>
        newAnomaly({
          id: `unknown-order:${n}`,
          at: at(n),
          reason: text,
          payment: { ...newPayment(newOrder()), attach: text },
        }),
      )
      const bare = newAnomaly({ id: 'late:bare', kind: 'late', at: at(100) })
      for (const anomaly of [...found, bare]) assert.equal(await store.insertAnomaly(anomaly), true)
      assert.equal(await store.insertAnomaly(bare), false)
      same(await store.anomalies(100), [...found, bare])
      for (const anomaly of found) same(await store.findAnomaly(anomaly.id), anomaly)

      const answers = await Promise.all(times(10, () => store.insertAnomaly(newAnomaly({ id: 'at-once' }))))
      assert.deepEqual(answers.filter(Boolean), [true])

      const order = await add(store)
      same(await store.updateOrder(order.outTradeNo, () => ({ ...change(order), anomalies: [bare] })), {
        order,
        raised: [],
      })
    },
  ],

  [
    'anomalies come back in pages, by their time and then by their id',
    async ({ store }) => {
      const all = [
        ...['a', 'B', 'b']
          .map((id) => newAnomaly({ id: `late:${id}`, at: at(7) }))
          .sort((x, y) => (x.id < y.id ? -1 : 1)),
        newAnomaly({ id: 'late:0', at: at(8) }),
      ]
      for (const anomaly of [...all].reverse()) await store.insertAnomaly(anomaly)
      const first = await store.anomalies(2)
      same(first, all.slice(0, 2))
      same(await store.anomalies(1, first[1]), all.slice(2, 3))
      same(await store.anomalies(9, all[2]), all.slice(3))
      same(await store.anomalies(9, all[3]), [])
    },
  ],

  [
    'an anomaly is resolved once, and then kept but no longer listed',
    async ({ store }) => {
      const [first, second] = [newAnomaly({ id: 'late:1', at: at(1) }), newAnomaly({ id: 'late:2', at: at(2) })]
      for (const anomaly of [first, second]) await store.insertAnomaly(anomaly)
      const resolution: Resolution = { action: 'dismiss', note: TEXTS.join('\n'), at: at(3) }
      assert.equal(await store.resolveAnomaly('nobody', resolution), false)
      const answers = await Promise.all(
        times(10, (n) => store.resolveAnomaly(first.id, n === 0 ? resolution : { ...resolution, note: 'too late' })),
      )
      assert.deepEqual(answers.filter(Boolean), [true])
      same(await store.anomalies(100), [second])
      same({ ...(await store.findAnomaly(first.id)), resolution: undefined }, first)

      assert.equal(await store.resolveAnomaly(second.id, resolution), true)
      same(await store.findAnomaly(second.id), { ...second, resolution })
      assert.equal(await store.insertAnomaly(second), false, 'a resolved finding is not new')
      same(await store.anomalies(100), [])
    },
  ],
]
