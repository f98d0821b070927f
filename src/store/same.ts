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

/** An order keeps so many lines: of more it forgets those in the middle, as the first and the latest say most. */
const MOST = 1000
const FIRST = 100

/** The lines that an order keeps of these. */
export function kept<T>(lines: T[]): T[] {
  return lines.length <= MOST ? lines : [...lines.slice(0, FIRST), ...lines.slice(FIRST - MOST)]
}
