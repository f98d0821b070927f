import { WechatError } from '../../errors.ts'
import type { Order, RefundAccount, RefundReport, TradeState } from '../../model.ts'
import { parseFen } from '../../protocol/money.ts'
import { signV2 } from '../../protocol/sign-v2.ts'
import type { SignType } from '../../protocol/sign-v2.ts'
import { formatSeconds } from '../../protocol/time.ts'
import type { Fields } from '../../protocol/xml.ts'
import type { Http } from '../http.ts'
import type { KeyRing } from '../key-ring.ts'
import { appOf, callerOf } from '../partner.ts'
import type { Merchants, Party } from '../partner.ts'
import { confirmClosed, noCertificate } from '../pay.ts'
import type { PayApi, TradeReport } from '../pay.ts'
import { isRefusal, quoted } from '../refusals.ts'
import { replyTo } from '../replies.ts'
import { createBillFiles } from './bills.ts'
import { createExchange } from './exchange.ts'
import { readNotificationV2 } from './notifications.ts'
import { listRefunds, readRefund } from './refunds.ts'
import { payersApp, readPayment } from './trades.ts'
import { extrasFaultV2, orderFields, textFaultV2, TRADE_TYPES } from './unified-order.ts'

export interface PayV2Options extends Merchants {
  http: Http
  /** Presents the merchant's client certificate, which refunds need. */
  certHttp?: Http | undefined
  apiKeys: KeyRing
  signType: SignType
  notifyUrl: string
  /** A fresh nonce: at most 32 letters and digits. */
  nonce: () => string
}

const REFUND_ACCOUNTS: Record<RefundAccount, string> = {
  UNSETTLED: 'REFUND_SOURCE_UNSETTLED_FUNDS',
  AVAILABLE: 'REFUND_SOURCE_RECHARGE_FUNDS',
}

/** trade_state of V2; anything else is an error, not a cast. */
const UNPAID_STATES: readonly string[] = [
  'NOTPAY',
  'CLOSED',
  'REVOKED',
  'USERPAYING',
  'PAYERROR',
  'ACCEPT',
] satisfies TradeState[]

/** API v2: the methods of every version. */
export interface PayV2Api extends PayApi {
  readonly version: 'v2'
}

/** API v2: XML, MD5 or HMAC-SHA256. */
export function createPayV2({
  http,
  certHttp,
  appids,
  mchId,
  partner,
  apiKeys,
  signType,
  notifyUrl,
  nonce,
}: PayV2Options): PayV2Api {
  const merchants = { appids, mchId, partner }
  const exchange = createExchange({ ...merchants, apiKeys, signType, nonce })
  const call = (path: string, fields: readonly [string, string][], of?: Party, via = http) =>
    exchange.call(path, fields, via, of)

  /** The second signature, for the payer's side. */
  const sign = (params: Record<string, string>) =>
    signV2(new Map(Object.entries(params)), apiKeys.current.reveal(), signType)

  async function query(outTradeNo: string, of?: Party): Promise<TradeReport> {
    let reply: Fields
    try {
      reply = await call('/pay/orderquery', [['out_trade_no', outTradeNo]], of)
    } catch (error) {
      if (isRefusal(error, 'ORDERNOTEXIST')) return { tradeState: 'NOT_EXIST' }
      throw error
    }
    const tradeState = reply.get('trade_state') ?? ''
    if (reply.get('out_trade_no') !== outTradeNo) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay was queried about ${outTradeNo} and answered about another order. Query it again.`,
        { advice: 'query' },
      )
    }
    if (tradeState === 'SUCCESS' || tradeState === 'REFUND') {
      // The exchange has checked the merchants; a service provider's order also has the app that its payer was in.
      const payers = partner === undefined ? appOf(appids, of) : payersApp(reply)!
      const payment = readPayment(reply, { appid: payers, mchId })
      if (typeof payment === 'string') {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay reports ${outTradeNo} as paid with an invalid ${payment}. Query it again.`,
          { advice: 'query' },
        )
      }
      return { tradeState, payment }
    }
    if (!UNPAID_STATES.includes(tradeState)) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay reports the unknown trade_state ${quoted(tradeState)} for ${outTradeNo}. Query it again.`,
        { advice: 'query' },
      )
    }
    return { tradeState } as TradeReport
  }

  return {
    version: 'v2',

    async prepay(order: Order) {
      const { answer } = TRADE_TYPES[order.tradeType]
      const given = (
        await call('/pay/unifiedorder', orderFields(order, notifyUrl, callerOf(merchants, order)), order)
      ).get(answer)
      if (!given) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay accepted the order without a ${answer}. Repeat it unchanged.`,
          { advice: 'repeat' },
        )
      }
      return given
    },

    payParams(prepayId, now, of) {
      const params = { timeStamp: formatSeconds(now), nonceStr: nonce(), package: `prepay_id=${prepayId}`, signType }
      return { ...params, paySign: sign({ appId: appOf(appids, of), ...params }) }
    },

    appParams(prepayId, now, of) {
      const params = {
        appid: appOf(appids, of),
        partnerid: mchId,
        prepayid: prepayId,
        package: 'Sign=WXPay' as const,
        noncestr: nonce(),
        timestamp: formatSeconds(now),
      }
      return { ...params, sign: sign(params) }
    },

    query,

    async close(outTradeNo, of) {
      try {
        await call('/pay/closeorder', [['out_trade_no', outTradeNo]], of)
        return 'closed'
      } catch (error) {
        if (isRefusal(error, 'ORDERPAID')) return 'paid'
        if (isRefusal(error, 'ORDERCLOSED')) return await confirmClosed(outTradeNo, query, of)
        if (isRefusal(error, 'ORDERNOTEXIST')) return 'not-exist'
        throw error
      }
    },

    canRefund: certHttp !== undefined,

    textFault: textFaultV2,
    extrasFault: extrasFaultV2,

    async refund(order, { outRefundNo, refundFee, reason, refundAccount }) {
      if (certHttp === undefined) throw noCertificate()
      const { totalFee, currency } = order.payment ?? order
      const reply = await call(
        '/secapi/pay/refund',
        [
          order.payment ? ['transaction_id', order.payment.transactionId] : ['out_trade_no', order.outTradeNo],
          ['out_refund_no', outRefundNo],
          ['total_fee', String(totalFee)],
          ['refund_fee', String(refundFee)],
          ['refund_fee_type', currency],
          ['notify_url', notifyUrl],
          ...(reason ? [['refund_desc', reason] as [string, string]] : []),
          ...(refundAccount ? [['refund_account', REFUND_ACCOUNTS[refundAccount]] as [string, string]] : []),
        ],
        order,
        certHttp,
      )
      const refundId = reply.get('refund_id')
      if (!refundId || reply.get('out_refund_no') !== outRefundNo || parseFen(reply.get('refund_fee')) !== refundFee) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay accepted a different refund from ${outRefundNo} of ${refundFee} fen. Query it before anything else.`,
          { advice: 'query' },
        )
      }
      return refundId
    },

    async queryRefund(outRefundNo, of): Promise<RefundReport | undefined> {
      let reply: Fields
      try {
        reply = await call('/pay/refundquery', [['out_refund_no', outRefundNo]], of)
      } catch (error) {
        if (isRefusal(error, 'REFUNDNOTEXIST')) return undefined
        throw error
      }
      const report = readRefund(reply, 0)
      if (report?.outRefundNo !== outRefundNo) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay was queried about the refund ${outRefundNo} and gave no valid answer. Query it again.`,
          { advice: 'query' },
        )
      }
      return report
    },

    async listRefunds(outTradeNo, of) {
      return await listRefunds(async (offset) => {
        try {
          const from: [string, string][] = offset === 0 ? [] : [['offset', String(offset)]]
          return await call('/pay/refundquery', [['out_trade_no', outTradeNo], ...from], of)
        } catch (error) {
          if (isRefusal(error, 'REFUNDNOTEXIST')) return undefined
          throw error
        }
      }, outTradeNo)
    },

    ...createBillFiles(exchange, http, certHttp),

    readNotification: (message) => readNotificationV2(message, { ...merchants, apiKeys, signType }),
    reply: (message, fault) => replyTo(message, 'v2', fault),
  }
}
