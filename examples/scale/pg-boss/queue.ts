import type pg from 'pg'
import PgBoss from 'pg-boss'
import type { EnqueueContext, Job } from '../../../src/index.ts'
import { databaseUrl } from '../shop.ts'

export const QUEUE = 'wechat'

const DEADLOCK = '40P01'
const TRIES = 5

/** pg-boss in the shop's own database. Several processes may open it at once. */
export async function openQueue({ supervise }: { supervise: boolean }): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: databaseUrl, max: 2, supervise, schedule: false })
  boss.on('error', (error) => {
    console.error(`pg-boss: ${error.message}`)
  })
  await boss.start()
  // Longer than a lease. A job that was cut off comes again, and finds nothing if another process has done its work.
  const options = { name: QUEUE, expireInSeconds: 90, retryLimit: 3, retryDelay: 5 }
  // Of processes that create it at once the database may stop one, as they wait for each other.
  for (let n = 1; (await boss.getQueue(QUEUE)) === null; n++) {
    await boss.createQueue(QUEUE, options).catch((error: unknown) => {
      if ((error as { code?: string }).code !== DEADLOCK || n === TRIES) throw error
    })
  }
  return boss
}

/** The hook `enqueue`: the job is sent in the transaction that records the payment. If that is rolled back, there is no job. */
export function sendingTo(boss: PgBoss) {
  return async (job: Job, { tx, dueAt }: EnqueueContext<pg.PoolClient>) => {
    const db = { executeSql: (sql: string, values: unknown[]) => tx.query(sql, values) }
    await boss.send(QUEUE, job, { startAfter: dueAt, db })
  }
}
