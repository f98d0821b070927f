import type { HistoryLine } from '../model.ts'

/** Whether two lines of an order's history say the same, at whatever times. */
export function saysTheSame(one: HistoryLine, other: HistoryLine): boolean {
  return (
    one.seen === other.seen &&
    one.outcome === other.outcome &&
    one.source === other.source &&
    one.from === other.from &&
    one.to === other.to
  )
}
