import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { createDaily } from '../../../src/engine/reconcile/daily.ts'
import type { DailyDeps } from '../../../src/engine/reconcile/daily.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import type { Reconciliation } from '../../../src/engine/reconcile/report.ts'
import { reportOf } from './bills.ts'

const MINUTE = 60_000

function setting(start: string) {
  const store = memoryStore()
  const days: string[] = []
  const logged: string[] = []
  let now = new Date(start)
  let run = async (date: string) => reportOf(date)
  const log =
    (level: string) =>
    (_details: unknown, message = '') => {
      logged.push(`${level}: ${message.split('\n')[0]}`)
    }
  return {
    days,
    logged,
    store,
    /** Adds a process. */
    process: (part: Partial<DailyDeps> = {}) =>
      createDaily({
        reconcile: async (date) => {
          days.push(date)
          return await run(date)
        },
        store,
        name: 'reconciled',
        at: '10:30',
        now: () => now,
        wechatNow: () => now,
        log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
        ...part,
      }),
    advance(ms: number) {
      now = new Date(now.getTime() + ms)
    },
    set(time: string) {
      now = new Date(time)
    },
    answer(next: typeof run) {
      run = next
    },
  }
}

async function look(...processes: ReturnType<typeof createDaily>[]): Promise<void> {
  for (const each of processes) each.look()
  for (const each of processes) await each.idle(1000)
}

t.test('yesterday is reconciled at 10:30 China time, by one of several processes', async (t) => {
  const { process, days, set, advance } = setting('2026-01-31T02:29:59Z')
  const processes = Array.from({ length: 5 }, () => process())
  await look(...processes)
  t.strictSame(days, ['2026-01-29'], 'the latest day that is due')
  advance(1000 + MINUTE)
  await look(...processes)
  await look(...processes)
  t.strictSame(days, ['2026-01-29', '2026-01-30'])
  set('2026-02-01T02:30:00Z')
  await look(...processes)
  t.strictSame(days.at(-1), '2026-01-31')
})

t.test('nothing runs without the option', async (t) => {
  const { process, days } = setting('2026-01-31T12:00:00Z')
  await look(process({ at: undefined }))
  t.strictSame(days, [])
})

t.test(
  'days on which no process ran are reconciled later, one after the other, as far back as bills exist',
  async (t) => {
    const { process, days, set } = setting('2026-01-05T04:00:00Z')
    await look(process())
    set('2026-01-08T04:00:00Z')
    const daily = process()
    for (let n = 0; n < 5; n++) await look(daily)
    t.strictSame(days, ['2026-01-04', '2026-01-05', '2026-01-06', '2026-01-07'])
    set('2027-01-08T04:00:00Z')
    await look(process())
    t.equal(days.at(-1), '2026-10-14')
  },
)

t.test('a failed or unfinished day is tried again after ten minutes', async (t) => {
  const { process, days, advance, answer, logged } = setting('2026-01-31T04:00:00Z')
  const daily = process()
  const outcomes: (Partial<Reconciliation> | Error)[] = [
    new Error('no bill yet'),
    { unasked: 1 },
    { more: 1, healed: 1 },
    { more: 1, open: 1 },
  ]
  for (const outcome of outcomes) {
    answer(async (date) => {
      if (outcome instanceof Error) throw outcome
      return reportOf(date, outcome)
    })
    await look(daily)
    advance(9 * MINUTE)
    await look(daily, process())
    advance(MINUTE)
  }
  await look(daily)
  t.strictSame(
    days,
    Array.from({ length: 4 }, () => '2026-01-30'),
    'a day is done even if its findings wait for a person',
  )
  t.strictSame(logged, [
    'warn: The bill of a day could not be reconciled; it will be tried again in 10 min',
    'warn: The bill of a day was reconciled',
    'warn: The bill of a day was reconciled',
    'warn: The bill of a day was reconciled',
  ])
})

t.test('a process that dies while reconciling delays the day by an hour', async (t) => {
  const { process, days, advance, answer } = setting('2026-01-31T04:00:00Z')
  answer(() => new Promise(() => {}))
  const dead = process()
  dead.look()
  await dead.idle(1)
  answer(async (date) => reportOf(date))
  const other = process()
  advance(59 * MINUTE)
  await look(other)
  t.equal(days.length, 1)
  advance(MINUTE)
  await look(other)
  t.strictSame(days, ['2026-01-30', '2026-01-30'])
})

t.test('a closing process starts no day, and leaves its unfinished day to another', async (t) => {
  const { process, days, answer } = setting('2026-01-31T04:00:00Z')
  let fail = () => {}
  answer(
    async () =>
      await new Promise((_resolve, reject) => {
        fail = () => {
          reject(new Error('closed'))
        }
      }),
  )
  const closing = process()
  closing.look()
  while (days.length === 0) await tick()
  closing.stop()
  fail()
  await closing.idle(1000)
  await look(closing)
  t.equal(days.length, 1)
  answer(async (date) => reportOf(date))
  await look(process())
  t.strictSame(days, ['2026-01-30', '2026-01-30'])
})

t.test('a failing store is asked again', async (t) => {
  const { process, days, advance, logged, store } = setting('2026-01-31T04:00:00Z')
  let failing = true
  const daily = process({
    store: {
      ...store,
      getShared: async (name) => {
        if (failing) throw new Error('gone')
        return await store.getShared(name)
      },
    },
  })
  await look(daily)
  t.match(logged, ['error: The store could not return the day to reconcile; it will be asked again'])
  failing = false
  advance(MINUTE)
  await look(daily)
  t.strictSame(days, ['2026-01-30'])
})
