import type { HistoryEntry, HistoryLine, OrderState } from '../../../model.ts'
import { kept, saysTheSame } from '../../same.ts'

/**
 * The history of an order as one text in its row: each change writes the row anyway, so that a line costs little more than its words. JSON, an array for each
 * line, the latest first, so that only the beginning of the text changes. A value equal to that of the line before is left out, and so are zeros at the end: ms since the line
 * before, with how often it was repeated and the ms until the last time, source, seen, outcome, states. What most orders say is a number, its place in `WORDS`.
 */
type Told = [
  time: number | [since: number, repeated: number, lasted: number],
  source: Word,
  seen: Word,
  outcome: Word,
  states?: Word | [Word, Word],
]
type Word = string | number

/** Each keeps its place forever, as rows refer to it. New ones go at the end. */
const WORDS = [
  'order',
  'prepaid',
  'query',
  'asked',
  'notify',
  'paid',
  'fulfil',
  'done',
  'close',
  'closed',
  'any answer but NOTPAY is noted',
  'fulfilled',
  'created',
  'closing',
  'unknown',
  'failed',
  'refund',
  'bill',
  'operator',
]
const PLACES = new Map(WORDS.map((word, place) => [word, place]))
const short = (text: string): Word => PLACES.get(text) ?? text
const long = <T extends string>(word: Word) => (typeof word === 'number' ? WORDS[word] : word) as T

/** The text with these lines added. A line that says the same as an earlier one, and changes no state, is counted there. */
export function tell(entries: readonly HistoryEntry[], lines: readonly HistoryLine[]): string {
  const all = [...entries]
  for (const line of lines) {
    const known = line.from === line.to ? all.findIndex((each) => saysTheSame(each, line)) : -1
    if (known === -1) all.push({ ...line, count: 1, lastAt: line.at })
    else all[known] = { ...all[known]!, count: all[known]!.count + 1, lastAt: line.at }
  }
  let last = { at: 0, to: 'created' as OrderState }
  const told = kept(all).map(({ at, source, seen, outcome, from, to, count, lastAt }): Told => {
    const since = at.getTime() - last.at
    const time: Told[0] = count === 1 ? since : [since, count - 1, lastAt.getTime() - at.getTime()]
    const isNext = from === last.to
    last = { at: at.getTime(), to }
    const said = [time, short(source), short(seen), short(outcome)] as const
    if (!isNext) return [...said, [short(from), short(to)]]
    return from === to ? [...said] : [...said, short(to)]
  })
  return JSON.stringify(told.reverse())
}

/** The lines of such a text. */
export function toldBy(text: string, outTradeNo: string): HistoryEntry[] {
  let last = { at: 0, to: 'created' as OrderState }
  return (JSON.parse(text) as Told[]).reverse().map(([time, source, seen, outcome, states = last.to]) => {
    const [since, repeated, lasted] = Array.isArray(time) ? time : [time, 0, 0]
    const [from, to] = (Array.isArray(states) ? states : [last.to, states]).map(long<OrderState>) as [
      OrderState,
      OrderState,
    ]
    last = { at: last.at + since, to }
    return {
      outTradeNo,
      at: new Date(last.at),
      source: long<HistoryLine['source']>(source),
      seen: long(seen),
      outcome: long(outcome),
      from,
      to,
      count: 1 + repeated,
      lastAt: new Date(last.at + lasted),
    }
  })
}
