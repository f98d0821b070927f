import type { Case, Play } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { pauseFor } from '../parts/merchant.ts'
import type { Shot } from '../parts/shoot.ts'
import { DOCS, row } from '../parts/row.ts'
import { choiceOf, fail, info, notLured, play, skip } from '../plays.ts'
import { encryptReqInfo } from '../../wechat/pay-v2/notifications.ts'
import type { RefundEnd } from '../../ledger/refunds.ts'
import { cdata, keyOf, xmlOf, type Field } from './forms.ts'

const DECRYPT =
  'Decrypt with AES-256-ECB. The key is the MD5 of the API key as 32 lower-case hex characters. Look the refund up by out_refund_no.'

/**
 * A paid and served order with a refund, as the console would have made it. WeChat gives the same answer to a query: the
 * refund has ended so, or, without `end`, is being processed.
 */
async function refundOf(bench: Bench, end?: RefundEnd): Promise<{ no: string; fields: Field[] }> {
  const no = await bench.order()
  await bench.pay(no)
  await bench.paidOnce(no)
  const { outRefundNo, refundId, refundFee } = bench.world.refundFromConsole(no)
  const { transactionId, totalFee } = bench.world.order(no)
  if (end) await bench.world.settleRefund(outRefundNo, end, { deliver: 'hold' })
  return {
    no,
    fields: Object.entries({
      out_refund_no: outRefundNo,
      out_trade_no: no,
      refund_account: 'REFUND_SOURCE_RECHARGE_FUNDS',
      refund_fee: String(refundFee),
      refund_id: refundId,
      refund_recv_accout: '支付用户零钱',
      refund_request_source: 'VENDOR_PLATFORM',
      refund_status: end ?? 'SUCCESS',
      settlement_refund_fee: String(refundFee),
      settlement_total_fee: String(totalFee),
      success_time: '2026-01-15 12:00:00',
      total_fee: String(totalFee),
      transaction_id: transactionId!,
    }),
  }
}

/** The fields, encrypted so that only the holder of the key can read them. */
function refundShot(bench: Bench, fields: readonly Field[], key = keyOf(bench), plain?: string): Shot {
  const { appid, mchId } = bench.world.credentials
  const inner = plain ?? xmlOf(fields).replace('<xml>', '<root>').replace('</xml>', '</root>')
  return envelopeShot(bench, encryptReqInfo(inner, key), appid, mchId)
}

function envelopeShot(bench: Bench, reqInfo: string, appid: string, mchId: string): Shot {
  const nonce = bench.random.hex(32, 'nonce')
  const body = `<xml><return_code>SUCCESS</return_code><appid>${cdata(appid)}</appid><mch_id>${cdata(mchId)}</mch_id><nonce_str>${cdata(nonce)}</nonce_str><req_info>${cdata(reqInfo)}</req_info></xml>`
  return { ...bench.bytes(body), url: bench.refundUrl }
}

const changed = (fields: readonly Field[], changes: Readonly<Record<string, string>>): Field[] =>
  fields.map(([name, value]) => [name, changes[name] ?? value])

/** Checks the number of booked refunds, at level L2, if the probe reports it. */
async function booked(bench: Bench, no: string, n: number, because: string): Promise<void> {
  const told = await bench.word(no)
  if (told?.refunds === undefined) return
  if (told.refunds !== n) fail(`${because}, but ${told.refunds} refunds are booked, not ${n}`)
}

const taken = (
  run: (bench: Bench, shot: () => Shot) => Promise<void>,
  n: number,
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
      const { no, fields } = await refundOf(bench, end)
      await run(bench, () => refundShot(bench, fields))
      await pauseFor(20)
      await booked(bench, no, n, 'the backend accepted the notification')
    },
  )

const ended = (end: RefundEnd, n: number) =>
  taken(
    async (bench, shot) => {
      const { acked, reason } = await bench.send(shot())
      if (!acked) fail(`the backend did not accept it: ${reason}`)
    },
    n,
    [],
    end,
  )

/** The backend refuses it, or accepts it without booking a refund. */
const dropped = (make: (bench: Bench, fields: Field[]) => Shot, mayTake = false): Play =>
  play(
    ['acks', 'refunds'],
    [
      ['PASS', mayTake ? 'the backend refuses it, or accepts it without booking a refund' : 'the backend refuses it'],
      ['FAIL', mayTake ? 'the backend books a refund' : 'the backend accepts it, or books a refund'],
    ],
    async (bench) => {
      const { no, fields } = await refundOf(bench)
      const answer = await bench.send(make(bench, fields))
      await notLured(bench)
      await booked(bench, no, 0, 'it must not count as a refund')
      if (answer.verdict === 'timeout_5s') fail('no answer within 5 s')
      if (!answer.acked) return
      if (!mayTake) fail('the backend accepted it')
      if ((await bench.word(no))?.refunds === undefined) {
        skip('the backend accepted it; only a probe that reports `refunds` shows whether it booked a refund')
      }
    },
  )

const root = (fields: readonly Field[], before: string, value: string) =>
  `${before}${xmlOf(fields, { write: (text, name) => (name === 'refund_recv_accout' ? value : cdata(text)) })
    .replace('<xml>', '<root>')
    .replace('</xml>', '</root>')}`

export const REFUNDS: readonly Case[] = [
  row(
    'N-701',
    'money',
    'A refund has succeeded',
    'The backend acknowledges the refund and books it once.',
    DECRYPT,
    ended('SUCCESS', 1),
    { quick: true, source: DOCS.refund },
  ),
  row(
    'N-702',
    'money',
    'The same refund twice, then five times at once',
    'The backend acknowledges a repeat and books nothing.',
    'Add a unique key on (out_refund_no, refund_status), or lock the refund.',
    taken(
      async (bench, shot) => {
        const first = await bench.send(shot())
        if (!first.acked) fail(`the backend did not accept the first: ${first.reason}`)
        const again = await bench.send(shot())
        if (!again.acked) fail(`the backend did not accept the repeat: ${again.reason}`)
        await Promise.all(Array.from({ length: 5 }, () => bench.send(shot())))
      },
      1,
      ['probe'],
    ),
  ),
  row(
    'N-703',
    'money',
    'The same refund five times at once',
    'Several arrive at the same moment. The backend books one.',
    'Add a unique key on (out_refund_no, refund_status), or lock the refund.',
    taken(
      async (bench, shot) => {
        const answers = await Promise.all(Array.from({ length: 5 }, () => bench.send(shot())))
        if (!answers.some(({ acked }) => acked)) fail('the backend accepted none')
      },
      1,
      ['probe'],
    ),
  ),
  row(
    'N-704',
    'security',
    'XXE inside req_info',
    'The second parse must be as strict as the first.',
    'Use one parser, with document types disabled, for both texts.',
    dropped((bench, fields) =>
      refundShot(
        bench,
        fields,
        keyOf(bench),
        root(fields, `<!DOCTYPE root [<!ENTITY x SYSTEM "${bench.trap.url(bench.id)}">]>`, '&x;'),
      ),
    ),
    { source: DOCS.xxe },
  ),
  row(
    'N-705',
    'money',
    "Encrypted with another merchant's key",
    'The backend refuses a message that it cannot decrypt.',
    DECRYPT,
    dropped((bench, fields) => refundShot(bench, fields, bench.random.alphanumeric(32, 'key'))),
  ),
  row(
    'N-706',
    'hygiene',
    'req_info cut short',
    'The backend refuses a message that it cannot decrypt.',
    DECRYPT,
    dropped((bench) => envelopeShot(bench, 'AAAA', bench.world.credentials.appid, bench.world.credentials.mchId)),
  ),
  row(
    'N-707',
    'money',
    'The refund was closed',
    'The backend acknowledges REFUNDCLOSE and books nothing.',
    'Read refund_status: SUCCESS, CHANGE or REFUNDCLOSE.',
    ended('REFUNDCLOSE', 0),
    { source: DOCS.refund },
  ),
  row(
    'N-708',
    'money',
    'The refund failed',
    'The backend acknowledges CHANGE and books nothing yet.',
    'Read refund_status: SUCCESS, CHANGE or REFUNDCLOSE.',
    ended('CHANGE', 0),
    { source: DOCS.refund },
  ),
  row(
    'N-709',
    'money',
    'No req_info',
    'The backend refuses a message without req_info.',
    DECRYPT,
    dropped((bench) => ({ ...bench.bytes('<xml><return_code>SUCCESS</return_code></xml>'), url: bench.refundUrl })),
  ),
  row(
    'N-710',
    'money',
    'The fields in plain text',
    'Only encrypted fields count: nothing else proves the sender.',
    'Read the fields from req_info only.',
    dropped((bench, fields) => ({
      ...bench.bytes(xmlOf([['return_code', 'SUCCESS'], ...fields])),
      url: bench.refundUrl,
    })),
  ),
  row(
    'N-711',
    'availability',
    'A billion laughs inside req_info',
    'The second parse must be as strict as the first.',
    'Use one parser, with document types disabled, for both texts.',
    dropped((bench, fields) =>
      refundShot(
        bench,
        fields,
        keyOf(bench),
        root(
          fields,
          `<!DOCTYPE root [<!ENTITY l0 "lol">${Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('')}]>`,
          '&l9;',
        ),
      ),
    ),
  ),
  row(
    'N-712',
    'money',
    'A refund of more than was paid',
    'A refund larger than the order is an error. The backend must not book it.',
    'Compare refund_fee with the order, or ask refundquery.',
    dropped(
      (bench, fields) =>
        refundShot(bench, changed(fields, { refund_fee: '99999999', settlement_refund_fee: '99999999' })),
      true,
    ),
  ),
  row(
    'N-713',
    'money',
    'A refund for an unknown order',
    'The backend answers. It may accept or refuse.',
    'Refuse it, or keep it for manual review.',
    play(['acks', 'refunds'], [['INFO', 'accepting and refusing are both sound']], async (bench) => {
      const { no, fields } = await refundOf(bench)
      const answer = await bench.send(
        refundShot(
          bench,
          changed(fields, { out_trade_no: `${no.slice(0, -4)}nope`, transaction_id: `4200${'1'.repeat(24)}` }),
        ),
      )
      await booked(bench, no, 0, 'the refund is for another order')
      info(choiceOf(answer))
    }),
    { why: 'It shows a choice. Neither is wrong.' },
  ),
  row(
    'N-714',
    'money',
    'A refund sent to the payment handler',
    'A refund that reaches the payment handler must not pay an order.',
    'Tell the two apart by req_info. Never treat its fields as a payment.',
    play(
      ['acks'],
      [
        ['PASS', 'the backend fulfils nothing'],
        ['FAIL', 'goods go out'],
      ],
      async (bench) => {
        const no = await bench.order()
        const plain = `<root><out_trade_no>${no}</out_trade_no><transaction_id>4200${'7'.repeat(24)}</transaction_id><total_fee>${bench.world.order(no).totalFee}</total_fee><result_code>SUCCESS</result_code><refund_status>SUCCESS</refund_status><refund_fee>1</refund_fee><refund_id>5</refund_id><out_refund_no>r-${no}</out_refund_no></root>`
        const answer = await bench.send({ ...refundShot(bench, [], keyOf(bench), plain), url: bench.notifyUrl })
        await bench.stillUnpaid(no, 'a refund is not a payment')
        bench.note(choiceOf(answer))
      },
    ),
  ),
]
