import type { Case, Play } from '../case.ts'
import type { Bench } from '../parts/bench.ts'
import { pauseFor } from '../parts/merchant.ts'
import type { Shot } from '../parts/shoot.ts'
import { DOCS, row } from '../parts/row.ts'
import { fail, info, notLured, play, skip } from '../plays.ts'
import { encryptReqInfo } from '../../wechat/pay-v2/notifications.ts'
import type { RefundEnd } from '../../ledger/refunds.ts'
import { cdata, keyOf, xmlOf, type Field } from './forms.ts'

const DECRYPT =
  'AES-256-ECB under the 32 characters of the lower-case hex md5 of the API key; look the refund up by out_refund_no.'

/** An order that is paid and served, and a refund of it that has ended: what the console or the API would have made. */
async function refundOf(bench: Bench): Promise<{ no: string; fields: Field[] }> {
  const no = await bench.order()
  await bench.pay(no)
  await bench.paidOnce(no)
  const { outRefundNo, refundId, refundFee } = bench.world.refundFromConsole(no)
  const { transactionId, totalFee } = bench.world.order(no)
  await bench.world.settleRefund(outRefundNo, 'SUCCESS', { deliver: 'hold' })
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
      refund_status: 'SUCCESS',
      settlement_refund_fee: String(refundFee),
      settlement_total_fee: String(totalFee),
      success_time: '2026-01-15 12:00:00',
      total_fee: String(totalFee),
      transaction_id: transactionId!,
    }),
  }
}

/** The fields in an envelope that only the holder of the key can read. */
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

/** At level L2, if the probe tells of refunds. */
async function booked(bench: Bench, no: string, n: number, because: string): Promise<void> {
  const told = await bench.word(no)
  if (told?.refunds === undefined) return
  if (told.refunds !== n) fail(`${because}, and ${told.refunds} refunds are booked, not ${n}`)
}

const taken = (
  run: (bench: Bench, shot: (changes?: Record<string, string>) => Shot) => Promise<void>,
  n: number,
  needs: Play['needs'] = [],
): Play =>
  play(
    ['acks', 'refunds', ...needs],
    [
      ['PASS', 'it is taken; at level L2, if the probe tells `refunds`, it is booked once'],
      ['FAIL', 'it is refused, or booked more than once'],
    ],
    async (bench) => {
      const { no, fields } = await refundOf(bench)
      await run(bench, (changes = {}) => refundShot(bench, changed(fields, changes)))
      await pauseFor(20)
      await booked(bench, no, n, 'the notification was taken')
    },
  )

const ended = (status: RefundEnd, n: number) =>
  taken(async (bench, shot) => {
    const { acked, reason } = await bench.send(shot({ refund_status: status }))
    if (!acked) fail(`it was not taken: ${reason}`)
  }, n)

/** Refused, or taken without being booked. */
const dropped = (make: (bench: Bench, fields: Field[]) => Shot, mayTake = false): Play =>
  play(
    ['acks', 'refunds'],
    [
      ['PASS', mayTake ? 'it is refused, or taken and not booked' : 'it is refused'],
      ['FAIL', mayTake ? 'a refund is booked' : 'it is taken, or a refund is booked'],
    ],
    async (bench) => {
      const { no, fields } = await refundOf(bench)
      const answer = await bench.send(make(bench, fields))
      await notLured(bench)
      await booked(bench, no, 0, 'it must not count')
      if (answer.verdict === 'timeout_5s') fail('there was no answer within 5 s')
      if (!answer.acked) return
      if (!mayTake) fail('it was taken')
      if ((await bench.word(no))?.refunds === undefined) {
        skip('it was taken; only a probe that tells `refunds` sees whether it was booked')
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
    'A refund has ended',
    'It is acknowledged, and booked once.',
    DECRYPT,
    taken(async (bench, shot) => {
      const { acked, reason } = await bench.send(shot())
      if (!acked) fail(`it was not taken: ${reason}`)
    }, 1),
    { quick: true, source: DOCS.refund },
  ),
  row(
    'N-702',
    'money',
    'The same refund twice, and five times at once',
    'A repeat is acknowledged and books nothing.',
    'Make (out_refund_no, refund_status) unique, or lock the refund.',
    taken(
      async (bench, shot) => {
        const first = await bench.send(shot())
        if (!first.acked) fail(`the first was not taken: ${first.reason}`)
        const again = await bench.send(shot())
        if (!again.acked) fail(`the repeat was not taken: ${again.reason}`)
        await Promise.all(Array.from({ length: 5 }, () => bench.send(shot())))
      },
      1,
      ['probe'],
    ),
  ),
  row(
    'N-703',
    'money',
    'Five at once',
    'Of several at the same moment one is booked.',
    'Make (out_refund_no, refund_status) unique, or lock the refund.',
    taken(
      async (bench, shot) => {
        const answers = await Promise.all(Array.from({ length: 5 }, () => bench.send(shot())))
        if (!answers.some(({ acked }) => acked)) fail('none was taken')
      },
      1,
      ['probe'],
    ),
  ),
  row(
    'N-704',
    'security',
    'XXE in the decrypted part',
    'The second parse is as strict as the first.',
    'Use one parser, with document types switched off, for both texts.',
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
    'What does not decrypt is refused.',
    DECRYPT,
    dropped((bench, fields) => refundShot(bench, fields, bench.random.alphanumeric(32, 'key'))),
  ),
  row(
    'N-706',
    'hygiene',
    'req_info cut short',
    'What does not decrypt is refused.',
    DECRYPT,
    dropped((bench) => envelopeShot(bench, 'AAAA', bench.world.credentials.appid, bench.world.credentials.mchId)),
  ),
  row(
    'N-707',
    'money',
    'The refund was closed',
    'REFUNDCLOSE is acknowledged, and is no refund.',
    'Read refund_status: SUCCESS, CHANGE or REFUNDCLOSE.',
    ended('REFUNDCLOSE', 0),
    { source: DOCS.refund },
  ),
  row(
    'N-708',
    'money',
    'The refund went astray',
    'CHANGE is acknowledged, and is no refund yet.',
    'Read refund_status: SUCCESS, CHANGE or REFUNDCLOSE.',
    ended('CHANGE', 0),
    { source: DOCS.refund },
  ),
  row(
    'N-709',
    'money',
    'No req_info',
    'A message without its secret part is refused.',
    DECRYPT,
    dropped((bench) => ({ ...bench.bytes('<xml><return_code>SUCCESS</return_code></xml>'), url: bench.refundUrl })),
  ),
  row(
    'N-710',
    'money',
    'The fields in the open',
    'Only what was encrypted under the key counts: nothing else proves the sender.',
    'Read the fields from req_info alone.',
    dropped((bench, fields) => ({
      ...bench.bytes(xmlOf([['return_code', 'SUCCESS'], ...fields])),
      url: bench.refundUrl,
    })),
  ),
  row(
    'N-711',
    'availability',
    'Laughs in the decrypted part',
    'The second parse is as strict as the first.',
    'Use one parser, with document types switched off, for both texts.',
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
    'More than was paid',
    'A refund of more than the order is a difference: it is not booked.',
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
    'Of an order that nobody knows',
    'It is answered; whether it is taken is a choice.',
    'Refuse it, or park it for a person.',
    play(['acks', 'refunds'], [['INFO', 'both are sound']], async (bench) => {
      const { no, fields } = await refundOf(bench)
      const { acked } = await bench.send(
        refundShot(
          bench,
          changed(fields, { out_trade_no: `${no.slice(0, -4)}nope`, transaction_id: `4200${'1'.repeat(24)}` }),
        ),
      )
      await booked(bench, no, 0, 'it is about another order')
      info(acked ? 'it was taken' : 'it was refused')
    }),
    { why: 'It shows a choice.' },
  ),
  row(
    'N-714',
    'money',
    'A refund notification is no payment',
    'A refund that comes to the payment handler pays no order.',
    'Tell the two apart by req_info, and never take its fields for a payment.',
    play(
      ['acks'],
      [
        ['PASS', 'nothing is fulfilled'],
        ['FAIL', 'goods go out'],
      ],
      async (bench) => {
        const no = await bench.order()
        const plain = `<root><out_trade_no>${no}</out_trade_no><transaction_id>4200${'7'.repeat(24)}</transaction_id><total_fee>${bench.world.order(no).totalFee}</total_fee><result_code>SUCCESS</result_code><refund_status>SUCCESS</refund_status><refund_fee>1</refund_fee><refund_id>5</refund_id><out_refund_no>r-${no}</out_refund_no></root>`
        const answer = await bench.send({ ...refundShot(bench, [], keyOf(bench), plain), url: bench.notifyUrl })
        await bench.stillUnpaid(no, 'a refund is no payment')
        bench.note(answer.acked ? 'it was taken' : 'it was refused')
      },
    ),
  ),
]
