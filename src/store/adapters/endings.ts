import type { Connection, Dialect } from '../executor.ts'

type Ending = <T>(connection: Connection, work: Promise<T>) => Promise<T>

/**
 * Runs a transaction of a library that may give a connection back to its pool with the transaction still open: what is written next would become part of it,
 * succeed, and not be committed, or be committed with what should have been rolled back. So the work, which `ending` wraps, ends the transaction itself.
 *
 * - SQLite: a commit fails while another connection reads. Knex and Prisma do not roll back then, but they do after a statement that fails.
 * - pg with its `query_timeout`: the statement is given up here, not in the server. A rollback waits behind it, and is given up too. So the work does not end before
 *   a rollback is through, and the library keeps the connection until then. The caller does not wait for that.
 */
export function endedByWork<T>(dialect: Dialect, start: (ending: Ending) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const ending: Ending = async (connection, work) => {
      try {
        const result = await work
        if (dialect === 'sqlite') {
          await connection.run('commit', [])
          // For the commit of the library, which cannot fail: nothing has been read or written.
          await connection.run('begin', [])
        }
        return result
      } catch (error) {
        if (dialect === 'postgres') {
          while (!(await isThrough(connection))) reject(error)
        }
        throw error
      }
    }
    start(ending).then(resolve, reject)
  })
}

/** A lost connection ends its transaction too. */
async function isThrough(connection: Connection): Promise<boolean> {
  try {
    await connection.run('rollback', [])
    return true
  } catch (error) {
    return !isGivenUp(error)
  }
}

/** Libraries put their own words around pg's, or keep its error as the cause. */
function isGivenUp({ message, cause }: any): boolean {
  return /Query read timeout/.test(message) || /Query read timeout/.test(cause?.message)
}
