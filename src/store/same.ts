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

/** How many lines an order keeps. Beyond that, the middle ones go: the first and the latest say most. */
const MOST = 1000
const FIRST = 100

/** The lines among these that an order keeps. */
export function kept<T>(lines: T[]): T[] {
  return lines.length <= MOST ? lines : [...lines.slice(0, FIRST), ...lines.slice(FIRST - MOST)]
}
