import type { HistoryEntry, HistoryLine, OrderState } from '../../../model.ts'
import { saysTheSame } from '../../same.ts'

/**
 * The history of an order as one text in its row: each change writes the row anyway, so that a line costs little more than its words. JSON, an array for each
 * line, the latest first, so that only the beginning of the text changes. Without what the line before says as well, nor zeros at its end: ms since the line
 * before, with how often it was repeated and the ms until the last time, source, seen, outcome, states.
 */
type Told = [
  time: number | [since: number, repeated: number, lasted: number],
  source: string,
  seen: string,
  outcome: string,
  states?: OrderState | [OrderState, OrderState],
]

/** An order keeps so many lines: of more it forgets those in the middle, as the first and the latest say most. */
const MOST = 1000
const FIRST = 100

/** The text with these lines added. A line that says the same as an earlier one, and changes no state, is counted there. */
export function tell(entries: readonly HistoryEntry[], lines: readonly HistoryLine[]): string {
  const all = [...entries]
  for (const line of lines) {
    const known = line.from === line.to ? all.findIndex((each) => saysTheSame(each, line)) : -1
    if (known === -1) all.push({ ...line, count: 1, lastAt: line.at })
    else all[known] = { ...all[known]!, count: all[known]!.count + 1, lastAt: line.at }
  }
  if (all.length > MOST) all.splice(FIRST, all.length - MOST)
  let last = { at: 0, to: 'created' as OrderState }
  const told = all.map(({ at, source, seen, outcome, from, to, count, lastAt }): Told => {
    const since = at.getTime() - last.at
    const time: Told[0] = count === 1 ? since : [since, count - 1, lastAt.getTime() - at.getTime()]
    const isNext = from === last.to
    last = { at: at.getTime(), to }
    if (!isNext) return [time, source, seen, outcome, [from, to]]
    return from === to ? [time, source, seen, outcome] : [time, source, seen, outcome, to]
  })
  return JSON.stringify(told.reverse())
}

/** The lines of such a text. */
export function toldBy(text: string, outTradeNo: string): HistoryEntry[] {
  let last = { at: 0, to: 'created' as OrderState }
  return (JSON.parse(text) as Told[]).reverse().map(([time, source, seen, outcome, states = last.to]) => {
    const [since, repeated, lasted] = Array.isArray(time) ? time : [time, 0, 0]
    const [from, to] = Array.isArray(states) ? states : [last.to, states]
    last = { at: last.at + since, to }
    return {
      outTradeNo,
      at: new Date(last.at),
      source: source as HistoryLine['source'],
      seen,
      outcome,
      from,
      to,
      count: 1 + repeated,
      lastAt: new Date(last.at + lasted),
    }
  })
}
