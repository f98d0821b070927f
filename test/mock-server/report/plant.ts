import type { Test } from 'tap'
import { type MockWechat, type WorldOptions } from '../../../mock-server/index.ts'
import {
  askBy,
  readWord,
  runCard,
  type Card,
  type CardOptions,
  type CaseResult,
} from '../../../mock-server/report/index.ts'
import { size } from '../../sizes.ts'
import { NOON, startMock } from '../helpers.ts'
import { startToy, type Toy } from './toy/server.ts'

/** What a toy lets a run see. */
export function stepsOf({ orderUrl, closeUrl, probeUrl, restart }: Toy): CardOptions {
  const probe = askBy(probeUrl, undefined, 'GET')!
  return {
    order: askBy(orderUrl, undefined, 'POST'),
    close: askBy(closeUrl, undefined, 'POST'),
    probe: async (number) => readWord(await probe({ out_trade_no: number })),
    restart,
    settleMs: 300,
  }
}

/** A run against a toy merchant with these bugs, in a world of its own. */
export async function runToy(
  mock: MockWechat,
  options: CardOptions,
  bugs: readonly string[] = [],
  world: WorldOptions = {},
): Promise<Card> {
  const { version = 'v2', seed = 'card' } = options
  const made = mock.world({ startTime: NOON, seed, ...world })
  const toy = await startToy(made, bugs, version === 'v3' ? 'v3' : 'v2')
  try {
    return await runCard(made, { ...stepsOf(toy), notifyUrl: toy.notifyUrl, refundUrl: toy.refundUrl, ...options })
  } finally {
    await toy.close()
    made.close()
  }
}

const shown = ({ id, verdict, said }: CaseResult) => `${id} ${verdict}: ${said}`
export const notPassed = ({ results }: Card) =>
  results.filter(({ verdict }) => !['PASS', 'INFO', 'SKIP'].includes(verdict)).map(shown)

export type BugTable = Readonly<Record<string, { readonly finds: string; readonly hmac?: true }>>

/** Some at a time: most of it is waiting for answers that do not come. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
    }),
  )
}

/** Each bug is found by each of its cases. */
export async function findBugs(t: Test, version: 'v2' | 'v3', bugs: BugTable, slow: RegExp = /^$/): Promise<void> {
  const mock = await startMock(t)
  await inParallel(Object.entries(bugs), 8, async ([bug, { finds, hmac }]) => {
    const only = finds
      .split(' ')
      .filter((id) => !slow.test(id))
      .slice(0, size(1, 99))
    if (only.length === 0) return
    const card = await runToy(mock, { version, only }, bug.split('+'), hmac ? { signType: 'HMAC-SHA256' } : {})
    for (const result of card.results) t.match(result.verdict, /^(?:FAIL|LAX)$/, `${bug}: ${shown(result)}`)
    t.equal(card.results.length, only.length, bug)
  })
}
