import type { HistoryLine } from '../model.ts'
import type { Case } from './case.ts'
import { TEXTS, at, line, once, change, increment, add, claimed, same, times } from './rows.ts'

export const HISTORY: Case[] = [
  [
    'history is read back exactly, in the order of writing, whatever its times',
    async ({ store }) => {
      const order = await add(store)
      const written = [line(order, 'added')]
      for (const [n, text] of TEXTS.entries()) {
        const lines = [line(order, text, at(-n)), line(order, `${text}!`, at(-n))]
        await store.updateOrder(order.outTradeNo, () => ({ order, history: lines, anomalies: [] }))
        written.push(...lines)
      }
      await store.updateOrder((await add(store)).outTradeNo, increment)
      same(await store.history(order.outTradeNo), written.map(once))
    },
  ],

  [
    'a repeated line is counted at its first occurrence, with the latest time, however many other lines come between',
    async ({ store }) => {
      const [order, other] = [await add(store), await add(store)]
      const first = line(order, 'ping')
      const others: HistoryLine[] = [
        { ...first, source: 'query' },
        { ...first, seen: 'ping ' },
        { ...first, outcome: 'Ping' },
        { ...first, from: 'paid', to: 'paid' },
        { ...first, outTradeNo: other.outTradeNo },
      ]
      const rounds = 5
      for (let n = 0; n < rounds; n++) {
        for (const each of [first, ...others]) {
          const history = [{ ...each, at: at(n) }]
          await store.updateOrder(each.outTradeNo, (current) => ({ order: current, history, anomalies: [] }))
        }
      }
      const counted = (each: HistoryLine) => ({ ...each, count: rounds, lastAt: at(rounds - 1) })
      same(await store.history(order.outTradeNo), [
        once(line(order, 'added')),
        ...[first, ...others.slice(0, -1)].map(counted),
      ])
      same(await store.history(other.outTradeNo), [once(line(other, 'added')), counted(others.at(-1)!)])
    },
  ],

  [
    'of 20 identical lines written at once one remains, which counts all of them',
    async ({ store }) => {
      const order = await add(store)
      await Promise.all(
        times(20, () => store.updateOrder(order.outTradeNo, (current) => change({ ...current }, 'ping'))),
      )
      same(await store.history(order.outTradeNo), [
        once(line(order, 'added')),
        { ...line(order, 'ping'), count: 20, lastAt: at(0) },
      ])
    },
  ],

  [
    'of more than 1000 lines an order keeps the first 100 and the latest',
    async ({ store }) => {
      const order = await add(store)
      const { outTradeNo } = order
      const lines = (from: number, count: number) => times(count, (n) => line(order, `line ${from + n}`))
      await store.updateOrder(outTradeNo, () => ({ order, history: lines(1, 999), anomalies: [] }))
      same((await store.history(outTradeNo)).length, 1000)
      await store.updateOrder(outTradeNo, () => ({ order, history: lines(1000, 5), anomalies: [] }))
      const said = (await store.history(outTradeNo)).map(({ seen }) => seen)
      same(
        [said.length, said[0], said[99], said[100], said.at(-1)],
        [1000, 'added', 'line 99', 'line 105', 'line 1004'],
      )
    },
  ],

  [
    'a line repeated by a fulfil is counted too',
    async ({ store }) => {
      const claim = await claimed(store)
      const { outTradeNo } = claim.order
      for (let n = 0; n < 2; n++) {
        await store.fulfil(
          claim,
          async () => {},
          (current) => ({
            order: current,
            history: [{ ...line(current, 'ping'), from: current.state }],
            anomalies: [],
          }),
        )
      }
      same(
        (await store.history(outTradeNo)).map(({ seen, count }) => [seen, count]),
        [
          ['added', 1],
          ['ping', 2],
        ],
      )
    },
  ],
]
