import type { Case } from '../case.ts'
import { dropped, refunds, type RefundChanges, type RefundDialect } from '../common/refunds.ts'
import type { Bench } from '../parts/bench.ts'
import { DOCS, row } from '../parts/row.ts'
import type { Shot } from '../parts/shoot.ts'
import { fail, play } from '../plays.ts'
import type { RefundEnd } from '../../ledger/refunds.ts'
import { encryptReqInfo } from '../../wechat/pay-v2/notifications.ts'
import { sealAead } from '../../wire/aead-v3.ts'
import { V3 } from './dialect.ts'
import { envelopeOf, keyOf, plainOf, signedBytes } from './forms.ts'

const BOOK = 'Look the refund up by out_refund_no, under a lock. Book it once, when refund_status is SUCCESS.'

type Facts = Record<string, unknown>

const STATUS: Readonly<Record<RefundEnd, string>> = { SUCCESS: 'SUCCESS', REFUNDCLOSE: 'CLOSED', CHANGE: 'ABNORMAL' }

interface Refund {
  readonly no: string
  readonly facts: Facts
}

/** A paid and served order, and the facts of a refund for it. */
async function refundOf(bench: Bench, end?: RefundEnd): Promise<Refund> {
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

const DIALECT: RefundDialect<Refund> = {
  id: V3.id,
  source: DOCS.refundV3,
  refundOf,
  shot: (bench, { no, facts }, { fee, key }: RefundChanges = {}) => {
    const amount = { ...(facts.amount as object), ...(fee !== undefined && { refund: fee }) }
    return refundShot(bench, no, { ...facts, amount }, `REFUND.${String(facts.refund_status)}`, key)
  },
  likePayment: (bench, no) => {
    const { totalFee } = bench.world.order(no)
    const shot = refundShot(bench, no, {
      ...plainOf(bench, no),
      out_refund_no: 'r1',
      refund_id: '5',
      refund_status: 'SUCCESS',
      amount: { total: totalFee, refund: totalFee, currency: 'CNY' },
    })
    return { ...shot, url: bench.notifyUrl }
  },
  closed: 'REFUND.CLOSED',
  astray: 'REFUND.ABNORMAL',
  fix: {
    read: BOOK,
    once: BOOK,
    status: BOOK,
    fee: 'Compare amount.refund with the order, or query the refund.',
    apart: 'Read event_type first.',
  },
}

const mismatched = (changes: Facts) =>
  dropped(DIALECT, (bench, { no, facts }) => refundShot(bench, no, { ...facts, ...changes }), true)

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

const OWN: readonly Case[] = [
  row(
    'V-706',
    'money',
    'A refund with a bad signature',
    'The backend verifies refunds like payments.',
    'Verify every notification before you read event_type.',
    dropped(DIALECT, (bench, { no, facts }) => {
      const shot = refundShot(bench, no, facts)
      return { ...shot, headers: { ...shot.headers, 'Wechatpay-Signature': 'AAAA' } }
    }),
    { source: DOCS.verifyV3 },
  ),
  row(
    'V-709',
    'money',
    'refund_status and event_type disagree',
    'The backend does not book a refund unless refund_status is SUCCESS.',
    BOOK,
    mismatched({ refund_status: 'CLOSED' }),
  ),
  row(
    'V-713',
    'money',
    'The refund of another merchant',
    'The backend compares the mchid of refunds too.',
    BOOK,
    mismatched({ mchid: '1900009999' }),
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

export const REFUNDS_V3 = refunds(DIALECT, OWN)
