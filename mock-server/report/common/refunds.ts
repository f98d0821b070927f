import type { RefundEnd } from '../../ledger/refunds.ts'
import type { Case, Play } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { pauseFor } from '../parts/merchant.ts'
import { row } from '../parts/row.ts'
import type { Shot } from '../parts/shoot.ts'
import { choiceOf, fail, notLured, play, skip, type Make } from '../plays.ts'
import type { Dialect } from './dialect.ts'

/** What a refund notification says instead of the truth. */
export interface RefundChanges {
  /** In fen. */
  readonly fee?: number
  /** Encrypted with this key. */
  readonly key?: string
}

/** How a version notifies a refund. `R`: a paid and served order with its refund. */
export interface RefundDialect<R extends { readonly no: string }> extends Pick<Dialect, 'id' | 'source'> {
  /** WeChat gives the same answer to a query: the refund has ended so, or, without `end`, is being processed. */
  readonly refundOf: (bench: Bench, end?: RefundEnd) => Promise<R>
  readonly shot: (bench: Bench, refund: R, changes?: RefundChanges) => Shot
  /** A refund that could be taken for a payment of the order. */
  readonly likePayment: Make
  /** The wire's names for how a refund ends. */
  readonly closed: string
  readonly astray: string
  readonly fix: Readonly<Record<'read' | 'once' | 'status' | 'fee' | 'apart', string>>
}

/** Checks the number of booked refunds, at level L2, if the probe reports it. */
export async function booked(bench: Bench, no: string, n: number, because: string): Promise<boolean> {
  const told = await bench.word(no)
  if (told?.refunds === undefined) return false
  if (told.refunds !== n) fail(`${because}, but ${told.refunds} refunds are booked, not ${n}`)
  return true
}

async function mustTake(bench: Bench, shot: Shot, which = 'it'): Promise<void> {
  const { acked, reason } = await bench.send(shot)
  if (!acked) fail(`the backend did not accept ${which}: ${reason}`)
}

const five = (bench: Bench, shot: () => Shot) => Promise.all(Array.from({ length: 5 }, () => bench.send(shot())))

/** The backend accepts the notification of a refund, and books it `n` times. */
const taken = <R extends { readonly no: string }>(
  { refundOf }: RefundDialect<R>,
  n: number,
  run: (bench: Bench, refund: R) => Promise<void>,
  needs: Play['needs'] = [],
  end: RefundEnd = 'SUCCESS',
): Play =>
  play(
    ['acks', 'refunds', ...needs],
    [
      ['PASS', 'the backend accepts it; at level L2, if the probe reports `refunds`, it books the right number'],
      ['FAIL', 'the backend refuses it, or books the wrong number of refunds'],
    ],
    async (bench) => {
      const refund = await refundOf(bench, end)
      await run(bench, refund)
      await pauseFor(20)
      await booked(bench, refund.no, n, 'the backend accepted the notification')
    },
  )

/** The backend refuses it. `mayTake`: or accepts it without booking a refund. */
export const dropped = <R extends { readonly no: string }>(
  { refundOf }: Pick<RefundDialect<R>, 'refundOf'>,
  make: (bench: Bench, refund: R) => Shot,
  mayTake = false,
): Play =>
  play(
    ['acks', 'refunds'],
    [
      ['PASS', mayTake ? 'the backend refuses it, or accepts it without booking a refund' : 'the backend refuses it'],
      ['FAIL', mayTake ? 'the backend books a refund' : 'the backend accepts it, or books a refund'],
    ],
    async (bench) => {
      const refund = await refundOf(bench)
      const answer = await bench.send(make(bench, refund))
      await notLured(bench)
      const isSeen = await booked(bench, refund.no, 0, 'it must not count as a refund')
      if (answer.verdict === 'timeout_5s') fail('no answer within 5 s')
      if (!answer.acked) return
      if (!mayTake) fail('the backend accepted it')
      if (!isSeen) {
        skip('the backend accepted it; only a probe that reports `refunds` shows whether it booked a refund')
      }
    },
  )

/** The cases that both versions have, and a version's own. */
export function refunds<R extends { readonly no: string }>(
  dialect: RefundDialect<R>,
  own: readonly Case[],
): readonly Case[] {
  const { id, source, shot, likePayment, closed, astray, fix } = dialect
  const once = (bench: Bench, refund: R) => mustTake(bench, shot(bench, refund))
  const shared = [
    row(
      id(701),
      'money',
      'A refund has succeeded',
      'The backend acknowledges the refund and books it once.',
      fix.read,
      taken(dialect, 1, once),
      { quick: true, source },
    ),
    row(
      id(702),
      'money',
      'The same refund twice, then five times at once',
      'The backend acknowledges a repeat and books nothing.',
      fix.once,
      taken(
        dialect,
        1,
        async (bench, refund) => {
          await mustTake(bench, shot(bench, refund), 'the first')
          await mustTake(bench, shot(bench, refund), 'the repeat')
          await five(bench, () => shot(bench, refund))
        },
        ['probe'],
      ),
      { source },
    ),
    row(
      id(703),
      'money',
      'The same refund five times at once',
      'Several arrive at the same moment. The backend books one.',
      fix.once,
      taken(
        dialect,
        1,
        async (bench, refund) => {
          const answers = await five(bench, () => shot(bench, refund))
          if (!answers.some(({ acked }) => acked)) fail('the backend accepted none')
        },
        ['probe'],
      ),
    ),
    row(
      id(705),
      'money',
      "Encrypted with another merchant's key",
      'The backend refuses a message that it cannot decrypt.',
      fix.read,
      dropped(dialect, (bench, refund) => shot(bench, refund, { key: bench.random.alphanumeric(32, 'key') })),
    ),
    row(
      id(707),
      'money',
      'The refund was closed',
      `The backend acknowledges ${closed} and books nothing.`,
      fix.status,
      taken(dialect, 0, once, [], 'REFUNDCLOSE'),
      { source },
    ),
    row(
      id(708),
      'money',
      'The refund failed',
      `The backend acknowledges ${astray} and books nothing yet.`,
      fix.status,
      taken(dialect, 0, once, [], 'CHANGE'),
      { source },
    ),
    row(
      id(712),
      'money',
      'A refund of more than was paid',
      'A refund larger than the order is an error. The backend must not book it.',
      fix.fee,
      dropped(dialect, (bench, refund) => shot(bench, refund, { fee: 99_999_999 }), true),
    ),
    row(
      id(714),
      'money',
      'A refund sent to the payment handler',
      'A refund that reaches the payment handler must not pay an order.',
      fix.apart,
      play(
        ['acks'],
        [
          ['PASS', 'the backend fulfils nothing'],
          ['FAIL', 'goods go out'],
        ],
        async (bench) => {
          const no = await bench.order()
          const answer = await bench.send(await likePayment(bench, no))
          await bench.stillUnpaid(no, 'a refund is not a payment')
          bench.note(choiceOf(answer))
        },
      ),
    ),
  ]
  return [...shared, ...own].sort((a, b) => a.id.localeCompare(b.id))
}
