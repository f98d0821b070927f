import type { MessageForm } from '../../faults/hooks.ts'
import type { Account, News } from '../../ledger/account.ts'
import { couponFee, type Order, type Payment } from '../../ledger/orders.ts'
import type { Refund } from '../../ledger/refunds.ts'
import type { NoticeSigner } from '../../notify/outgoing.ts'
import { openAead, sealAead } from '../../wire/aead-v3.ts'
import { changeJson, flatJson } from '../../wire/json-fields.ts'
import { STRANGER_KEY } from '../../wire/pki/key-pool.ts'
import { rsaKey } from '../../wire/pki/rsa-key.ts'
import { probeOf, SIGNATURE, signedHeaders, wrongSignature, type SignedHeaders } from '../../wire/sign-v3.ts'
import { rfc3339 } from '../../wire/time.ts'
import type { Behaviour } from '../behaviour.ts'
import type { WorldCore } from '../core.ts'
import { signerOf } from './answers.ts'
import { partiesOf, payerOf, promotions, REFUND_STATUS, refundAmounts } from './money.ts'

/** What a notification reports. */
export interface Event {
  readonly eventType: string
  readonly summary: string
  /** resource.original_type, and resource.associated_data where that is not empty. */
  readonly originalType: string
  readonly resource: Readonly<Record<string, unknown>>
}

/** Keys are in the recorded order. */
function paid(mchId: string, order: Order, payment: Payment): Event {
  const { totalFee, feeType, deviceInfo } = order
  return {
    eventType: 'TRANSACTION.SUCCESS',
    summary: '支付成功',
    originalType: 'transaction',
    resource: {
      ...(order.sub ? partiesOf(mchId, order, order.sub) : { mchid: mchId, appid: order.appid }),
      out_trade_no: order.outTradeNo,
      transaction_id: payment.transactionId,
      trade_type: order.tradeType,
      trade_state: 'SUCCESS',
      trade_state_desc: '支付成功',
      bank_type: payment.bankType,
      attach: order.attach,
      success_time: rfc3339(payment.paidAt),
      payer: payerOf(order, payment),
      amount: {
        total: totalFee,
        payer_total: totalFee - couponFee(payment),
        currency: feeType,
        payer_currency: feeType,
      },
      ...(deviceInfo !== '' && { scene_info: { device_id: deviceInfo } }),
      ...(payment.coupons.length > 0 && { promotion_detail: promotions(payment) }),
    },
  }
}

const SUMMARY: Readonly<Record<string, string>> = { SUCCESS: '退款成功', ABNORMAL: '退款异常', CLOSED: '退款关闭' }

function refunded(mchId: string, order: Order, refund: Refund): Event {
  const status = REFUND_STATUS[refund.status]
  return {
    eventType: `REFUND.${status}`,
    summary: SUMMARY[status]!,
    originalType: 'refund',
    resource: {
      ...(order.sub ? { sp_mchid: mchId, sub_mchid: order.sub.mchId } : { mchid: mchId }),
      out_trade_no: order.outTradeNo,
      transaction_id: order.payment!.transactionId,
      out_refund_no: refund.outRefundNo,
      refund_id: refund.refundId,
      refund_status: status,
      ...(status === 'SUCCESS' && { success_time: rfc3339(refund.endedAt!) }),
      amount: refundAmounts(order, refund),
      user_received_account: refund.receivedBy,
    },
  }
}

/** A UUID of version 5, as the recorded ids look. */
const uuid = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`

type Secrets = Pick<Account, 'apiV3Key' | 'random' | 'now'>

/** The body that reports an event. `path` makes its id and nonce unique. */
export function envelope(
  { eventType, summary, originalType, resource }: Event,
  { apiV3Key, random, now }: Secrets,
  { associatedData }: Behaviour,
  path: readonly (string | number)[],
): string {
  const nonce = random.alphanumeric(12, 'resource nonce', ...path)
  const data = associatedData === 'present' ? originalType : ''
  return JSON.stringify({
    id: uuid(random.hex(32, 'event', ...path)),
    create_time: rfc3339(now()),
    resource_type: 'encrypt-resource',
    event_type: eventType,
    summary,
    resource: {
      original_type: originalType,
      algorithm: 'AEAD_AES_256_GCM',
      ciphertext: sealAead(JSON.stringify(resource), apiV3Key, nonce, data),
      associated_data: data,
      nonce,
    },
  })
}

/** The body of the notification. */
export function notificationBody(
  news: Exclude<News, { readonly kind: 'failed' }>,
  account: Account,
  behaviour: Behaviour,
): string {
  const { mchId } = account
  const { outTradeNo } = news.order
  return news.kind === 'paid'
    ? envelope(paid(mchId, news.order, news.payment), account, behaviour, ['paid', outTradeNo])
    : envelope(refunded(mchId, news.order, news.refund), account, behaviour, [
        'refunded',
        news.refund.outRefundNo,
        news.refund.status,
      ])
}

interface Message {
  readonly resource: {
    readonly ciphertext: string
    readonly associated_data: string
    readonly nonce: string
  }
}

/** How a hook or a test sees the encrypted resource. `apiV3Key`: the key of the messages read; `other`: that of changed ones. */
export function messageForm(apiV3Key: string, other = apiV3Key): MessageForm {
  const plainOf = ({ resource }: Message) =>
    openAead(resource.ciphertext, apiV3Key, resource.nonce, resource.associated_data)
  return {
    read: (body) => {
      try {
        return flatJson(JSON.parse(plainOf(JSON.parse(body) as Message)))
      } catch {
        // A crafted one may be anything.
        return {}
      }
    },
    change: (body, changes) => {
      const message = JSON.parse(body) as Message
      const { nonce, associated_data: data } = message.resource
      const plain = JSON.stringify(changeJson(JSON.parse(plainOf(message)), changes))
      return JSON.stringify({
        ...message,
        resource: { ...message.resource, ciphertext: sealAead(plain, other, nonce, data) },
      })
    },
  }
}

/** Signs notifications: with another timestamp and nonce at each send. */
export function createNoticeSigner(
  { signNow, nextReply, random }: Pick<WorldCore, 'signNow' | 'nextReply' | 'random'>,
  accountOf: (mchId: string) => Account,
): NoticeSigner {
  return ({ mchId, signing }) => {
    const number = nextReply()
    const own = signerOf(accountOf(mchId), number)
    // Both lengths are recorded.
    const nonce = random.alphanumeric(random.flip('nonce length', number) ? 32 : 12, 'notify nonce', number)
    const signer = {
      serial: signing?.serial ?? own.serial,
      key: signing?.stranger ? rsaKey(STRANGER_KEY) : own.key,
    }
    return (body, skewSeconds = 0): SignedHeaders => {
      const at = signNow().getTime() + (skewSeconds + (signing?.skewSeconds ?? 0)) * 1000
      const headers = signedHeaders(signer, at, nonce, signing?.how === 'keep' ? signing.of : body)
      const signature = headers[SIGNATURE]!
      switch (signing?.how) {
        case 'none':
          return {}
        case 'wrong':
          return { ...headers, [SIGNATURE]: wrongSignature(signature) }
        case 'probe-live':
          return { ...headers, [SIGNATURE]: probeOf(signature, 'live') }
        case 'probe-docs':
          return { ...headers, [SIGNATURE]: probeOf(signature, 'docs') }
        default:
          return headers
      }
    }
  }
}
