import type { Queue } from 'bullmq'
import type pg from 'pg'
import type { Data } from './queue.ts'

/** How often the due work is looked for: how long a delivery may wait for its job, and the load that this makes. */
const EVERY_MS = 250
/** How many jobs are sent at once. */
const MOST = 1000

/**
 * Sends a job for each order that is due, again and again until a worker has claimed it. Redis drops those it has already, by their id: the order's number
 * with the count of its claims, which is the same until somebody works on the order. So Redis may lose everything, and any number of relays may run.
 */
export function startRelay(pool: pg.Pool, queue: Queue<Data>): { stop(): Promise<void> } {
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  async function relay(): Promise<void> {
    const { rows } = await pool.query<{ out_trade_no: string; mch_id: string; claims: string }>(
      `select out_trade_no, wechat_trades.mch_id, claims from wechat_schedule join wechat_trades using (out_trade_no)
       where wechat_schedule.due_at <= now() order by wechat_schedule.due_at limit ${MOST}`,
    )
    if (rows.length === 0) return
    await queue.addBulk(
      rows.map(({ out_trade_no: outTradeNo, mch_id: mchId, claims }) => ({
        name: 'perform',
        data: { outTradeNo, mchId },
        opts: { jobId: `${outTradeNo}-${claims}` },
      })),
    )
  }

  let running: Promise<void> = Promise.resolve()
  function next(): void {
    running = relay()
      // Redis or the database is away: the work stays in the table, and the sweeper finds it there too.
      .catch(() => {})
      .then(() => {
        if (!stopped) timer = setTimeout(next, EVERY_MS)
      })
  }
  next()

  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
