import { WechatError } from '../errors.ts'
import type { Order, Payment, RefundReport, TradeState } from '../model.ts'
import { parseFen } from '../protocol/money.ts'
import { decryptRefundNotify } from '../protocol/refund-notify-v2.ts'
import { fieldWithin, signV2, verifyV2 } from '../protocol/sign-v2.ts'
import type { SignType } from '../protocol/sign-v2.ts'
import { formatSeconds, formatTime, parseTime } from '../protocol/time.ts'
import { kept, readXml, writeXml } from '../protocol/xml.ts'
import type { Fields } from '../protocol/xml.ts'
import type { Secret } from '../secret.ts'
import { answersAnother } from './answers-v2.ts'
import type { Http, HttpReply } from './http.ts'
import { confirmClosed, noCertificate, NotificationError } from './pay.ts'
import type { Notification, NotificationFault, NotificationReply, PayApi, TradeReport } from './pay.ts'
import { listRefunds, readRefund } from './refunds-v2.ts'
import { ADVICE, isRefusal, quoted, readCommunicationFailure, refusalOf } from './refusals.ts'

export interface PayV2Options {
  http: Http
  /** Presents the merchant's client certificate, without which there are no refunds. */
  certHttp?: Http | undefined
  appid: string
  mchId: string
  apiKey: Secret
  signType: SignType
  notifyUrl: string
  /** A fresh nonce: at most 32 letters and digits. */
  nonce: () => string
}

const SUCCESS_REPLY = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>'

/** trade_state of V2; anything else is an error, not a cast. */
const UNPAID_STATES: readonly string[] = [
  'NOTPAY',
  'CLOSED',
  'REVOKED',
  'USERPAYING',
  'PAYERROR',
  'ACCEPT',
] satisfies TradeState[]

/** API v2: XML, MD5 or HMAC-SHA256. */
export function createPayV2({
  http,
  certHttp,
  appid,
  mchId,
  apiKey,
  signType,
  notifyUrl,
  nonce,
}: PayV2Options): PayApi {
  async function call(path: string, fields: [string, string][], via = http): Promise<Fields> {
    const message: Fields = new Map([
      ['appid', appid],
      ['mch_id', mchId],
      ['nonce_str', nonce()],
      ['sign_type', signType],
      ...fields,
    ])
    message.set('sign', signV2(message, apiKey.reveal(), signType))
    return judge(
      await via.send({
        method: 'POST',
        path,
        body: writeXml(message),
        headers: { 'content-type': 'text/xml; charset=utf-8' },
        repeatable: true,
      }),
      path,
      message,
    )
  }

  /** In WeChat's order: communication, signature, account, business. */
  function judge(reply: HttpReply, path: string, asked: Fields): Fields {
    if (reply.status !== 200) {
      throw new WechatError(
        'WECHAT_UNAVAILABLE',
        `WeChat Pay answered with HTTP ${reply.status}. Repeat it unchanged.`,
        { advice: 'repeat' },
      )
    }
    let fields: Fields
    try {
      fields = readXml(reply.body.toString())
    } catch (cause) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay's reply cannot be read: ${(cause as WechatError).message} Query before anything else.`,
        { advice: 'query', cause },
      )
    }
    // A communication failure is never signed, so it is believed only as far as it goes: nothing was done that we can rely on.
    if (fields.get('return_code') === 'FAIL') {
      const text = quoted(fields.get('return_msg'))
      const { about, toDo } = readCommunicationFailure(text)
      const wechatText = `${text}: ${toDo}`
      throw about === 'order'
        ? new WechatError('WECHAT_REFUSED', `WeChat Pay refused this order: ${text}. ${ADVICE.stop}`, { wechatText })
        : new WechatError('WECHAT_ACCOUNT_REFUSED', "WeChat Pay refused this server's request.", { wechatText })
    }
    if (!verifyV2(fields, apiKey.reveal(), signType)) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        "WeChat Pay's reply does not carry a valid signature and was not believed. Query before anything else.",
        { advice: 'query' },
      )
    }
    if (fields.get('appid') !== appid || fields.get('mch_id') !== mchId) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        "WeChat Pay's reply is about another appid or merchant and was not believed.",
        { advice: 'query' },
      )
    }
    const result = fields.get('return_code') === 'SUCCESS' ? fields.get('result_code') : undefined
    if (result !== 'SUCCESS' && result !== 'FAIL') {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        "WeChat Pay's reply is neither success nor refusal and was not believed. Query before anything else.",
        { advice: 'query' },
      )
    }
    const foreign = answersAnother(path, asked, fields)
    if (foreign !== undefined) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay's reply to ${path} carries ${foreign}: it answers something else and was not believed. Query before anything else.`,
        { advice: 'query' },
      )
    }
    if (result === 'FAIL') {
      const wechatCode = quoted(fields.get('err_code'))
      const wechatText = quoted(fields.get('err_code_des'))
      const [code, advice] = refusalOf(wechatCode) ?? ['WECHAT_REFUSED', 'stop']
      throw new WechatError(code, `WeChat Pay refused: ${wechatCode} ${wechatText}. ${ADVICE[advice]}`, {
        wechatCode,
        wechatText,
        advice,
      })
    }
    return fields
  }

  /** A refund notification carries no signature: that it decrypts and names our merchant number makes it worth a question. */
  function readRefundHint(fields: Fields): Notification {
    let refund: Fields
    try {
      refund = readXml(decryptRefundNotify(fields.get('req_info')!, apiKey.reveal()), 'root')
    } catch (error) {
      throw new NotificationError('bad-signature', (error as WechatError).message)
    }
    const app = kept(fields, 'appid') ?? ''
    if (fields.get('mch_id') !== mchId || !/^\w{1,32}$/.test(app)) {
      throw new NotificationError('wrong-account', 'The notification is for another merchant.')
    }
    const outTradeNo = refund.get('out_trade_no')
    const outRefundNo = refund.get('out_refund_no')
    const refundFee = parseFen(refund.get('refund_fee'))
    if (!outTradeNo || !outRefundNo || outRefundNo.length > 64 || refundFee === undefined) {
      throw new NotificationError(
        'incomplete',
        'The refund notification lacks out_trade_no, out_refund_no or refund_fee.',
      )
    }
    return { kind: 'refund-hint', appid: app, outTradeNo, outRefundNo, refundFee }
  }

  /** The payment a verified message of our account reports, or the name of the field that cannot be read. */
  function readPayment(fields: Fields): Payment | string {
    const totalFee = parseFen(fields.get('total_fee'))
    if (totalFee === undefined) return 'total_fee'
    const paidAt = parseTime(fields.get('time_end') ?? '')
    if (paidAt === undefined) return 'time_end'
    const transactionId = kept(fields, 'transaction_id')
    if (transactionId === undefined) return 'transaction_id'
    const openid = kept(fields, 'openid')
    if (openid === undefined) return 'openid'
    return {
      transactionId,
      outTradeNo: kept(fields, 'out_trade_no')!,
      appid,
      mchId,
      openid,
      totalFee,
      currency: fields.get('fee_type') || 'CNY',
      paidAt,
      bankType: kept(fields, 'bank_type'),
      attach: kept(fields, 'attach'),
    }
  }

  async function query(outTradeNo: string): Promise<TradeReport> {
    let reply: Fields
    try {
      reply = await call('/pay/orderquery', [['out_trade_no', outTradeNo]])
    } catch (error) {
      if (isRefusal(error, 'ORDERNOTEXIST')) return { tradeState: 'NOT_EXIST' }
      throw error
    }
    const tradeState = reply.get('trade_state') ?? ''
    if (reply.get('out_trade_no') !== outTradeNo) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay was asked about ${outTradeNo} and answered about another order.`,
        { advice: 'query' },
      )
    }
    if (tradeState === 'SUCCESS' || tradeState === 'REFUND') {
      const payment = readPayment(reply)
      if (typeof payment === 'string') {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay says that ${outTradeNo} is paid without a usable ${payment}.`,
          { advice: 'query' },
        )
      }
      return { tradeState, payment }
    }
    if (!UNPAID_STATES.includes(tradeState)) {
      throw new WechatError(
        'WECHAT_REPLY_INVALID',
        `WeChat Pay gives ${outTradeNo} the unknown trade_state ${quoted(tradeState)}.`,
        { advice: 'query' },
      )
    }
    return { tradeState } as TradeReport
  }

  return {
    version: 'v2',

    async prepay(order: Order) {
      const reply = await call('/pay/unifiedorder', [
        ['body', order.description],
        ['out_trade_no', order.outTradeNo],
        ['total_fee', String(order.totalFee)],
        ['fee_type', order.currency],
        ['spbill_create_ip', order.clientIp],
        ['time_start', formatTime(order.createdAt)],
        ['time_expire', formatTime(order.expiresAt)],
        ['notify_url', notifyUrl],
        ['trade_type', 'JSAPI'],
        ['openid', order.openid],
        ...(order.attach === undefined ? [] : [['attach', order.attach] as [string, string]]),
      ])
      const prepayId = reply.get('prepay_id')
      if (!prepayId) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          'WeChat Pay accepted the order without a prepay_id. Repeat it unchanged.',
          { advice: 'repeat' },
        )
      }
      return prepayId
    },

    payParams(prepayId, now) {
      const params = { timeStamp: formatSeconds(now), nonceStr: nonce(), package: `prepay_id=${prepayId}`, signType }
      return {
        ...params,
        paySign: signV2(new Map(Object.entries({ appId: appid, ...params })), apiKey.reveal(), signType),
      }
    },

    query,

    async close(outTradeNo) {
      try {
        await call('/pay/closeorder', [['out_trade_no', outTradeNo]])
        return 'closed'
      } catch (error) {
        if (isRefusal(error, 'ORDERPAID')) return 'paid'
        if (isRefusal(error, 'ORDERCLOSED')) return await confirmClosed(outTradeNo, query)
        if (isRefusal(error, 'ORDERNOTEXIST')) return 'not-exist'
        throw error
      }
    },

    canRefund: certHttp !== undefined,

    textFault(text) {
      const field = fieldWithin(text)
      return field === undefined
        ? undefined
        : `it holds "&${field}=", which the signature of API v2 cannot tell from the field ${field}`
    },

    async refund(order, { outRefundNo, refundFee, reason }) {
      if (certHttp === undefined) throw noCertificate()
      const { totalFee, currency } = order.payment ?? order
      const reply = await call(
        '/secapi/pay/refund',
        [
          ['out_trade_no', order.outTradeNo],
          ['out_refund_no', outRefundNo],
          ['total_fee', String(totalFee)],
          ['refund_fee', String(refundFee)],
          ['refund_fee_type', currency],
          ['notify_url', notifyUrl],
          ...(reason ? [['refund_desc', reason] as [string, string]] : []),
        ],
        certHttp,
      )
      const refundId = reply.get('refund_id')
      if (!refundId || reply.get('out_refund_no') !== outRefundNo || parseFen(reply.get('refund_fee')) !== refundFee) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay accepted another refund than ${outRefundNo} of ${refundFee} fen.`,
          { advice: 'query' },
        )
      }
      return refundId
    },

    async queryRefund(outRefundNo): Promise<RefundReport | undefined> {
      let reply: Fields
      try {
        reply = await call('/pay/refundquery', [['out_refund_no', outRefundNo]])
      } catch (error) {
        if (isRefusal(error, 'REFUNDNOTEXIST')) return undefined
        throw error
      }
      const report = readRefund(reply, 0)
      if (report?.outRefundNo !== outRefundNo) {
        throw new WechatError(
          'WECHAT_REPLY_INVALID',
          `WeChat Pay was asked about the refund ${outRefundNo} and gave no usable answer.`,
          { advice: 'query' },
        )
      }
      return report
    },

    async listRefunds(outTradeNo) {
      return await listRefunds(async (offset) => {
        try {
          return await call('/pay/refundquery', [
            ['out_trade_no', outTradeNo],
            ...(offset === 0 ? [] : [['offset', String(offset)] as [string, string]]),
          ])
        } catch (error) {
          if (isRefusal(error, 'REFUNDNOTEXIST')) return undefined
          throw error
        }
      }, outTradeNo)
    },

    readNotification({ body }): Notification {
      let fields: Fields
      try {
        fields = readXml(body)
      } catch (error) {
        throw new NotificationError('unreadable', (error as WechatError).message)
      }
      if (fields.get('return_code') !== 'SUCCESS') {
        throw new NotificationError('incomplete', 'The notification does not say return_code SUCCESS.')
      }
      if (fields.has('req_info')) return readRefundHint(fields)
      const paid = fields.get('result_code') === 'SUCCESS'
      for (const name of paid ? REQUIRED_PAID : REQUIRED) {
        if (!fields.get(name)) throw new NotificationError('incomplete', `The notification lacks ${name}.`)
      }
      if (!verifyV2(fields, apiKey.reveal(), signType)) {
        throw new NotificationError('bad-signature', 'The signature of the notification is not ours.')
      }
      if (fields.get('appid') !== appid || fields.get('mch_id') !== mchId) {
        throw new NotificationError('wrong-account', 'The notification is for another appid or merchant.')
      }
      // The answer to a query has all that a notification has. It says what became of the payment, which a notification cannot.
      const tradeState = fields.get('trade_state')
      if (tradeState && tradeState !== 'SUCCESS') {
        throw new NotificationError(
          'incomplete',
          `A trade_state of ${quoted(tradeState)} stands in an answer to a query, not in a notification.`,
        )
      }
      if (!paid) {
        if (fields.get('result_code') !== 'FAIL') {
          throw new NotificationError('incomplete', 'The result_code of the notification is neither SUCCESS nor FAIL.')
        }
        return {
          kind: 'payment-failed',
          outTradeNo: fields.get('out_trade_no'),
          reason: `${quoted(fields.get('err_code'))} ${quoted(fields.get('err_code_des'))}`,
        }
      }
      if ([...fields.values()].some((value) => fieldWithin(value) !== undefined)) {
        return {
          kind: 'payment-hint',
          outTradeNo: kept(fields, 'out_trade_no')!,
          transactionId: kept(fields, 'transaction_id')!,
        }
      }
      const payment = readPayment(fields)
      if (typeof payment === 'string') {
        throw new NotificationError('incomplete', `The ${payment} of the notification cannot be read.`)
      }
      return { kind: 'payment', payment }
    },

    reply: (_message, fault) => replyV2(fault),
  }
}

/** What WeChat reads after a notification of API v2 (doc/v2/merchant/4011937248); the status is 200 in any case. */
export function replyV2(fault?: NotificationFault): NotificationReply {
  return {
    status: 200,
    contentType: 'text/xml; charset=utf-8',
    body:
      fault === undefined
        ? SUCCESS_REPLY
        : `<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[${fault}]]></return_msg></xml>`,
  }
}

const REQUIRED = ['appid', 'mch_id', 'sign', 'result_code']
const REQUIRED_PAID = [...REQUIRED, 'openid', 'out_trade_no', 'transaction_id', 'total_fee', 'time_end']
