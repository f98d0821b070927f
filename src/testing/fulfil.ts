import assert from 'node:assert/strict'
import type { Order } from '../model.ts'
import type { Claim, Decide } from '../store/store.ts'
import type { Case } from './case.ts'
import { add, OWNER, at, bareRefund, newPayment, newAnomaly, change, done, claimed, same } from './rows.ts'

export const FULFIL: Case[] = [
  [
    'fulfil runs the work, then decide on the row, and commits both',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      const ran: string[] = []
      const outcome = await store.fulfil(
        claim,
        async (tx) => {
          await own.write(tx)
          ran.push('work')
        },
        (current) => {
          ran.push('decide')
          return done(current)
        },
      )
      assert.equal(outcome, 'done')
      assert.equal(ran[0], 'work')
      await own.isCommitted(true)
      same(await store.findOrder(claim.order.outTradeNo), { ...claim.order, fulfilment: 'done', dueAt: null })
      same(
        (await store.history(claim.order.outTradeNo)).map(({ seen }) => seen),
        ['added', 'done'],
      )
    },
  ],

  [
    'a fulfil whose decide leaves the row unchanged commits the work',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      assert.equal(await store.fulfil(claim, own.write, () => undefined), 'done')
      await own.isCommitted(true)
      same(await store.findOrder(claim.order.outTradeNo), claim.order)
    },
  ],

  [
    'a change in a transaction of the caller is committed and rolled back with it',
    async ({ store }) => {
      const claim = await claimed(store)
      const other = await add(store, { dueAt: null })
      const { outTradeNo } = claim.order
      const attempted = (attempts: number): Decide => {
        return (current) => change({ ...current, attempts })
      }
      const work = async (tx: unknown) => {
        for (const number of [outTradeNo, other.outTradeNo]) {
          const updated = await store.updateOrder(number, attempted(7), tx)
          assert.equal(updated?.order.attempts, 7)
        }
        assert.equal(await store.updateOrder('unknown', attempted(7), tx), undefined)
      }
      const failing = async (tx: unknown) => {
        // A store without transactions gives none: its changes are their own.
        if (tx !== undefined) await work(tx)
        throw new Error('rolled back')
      }
      await assert.rejects(store.fulfil(claim, failing, done))
      for (const order of [claim.order, other]) same(await store.findOrder(order.outTradeNo), order)
      assert.equal(await store.fulfil(claim, work, (current) => done(current)), 'done')
      same(await store.findOrder(outTradeNo), { ...claim.order, attempts: 7, fulfilment: 'done', dueAt: null })
      same(await store.findOrder(other.outTradeNo), { ...other, attempts: 7 })
    },
  ],

  [
    'a fulfil decides on the current row, not on the row as claimed',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const { outTradeNo } = claim.order
      const changed: Order = {
        ...claim.order,
        payment: newPayment(claim.order),
        refunds: [bareRefund(claim.order)],
        attempts: 1,
      }
      await store.updateOrder(outTradeNo, () => change(changed))
      const own = ownWrite()
      assert.equal(await store.fulfil(claim, own.write, done), 'done')
      await own.isCommitted(true)
      same(await store.findOrder(outTradeNo), { ...changed, fulfilment: 'done', dueAt: null })
    },
  ],

  [
    'a fulfil commits the anomalies of its decide, known ones only once, and a lost fulfil commits none',
    async ({ store }) => {
      const early = await claimed(store)
      const [late] = await store.claimDue(OWNER, early.order.dueAt!, 1, 60_000)
      const [known, found] = [newAnomaly({ id: 'late:1', at: at(1) }), newAnomaly({ id: 'late:2', at: at(2) })]
      await store.insertAnomaly(known)
      const finding: Decide = (current) => ({ ...done(current)!, anomalies: [known, found] })
      assert.equal(await store.fulfil(early, async () => {}, finding), 'lost')
      same(await store.anomalies(100), [known])
      assert.equal(await store.fulfil(late!, async () => {}, finding), 'done')
      same(await store.anomalies(100), [known, found])
    },
  ],

  [
    'a work that throws rolls back and leaves the order due',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      const error = new Error('work')
      await assert.rejects(
        store.fulfil(
          claim,
          async (tx) => {
            await own.write(tx)
            throw error
          },
          done,
        ),
        (thrown) => thrown === error,
      )
      await own.isCommitted(false)
      same(await store.findOrder(claim.order.outTradeNo), claim.order)
      assert.equal((await store.claimDue(OWNER, claim.order.dueAt!, 1, 1000)).length, 1)
    },
  ],

  [
    'a work may throw anything: an error that throws when inspected rolls back like any other',
    async ({ store, ownWrite }) => {
      const refuse = () => {
        throw new Error('it was looked at')
      }
      for (const thrown of [
        undefined,
        new Proxy(new Error('proxy'), { get: refuse, getPrototypeOf: refuse }),
        Object.defineProperty(new Error('code'), 'code', { get: refuse }),
      ]) {
        const claim = await claimed(store)
        const own = ownWrite()
        const failed = await store
          .fulfil(
            claim,
            async (tx) => {
              await own.write(tx)
              throw thrown
            },
            done,
          )
          .then(
            () => false,
            () => true,
          )
        assert.ok(failed)
        await own.isCommitted(false)
        same(await store.findOrder(claim.order.outTradeNo), claim.order)
      }
    },
  ],

  [
    'writes that a work does not await, and that arrive after it has failed, are not kept',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      let through: unknown
      await assert.rejects(
        store.fulfil(
          claim,
          async (tx) => {
            through = tx
            throw new Error('work')
          },
          done,
        ),
      )
      await Promise.allSettled([own.write(through)])
      await own.isCommitted(false)
    },
  ],

  [
    'a decide that throws rolls the work back',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      const own = ownWrite()
      const error = new Error('decide')
      await assert.rejects(
        store.fulfil(claim, own.write, () => {
          throw error
        }),
        (thrown) => thrown === error,
      )
      await own.isCommitted(false)
      same(await store.findOrder(claim.order.outTradeNo), claim.order)
    },
  ],

  [
    'a claim overtaken before the work is lost, and the work rolls back',
    async ({ store, ownWrite }) => {
      const early = await claimed(store)
      const [late] = await store.claimDue(OWNER, early.order.dueAt!, 1, 60_000)
      const own = ownWrite()
      assert.equal(await store.fulfil(early, own.write, done), 'lost')
      await own.isCommitted(false)
      same(await store.findOrder(early.order.outTradeNo), late!.order)
      assert.equal(await store.fulfil(late!, async () => {}, done), 'done')
    },
  ],

  [
    'of a running work and a claim that overtakes it, only one succeeds',
    async ({ store, ownWrite, beside }) => {
      const early = await claimed(store)
      const own = ownWrite()
      let overtaking: { change: Promise<Claim[]> } | undefined
      const outcome = await store.fulfil(
        early,
        async (tx) => {
          await own.write(tx)
          // The work may run again.
          overtaking ??= await beside(() => store.claimDue(OWNER, early.order.dueAt!, 1, 60_000))
        },
        done,
      )
      const [late] = await overtaking!.change
      assert.equal(outcome, late === undefined ? 'done' : 'lost')
      await own.isCommitted(outcome === 'done')
      same((await store.findOrder(early.order.outTradeNo))?.fulfilment, outcome === 'done' ? 'done' : 'due')
    },
  ],

  [
    'a lease that has ended still holds if nobody else claimed the row',
    async ({ store, ownWrite }) => {
      const claim = await claimed(store)
      await store.updateOrder(claim.order.outTradeNo, (current) => change({ ...current, dueAt: at(-1) }))
      const own = ownWrite()
      assert.equal(await store.fulfil(claim, own.write, done), 'done')
      await own.isCommitted(true)
    },
  ],

  [
    'a change of the row while the work runs is neither blocked nor lost',
    async ({ store, beside }) => {
      const claim = await claimed(store)
      const { outTradeNo } = claim.order
      let changing: { change: Promise<unknown> } | undefined
      assert.equal(
        await store.fulfil(
          claim,
          async () => {
            changing ??= await beside(() =>
              store.updateOrder(outTradeNo, (current) =>
                change({ ...current, attempts: 1, refunds: [bareRefund(current)] }),
              ),
            )
          },
          done,
        ),
        'done',
      )
      await changing?.change
      same(await store.findOrder(outTradeNo), {
        ...claim.order,
        fulfilment: 'done',
        dueAt: null,
        attempts: 1,
        refunds: [bareRefund(claim.order)],
      })
      same((await store.history(outTradeNo)).length, 3)
    },
  ],
]
