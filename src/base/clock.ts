/** Time as a process knows it. */
export interface Clock {
  /**
   * This process's own time: when something is due, how long a claim lasts, when WeChat was asked. It never goes back. If the clock below is set back, this
   * one continues from where it was, at nine tenths of its speed until both agree. Otherwise planned work would wait for as long as the clock was set back.
   */
  now(): Date
  /** WeChat's time: our own plus the difference to the `Date` of WeChat's replies. It decides how old an order is and when it expires. */
  wechatNow(): Date
  /** A reply from WeChat with this `Date` has arrived, `tripMs` after its request was sent. */
  heard(date: Date, tripMs: number): void
}

export interface ClockOptions {
  /** The clock of the machine, or a virtual one. */
  own: () => Date
  /** Monotonic real time, ms. */
  steady?: () => number
  /** Called when the difference has changed by more than a minute and by half: `aheadMs` is how far WeChat's time is ahead of ours. */
  onDifference?: (aheadMs: number) => void
}

const MINUTE = 60_000

/** The fraction of real time by which this clock lags until a clock that was set back has caught up. */
const CATCH_UP = 0.1

/** A `Date` header has whole seconds. */
const DATE_STEP = 1000

export function createClock({ own, steady = () => performance.now(), onDifference = () => {} }: ClockOptions): Clock {
  let last = own().getTime()
  let lastSteady = steady()
  /** How far our time is ahead of the clock below, because that was set back. */
  let held = 0
  let ahead = 0
  let told = 0

  function now(): number {
    const at = own().getTime()
    const tick = steady()
    const passed = at - last
    const passedReally = tick - lastSteady
    if (passed < 0) held += passedReally - passed
    // Not while a virtual clock is moved by hours: what it has planned is to happen at the millisecond.
    else if (passed <= 2 * passedReally + 1) held = Math.max(held - CATCH_UP * passed, 0)
    last = at
    lastSteady = tick
    return at + Math.round(held)
  }

  return {
    now: () => new Date(now()),
    wechatNow: () => new Date(now() + ahead),
    heard(date, tripMs) {
      // WeChat's clock showed this somewhere between the request and the reply, so correct no more than that proves.
      const least = date.getTime() - now()
      ahead = Math.min(Math.max(ahead, least), least + Math.ceil(tripMs) + DATE_STEP)
      if (Math.abs(ahead - told) <= Math.max(MINUTE, Math.abs(told) / 2)) return
      told = ahead
      onDifference(ahead)
    },
  }
}
