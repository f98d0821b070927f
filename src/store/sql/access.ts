import { DIALECTS } from './dialects.ts'
import type { Differences } from './dialects.ts'
import type { Connection, Dialect, Executor, Isolation, Reader } from '../executor.ts'
import { WechatError } from '../../errors.ts'
import { repeated } from '../failures.ts'
import { revocable } from '../revocable.ts'
import { inTime } from '../rollback.ts'
import { checkSession } from './session.ts'
import type { Session } from './session.ts'

export const OVER =
  'The transaction of this hook is over: the hook has ended, has failed, or has taken too long. Nothing was written. Await everything that the hook starts'

/** Sends the statements of a store to its database. */
export interface Access<Tx> {
  /** For selects. At a high isolation level a select may fail like a transaction: then it is retried. */
  reading: Reader
  /** A transaction at the database's default isolation, or at `level`. */
  begin<T>(work: (connection: Connection, tx: Tx) => Promise<T>, level?: Isolation): Promise<T>
  /** A transaction of the store's own, at the level that it needs. */
  transaction<T>(work: (connection: Connection, tx: Tx) => Promise<T>): Promise<T>
  /** Statements in a transaction of the caller. @throws {WechatError} `WECHAT_INPUT_INVALID` if the executor cannot */
  within(tx: Tx): Promise<Connection>
  /** For a single statement: in a transaction if it needs one. */
  single<T>(work: (connection: Connection) => Promise<T>): Promise<T>
}

/** Runs the user's work so that it commits as a whole or not at all: once the database has ended the transaction, no later statement autocommits. */
export function fencedBy({ fence }: Differences): (connection: Connection, task: () => Promise<void>) => Promise<void> {
  return async (connection, task) => {
    if (fence === undefined) return await task()
    await connection.run(fence.close, [])
    try {
      await task()
      // This commits. If it fails, autocommit is still off, and later reads of the connection would be stale.
      await connection.run(fence.open, [])
    } catch (error) {
      await inTime(connection.run('rollback', []).then(() => connection.run(fence.open, [])))
      throw error
    }
  }
}

/** Statements may have `?` for their places in every dialect. */
export function accessTo<Tx>(executor: Executor<Tx>, dialect: Dialect): Access<Tx> {
  const { numbered, isolation } = DIALECTS[dialect]
  let checked: Promise<Session> | undefined

  /** The settings of the database's sessions, checked at the first use. If they do not fit, every use fails and checks again. */
  function session(): Promise<Session> {
    checked ??= checkSession(dialect, executor).catch((error: unknown) => {
      checked = undefined
      throw error
    })
    return checked
  }

  function numbering(connection: Connection): Connection {
    return {
      rows: (sql, values) => connection.rows(numbered(sql), values),
      run: (sql, values) => connection.run(numbered(sql), values),
    }
  }

  const direct = numbering(executor)

  const access: Access<Tx> = {
    reading: {
      async rows(sql, values) {
        await session()
        return await repeated(() => direct.rows(sql, values))
      },
    },

    async begin(work, level) {
      await session()
      let revoke = () => {}
      try {
        return await executor.transaction((connection, tx) => {
          const lent = revocable(numbering(connection), OVER)
          revoke = lent.revoke
          return work(lent.value, tx)
        }, level)
      } finally {
        // A library may reject a transaction whose connection is lost while the work goes on: its later statements must not get into another transaction.
        revoke()
      }
    },

    transaction: (work) => access.begin(work, isolation),

    async within(tx) {
      await session()
      if (executor.within !== undefined) return numbering(executor.within(tx))
      throw new WechatError('WECHAT_INPUT_INVALID', "The store's executor has no `within`, so it cannot use your tx.", {
        sent: false,
      })
    },

    async single(work) {
      return (await session()).single ? await work(direct) : await access.transaction(work)
    },
  }
  return access
}
