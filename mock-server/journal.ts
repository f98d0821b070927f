/** One exchange on the wire, seen from the mock: `in` is a call to WeChat, `out` a notification. */
export interface JournalEntry {
  /** Grows by one from entry to entry of a journal. */
  readonly cursor: number
  /** World time. */
  readonly at: Date
  readonly direction: 'in' | 'out'
  /** `unifiedorder`, `orderquery`, `jscode2session`, `notify`, or `unknown`. */
  readonly api: string
  readonly outTradeNo?: string
  readonly request: { readonly method: string, readonly url: string, readonly headers: Readonly<Record<string, unknown>>, readonly body: string }
  readonly response?: { readonly status: number, readonly headers: Readonly<Record<string, unknown>>, readonly body: string }
  /** What the mock thought of it: the verdict, or why it refused. */
  readonly note?: string
  /** The name of the fault that struck it. */
  readonly fault?: string
}

export interface JournalFilter {
  /** Only entries after this cursor. */
  readonly since?: number
  readonly direction?: 'in' | 'out'
  readonly api?: string
}

/** A bounded record of everything that went over the wire; an entry is there before its reply is sent. */
export interface Journal {
  readonly record: (entry: Omit<JournalEntry, 'cursor'>) => void
  readonly entries: (filter?: JournalFilter) => JournalEntry[]
}

export function createJournal (limit = 5000): Journal {
  let kept: JournalEntry[] = []
  let cursor = 0
  return {
    record: entry => {
      kept.push({ cursor: ++cursor, ...entry })
      // Cut in blocks, so that one entry costs the same whether the journal is full or not.
      if (kept.length >= 2 * limit) kept = kept.slice(-limit)
    },
    entries: ({ since = 0, direction, api } = {}) => kept.slice(-limit).filter(entry =>
      entry.cursor > since && (!direction || entry.direction === direction) && (!api || entry.api === api))
  }
}
