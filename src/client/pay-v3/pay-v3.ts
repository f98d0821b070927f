import { WechatError } from '../../errors.ts'
import { signLines } from '../../protocol/sign-v3.ts'
import type { Signer } from '../../protocol/sign-v3.ts'
import { formatSeconds } from '../../protocol/time.ts'
import type { Secret } from '../../base/secret.ts'
import { encryptField } from '../../protocol/aead-v3.ts'
import type { RefundReport } from '../../model.ts'
import type { PayV3Api } from './api.ts'
import { createBillFiles } from './bills.ts'
import { createExchange } from './exchange.ts'
import type { Http } from '../http.ts'
import { readNotificationV3 } from './notifications.ts'
import { appOf, callerOf } from '../partner.ts'
import type { Caller, Merchants, Party } from '../partner.ts'
import { confirmClosed, NotificationError } from '../pay.ts'
import type { PayApi, TradeReport } from '../pay.ts'
import { createPlatformKeys, readCertificates } from './platform-keys.ts'
import type { PlatformKey } from './platform-keys.ts'
import { isRefusal } from '../refusals.ts'
import { replyTo, versionOf } from '../replies.ts'
import { accountOf, objectOf, readRefund, readTrade, textOf } from './trades.ts'
import type { Json } from './trades.ts'
import { extrasFaultV3, orderBody, textFaultV3, TRADE_TYPES } from './transactions.ts'

export interface PayV3Options extends Pick<Merchants, 'appids' | 'partner'> {
  http: Http
  signer: Signer
  /** The APIv3 key and, during a change, the next one. */
  apiV3Keys: readonly Secret[]
  /** Keys of WeChat Pay from the options. */
  platformKeys: readonly PlatformKey[]
  /** Whether WeChat's certificates are downloaded. */
  downloadCertificates: boolean
  notifyUrl: string
  nonce: () => string
  now: () => Date
  onProbe: (where: 'reply' | 'notification') => void
  /** Reads notifications and sends queries in API v2 for this merchant number; needs the v2 key. */
  v2?: PayApi | undefined
}

/** API v3: JSON, RSA signatures, AES-256-GCM. */
export function createPayV3(options: PayV3Options): PayV3Api {
  const { http, appids, partner, signer, apiV3Keys, notifyUrl, nonce, now, v2 } = options
  const { mchId } = signer
  const merchants = { appids, mchId, partner }
  const base = partner === undefined ? '/v3/pay/transactions' : '/v3/pay/partner/transactions'
  const download = async () =>
    await exchange.callForKeys({ method: 'GET', target: '/v3/certificates' }, (reply) =>
      readCertificates(reply, apiV3Keys),
    )
  const keys = createPlatformKeys({
    given: options.platformKeys,
    download: options.downloadCertificates ? download : undefined,
    now,
  })
  const exchange = createExchange({ http, signer, keys, now, nonce, onProbe: options.onProbe })

  /** The merchants of a request, as it names them. */
  function merchantsOf({ sub }: Pick<Caller, 'sub'>): Record<string, string> {
    return sub === undefined ? { mchid: mchId } : { sp_mchid: mchId, sub_mchid: sub.subMchId }
  }

  /** Of a refund, which names only the sub-merchant. */
  function subOf(of: Party | undefined): { sub_mchid?: string } {
    const { sub } = callerOf(merchants, partner === undefined ? { subMchId: of?.subMchId } : of)
    return sub === undefined ? {} : { sub_mchid: sub.subMchId }
  }

  /** `undefined` if a signed reply says that it does not exist. */
  async function find(target: string, refusal: string): Promise<Json | undefined> {
    try {
      // An empty reply, e.g. to a close, becomes an empty object, whose fields the caller then reports as missing.
      return objectOf(await exchange.call({ method: 'GET', target }))
    } catch (error) {
      if (isRefusal(error, refusal)) return undefined
      throw error
    }
  }

  /** The report of the trade with this number. */
  async function report(
    path: string,
    refusal: string,
    name: 'out_trade_no' | 'transaction_id',
    number: string,
    of?: Party,
  ): Promise<TradeReport> {
    const caller = callerOf(merchants, of)
    const query = new URLSearchParams(merchantsOf(caller)).toString()
    const trade = await find(`${base}/${path}/${encodeURIComponent(number)}?${query}`, refusal)
    if (trade === undefined) return { tradeState: 'NOT_EXIST' }
    const account = accountOf(trade, partner !== undefined)
    // Unless an app is named, any of ours may have ordered it.
    const ours = of?.appid === undefined ? appids : [of.appid]
    const isOurs =
      ours.includes(account.appid!) &&
      account.mchId === mchId &&
      account.sub?.subMchId === caller.sub?.subMchId &&
      (account.sub === undefined || account.sub.spAppid === caller.appid)
    if (!isOurs || trade[name] !== number) {
      throw unusable(`queried about ${number} and answered about another order, appid or merchant`)
    }
    const read = readTrade(trade, account)
    if (typeof read === 'string') throw unusable(`queried about ${number} and answered without a usable ${read}`)
    return read
  }

  const query = async (outTradeNo: string, of?: Party) =>
    await report('out-trade-no', 'ORDERNOTEXIST', 'out_trade_no', outTradeNo, of)

  return {
    version: 'v3',

    async prepay(order) {
      const { path, answer } = TRADE_TYPES[order.tradeType]
      const target = `${base}/${path}`
      const caller = callerOf(merchants, order)
      const body = {
        ...(caller.sub === undefined
          ? { appid: caller.appid }
          : { sp_appid: caller.appid, sub_appid: caller.sub.subAppid }),
        ...merchantsOf(caller),
        notify_url: notifyUrl,
        ...orderBody(order, caller),
      }
      const given = textOf(objectOf(await exchange.call({ method: 'POST', target, body }))[answer])
      if (given === undefined) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay accepted the order without a ${answer}. Repeat it unchanged.`,
          { advice: 'repeat' },
        )
      }
      return given
    },

    async tryApiV3Key() {
      await download()
    },

    appParams(prepayId, at, of) {
      const appid = appOf(appids, of)
      const params = { timestamp: formatSeconds(at), noncestr: nonce() }
      const sign = signLines([appid, params.timestamp, params.noncestr, prepayId], signer.privateKey)
      return { appid, partnerid: mchId, prepayid: prepayId, package: 'Sign=WXPay', ...params, sign }
    },

    payParams(prepayId, at, of) {
      const params = { timeStamp: formatSeconds(at), nonceStr: nonce(), package: `prepay_id=${prepayId}` }
      return {
        ...params,
        signType: 'RSA',
        paySign: signLines([appOf(appids, of), params.timeStamp, params.nonceStr, params.package], signer.privateKey),
      }
    },

    query,

    async queryTransaction(transactionId, of) {
      return await report('id', 'ORDERNOTEXIST', 'transaction_id', transactionId, of)
    },

    async close(outTradeNo, of) {
      try {
        const reply = await exchange.call({
          method: 'POST',
          target: `${base}/out-trade-no/${encodeURIComponent(outTradeNo)}/close`,
          body: merchantsOf(callerOf(merchants, of)),
        })
        // 204, without a body (doc/v3/merchant/4012791901): a reply with a body was signed for another call.
        if (reply !== undefined) throw unusable(`asked to close ${outTradeNo} and answered something else`)
        return 'closed'
      } catch (error) {
        if (isRefusal(error, 'ORDERPAID')) return 'paid'
        if (isRefusal(error, 'ORDERCLOSED')) return await confirmClosed(outTradeNo, query, of)
        if (isRefusal(error, 'ORDERNOTEXIST')) return 'not-exist'
        throw error
      }
    },

    canRefund: true,

    textFault: textFaultV3,
    extrasFault: extrasFaultV3,

    ...(v2?.listRefunds && { listRefunds: v2.listRefunds }),

    async refund(order, { outRefundNo, refundFee, reason, refundAccount, from }) {
      const { totalFee, currency } = order.payment ?? order
      const reply = await exchange.call({
        method: 'POST',
        target: '/v3/refund/domestic/refunds',
        body: {
          ...subOf(order),
          ...(order.payment ? { transaction_id: order.payment.transactionId } : { out_trade_no: order.outTradeNo }),
          out_refund_no: outRefundNo,
          ...(reason && { reason }),
          notify_url: notifyUrl,
          funds_account: refundAccount,
          amount: { refund: refundFee, total: totalFee, currency, from },
        },
      })
      const report = readRefund(objectOf(reply), 'status')
      if (
        typeof report === 'string' ||
        report.outRefundNo !== outRefundNo ||
        report.outTradeNo !== order.outTradeNo ||
        report.refundFee !== refundFee
      ) {
        throw unusable(`asked for the refund ${outRefundNo} of ${refundFee} fen and accepted a different one`)
      }
      return report.refundId
    },

    async applyAbnormalRefund(refundId, { outRefundNo, account }, of) {
      const { serial, key } = await keys.preferred()
      const secret = (text: string) => encryptField(text, key)
      const bank =
        account === 'merchant'
          ? { type: 'MERCHANT_BANK_CARD' }
          : {
              type: 'USER_BANK_CARD',
              bank_type: account.bankType,
              bank_account: secret(account.bankAccount),
              real_name: secret(account.realName),
            }
      const reply = await exchange.call({
        method: 'POST',
        target: `/v3/refund/domestic/refunds/${encodeURIComponent(refundId)}/apply-abnormal-refund`,
        body: { ...subOf(of), out_refund_no: outRefundNo, ...bank },
        ...(account !== 'merchant' && { encryptedUnder: serial }),
      })
      return refundOf(reply, outRefundNo)
    },

    ...createBillFiles(exchange),

    async queryRefund(outRefundNo, of) {
      const query = new URLSearchParams(subOf(of)).toString()
      const path = `/v3/refund/domestic/refunds/${encodeURIComponent(outRefundNo)}`
      const reply = await find(query === '' ? path : `${path}?${query}`, 'RESOURCENOTEXISTS')
      if (reply === undefined) return undefined
      return refundOf(reply, outRefundNo)
    },

    async readNotification(message) {
      if (versionOf(message, 'v3') === 'v3') {
        return await readNotificationV3(message, { ...merchants, apiV3Keys, keys, now })
      }
      if (v2 === undefined) {
        throw new NotificationError(
          'no-v2-key',
          'The notification is API v2 XML, e.g. about a refund made in the merchant platform. Set the option merchant.apiKey to read those.',
        )
      }
      const notification = await v2.readNotification(message)
      if (notification.kind !== 'payment') return notification
      // WeChat notifies like this about orders made before the change to API v3. With the old key it could be forged, so we query WeChat by API v3.
      const { outTradeNo, transactionId } = notification.payment
      return { kind: 'payment-hint', outTradeNo, transactionId, subMchId: notification.subMchId }
    },

    reply: (message, fault) => replyTo(message, 'v3', fault),
  }
}

function unusable(what: string): WechatError {
  return new WechatError('WECHAT_REPLY_INVALID', `WeChat Pay was ${what}. Query before anything else.`, {
    advice: 'query',
  })
}

function refundOf(reply: unknown, outRefundNo: string): RefundReport {
  const report = readRefund(objectOf(reply), 'status')
  if (typeof report === 'string') {
    throw unusable(`queried about the refund ${outRefundNo} and answered without a usable ${report}`)
  }
  if (report.outRefundNo !== outRefundNo) {
    throw unusable(`queried about the refund ${outRefundNo} and answered about another`)
  }
  return report
}
