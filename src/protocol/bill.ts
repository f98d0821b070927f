import { WechatError } from '../errors.ts'
import { parseYuan } from './money.ts'
import { parseTime } from './time.ts'

/** A line that cannot be read. */
export interface UnreadableLine {
  /** Counted from 1, the header's. */
  line: number
  reason: string
}

/** Longer than any line of a bill: a text without line ends is not a bill. */
const MAX_LINE_BYTES = 64 * 1024

/**
 * A bill is UTF-8 text, with or without a byte order mark: the names of the columns, rows in which each value begins with a back-tick, then names and
 * one row again for the summary (v2: 9_6, 9_18; v3: doc/v3/merchant/4012791907). Columns differ by type and by the age of the merchant, so they are
 * found by their names. Only the unfinished line is kept.
 *
 * @throws {WechatError} `WECHAT_REPLY_INVALID` for a bill that lacks a required column or its summary, and for an unreadable line, unless `unreadable` accepts it
 */
export async function* readBill<Row, Summary>(
  chunks: AsyncIterable<Buffer>,
  summaryBegins: string,
  rowOf: (columns: Columns) => (cells: string[]) => Row,
  summaryOf: (columns: Columns) => (cells: string[]) => Summary,
  unreadable: (line: UnreadableLine) => void = ({ line, reason }) => {
    throw invalid(`line ${line} cannot be read: ${reason}`)
  },
): AsyncGenerator<Row[], Summary> {
  let number = 0
  let width = 0
  let read: ((cells: string[]) => Row) | undefined
  let readSummary: ((cells: string[]) => Summary) | undefined
  let summary: Summary | undefined

  function take(line: string, rows: Row[]): void {
    number++
    if (line === '') return
    if (summary !== undefined) throw invalid(`line ${number} comes after its summary`)
    if (read === undefined) {
      const columns = new Columns(line)
      width = columns.width
      read = rowOf(columns)
    } else if (line.startsWith(summaryBegins)) {
      const columns = new Columns(line)
      width = columns.width
      readSummary = summaryOf(columns)
    } else if (readSummary !== undefined) {
      const cells = cellsOf(line)
      if (cells.length !== width) throw invalid('its summary was cut short')
      summary = readSummary(cells)
    } else {
      const cells = cellsOf(line)
      try {
        // A line break, or a comma with a back-tick, inside a value shifts all values after it.
        if (line[0] !== '`' || cells.length !== width) {
          throw new Error(`it has ${cells.length} values, and there are ${width} columns`)
        }
        rows.push(read(cells))
      } catch (error) {
        unreadable({ line: number, reason: (error as Error).message })
      }
    }
  }

  let rest: Buffer = NOTHING
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LINE_END) + 1
    if (rest.length + (end === 0 ? chunk.length : 0) > MAX_LINE_BYTES) {
      throw invalid(`line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes`)
    }
    if (end === 0) {
      rest = Buffer.concat([rest, chunk])
      continue
    }
    const text =
      rest.length === 0 ? chunk.toString('utf8', 0, end) : Buffer.concat([rest, chunk.subarray(0, end)]).toString()
    rest = chunk.subarray(end)
    const rows: Row[] = []
    for (let from = 0, to = text.indexOf('\n'); to >= 0; from = to + 1, to = text.indexOf('\n', from)) {
      take(text.slice(from, text[to - 1] === '\r' ? to - 1 : to), rows)
    }
    if (rows.length > 0) yield rows
  }
  // The summary, if its line has no line end.
  take(rest.toString(), [])
  if (summary === undefined) throw invalid('it ends without its summary: it was cut short. Download it again')
  return summary
}

const LINE_END = 0x0a
const NOTHING = Buffer.alloc(0)

/** Each value begins with a back-tick, and may hold commas. */
function cellsOf(line: string): string[] {
  return line.slice(1).split(',`')
}

/** The positions of the columns, by name. */
export class Columns {
  readonly #at: Map<string, number>
  readonly width: number

  constructor(header: string) {
    // Older bills write （元） where newer ones write (元).
    const names = header
      .replace(/^\uFEFF/, '')
      .replaceAll('（', '(')
      .replaceAll('）', ')')
      .split(',')
    this.#at = new Map(names.map((name, n) => [name.trim(), n]))
    this.width = names.length
  }

  /** The column that has one of these names. */
  find(...names: string[]): number | undefined {
    return names.map((name) => this.#at.get(name)).find((at) => at !== undefined)
  }

  need(...names: string[]): number {
    const at = this.find(...names)
    if (at === undefined) {
      throw invalid(`it has no column ${names.join(' or ')}, but ${[...this.#at.keys()].join(',').slice(0, 200)}`)
    }
    return at
  }
}

function invalid(what: string): WechatError {
  return new WechatError('WECHAT_REPLY_INVALID', `The bill is not usable: ${what}. Download it again.`, {
    advice: 'repeat',
  })
}

export function money(text: string, digits = 2): number {
  const value = parseYuan(text, digits)
  if (value === undefined) throw new Error(`${JSON.stringify(text.slice(0, 40))} is not an amount in yuan`)
  return value
}

/** Reads times; each day, of which a bill has one or two, is computed only once. */
export function moments(): (text: string) => Date {
  let day = ''
  let start = 0
  return (text) => {
    if (day === '' || !text.startsWith(day)) {
      day = text.slice(0, 10)
      start = parseTime(`${day} 00:00:00`)?.getTime() ?? NaN
    }
    if (Number.isNaN(start) || !TIME.test(text)) {
      day = ''
      throw new Error(`${JSON.stringify(text.slice(0, 40))} is not a time`)
    }
    const digits = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - ZEROS
    return new Date(start + digits(11) * 3_600_000 + digits(14) * 60_000 + digits(17) * 1000)
  }
}

const TIME = /^.{10} (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/
/** The value of two digits, from their character codes. */
const ZEROS = 48 * 11

export function oneOf<T extends string>(all: readonly T[], text: string): T {
  if (!all.includes(text as T)) {
    throw new Error(`${JSON.stringify(text.slice(0, 40))} is none of ${all.join(', ')}`)
  }
  return text as T
}

export function named(text: string): string {
  if (text === '' || text === '0') throw new Error('a number of the trade or the refund is missing')
  return text
}

/** Only the count of a summary is always present and readable, and nothing depends on the rest. */
export function counted(columns: Columns, name: string): (cells: string[]) => number {
  const at = columns.need(name)
  return (cells) => {
    // Some bills write the count like an amount: `45.0`.
    const [, count] = /^(\d{1,12})(?:\.0+)?$/.exec(cells[at]!) ?? []
    if (count === undefined) throw invalid(`its summary has no ${name}`)
    return Number(count)
  }
}
