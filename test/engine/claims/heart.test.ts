import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { createHeart } from '../../../src/engine/claims/heart.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { Claim, Store } from '../../../src/store/store.ts'
import { at, newOrder } from '../helpers.ts'

const LEASE_MS = 60_000

/** Waiting takes no real time. */
const pause = (time: { ms: number }) => async (ms: number) => {
  await tick()
  time.ms += ms
}

/** Processes that share a store and a clock. */
function processes(t: Test) {
  const store: Store = memoryStore()
  const time = { ms: 0 }
  const logged: unknown[] = []
  const log = {
    info: t.fail,
    debug: (found: unknown) => logged.push(found),
    error: t.fail,
    warn: (found: unknown) => logged.push(found),
  } as never
  return {
    store,
    time,
    logged,
    process(claimer: string) {
      const heart = createHeart({
        store,
        claimer,
        now: () => at(time.ms),
        elapsed: () => time.ms,
        pause: pause(time),
        leaseMs: LEASE_MS,
        log,
      })
      return {
        ...heart,
        async claim(outTradeNo: string): Promise<Claim | undefined> {
          const { appid, mchId } = newOrder()
          return (
            await store.claimDue({ appids: [appid], mchId }, at(time.ms), 1, LEASE_MS, { outTradeNo, claimer })
          )[0]
        },
      }
    },
    async add(outTradeNo: string) {
      const order = newOrder({
        outTradeNo,
        key: outTradeNo,
        liveKey: outTradeNo,
        fulfilment: 'due',
        dueAt: at(time.ms),
      })
      await store.insertOrder({ order, history: [], anomalies: [] })
    },
  }
}

t.test('work claimed by a dead process is due again within 15 s, long before its lease ends', async (t) => {
  const { store, time, process, add, logged } = processes(t)
  const [dies, lives] = [process('dies'), process('lives')]
  await add('order')
  for (const each of [dies, lives]) await each.beat()
  const early = await dies.claim('order')
  t.match(early, { claims: 1, order: { claimedBy: 'dies' } })
  let taken = 0
  while (taken === 0 && time.ms < 15_000) {
    time.ms += 2500
    taken = await lives.beat()
  }
  t.equal(taken, 1)
  t.ok(time.ms < 15_000, `after ${time.ms} ms`)
  t.same(logged, [{ count: 1 }])
  const late = await lives.claim('order')
  t.match(late, { claims: 2, order: { claimedBy: 'lives' } })
  t.equal(
    await store.fulfil(
      early!,
      async () => {},
      () => undefined,
    ),
    'lost',
    'a process that was frozen commits nothing',
  )
  t.equal(
    await store.fulfil(
      late!,
      async () => {},
      () => undefined,
    ),
    'done',
  )
  t.equal(await lives.beat(), 0)
})

t.test(
  'an order that a dead process was querying is queried again, however late its next query was planned',
  async (t) => {
    const { store, time, process, add } = processes(t)
    const [dies, lives] = [process('dies'), process('lives')]
    const { appid, mchId } = newOrder()
    const HOUR_MS = 3_600_000
    const ask = async (outTradeNo: string) => {
      await add(outTradeNo)
      await store.claimDue({ appids: [appid], mchId }, at(time.ms), 1, LEASE_MS, {
        outTradeNo,
        claimer: 'dies',
        plan: (order) => ({
          order: { ...order, queriedAt: at(time.ms), dueAt: at(time.ms + HOUR_MS) },
          history: [],
          anomalies: [],
        }),
      })
    }
    await ask('long ago')
    time.ms += 10 * 60_000
    for (const each of [dies, lives]) await each.beat()
    await ask('just now')
    let taken = 0
    for (let n = 0; n < 6; n++) {
      time.ms += 2500
      taken += await lives.beat()
    }
    t.equal(taken, 1)
    t.equal((await store.findOrder('long ago'))?.dueAt?.getTime(), at(HOUR_MS).getTime())
    t.ok((await store.findOrder('just now'))!.dueAt! <= at(time.ms))
  },
)

t.test('a silent process keeps its claims until someone takes them', async (t) => {
  const { store, time, process, add } = processes(t)
  const [silent, lives] = [process('silent'), process('lives')]
  await add('order')
  for (const each of [silent, lives]) await each.beat()
  const claim = await silent.claim('order')
  for (time.ms = 2500; time.ms <= 12_500; time.ms += 2500) await lives.beat()
  t.equal(await silent.beat(), 0)
  t.equal(
    await store.fulfil(
      claim!,
      async () => {},
      () => undefined,
    ),
    'done',
  )
  t.equal(await lives.beat(), 0, 'its heartbeat is seen again')
})

t.test('a live process keeps its claims until the lease ends, whatever its clock says', async (t) => {
  const { time, process, add } = processes(t)
  const [one, other] = [process('one'), process('other')]
  await add('order')
  await one.claim('order')
  for (; time.ms < LEASE_MS; time.ms += 2500) {
    await one.beat()
    t.equal(await other.beat(), 0)
    t.equal(await other.claim('order'), undefined)
  }
})

t.test("after a long silence of its own, a process takes nobody's claims", async (t) => {
  const { time, process, add } = processes(t)
  const [one, other] = [process('one'), process('other')]
  await add('order')
  await one.claim('order')
  for (const each of [one, other]) await each.beat()
  time.ms = 30_000
  t.equal(await other.beat(), 0, 'the store was down for all of them')
  await one.beat()
  time.ms += 2500
  t.equal(await other.beat(), 0)
})

t.test('a process that stops cleanly leaves no heartbeat, and its claims keep their due times', async (t) => {
  const { store, time, process, add } = processes(t)
  const [ends, lives, never] = [process('ends'), process('lives'), process('never')]
  await add('order')
  for (const each of [ends, lives]) await each.beat()
  const claim = await ends.claim('order')
  await ends.stop()
  await never.stop()
  const failing = process('failing')
  await failing.beat()
  const { takeOver } = store
  store.takeOver = () => Promise.reject(new Error('the store is down'))
  await failing.stop()
  store.takeOver = takeOver
  await store.takeOver('failing', at(0), at(0), at(0))
  t.same(await store.beat('lives', 2), [{ claimer: 'lives', beats: 2 }])
  for (time.ms = 2500; time.ms <= 20_000; time.ms += 2500) t.equal(await lives.beat(), 0)
  t.same((await store.findOrder('order'))?.dueAt, claim?.order.dueAt)
})

t.test('the heart keeps beating until it is stopped, even when a beat fails', async (t) => {
  const { store, time, process, add, logged } = processes(t)
  const [dies, lives] = [process('dies'), process('lives')]
  await add('order')
  await dies.beat()
  await dies.claim('order')
  const failure = new Error('the store is down')
  const { beat } = store
  store.beat = () => Promise.reject(failure)
  const taken = new Promise<void>((resolve) => {
    lives.start(async () => {
      resolve()
    })
  })
  while (logged.length < 3) await tick()
  t.same(logged[0], { err: failure })
  store.beat = beat
  await taken
  t.same(logged.at(-1), { count: 1 })
  await lives.stop()
  const stoppedAt = time.ms
  for (let n = 0; n < 10; n++) await tick()
  t.ok(time.ms <= stoppedAt + 2500, 'no pause starts after the stop')
  t.same(await store.beat('other', 1), [{ claimer: 'other', beats: 1 }])
})
