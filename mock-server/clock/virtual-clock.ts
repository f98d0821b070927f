import { badInput } from '../base/checks.ts'
import { MockError } from '../base/errors.ts'
import { nativeNow, within } from '../base/real-time.ts'
import { type AdvanceBy, type Clock, type ClockMove, pending } from './clock.ts'
import { checkMoment, parseDuration } from './duration.ts'
import { TimerHeap } from './timers.ts'

const BUSY =
  'the clock is already being advanced; await that advance first (a notify handler cannot advance the clock that is delivering to it)'

/** Until when, or over how many events. */
function goalOf(by: AdvanceBy, from: number): { readonly target: number; readonly most: number } {
  if (typeof by !== 'object') return { target: checkMoment('by', from + parseDuration(by)), most: Infinity }
  if ('next' in by) {
    if (Number.isSafeInteger(by.next) && by.next > 0) return { target: Infinity, most: by.next }
    throw badInput('next', 'minimum', `must be a number of events of at least 1; got ${by.next}`)
  }
  const target = checkMoment('to', by.to.getTime())
  if (target >= from) return { target, most: Infinity }
  throw badInput(
    'to',
    'minimum',
    `must not be past; got ${by.to.toISOString()}, and the clock stands at ${new Date(from).toISOString()}`,
  )
}

/**
 * Time that stands still until it is advanced, and never moves while anything is in flight: between two timers the clock
 * waits for `settle`, which returns undefined when there is nothing to wait for.
 */
export function createVirtualClock(
  start: number,
  settle: () => Promise<void> | undefined,
): Clock & { readonly checkIdle: () => void } {
  let heap = new TimerHeap()
  let now = start
  let advancing = false
  let closed = false
  let interrupt = () => {}

  /** @throws MockError CLOCK_BUSY, while it is being advanced */
  function checkIdle(): void {
    if (advancing) throw new MockError('CLOCK_BUSY', BUSY)
  }

  const advance: Clock['advance'] = async (by, { realTimeoutMs = 30_000 } = {}, onMove = () => {}) => {
    checkIdle()
    const from = now
    const { target, most } = goalOf(by, from)
    const deadline = nativeNow() + realTimeoutMs
    const report = (): ClockMove => ({
      from: new Date(from),
      to: new Date(now),
      remainingTimers: heap.list().map(pending),
    })
    const giveUp = () =>
      new MockError(
        'CLOCK_TIMEOUT',
        `the advance took longer than ${realTimeoutMs} real ms and stopped at ${new Date(now).toISOString()}; a request, a settle hook or the application's work did not finish, or realTimeoutMs is too small`,
        { report: report() },
      )
    if (closed) return report()
    let over = false
    const interrupted = new Promise<void>((resolve) => {
      interrupt = () => {
        over = true
        resolve()
      }
    })
    let left = most
    const next = () => (over || left-- === 0 ? undefined : heap.popDue(target))
    async function go(): Promise<void> {
      await settle()
      for (let timer = next(); timer; timer = next()) {
        now = Math.max(now, timer.due)
        await timer.run()
        const settling = settle()
        if (settling) await settling
        if (nativeNow() >= deadline) throw giveUp()
      }
      if (!over && target !== Infinity) now = target
    }
    let ended = false
    advancing = true
    try {
      // One limit for the whole advance: whatever is awaited then keeps running, and nothing follows it.
      if (!(await within(Promise.race([go(), interrupted]), realTimeoutMs))) throw giveUp()
      ended = true
      return report()
    } finally {
      over = true
      advancing = false
      if (ended || now > from) onMove({ from: new Date(from), to: new Date(now) })
    }
  }

  return {
    mode: 'virtual',
    now: () => new Date(now),
    at: (timer) => {
      const home = heap
      home.push(timer)
      return () => home.cancel(timer)
    },
    timers: () => heap.list().map(pending),
    advance,
    checkIdle,
    reset: (to) => {
      checkIdle()
      heap = new TimerHeap()
      now = to.getTime()
    },
    close: () => {
      closed = true
      interrupt()
    },
  }
}
