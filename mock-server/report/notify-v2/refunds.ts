import type { RefundEnd } from '../../ledger/refunds.ts'
import type { Case } from '../case.ts'
import { booked, dropped, refunds, type RefundChanges, type RefundDialect } from '../common/refunds.ts'
import type { Bench } from '../parts/bench.ts'
import type { Shot } from '../parts/shoot.ts'
import { DOCS, row } from '../parts/row.ts'
import { choiceOf, info, play } from '../plays.ts'
import { encryptReqInfo } from '../../wechat/pay-v2/notifications.ts'
import { V2 } from './dialect.ts'
import { cdata, keyOf, xmlOf, type Field } from './forms.ts'

const DECRYPT =
  'Decrypt with AES-256-ECB. The key is the MD5 of the API key as 32 lower-case hex characters. Look the refund up by out_refund_no.'

interface Refund {
  readonly no: string
  readonly fields: Field[]
}

/** A paid and served order with a refund, as the console would have made it. */
async function refundOf(bench: Bench, end?: RefundEnd): Promise<Refund> {
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

const STATUS = 'Read refund_status: SUCCESS, CHANGE or REFUNDCLOSE.'
const ONCE = 'Add a unique key on (out_refund_no, refund_status), or lock the refund.'

const DIALECT: RefundDialect<Refund> = {
  id: V2.id,
  source: DOCS.refund,
  refundOf,
  shot: (bench, { fields }, { fee, key }: RefundChanges = {}) =>
    refundShot(
      bench,
      fee === undefined ? fields : changed(fields, { refund_fee: String(fee), settlement_refund_fee: String(fee) }),
      key,
    ),
  likePayment: (bench, no) => {
    const plain = `<root><out_trade_no>${no}</out_trade_no><transaction_id>4200${'7'.repeat(24)}</transaction_id><total_fee>${bench.world.order(no).totalFee}</total_fee><result_code>SUCCESS</result_code><refund_status>SUCCESS</refund_status><refund_fee>1</refund_fee><refund_id>5</refund_id><out_refund_no>r-${no}</out_refund_no></root>`
    return { ...refundShot(bench, [], keyOf(bench), plain), url: bench.notifyUrl }
  },
  closed: 'REFUNDCLOSE',
  astray: 'CHANGE',
  fix: {
    read: DECRYPT,
    once: ONCE,
    status: STATUS,
    fee: 'Compare refund_fee with the order, or ask refundquery.',
    apart: 'Tell the two apart by req_info. Never treat its fields as a payment.',
  },
}

const refusedRefund = (make: (bench: Bench, fields: Field[]) => Shot) =>
  dropped(DIALECT, (bench, { fields }) => make(bench, fields))

const root = (fields: readonly Field[], before: string, value: string) =>
  `${before}${xmlOf(fields, { write: (text, name) => (name === 'refund_recv_accout' ? value : cdata(text)) })
    .replace('<xml>', '<root>')
    .replace('</xml>', '</root>')}`

const OWN: readonly Case[] = [
  row(
    'N-704',
    'security',
    'XXE inside req_info',
    'The second parse must be as strict as the first.',
    'Use one parser, with document types disabled, for both texts.',
    refusedRefund((bench, fields) =>
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
    'N-706',
    'hygiene',
    'req_info cut short',
    'The backend refuses a message that it cannot decrypt.',
    DECRYPT,
    refusedRefund((bench) => envelopeShot(bench, 'AAAA', bench.world.credentials.appid, bench.world.credentials.mchId)),
  ),
  row(
    'N-709',
    'money',
    'No req_info',
    'The backend refuses a message without req_info.',
    DECRYPT,
    refusedRefund((bench) => ({
      ...bench.bytes('<xml><return_code>SUCCESS</return_code></xml>'),
      url: bench.refundUrl,
    })),
  ),
  row(
    'N-710',
    'money',
    'The fields in plain text',
    'Only encrypted fields count: nothing else proves the sender.',
    'Read the fields from req_info only.',
    refusedRefund((bench, fields) => ({
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
    refusedRefund((bench, fields) =>
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
]

export const REFUNDS = refunds(DIALECT, OWN)
