import type { Case, Play } from '../case.ts'
import type { Bench, Answer } from '../parts/bench.ts'
import { pauseFor } from '../parts/merchant.ts'
import { row } from '../parts/row.ts'
import type { Need } from '../verdicts.ts'
import { fail, info, play } from '../plays.ts'
import type { Dialect } from './dialect.ts'

const ONCE =
  'Lock the order row (or update it where state = unpaid), fulfil only if that changed it, and acknowledge either way.'

/** The order is paid, things happen, and goods have gone out once. */
const once = (
  run: (bench: Bench, outTradeNo: string) => Promise<void>,
  needs: readonly Need[] = [],
  more: Play['outcomes'] = [],
): Play =>
  play(
    ['acks', 'probe', ...needs],
    [
      ['PASS', 'goods have gone out exactly once, and the last notification is taken'],
      ...more,
      ['FAIL', 'goods went out twice, or not at all'],
    ],
    async (bench) => {
      const no = await bench.order()
      await bench.world.pay(no, { deliver: 'hold' })
      await run(bench, no)
      await bench.paidOnce(no, 'several notifications of one payment came')
    },
  )

function mustTake(answer: Answer, which: string): void {
  if (!answer.acked) fail(`${which} was not taken: ${answer.reason}`)
}

/** `n` notifications, each begun `apartMs` after the one before. */
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
      if (!answers.some(({ acked }) => acked)) fail(`none of ${n} was taken`)
      if (storm > 1) bench.lax(`${storm} of ${n} were answered with HTTP 5xx`)
      mustTake(await bench.send(bench.message(no)), 'one more, afterwards,')
    },
    [],
    [['LAX', 'several of them are answered with HTTP 5xx: WeChat repeats those']],
  )

export const duplicates = (dialect: Dialect): readonly Case[] => [
  row(
    dialect.id(201),
    'money',
    'The same bytes twice',
    'A repeated notification is acknowledged, and changes nothing.',
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
    'The same payment with another nonce',
    'A payment is known by its transaction_id, not by the bytes of a message.',
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
    'Of two notifications at the same moment one fulfils the order; the other may be taken or not.',
    ONCE,
    concurrent(2, 0),
    { quick: true, source: dialect.source },
  ),
  row(
    dialect.id(204),
    'money',
    'Twenty at once',
    'Goods go out once, however many notifications come together.',
    ONCE,
    concurrent(20, 0),
    { source: dialect.source },
  ),
  row(
    dialect.id(205),
    'money',
    'The acknowledgement is lost',
    'The backend has done its work and WeChat does not know: the repeat is acknowledged.',
    ONCE,
    once(async (bench, no) => {
      await bench.send({ ...bench.message(no), transport: { kind: 'deaf' } })
      // The backend gets the time to do what it does.
      await pauseFor(50)
      mustTake(await bench.send(bench.message(no)), 'the repeat')
    }),
    { quick: true, source: dialect.source },
  ),
  row(
    dialect.id(206),
    'money',
    'The notification is faster than the answer to the order',
    'A notification that comes before the answer to unifiedorder is taken, or refused and taken later; never lost.',
    'Store the order before you call unifiedorder, under the number you send.',
    play(
      ['acks', 'orders'],
      [
        ['PASS', 'it is taken at once, or refused and taken when it is repeated'],
        ['FAIL', 'the payment is lost: the repeat is not taken, or the order not fulfilled'],
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
          bench.note(`order ${no}: the answer to unifiedorder is held`)
          await bench.world.pay(no, { deliver: 'hold' })
          taken = (await bench.send(bench.message(no))).acked
        } finally {
          gate.remove()
        }
        await done
        // What was taken is not repeated.
        if (!taken) await bench.pay(no)
        await bench.paidOnce(no, 'the notification came before the answer to the order')
      },
    ),
    { quick: true },
  ),
  row(
    dialect.id(207),
    'money',
    'The acknowledgement is lost, and the repeat comes while the first is under way',
    'The first may still be at work when the repeat comes.',
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
    'While the backend asks WeChat',
    'A backend that asks orderquery before it fulfils does not fulfil twice because a second notification comes meanwhile.',
    ONCE,
    once(async (bench, no) => {
      const gate = bench.world.gate('orderquery.response')
      const both = Promise.all([bench.send(bench.message(no)), bench.send(bench.message(no))])
      await pauseFor(50)
      gate.remove()
      await both
      mustTake(await bench.send(bench.message(no)), 'one more, afterwards,')
    }),
  ),
  row(
    dialect.id(209),
    'money',
    'Paid after the backend has closed the order',
    'Money that has come is recorded, for a refund or a revival; it is not dropped in silence.',
    'On a payment of a closed order: store it, acknowledge, and refund or revive by a rule you have decided on.',
    play(
      ['acks', 'orders', 'close'],
      [
        ['PASS', 'it is taken, and the order is revived'],
        ['INFO', 'it is taken and not fulfilled: recorded for a refund, which cannot be seen from here'],
        ['FAIL', 'it is refused again and again: WeChat gives up, and nobody knows of the money'],
      ],
      async (bench) => {
        const no = await bench.order()
        // The user pays first; the backend closes what it takes for unpaid.
        await bench.world.pay(no, { deliver: 'hold' })
        await bench.close!({ out_trade_no: no }).catch((error: Error) =>
          bench.note(`the backend would not close it: ${error.message}`),
        )
        await bench.send(bench.message(no))
        const answer = await bench.send(bench.message(no))
        if (!answer.acked) fail(`it was refused twice: ${answer.reason}`)
        const told = await bench.word(no)
        if (told?.fulfilments !== 1) info('it was taken; whether it will be refunded cannot be seen from here')
      },
    ),
  ),
  row(
    dialect.id(210),
    'money',
    'A repeat with its fields in another order',
    'A repeat need not have the same bytes.',
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
    'A genuine notification that is replayed later is acknowledged and fulfils nothing.',
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
      if (!answer.acked) bench.lax(`the replay was not taken: ${answer.reason}; WeChat would repeat it for a day`)
    }),
  ),
  row(
    dialect.id(212),
    'money',
    'Paid twice',
    'A second transaction of the same order is no duplicate: it is money to be given back.',
    'Compare transaction_id on a repeat; with another one store the payment, alarm, and refund it.',
    play(
      ['acks', 'probe'],
      [
        ['INFO', 'goods went out once; whether the second payment is flagged or refunded cannot be seen from here'],
        ['FAIL', 'goods went out for both, or the order has lost its first payment'],
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
        if (told.fulfilments !== 1) fail(`the order was fulfilled ${told.fulfilments} times`)
        if (told.transactionId !== before!.transactionId) {
          fail(`the second payment replaced the first: ${told.transactionId}`)
        }
        info(answer.acked ? 'it was taken' : `it was refused: ${answer.reason}; WeChat repeats it for a day`)
      },
    ),
  ),
  row(dialect.id(213), 'money', 'Twenty, 5 ms apart', 'Goods go out once, at any distance.', ONCE, concurrent(20, 5)),
  row(
    dialect.id(214),
    'money',
    'Only the last of 16 sends arrives',
    'A notification that comes 24 h after the payment is as good as any: a backend that was down takes it then.',
    'Do not refuse a notification because its time_end is old: API v2 has no time window.',
    once(async (bench, no) => mustTake(await bench.send(await dialect.old(bench, no)), 'it')),
    { source: dialect.source },
  ),
  row(
    dialect.id(215),
    'money',
    'Repeats of two orders, mixed',
    'Each order is fulfilled once; a lock of one does not lose the other.',
    ONCE,
    once(async (bench, no) => {
      const other = await bench.order()
      await bench.world.pay(other, { deliver: 'hold' })
      const all = await Promise.all([burst(bench, no, 5, 0), burst(bench, other, 5, 0)])
      if (!all.every((answers) => answers.some(({ acked }) => acked))) fail('none of five was taken')

      await bench.paidOnce(other)
    }),
  ),
  row(
    dialect.id(216),
    'money',
    'A failure after the success',
    'result_code FAIL does not undo a payment.',
    'Only move forward: unpaid to paid. What arrives late changes nothing.',
    once(async (bench, no) => {
      mustTake(await bench.send(bench.message(no)), 'the payment')
      await bench.send(await dialect.failed(bench, no))
    }),
  ),
  row(
    dialect.id(217),
    'money',
    'A failure before the success',
    'A failed attempt is followed by one that succeeds.',
    'Leave the order payable on result_code FAIL.',
    once(async (bench, no) => {
      await bench.send(await dialect.failed(bench, no))
      mustTake(await bench.send(bench.message(no)), 'the payment')
    }),
  ),
  row(
    dialect.id(218),
    'money',
    'A repeat after a forgery',
    'What was refused leaves no trace: the genuine one is not taken for its repeat.',
    'Remember a message as seen only when its work is committed.',
    once(async (bench, no) => {
      const shot = bench.message(no)
      await bench.send(bench.message(no, { sign: 'wrong' }))
      mustTake(await bench.send(shot), 'the genuine one')
    }),
  ),
  row(
    dialect.id(219),
    'money',
    'Cut off in the middle, then repeated',
    'Half a message is no message, and the repeat is whole.',
    'Do nothing before the body is complete and verified.',
    once(async (bench, no) => {
      const shot = bench.message(no)
      await bench.send({ ...shot, transport: { kind: 'cut', after: shot.body.length - 20 } })
      mustTake(await bench.send(shot), 'the repeat')
    }),
  ),
]
