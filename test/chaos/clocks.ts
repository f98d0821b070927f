import { setTimeout as wait } from 'node:timers/promises'
import { payAll, tally, withFleet } from './scenarios.ts'
import type { Run, Tally } from './scenarios.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

/** The clock offsets of the processes; the clock of the last one jumps back and forth. */
const CLOCKS: number[][] = [[0], [90 * SECOND], [-90 * SECOND], [-HOUR, 0, HOUR]]

/** Work claimed by a killed process waits as long as its clock was ahead, plus its lease. */
const PATIENCE_MS = 240 * SECOND

/**
 * Processes whose clocks are ±90 s apart, and one whose clock jumps by ±1 h, are killed at random moments while payments arrive. Unpaid orders must
 * still be open at the end, as all of them are valid for two hours.
 */
export async function clocks({ quick, say, ...on }: Run): Promise<Tally> {
  const [payments, unpaid, kills] = quick ? [60, 10, 8] : [400, 50, 60]
  return await withFleet(on, {}, async ({ fleet, world, pool, options }) => {
    let turn = 0
    async function start(): Promise<void> {
      options.clocksAheadMs = CLOCKS[turn++ % CLOCKS.length]!
      await fleet.grow(1)
    }
    for (let n = 0; n < CLOCKS.length; n++) await start()
    const open = await payAll(fleet, world, unpaid, 0, { deliver: 'not paid', cart: 'unpaid' })
    const paying = payAll(fleet, world, payments, kills * 400)
    while (fleet.kills < kills) {
      await wait(Math.random() * 800)
      fleet.kill()
      await start()
    }
    await paying
    // One process with a correct clock runs until the end, and looks for work that the others left in the far future.
    options.clocksAheadMs = [0]
    await fleet.grow(1)
    const result = await tally(pool, world, undefined, PATIENCE_MS)
    const { rows } = await pool.query<{ state: string; count: string }>(
      'select state, count(*) as count from wechat_trades where out_trade_no = any($1) group by state',
      [open],
    )
    say(`${fleet.kills} kills; unpaid orders: ${rows.map(({ state, count }) => `${count} ${state}`).join(', ')}`)
    if (rows.some(({ state }) => state !== 'prepaid')) throw new Error('an open order was closed before its time')
    return result
  })
}
