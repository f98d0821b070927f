import type { Connection, Dialect } from '../executor.ts'

/**
 * Ends the work of a library that does not roll back when its commit fails: Knex and Prisma. In SQLite a commit fails while another connection reads, and leaves the
 * transaction open. Later writes of the connection would become part of it, succeed, and never be committed. As a statement of the work, the commit is one whose
 * failure rolls back. Other databases have ended a transaction when its commit fails.
 */
export async function committed<T>(dialect: Dialect, connection: Connection, work: Promise<T>): Promise<T> {
  const result = await work
  if (dialect !== 'sqlite') return result
  await connection.run('commit', [])
  // For the commit of the library, which cannot fail: nothing has been read or written.
  await connection.run('begin', [])
  return result
}
