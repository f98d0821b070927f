import { payAll, tally, withFleet } from './scenarios.ts'
import type { Run, Tally } from './scenarios.ts'

const LEASE_MS = 60_000
/** A closing process gives back its claims, and the others sweep five times a second. */
const LATE_MS = 10_000

/** Processes are replaced cleanly, one after the other, while payments arrive. Nothing may wait for the end of a lease. */
export async function deploy({ quick, say, ...on }: Run): Promise<Tally> {
  const [payments, deploys] = quick ? [100, 6] : [500, 30]
  return await withFleet(on, { leaseMs: LEASE_MS }, async ({ fleet, world, pool }) => {
    await fleet.grow(2)
    const paying = payAll(fleet, world, payments, deploys * 800)
    for (let n = 0; n < deploys; n++) await fleet.replace()
    await paying
    const result = await tally(pool, world)
    const { rows } = await pool.query<{ late: string }>(
      'select extract(epoch from at - paid_at) * 1000 as late from chaos_fulfilments join wechat_trades using (out_trade_no) order by late',
    )
    const times = rows.map(({ late }) => Math.round(Number(late)))
    const given = await pool.query<{ count: string }>(
      "select count(*) as count from wechat_trades where history like '%given-back%'",
    )
    say(
      `${deploys} deploys, ${given.rows[0]!.count} claims given back; onPaid ${times[times.length >> 1]} ms after the payment in the median, ${times.at(-1)} ms at the latest`,
    )
    if (times.at(-1)! > LATE_MS) throw new Error(`an order waited for ${times.at(-1)} ms`)
    return result
  })
}
