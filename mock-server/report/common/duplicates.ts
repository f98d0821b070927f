import type { Case, Play } from '../case.ts'
import { timesOf, type Answer, type Bench } from '../parts/bench.ts'
import { pauseFor } from '../parts/merchant.ts'
import { row } from '../parts/row.ts'
import type { Need } from '../verdicts.ts'
import { choiceOf, fail, info, play } from '../plays.ts'
import type { Dialect } from './dialect.ts'

const ONCE =
  'Lock the order row (or update it where state = unpaid). Fulfil only if the update changed the row. Acknowledge either way.'

/** The order is paid, things happen, and goods must have gone out once. */
const once = (
  run: (bench: Bench, outTradeNo: string) => Promise<void>,
  needs: readonly Need[] = [],
  more: Play['outcomes'] = [],
): Play =>
  play(
    ['acks', 'probe', ...needs],
    [
      ['PASS', 'goods go out exactly once, and the backend accepts the last notification'],
      ...more,
      ['FAIL', 'goods go out twice, or not at all'],
    ],
    async (bench) => {
      const no = await bench.order()
      await bench.world.pay(no, { deliver: 'hold' })
      await run(bench, no)
      await bench.paidOnce(no, 'one payment was notified several times')
    },
  )

function mustTake(answer: Answer, which: string): void {
  if (!answer.acked) fail(`the backend did not accept ${which}: ${answer.reason}`)
}

/** Sends `n` notifications, one every `apartMs`. */
async function burst(bench: Bench, no: string, n: number, apartMs: number): Promise<Answer[]> {
  const shots = Array.from({ length: n }, () => bench.message(no))
  return Promise.all(
    shots.map(async (shot, at) => {
      await pauseFor(at * apartMs)
      return bench.send(shot)
    }),
  )
}

const concurrent = (n: number, apartMs: number): Play =>
  once(
    async (bench, no) => {
      const answers = await burst(bench, no, n, apartMs)
      const storm = answers.filter(({ status }) => status >= 500).length
      if (!answers.some(({ acked }) => acked)) fail(`the backend accepted none of ${n}`)
      if (storm > 1) bench.lax(`the backend answered ${storm} of ${n} with HTTP 5xx`)
      mustTake(await bench.send(bench.message(no)), 'a later repeat')
    },
    [],
    [['LAX', 'the backend answers several with HTTP 5xx: WeChat repeats those']],
  )

export const duplicates = (dialect: Dialect): readonly Case[] => [
  row(
    dialect.id(201),
    'money',
    'The same bytes twice',
    'The backend acknowledges a repeated notification and changes nothing.',
    ONCE,
    once(async (bench, no) => {
      const shot = bench.message(no)
      mustTake(await bench.send(shot), 'the first')
      mustTake(await bench.send(shot), 'the second')
    }),
    { quick: true, source: dialect.source },
  ),
  row(
    dialect.id(202),
    'money',
    'The same payment, with a new nonce',
    'The transaction_id identifies a payment, not the bytes of a message.',
    ONCE,
    once(async (bench, no) => {
      mustTake(await bench.send(bench.message(no)), 'the first')
      mustTake(await bench.send(await dialect.again(bench, no)), 'the second')
    }),
  ),
  row(
    dialect.id(203),
    'money',
    'Two at once',
    'Two notifications arrive at the same moment. One fulfils the order; the backend may accept or refuse the other.',
    ONCE,
    concurrent(2, 0),
    { quick: true, source: dialect.source },
  ),
  row(
    dialect.id(204),
    'money',
    'Twenty at once',
    'Goods go out once, however many notifications arrive together.',
    ONCE,
    concurrent(20, 0),
    { source: dialect.source },
  ),
  row(
    dialect.id(205),
    'money',
    'The acknowledgement is lost',
    'The backend has done its work, but WeChat does not know. The backend acknowledges the repeat.',
    ONCE,
    once(async (bench, no) => {
      await bench.send({ ...bench.message(no), transport: { kind: 'deaf' } })
      // Give the backend time to do its work.
      await pauseFor(50)
      mustTake(await bench.send(bench.message(no)), 'the repeat')
    }),
    { quick: true, source: dialect.source },
  ),
  row(
    dialect.id(206),
    'money',
    'The notification overtakes the reply to unifiedorder',
    'A notification arrives before the reply to unifiedorder. The backend accepts it at once, or refuses it and accepts the repeat. It never loses the payment.',
    'Store the order, under the number you send, before you call unifiedorder.',
    play(
      ['acks', 'orders'],
      [
        ['PASS', 'the backend accepts it at once, or refuses it and accepts the repeat'],
        ['FAIL', 'the payment is lost: the backend refuses the repeat, or does not fulfil the order'],
      ],
      async (bench) => {
        const gate = bench.world.gate('unifiedorder.response')
        let done: Promise<unknown>
        let no: string
        let taken: boolean
        try {
          const begun = await bench.orders.begin()
          no = begun.outTradeNo
          done = begun.done
          bench.note(`order ${no}: the mock holds the reply to unifiedorder`)
          await bench.world.pay(no, { deliver: 'hold' })
          taken = (await bench.send(bench.message(no))).acked
        } finally {
          gate.remove()
        }
        // The backend may refuse to answer with a payment for an order that is paid by then.
        await done.catch((error: Error) => bench.note(`the backend answered the order with an error: ${error.message}`))
        // WeChat does not repeat what was accepted.
        if (!taken) await bench.pay(no)
        await bench.paidOnce(no, 'the notification came before the reply to unifiedorder')
      },
    ),
    { quick: true },
  ),
  row(
    dialect.id(207),
    'money',
    'The acknowledgement is lost, and the repeat arrives during the first',
    'The backend may still be working on the first notification when the repeat arrives.',
    ONCE,
    once(async (bench, no) => {
      const [, answer] = await Promise.all([
        bench.send({ ...bench.message(no), transport: { kind: 'deaf' } }),
        bench.send(bench.message(no)),
      ])
      if (!answer!.acked) mustTake(await bench.send(bench.message(no)), 'the repeat')
    }),
  ),
  row(
    dialect.id(208),
    'money',
    'Two notifications while the backend queries WeChat',
    'A backend that calls orderquery before it fulfils must not fulfil twice when a second notification arrives meanwhile.',
    ONCE,
    once(async (bench, no) => {
      const gate = bench.world.gate('orderquery.response')
      const both = Promise.all([bench.send(bench.message(no)), bench.send(bench.message(no))])
      await pauseFor(50)
      gate.remove()
      await both
      mustTake(await bench.send(bench.message(no)), 'a later repeat')
    }),
  ),
  row(
    dialect.id(209),
    'money',
    'Paid after the backend closed the order',
    'The backend records the money, then refunds it or revives the order. It must not drop the payment silently.',
    'When a closed order is paid, store the payment and acknowledge it. Then refund it or revive the order, by a rule you have chosen.',
    play(
      ['acks', 'orders', 'close'],
      [
        ['PASS', 'the backend accepts it and revives the order'],
        [
          'INFO',
          'the backend accepts it without fulfilling the order: it may have recorded a refund, which this case cannot see',
        ],
        ['FAIL', 'the backend keeps refusing: WeChat gives up, and nobody knows about the money'],
      ],
      async (bench) => {
        const no = await bench.order()
        // The user pays first; the backend closes an order that it believes unpaid.
        await bench.world.pay(no, { deliver: 'hold' })
        await bench.close!({ out_trade_no: no }).catch((error: Error) =>
          bench.note(`the backend did not close it: ${error.message}`),
        )
        await bench.send(bench.message(no))
        const answer = await bench.send(bench.message(no))
        if (!answer.acked) fail(`the backend refused it twice: ${answer.reason}`)
        const told = await bench.word(no)
        if (told?.fulfilments !== 1) info('the backend accepted it; this case cannot see whether it will refund it')
      },
    ),
  ),
  row(
    dialect.id(210),
    'money',
    'A repeat with its fields in another order',
    'A repeat may have different bytes.',
    ONCE,
    once(async (bench, no) => {
      mustTake(await bench.send(bench.message(no)), 'the first')
      mustTake(await bench.send(await dialect.reordered(bench, no)), 'the second')
    }),
  ),
  row(
    dialect.id(211),
    'money',
    'An old notification after a refund',
    'The backend acknowledges a genuine notification that is replayed later, and fulfils nothing.',
    ONCE,
    once(async (bench, no) => {
      const shot = bench.message(no)
      mustTake(await bench.send(shot), 'the first')
      await bench.paidOnce(no)
      const { refundUrl, world } = bench
      const { outRefundNo } = world.refundFromConsole(no, { notifyUrl: refundUrl || bench.notifyUrl })
      await world.settleRefund(outRefundNo, 'SUCCESS', { deliver: 'hold' })
      const { body } = world.refundNotification(outRefundNo)
      if (refundUrl !== '') await bench.send({ ...bench.bytes(body), url: refundUrl })
      const answer = await bench.send(shot)
      if (!answer.acked) bench.lax(`${choiceOf(answer)}; WeChat would repeat it for a day`)
    }),
  ),
  row(
    dialect.id(212),
    'money',
    'Paid twice',
    'A second transaction for the same order is not a duplicate: the money has to go back.',
    'Compare transaction_id on a repeat. If it differs, store the payment, raise an alarm and refund it.',
    play(
      ['acks', 'probe'],
      [
        ['INFO', 'goods go out once; this case cannot see whether the backend flags or refunds the second payment'],
        ['FAIL', 'goods go out for both, or the second payment replaces the first'],
      ],
      async (bench) => {
        const no = await bench.order()
        await bench.pay(no)
        await bench.paidOnce(no)
        const before = await bench.word(no)
        const other = `4200${bench.random.digits(24, 'other')}`
        const answer = await bench.send(await dialect.changed({ transaction_id: other })(bench, no))
        await pauseFor(20)
        const told = (await bench.word(no))!
        if (told.fulfilments !== 1) fail(`the order was fulfilled ${timesOf(told.fulfilments)}`)
        if (told.transactionId !== before!.transactionId) {
          fail(`the second payment replaced the first: ${told.transactionId}`)
        }
        info(choiceOf(answer))
      },
    ),
  ),
  row(
    dialect.id(213),
    'money',
    'Twenty, 5 ms apart',
    'Goods go out once, whatever the interval.',
    ONCE,
    concurrent(20, 5),
  ),
  row(
    dialect.id(214),
    'money',
    'Only the last of 16 attempts arrives',
    'A notification that arrives 24 h after the payment is still valid: a backend that was down accepts it then.',
    'Do not refuse a notification because its time_end is old: API v2 has no time window.',
    once(async (bench, no) => mustTake(await bench.send(await dialect.old(bench, no)), 'the notification')),
    { source: dialect.source },
  ),
  row(
    dialect.id(215),
    'money',
    'Repeats for two orders, interleaved',
    'The backend fulfils each order once. A lock on one order must not lose the other.',
    ONCE,
    once(async (bench, no) => {
      const other = await bench.order()
      await bench.world.pay(other, { deliver: 'hold' })
      const all = await Promise.all([burst(bench, no, 5, 0), burst(bench, other, 5, 0)])
      if (!all.every((answers) => answers.some(({ acked }) => acked))) fail('the backend accepted none of five')
      await bench.paidOnce(other)
    }),
  ),
  row(
    dialect.id(216),
    'money',
    'A failure after the success',
    'result_code FAIL does not undo a payment.',
    'Move an order forward only, from unpaid to paid. A late message changes nothing.',
    once(async (bench, no) => {
      mustTake(await bench.send(bench.message(no)), 'the payment')
      await bench.send(await dialect.failed(bench, no))
    }),
  ),
  row(
    dialect.id(217),
    'money',
    'A failure before the success',
    'The user fails to pay once, then succeeds.',
    'Keep the order payable on result_code FAIL.',
    once(async (bench, no) => {
      await bench.send(await dialect.failed(bench, no))
      mustTake(await bench.send(bench.message(no)), 'the payment')
    }),
  ),
  row(
    dialect.id(218),
    'money',
    'The genuine one after a forgery',
    'A refused message leaves no trace: the backend must not treat the genuine one as its repeat.',
    'Mark a message as seen only once its work is committed.',
    once(async (bench, no) => {
      const shot = bench.message(no)
      await bench.send(bench.message(no, { sign: 'wrong' }))
      mustTake(await bench.send(shot), 'the genuine one')
    }),
  ),
  row(
    dialect.id(219),
    'money',
    'Cut off halfway, then repeated',
    'Half a message counts for nothing. The repeat is complete.',
    'Do nothing until the body is complete and verified.',
    once(async (bench, no) => {
      const shot = bench.message(no)
      await bench.send({ ...shot, transport: { kind: 'cut', after: shot.body.length - 20 } })
      mustTake(await bench.send(shot), 'the repeat')
    }),
  ),
]
