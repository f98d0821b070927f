import { noCertificate } from '../client/pay.ts'
import type { AbnormalRefund, PayApi } from '../client/pay.ts'
import { isRefusal } from '../client/refusals.ts'
import { WechatError } from '../errors.ts'
import type { Log } from '../hooks.ts'
import type { Order, Refund, RefundAccount, RefundReport } from '../model.ts'
import { checkFields, oneOf, optional, text } from '../base/rules.ts'
import type { Rule } from '../base/rules.ts'
import type { Orders } from './orders.ts'
import type { RefundObservation } from './machine/refund-observation.ts'
import { fen } from './extras.ts'

/** A refund to request. */
export interface RefundRequest {
  /** Your own key for this refund, at most 128 characters: a key is refunded once, however often you call. */
  key: string
  /** Fen: an integer, at least 1, at most the amount not yet refunded. */
  refundFee: number
  /** Shown to the payer; at most 80 bytes of UTF-8. */
  reason?: string
  /** Where the money comes from. Default: WeChat's, what has not been settled yet. */
  refundAccount?: RefundAccount
}

/** Refunds, each followed to its end: `fastify.wechat.refunds`. */
export interface Refunds {
  /**
   * Requests a refund. The row is committed first; from then on the refund is pursued under one number until WeChat has settled it, even if this
   * call fails. Resolves with the current refund: `processing` if WeChat accepted it, `unknown` if the answer was lost and the request will be
   * repeated.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID`, `WECHAT_ORDER_NOT_FOUND`, `WECHAT_ORDER_CONFLICT` (not paid, too much, the key stands for another
   * amount), `WECHAT_OPTIONS_INVALID` without `merchant.cert`, or WeChat's refusal, after which the amount is free again
   */
  create(outTradeNo: string, request: RefundRequest): Promise<Refund>
  /** The refunds of an order, in the order in which they were requested or discovered. */
  list(outTradeNo: string): Promise<readonly Refund[]>
  get(outTradeNo: string, outRefundNo: string): Promise<Refund | undefined>
  /** Queries WeChat about the refund and applies the answer. */
  refresh(outTradeNo: string, outRefundNo: string): Promise<Refund | undefined>
  /**
   * Requests a refund that WeChat has not accepted yet once more, under the same number, e.g. after topping up the merchant's account; with `refundAccount`
   * its money comes from there from now on. For the operator: nothing in this package changes the account by itself.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID`, `WECHAT_ORDER_NOT_FOUND`, `WECHAT_ORDER_CONFLICT` if WeChat has accepted or refused it, or WeChat's refusal
   */
  retry(outTradeNo: string, outRefundNo: string, refundAccount?: RefundAccount): Promise<Refund>
  /**
   * Sends the money of an `abnormal` refund elsewhere: to the merchant's own bank account, to pay back from there, or to a bank card of the payer's. API v3
   * only: with v2 do it in the merchant platform.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID`, `WECHAT_ORDER_NOT_FOUND`, `WECHAT_ORDER_CONFLICT` unless it is abnormal, or WeChat's refusal
   */
  settleAbnormal(outTradeNo: string, outRefundNo: string, account: AbnormalRefund['account']): Promise<Refund>
  /** Does the work of a due refund: requests it again, or queries it. */
  pursue(order: Order, refund: Refund, log?: Log): Promise<void>
}

export interface RefundsDeps {
  pay: PayApi
  orders: Orders
}

export function createRefunds({ pay, orders }: RefundsDeps): Refunds {
  async function apply(outTradeNo: string, observation: RefundObservation, outRefundNo: string): Promise<Refund> {
    const { order } = (await orders.observe(outTradeNo, observation))!
    return find(order, outRefundNo)!
  }

  /** Always with the same number and amounts: WeChat refunds a number once. */
  async function submit(order: Order, { outRefundNo, ...refund }: Refund): Promise<Refund> {
    let refundId: string
    try {
      refundId = await pay.refund(order, { outRefundNo, ...refund })
    } catch (error) {
      if (!(error instanceof WechatError)) throw error
      const isOperators = isRefusal(error, 'NOTENOUGH')
      const unsure: RefundObservation = { seen: 'refund-unsure', outRefundNo, reason: error.message, isOperators }
      // Only a signed reply is a refusal (`wechatCode`).
      if (error.advice === 'repeat' || error.wechatCode === undefined) {
        return await apply(order.outTradeNo, unsure, outRefundNo)
      }
      // A refusal is final only if a query shows that WeChat does not know the number: an earlier attempt may have been accepted.
      let report: RefundReport | undefined
      try {
        report = await pay.queryRefund(outRefundNo, order)
      } catch {
        return await apply(order.outTradeNo, unsure, outRefundNo)
      }
      if (report !== undefined) {
        return await apply(order.outTradeNo, { seen: 'refund-reported', source: 'query', report }, outRefundNo)
      }
      const refused = await apply(
        order.outTradeNo,
        { seen: 'refund-refused', outRefundNo, reason: error.message },
        outRefundNo,
      )
      if (refused.state !== 'failed') return refused
      throw error
    }
    return await apply(order.outTradeNo, { seen: 'refund-accepted', outRefundNo, refundId }, outRefundNo)
  }

  /** `undefined` if there is no such refund after all. */
  async function ask(order: Order, outRefundNo: string, log?: Log): Promise<Refund | undefined> {
    const { outTradeNo } = order
    let report: RefundReport | undefined
    try {
      report = await pay.queryRefund(outRefundNo, order)
    } catch (error) {
      await orders.observe(outTradeNo, { seen: 'refund-no-answer', outRefundNo, reason: (error as Error).message })
      throw error
    }
    const observed = await orders.observe(
      outTradeNo,
      report === undefined
        ? { seen: 'refund-not-exist', outRefundNo }
        : { seen: 'refund-reported', source: 'query', report },
      log,
    )
    return find(observed!.order, outRefundNo)
  }

  /** With another account's credentials WeChat would deny the order and its refunds. */
  async function own(outTradeNo: string): Promise<Order | undefined> {
    const order = await orders.get(outTradeNo)
    if (order !== undefined && !orders.owns(order)) {
      throw new WechatError('WECHAT_ORDER_CONFLICT', `${outTradeNo} belongs to another account.`)
    }
    return order
  }

  /** The refund of an order of this account. */
  async function ownRefund(outTradeNo: string, outRefundNo: string): Promise<Refund> {
    const order = await own(outTradeNo)
    const refund = order && find(order, outRefundNo)
    if (refund === undefined) {
      throw new WechatError('WECHAT_ORDER_NOT_FOUND', `There is no refund ${outRefundNo} of the order ${outTradeNo}.`)
    }
    return refund
  }

  return {
    async create(outTradeNo, request) {
      const { key, refundFee, reason, refundAccount } = checkRequest(request, pay.textFault)
      if (!pay.canRefund) throw noCertificate()
      await own(outTradeNo)
      const observed = await orders.observe(outTradeNo, {
        seen: 'refund-wanted',
        source: 'operator',
        key,
        refundFee,
        reason,
        refundAccount,
      })
      if (observed === undefined) throw new WechatError('WECHAT_ORDER_NOT_FOUND', `There is no order ${outTradeNo}.`)
      if (observed.outcome === 'refused') {
        throw new WechatError('WECHAT_ORDER_CONFLICT', `${outTradeNo} was not refunded: ${observed.why}.`)
      }
      const refund = observed.order.refunds.find((each) => each.key === key)!
      return observed.outcome === 'repeated' && refund.state !== 'created'
        ? refund
        : await submit(observed.order, refund)
    },

    async list(outTradeNo) {
      return (await orders.get(outTradeNo))?.refunds ?? []
    },

    async get(outTradeNo, outRefundNo) {
      const order = await orders.get(outTradeNo)
      return order && find(order, outRefundNo)
    },

    async refresh(outTradeNo, outRefundNo) {
      const order = await own(outTradeNo)
      return order && find(order, outRefundNo) && (await ask(order, outRefundNo))
    },

    async retry(outTradeNo, outRefundNo, refundAccount) {
      const { state, origin } = await ownRefund(outTradeNo, outRefundNo)
      if (origin !== 'local' || (state !== 'created' && state !== 'unknown')) {
        throw new WechatError(
          'WECHAT_ORDER_CONFLICT',
          `The refund ${outRefundNo} is ${state} (${origin}): only one that WeChat has not accepted yet is requested again.`,
        )
      }
      if (refundAccount !== undefined) {
        await apply(
          outTradeNo,
          { seen: 'refund-redirected', source: 'operator', outRefundNo, refundAccount },
          outRefundNo,
        )
      }
      const order = (await orders.get(outTradeNo))!
      return await submit(order, find(order, outRefundNo)!)
    },

    async settleAbnormal(outTradeNo, outRefundNo, account) {
      const { state, refundId } = await ownRefund(outTradeNo, outRefundNo)
      if (state !== 'abnormal' || refundId === undefined) {
        throw new WechatError('WECHAT_ORDER_CONFLICT', `The refund ${outRefundNo} is ${state}, not abnormal.`)
      }
      if (pay.applyAbnormalRefund === undefined) {
        throw new WechatError(
          'WECHAT_INPUT_INVALID',
          'API v2 has no call for abnormal refunds: settle it in the merchant platform.',
          { sent: false },
        )
      }
      let report: RefundReport
      try {
        report = await pay.applyAbnormalRefund(refundId, { outRefundNo, account }, (await orders.get(outTradeNo))!)
      } catch (error) {
        // The answer to a call that was carried out may be lost, and its repetition is refused then.
        const asked = await ask((await orders.get(outTradeNo))!, outRefundNo).catch(() => undefined)
        if (asked?.state === 'processing' || asked?.state === 'success') return asked
        throw error
      }
      return await apply(outTradeNo, { seen: 'refund-reported', source: 'operator', report }, outRefundNo)
    },

    async pursue(order, refund, log) {
      if (refund.origin === 'local' && (refund.state === 'created' || refund.state === 'unknown')) {
        await submit(order, refund)
      } else await ask(order, refund.outRefundNo, log)
    },
  }
}

function find(order: Order, outRefundNo: string): Refund | undefined {
  return order.refunds.find((refund) => refund.outRefundNo === outRefundNo)
}

/** The length of its column in every database. */
const KEY: Rule = (value) =>
  text(1, 512)(value) ?? ((value as string).length > 128 ? 'must be at most 128 characters' : undefined)
export const REFUND_ACCOUNT = oneOf(['UNSETTLED', 'AVAILABLE'] satisfies RefundAccount[])
/** refund_desc: String(80), refund 9_4 */
const REASON = text(0, 80)

function checkRequest(request: RefundRequest, textFault: PayApi['textFault']): RefundRequest {
  const { fields, faults } = checkFields(request, {
    key: KEY,
    refundFee: fen,
    reason: optional(REASON),
    refundAccount: optional(REFUND_ACCOUNT),
  } satisfies Record<keyof RefundRequest, Rule>)
  if (faults.length > 0) {
    throw new WechatError(
      'WECHAT_INPUT_INVALID',
      `refunds.create got an invalid request: ${faults.join('; ')}. Nothing was refunded.`,
    )
  }
  if (fields.reason !== undefined) checkReason(fields.reason, textFault)
  return fields as unknown as RefundRequest
}

/** @throws {WechatError} `WECHAT_INPUT_INVALID` unless WeChat can show it to the payer */
export function checkReason(reason: unknown, textFault: PayApi['textFault'] = () => undefined): void {
  const broken = REASON(reason)
  if (broken !== undefined) throw new WechatError('WECHAT_INPUT_INVALID', `The reason of a refund ${broken}.`)
  const fault = textFault(reason as string)
  if (fault !== undefined) {
    throw new WechatError('WECHAT_INPUT_INVALID', `The reason of a refund cannot be sent: ${fault}.`)
  }
}
