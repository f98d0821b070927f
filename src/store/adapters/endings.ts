import { setImmediate as turn } from 'node:timers/promises'
import { inTime } from '../rollback.ts'
import type { Connection, Dialect } from '../executor.ts'

type Ending = <T>(connection: Connection, work: Promise<T>) => Promise<T>

/**
 * What undoes a transaction and leaves its connection as it was. In PostgreSQL what is sent too late gets into a second transaction, which the library rolls back.
 * In MySQL the store switches autocommit off, and the connection must not keep that.
 */
const UNDO: Record<Dialect, string[]> = {
  postgres: ['rollback and chain'],
  mysql: ['rollback', 'set autocommit = 1'],
  sqlite: [],
}

/**
 * Runs a transaction of a library that may give a connection back to its pool with the transaction still open: what is written next would become part of it,
 * succeed, and not be committed, or be committed with what should have been rolled back. So the work, which `ending` wraps, ends the transaction itself.
 *
 * - SQLite: a commit fails while another connection reads. Knex and Prisma do not roll back then, but they do after a statement that fails.
 * - pg with its `query_timeout`: the statement is given up here, not in the server. A rollback waits behind it, and is given up too.
 * - A statement that waits for a lock: the rollback waits behind it, longer than a library or the store may wait.
 *
 * So the work does not end before a rollback is through, and the library keeps the connection until then. The caller does not wait for that. After `limitMs` the
 * work has failed: a limit of the library's own would give the connection back.
 */
export function endedByWork<T>(dialect: Dialect, start: (ending: Ending) => Promise<T>, limitMs?: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const ending: Ending = async (connection, work) => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_resolve, _reject) => {
        if (limitMs === undefined) return
        timer = setTimeout(() => {
          const error = new Error(`The transaction took longer than ${limitMs} ms, its timeout: it was rolled back`)
          reject(error)
          _reject(error)
        }, limitMs)
      })
      try {
        const result = await Promise.race([work, late]).finally(() => {
          clearTimeout(timer)
        })
        if (dialect === 'sqlite') {
          await connection.run('commit', [])
          // For the commit of the library, which cannot fail: nothing has been read or written.
          await connection.run('begin', [])
        }
        return result
      } catch (error) {
        // The caller takes the transaction back from the work before it is undone.
        await turn()
        const undone = undo(dialect, connection)
        if (!(await inTime(undone))) reject(error)
        await undone
        throw error
      }
    }
    start(ending).then(resolve, reject)
  })
}

async function undo(dialect: Dialect, connection: Connection): Promise<void> {
  for (const sql of UNDO[dialect]) {
    while (!(await isThrough(connection, sql)));
  }
}

/** A lost connection ends its transaction too. */
async function isThrough(connection: Connection, sql: string): Promise<boolean> {
  try {
    await connection.run(sql, [])
    return true
  } catch (error) {
    return !isGivenUp(error)
  }
}

/** Libraries put their own words around pg's, or keep its error as the cause. */
function isGivenUp({ message, cause }: any): boolean {
  return /Query read timeout/.test(message) || /Query read timeout/.test(cause?.message)
}
