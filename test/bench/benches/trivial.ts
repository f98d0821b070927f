import { interleave, median, ratiosOf } from '../../../bench/lib/measure.ts'
import type { Bench } from '../../../bench/lib/measure.ts'

/** Two contestants with known figures. */
const trivial: Bench = async ({ quick, log }) => {
  const figures = { hare: [2000, 3000, 7000], tortoise: [1000, 1000, 1000] }
  const turns: string[] = []
  const rates = await interleave({ rounds: quick ? 2 : 3, untilMs: Infinity }, ['hare', 'tortoise'], async (name) => {
    turns.push(name)
    return figures[name].shift()!
  })
  log(turns.join(' '))
  return {
    rows: [
      { name: 'hare', median: median(rates.hare), unit: 'steps/s' },
      { name: 'tortoise', median: median(rates.tortoise), unit: 'steps/s' },
    ],
    ratios: ratiosOf(rates, ['hare/tortoise']),
  }
}

export default trivial
