import type { Clock } from './clock.ts'
import type { JournalEntry } from './journal.ts'

/** At one moment refunds end first, then orders are paid, then notifications are sent. */
const FIRST_SEQUENCE = -(2 ** 40)

/** Payers who need no hand: each order that was accepted is paid so many milliseconds of world time later. */
export function createAutoPay (clock: Clock, delayMs: number, pay: (outTradeNo: string) => Promise<unknown>): (entry: JournalEntry) => void {
  let sequence = FIRST_SEQUENCE
  return ({ at, api, outTradeNo, note }) => {
    if (api !== 'unifiedorder' || note !== 'SUCCESS') return
    clock.at({
      due: at.getTime() + delayMs,
      sequence: sequence++,
      what: `order ${outTradeNo} is paid`,
      // Somebody else may have paid or closed it meanwhile.
      run: () => pay(outTradeNo!).catch(() => {})
    })
  }
}
