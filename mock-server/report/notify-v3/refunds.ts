import type { Case, Play } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { pauseFor } from '../parts/merchant.ts'
import { DOCS, row } from '../parts/row.ts'
import type { Shot } from '../parts/shoot.ts'
import { fail, play, skip } from '../plays.ts'
import type { RefundEnd } from '../../ledger/refunds.ts'
import { encryptReqInfo } from '../../wechat/pay-v2/notifications.ts'
import { sealAead } from '../../wire/aead-v3.ts'
import { envelopeOf, keyOf, plainOf, signedBytes } from './forms.ts'

const BOOK = 'Look the refund up by out_refund_no, under a lock. Book it once, when refund_status is SUCCESS.'

type Facts = Record<string, unknown>

const STATUS: Readonly<Record<RefundEnd, string>> = { SUCCESS: 'SUCCESS', REFUNDCLOSE: 'CLOSED', CHANGE: 'ABNORMAL' }

/**
 * A paid and served order, and the facts of a refund for it. WeChat gives the same answer to a query: the refund has
 * ended so, or, without `end`, is being processed.
 */
async function refundOf(bench: Bench, end?: RefundEnd): Promise<{ no: string; facts: Facts }> {
  const no = await bench.order()
  await bench.pay(no)
  await bench.paidOnce(no)
  const { outRefundNo, refundId } = bench.world.refundFromConsole(no)
  if (end) await bench.world.settleRefund(outRefundNo, end, { deliver: 'hold' })
  const { transactionId, totalFee } = bench.world.order(no)
  return {
    no,
    facts: {
      mchid: bench.world.credentials.mchId,
      out_trade_no: no,
      transaction_id: transactionId,
      out_refund_no: outRefundNo,
      refund_id: refundId,
      refund_status: STATUS[end ?? 'SUCCESS'],
      success_time: '2026-01-15T12:00:00+08:00',
      amount: { total: totalFee, refund: totalFee, payer_total: totalFee, payer_refund: totalFee },
      user_received_account: '支付用户零钱',
    },
  }
}

function refundShot(bench: Bench, no: string, facts: Facts, event = 'REFUND.SUCCESS', key = keyOf(bench)): Shot {
  const envelope = envelopeOf(bench, no)
  const { nonce } = envelope.resource
  const body = JSON.stringify({
    ...envelope,
    id: bench.random.hex(32, 'event', JSON.stringify(facts)),
    event_type: event,
    summary: '退款',
    resource: {
      original_type: 'refund',
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: sealAead(JSON.stringify(facts), key, nonce!, 'refund'),
      associated_data: 'refund',
      nonce,
    },
  })
  return { ...signedBytes(bench, body), url: bench.refundUrl }
}

async function booked(bench: Bench, no: string, n: number, because: string): Promise<boolean> {
  const told = await bench.word(no)
  if (told?.refunds === undefined) return false
  if (told.refunds !== n) fail(`${because}, but ${told.refunds} refunds are booked, not ${n}`)
  return true
}

const taken = (
  n: number,
  run: (bench: Bench, no: string, facts: Facts) => Promise<void>,
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
      const { no, facts } = await refundOf(bench, end)
      await run(bench, no, facts)
      await pauseFor(20)
      await booked(bench, no, n, 'the backend accepted the notification')
    },
  )

async function mustTake(bench: Bench, shot: Shot): Promise<void> {
  const { acked, reason } = await bench.send(shot)
  if (!acked) fail(`the backend did not accept it: ${reason}`)
}

const dropped = (make: (bench: Bench, no: string, facts: Facts) => Shot, mayTake = false): Play =>
  play(
    ['acks', 'refunds'],
    [
      ['PASS', mayTake ? 'the backend refuses it, or accepts it without booking a refund' : 'the backend refuses it'],
      ['FAIL', mayTake ? 'the backend books a refund' : 'the backend accepts it, or books a refund'],
    ],
    async (bench) => {
      const { no, facts } = await refundOf(bench)
      const answer = await bench.send(make(bench, no, facts))
      const isSeen = await booked(bench, no, 0, 'it must not count as a refund')
      if (answer.verdict === 'timeout_5s') fail('no answer within 5 s')
      if (!answer.acked) return
      if (!mayTake) fail('the backend accepted it')
      if (!isSeen) skip('the backend accepted it; only a probe that reports `refunds` shows whether it booked a refund')
    },
  )

const ended = (event: string, end: RefundEnd) =>
  taken(0, (bench, no, facts) => mustTake(bench, refundShot(bench, no, facts, event)), [], end)

/** A refund from the merchant platform arrives as API v2 XML, even for a merchant that uses API v3. */
function v2Shot(bench: Bench, no: string, facts: Facts): Shot {
  const { appid, mchId, apiKey } = bench.world.credentials
  const { total } = facts.amount as { total: number }
  const fields = {
    out_refund_no: facts.out_refund_no,
    out_trade_no: no,
    refund_fee: total,
    refund_id: facts.refund_id,
    refund_status: 'SUCCESS',
    settlement_refund_fee: total,
    total_fee: total,
    transaction_id: facts.transaction_id,
  }
  const plain = `<root>${Object.entries(fields)
    .map(([name, value]) => `<${name}><![CDATA[${String(value)}]]></${name}>`)
    .join('')}</root>`
  return {
    url: bench.refundUrl,
    headers: bench.world.noticeHeaders('v2', ''),
    body: `<xml><return_code>SUCCESS</return_code><appid><![CDATA[${appid}]]></appid><mch_id><![CDATA[${mchId}]]></mch_id><nonce_str><![CDATA[${bench.random.hex(32, 'nonce')}]]></nonce_str><req_info><![CDATA[${encryptReqInfo(plain, apiKey)}]]></req_info></xml>`,
  }
}

const OTHERS: readonly [id: string, event: string, type: string, facts: Facts][] = [
  [
    'V-720',
    'COMPLAINT.CREATE',
    'complaint',
    { complaint_id: '200201820200101080076610000', action_type: 'CREATE_COMPLAINT' },
  ],
  ['V-721', 'MCHTRANSFER.BILL.FINISHED', 'mch_payment', { out_bill_no: 'plfk2020042013', state: 'SUCCESS' }],
  ['V-722', 'SECURITY_ECHO.SUCCESS', 'security_echo', { message: 'hello' }],
]

export const REFUNDS_V3: readonly Case[] = [
  row(
    'V-701',
    'money',
    'A refund has succeeded',
    'The backend acknowledges the refund and books it once.',
    BOOK,
    taken(1, (bench, no, facts) => mustTake(bench, refundShot(bench, no, facts))),
    { quick: true, source: DOCS.refundV3 },
  ),
  row(
    'V-702',
    'money',
    'The same refund twice',
    'The backend acknowledges a repeat and books nothing.',
    BOOK,
    taken(
      1,
      async (bench, no, facts) => {
        await mustTake(bench, refundShot(bench, no, facts))
        await mustTake(bench, refundShot(bench, no, facts))
      },
      ['probe'],
    ),
    { source: DOCS.refundV3 },
  ),
  row(
    'V-703',
    'money',
    'The same refund five times at once',
    'Several arrive at the same moment. The backend books one.',
    BOOK,
    taken(
      1,
      async (bench, no, facts) => {
        const answers = await Promise.all(Array.from({ length: 5 }, () => bench.send(refundShot(bench, no, facts))))
        if (!answers.some(({ acked }) => acked)) fail('the backend accepted none')
      },
      ['probe'],
    ),
  ),
  row(
    'V-705',
    'money',
    'Encrypted with another key',
    'The backend refuses a message that it cannot decrypt.',
    BOOK,
    dropped((bench, no, facts) => refundShot(bench, no, facts, 'REFUND.SUCCESS', bench.random.alphanumeric(32, 'key'))),
  ),
  row(
    'V-706',
    'money',
    'A refund with a bad signature',
    'The backend verifies refunds like payments.',
    'Verify every notification before you read event_type.',
    dropped((bench, no, facts) => {
      const shot = refundShot(bench, no, facts)
      return { ...shot, headers: { ...shot.headers, 'Wechatpay-Signature': 'AAAA' } }
    }),
    { source: DOCS.verifyV3 },
  ),
  row(
    'V-707',
    'money',
    'The refund was closed',
    'The backend acknowledges REFUND.CLOSED and books nothing.',
    BOOK,
    ended('REFUND.CLOSED', 'REFUNDCLOSE'),
    { source: DOCS.refundV3 },
  ),
  row(
    'V-708',
    'money',
    'The refund failed',
    'The backend acknowledges REFUND.ABNORMAL and books nothing yet.',
    BOOK,
    ended('REFUND.ABNORMAL', 'CHANGE'),
    { source: DOCS.refundV3 },
  ),
  row(
    'V-709',
    'money',
    'refund_status and event_type disagree',
    'The backend does not book a refund unless refund_status is SUCCESS.',
    BOOK,
    dropped((bench, no, facts) => refundShot(bench, no, { ...facts, refund_status: 'CLOSED' }), true),
  ),
  row(
    'V-712',
    'money',
    'A refund of more than was paid',
    'A refund larger than the order is an error. The backend must not book it.',
    BOOK,
    dropped(
      (bench, no, facts) =>
        refundShot(bench, no, { ...facts, amount: { ...(facts.amount as object), refund: 99_999_999 } }),
      true,
    ),
  ),
  row(
    'V-713',
    'money',
    'The refund of another merchant',
    'The backend compares the mchid of refunds too.',
    BOOK,
    dropped((bench, no, facts) => refundShot(bench, no, { ...facts, mchid: '1900009999' }), true),
  ),
  row(
    'V-714',
    'money',
    'A refund sent to the payment handler',
    'A refund that reaches the payment handler must not pay an order.',
    'Read event_type first.',
    play(
      ['acks'],
      [
        ['PASS', 'the backend fulfils nothing'],
        ['FAIL', 'goods go out'],
      ],
      async (bench) => {
        const no = await bench.order()
        const { totalFee } = bench.world.order(no)
        const shot = refundShot(bench, no, {
          ...plainOf(bench, no),
          out_refund_no: 'r1',
          refund_id: '5',
          refund_status: 'SUCCESS',
          amount: { total: totalFee, refund: totalFee, currency: 'CNY' },
        })
        await bench.send({ ...shot, url: bench.notifyUrl })
        await bench.stillUnpaid(no, 'a refund is not a payment')
      },
    ),
  ),
  row(
    'V-715',
    'availability',
    'A refund from the merchant platform, as API v2 XML',
    'Merchants that use API v3 get this XML too. The backend accepts it, or refuses it without crashing.',
    'Recognise XML and decrypt req_info with the API v2 key. Or refuse it, and query the refund.',
    play(
      ['acks', 'refunds'],
      [
        ['PASS', 'the backend accepts it, or refuses it with HTTP 4xx'],
        ['LAX', 'the backend answers HTTP 5xx'],
        ['FAIL', 'no answer comes'],
      ],
      async (bench) => {
        const { no, facts } = await refundOf(bench, 'SUCCESS')
        const { status, reason } = await bench.send(v2Shot(bench, no, facts))
        if (status === 0) fail(reason)
        if (status >= 500) bench.lax(`the backend answered HTTP ${status}`)
      },
    ),
    { source: DOCS.refundUrlV3 },
  ),
  ...OTHERS.map(([id, event, type, facts]) =>
    row(
      id,
      'hygiene',
      `Another product's event: ${event}`,
      'The backend accepts and ignores an event that it does not know, if the signature is valid: repeats help nobody.',
      'Answer 200 to a valid event that is not yours, and log it.',
      play(
        ['acks'],
        [
          ['PASS', 'the backend accepts it'],
          ['LAX', 'the backend refuses it: WeChat repeats it in vain'],
          ['FAIL', 'goods go out, or no answer comes'],
        ],
        async (bench) => {
          const no = await bench.order()
          const { body } = bench.world.craftEvent({
            eventType: event,
            originalType: type,
            resource: { ...facts, out_trade_no: no },
            url: bench.notifyUrl,
          })
          const { acked, status, reason } = await bench.send(signedBytes(bench, body))
          await bench.stillUnpaid(no, 'the event is not a payment')
          if (status === 0) fail(reason)
          if (!acked) bench.lax(`the backend refused it: ${reason}`)
        },
      ),
    ),
  ),
]
