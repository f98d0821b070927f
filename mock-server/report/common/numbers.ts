import type { Play } from '../case.ts'
import { fail, genuineFollows, info, play, refusedOr, skip, type Make } from '../plays.ts'

/** Another number that a careless comparison takes for the order's; undefined if there is none. */
export type OtherNumber = (outTradeNo: string) => string | undefined

export const inOtherLetters: OtherNumber = (no) => [no.toUpperCase(), no.toLowerCase()].find((other) => other !== no)

/** @throws Ruling SKIP if there is none */
const otherNumber = (number: OtherNumber, outTradeNo: string): string =>
  number(outTradeNo) ?? skip('the order number has no letters')

/** Validly signed, for an order that does not exist. `make`: a notification of this number. */
export const unknownOrder = (number: OtherNumber, make: (other: string) => Make): Play =>
  play(
    ['acks'],
    [
      ['PASS', 'the backend refuses it: WeChat repeats it, and the order may be known by then'],
      ['INFO', 'the backend accepts it: sound only if it keeps it for manual review, which this case cannot see'],
      ['FAIL', 'another order counts as paid, or the answer is HTTP 500 with a page or a stack trace'],
    ],
    async (bench) => {
      const no = await bench.order()
      const answer = await bench.send(await make(otherNumber(number, no))(bench, no))
      await refusedOr(bench, { ...answer, acked: false }, no)
      if (answer.status >= 500 && /<html|<!doctype|at .*:\d+|Traceback|SQL/i.test(answer.body)) {
        fail(`HTTP ${answer.status} with a page or a stack trace: the number broke the backend`)
      }
      await genuineFollows(bench, no)
      if (answer.acked) info('the backend accepted it: sound only if it keeps it for manual review')
    },
  )
