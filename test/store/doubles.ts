import type { Dialect, Reader, Row, Value } from '../../src/store/executor.ts'

/** Answers the first queries of a store, for a session with these settings; `undefined` for anything else. */
export function answerFirst(dialect: Dialect, settings: Row, sql: string, [text]: Value[]): Row[] | undefined {
  if (sql.includes('sent_back')) {
    const echo = { sent_back: text, stored_as: Buffer.from(String(text)).toString('hex') }
    return [{ ...echo, ...settings }]
  }
  if (dialect === 'mysql' && sql.startsWith('show variables')) {
    return Object.entries(settings).map(([name, value]) => ({ Variable_name: name, Value: value }))
  }
  const pragma = /^pragma (\w+)$/.exec(sql)?.[1]
  return pragma === undefined ? undefined : [{ [pragma]: settings[pragma] }]
}

export function echoing(dialect: Dialect, settings: Row): Reader {
  return { rows: async (sql, values) => answerFirst(dialect, settings, sql, values)! }
}
