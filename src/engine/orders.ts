import { isSub } from '../client/partner.ts'
import type { PartnerConfig } from '../client/partner.ts'
import type { AppParams, PayApi, PayParams } from '../client/pay.ts'
import { WechatError } from '../errors.ts'
import type { Advice } from '../errors.ts'
import type { Log } from '../hooks.ts'
import type {
  Account,
  HistoryEntry,
  HistoryLine,
  Order,
  OrderTerms,
  Owner,
  Payment,
  Source,
  TradeType,
} from '../model.ts'
import type { TradeRow } from '../protocol/trade-bill.ts'
import type { Store } from '../store/store.ts'
import { createAges, prepayTtl } from './ages.ts'
import { ASKED, createAsking, POLLED, SCHEDULED } from './asking.ts'
import { isOpen, liveKeyOf } from './machine/ruling.ts'
import type { Observation } from './machine/observation.ts'
import type { Policy } from './machine/ruling.ts'
import { createNews } from './news.ts'
import type { News, Observed, Observer } from './news.ts'
import { nextDue } from './schedule.ts'
import { checkTerms, isOfTerms } from './terms.ts'
import type { CheckedTerms } from './terms.ts'

export interface OrdersDeps {
  /** The apps of the merchant. */
  appids: readonly string[]
  mchId: string
  /** Set for a service provider. */
  partner?: PartnerConfig | undefined
  pay: PayApi
  store: Store
  policy: Policy
  observer: Observer
  /** This process's clock. */
  now: () => Date
  /** WeChat's, which decides when orders are made and expire. Default: ours. */
  wechatNow?: () => Date
  /** A new, unique order number: 6 to 32 characters of `[0-9A-Za-z_-|*]`. */
  newOutTradeNo: (now: Date) => string
}

/** An order and what its payer needs, by how it is paid. */
export type Ordered<T extends TradeType = TradeType> = {
  JSAPI: { order: Order; payParams: PayParams }
  NATIVE: { order: Order; codeUrl: string }
  APP: { order: Order; appParams: AppParams }
  H5: { order: Order; h5Url: string }
}[T]

/** Orders, from the first call to the last news about them: `fastify.wechat.orders`. */
export interface Orders {
  /**
   * Places an order at WeChat and returns what its payer needs: for `JSAPI` the parameters of `wx.requestPayment`, for `NATIVE` the content of a QR
   * code, for `APP` the values for WeChat's SDK, for `H5` the page to open within five minutes. There is one live order per key: the same terms give the same
   * order again, other terms close it first, and a paid key is refused. With several apps the terms name theirs (`appid`).
   *
   * @throws {WechatError} `WECHAT_PRICE_INVALID`, `WECHAT_ORDER_PAID`, `WECHAT_ORDER_CONFLICT`, or what the exchange with WeChat threw
   */
  create<T extends TradeType = 'JSAPI'>(terms: OrderTerms<T>): Promise<Ordered<T>>
  get(outTradeNo: string): Promise<Order | undefined>
  /**
   * Queries WeChat and applies the answer: whether the order is paid or closed, and its refunds, made here or in the merchant platform. `undefined` for an unknown number.
   */
  refresh(outTradeNo: string): Promise<Order | undefined>
  /** Queries WeChat about an order that differs from a bill, and applies the answer. */
  askForBill(order: Order): Promise<Order>
  /** The order for a polling client: queries WeChat first, unless the order is settled or was queried a moment ago. */
  look(order: Order): Promise<Order>
  /**
   * Closes the order unless it turns out to be paid: queries WeChat, closes the order there, and believes only WeChat's answer. Simultaneous calls
   * share one attempt. If that fails, the order stays `closing`: the sweeper continues, and calls try again at most every 2 s; in between a call
   * resolves with the current order.
   */
  cancel(outTradeNo: string, reason?: string): Promise<Order | undefined>
  /** Does the due work of an unpaid order: queries WeChat, or closes the order once it has expired. Claim the order first. */
  pursue(order: Order, planned?: boolean): Promise<void>
  /** All news about an order and what each piece changed, oldest first. */
  history(outTradeNo: string): Promise<HistoryEntry[]>
  /** Applies a verified payment. `undefined` for an unknown number. `log` is for the lines that it causes. */
  observePayment(source: Source, payment: Payment, log?: Log, subMchId?: string): Promise<Observed | undefined>
  observe(outTradeNo: string, observation: Observation, log?: Log, tx?: unknown): Promise<Observed | undefined>
  noteUnknownRefund: News['noteUnknownRefund']
  /** The owner of the orders. */
  readonly owner: Owner
  /** Whether it is an account of this owner, or one of its orders: only its owner may ask WeChat about an order. */
  owns(account: Account): boolean
  /** Whether a row of a bill is about this owner's trade. */
  ownsRow(row: TradeRow): boolean
}

type AccountTerms = CheckedTerms & Pick<Order, 'appid' | 'spAppid'>

/** Each round succeeds, changes an order permanently, or throws. More rounds mean that others keep ordering the same key. */
const ROUNDS = 4

/** WeChat has not taken the order, and will not. */
const FINAL: readonly Advice[] = ['stop', 'configure']
/** WeChat already has the number: query it, and end the order. */
const ENDING: readonly Advice[] = ['query', 'new-number']

export function createOrders({
  appids,
  mchId,
  partner,
  pay,
  store,
  policy,
  observer,
  now,
  wechatNow = now,
  newOutTradeNo,
}: OrdersDeps): Orders {
  const { isExpired, isEnding, isBeingMade, isPayable } = createAges(now, wechatNow)
  const { observe, observePayment, noteUnknownRefund } = createNews({ mchId, store, policy, observer, now, wechatNow })
  const asking = createAsking({ pay, apply, now, wechatNow })

  /** Like `observe`, for an order that existed a moment ago. If it was archived meanwhile, returns it unchanged. */
  async function apply(order: Order, observation: Observation): Promise<Order> {
    return (await observe(order.outTradeNo, observation))?.order ?? order
  }

  /** With another account's credentials WeChat says that an order does not exist, and we would treat a paid one as closed. */
  function checkOwn(order: Order): Order {
    if (!owns(order)) {
      throw new WechatError(
        'WECHAT_ORDER_CONFLICT',
        `${order.outTradeNo} belongs to the merchant ${order.mchId} and ${order.appid}. Give each account its own store (tablePrefix), or keep its old credentials until its orders are settled.`,
      )
    }
    return order
  }

  function owns(account: Account): boolean {
    return account.mchId === mchId && appids.includes(account.appid)
  }

  /** A bill names the provider's app, whichever app the payer was in. */
  function ownsRow({ appid, subMchId, ...row }: TradeRow): boolean {
    if (partner === undefined) return owns({ ...row, appid })
    return row.mchId === mchId && appid === partner.spAppid && isSub(partner, subMchId)
  }

  async function prepay(order: Order): Promise<Order> {
    const askedAt = now()
    const { tradeType } = order
    let given: string
    try {
      given = await pay.prepay(order)
    } catch (error) {
      if (error instanceof WechatError && error.sent) {
        await apply(order, {
          seen: FINAL.includes(error.advice) ? 'prepay-refused' : 'prepay-unknown',
          reason: error.message,
        })
      }
      throw error
    }
    return await apply(order, {
      seen: 'prepaid',
      ...(tradeType === 'NATIVE' || tradeType === 'H5' ? { payUrl: given } : { prepayId: given }),
      prepayExpiresAt: new Date(askedAt.getTime() + prepayTtl(tradeType)),
    })
  }

  /** The terms with the app and, in service-provider mode, the provider's appid and the sub-merchant. */
  function withAccount(terms: CheckedTerms & { appid?: string }): AccountTerms {
    const { appid = appids.length === 1 ? appids[0] : undefined } = terms
    if (appid === undefined || !appids.includes(appid)) {
      throw priceInvalid(`The appid of an order must be one of ${appids.join(', ')}, not ${appid}`)
    }
    if (partner === undefined) {
      if (terms.subMchId === undefined) return { ...terms, appid }
      throw priceInvalid('An order has a subMchId only in service-provider mode (merchant.partner)')
    }
    const { spAppid, subMchIds } = partner
    const subMchId = terms.subMchId ?? (subMchIds.length === 1 ? (subMchIds[0] as string) : undefined)
    if (isSub(partner, subMchId)) return { ...terms, appid, subMchId, spAppid }
    const allowed = subMchIds === 'any' ? 'a merchant number' : `one of ${subMchIds.join(', ')}`
    throw priceInvalid(`The subMchId of an order must be ${allowed}, not ${subMchId}`)
  }

  /** The live order of the key, or a new row. The row is committed before its number is sent to WeChat. */
  async function place(terms: AccountTerms): Promise<Order> {
    const live = await store.findLiveOrder(liveKeyOf(terms), mchId)
    if (live !== undefined) return live
    const createdAt = wechatNow()
    const outTradeNo = newOutTradeNo(createdAt)
    // All fields from the start: an object that gets fields later is much slower to copy, and each change copies it.
    const order: Order = {
      ...terms,
      extras: terms.extras,
      subMchId: terms.subMchId,
      spAppid: terms.spAppid,
      prepayId: undefined,
      payUrl: undefined,
      prepayExpiresAt: undefined,
      queriedAt: undefined,
      payment: undefined,
      outTradeNo,
      mchId,
      apiVersion: pay.version,
      currency: 'CNY',
      state: 'created',
      liveKey: liveKeyOf(terms),
      createdAt,
      refunds: [],
      shipping: undefined,
      fulfilment: 'none',
      attempts: 0,
      dueAt: null,
      claims: 0,
      claimedBy: undefined,
    }
    const at = now()
    order.dueAt = nextDue(order, at, createdAt)
    const first: HistoryLine = {
      outTradeNo,
      at,
      source: 'order',
      seen: `order of ${terms.totalFee} fen`,
      outcome: 'created',
      from: 'created',
      to: 'created',
    }
    const result = await store.insertOrder({ order, history: [first], anomalies: [] })
    return result.inserted ? order : result.existing
  }

  /** What the payer needs. */
  const FOR_PAYER: { [T in TradeType]: (order: Order) => Omit<Ordered<T>, 'order'> } = {
    JSAPI: (order) => ({ payParams: pay.payParams(order.prepayId!, wechatNow(), order) }),
    NATIVE: ({ payUrl }) => ({ codeUrl: payUrl! }),
    APP: (order) => ({ appParams: pay.appParams(order.prepayId!, wechatNow(), order) }),
    H5: ({ payUrl }) => ({ h5Url: payUrl! }),
  }

  return {
    async create<T extends TradeType>(given: OrderTerms<T>) {
      const terms = withAccount(checkTerms(given, pay))
      let refusal: WechatError | undefined
      for (let round = 0; round < ROUNDS; round++) {
        let order = checkOwn(await place(terms))
        const isSame = isOfTerms(order, terms) && isOfAccount(order, terms) && order.apiVersion === pay.version
        if (!isSame && isBeingMade(order)) {
          throw conflict(`${order.outTradeNo} is being ordered under the same key with other terms`)
        }
        if (order.state === 'closing' || (isOpen(order) && !isSame)) {
          order = await asking.end(order, 'ordered again')
        } else if (isOpen(order) && isEnding(order)) {
          const asked = await asking.askAge(order, POLLED, isEnding)
          order = asked.isOver
            ? await asking.end(asked.order, 'ordered again, too close to its expiry', ASKED)
            : asked.order
        } else if (isOpen(order) && !isPayable(order)) {
          try {
            order = await prepay(order)
          } catch (error) {
            if (!(error instanceof WechatError && ENDING.includes(error.advice))) throw error
            // Paid, closed, or ordered with other terms: WeChat knows which. An unpaid order is closed and ordered again.
            refusal = error
            order = await asking.end(order, error.message)
          }
        }
        if (order.state === 'paid') {
          throw new WechatError(
            'WECHAT_ORDER_PAID',
            `${order.outTradeNo} of the same key is paid already. Ask for that order instead.`,
          )
        }
        if (isPayable(order)) return { order, ...FOR_PAYER[order.tradeType](order) } as Ordered<T>
        if (order.state === 'closing') throw conflict(`${order.outTradeNo} of the same key is still being closed`)
      }
      throw refusal ?? conflict('Other orders of the same key got in the way')
    },

    async get(outTradeNo) {
      return await store.findOrder(outTradeNo)
    },

    async refresh(outTradeNo) {
      const order = await store.findOrder(outTradeNo)
      return order === undefined ? undefined : await asking.ask(checkOwn(order), POLLED)
    },

    async askForBill(order) {
      return await asking.ask(checkOwn(order), POLLED, undefined, 'bill')
    },

    async look(order) {
      return await asking.look(checkOwn(order))
    },

    async cancel(outTradeNo, reason = 'cancelled') {
      const order = await store.findOrder(outTradeNo)
      return order === undefined ? undefined : await asking.end(checkOwn(order), reason)
    },

    async pursue(order, planned) {
      if (order.state === 'closing') {
        await asking.close(order, 'expired', SCHEDULED)
        return
      }
      const asked = await asking.askAge(order, SCHEDULED, isExpired, planned)
      if (asked.isOver) await asking.expire(asked.order)
    },

    async history(outTradeNo) {
      return await store.history(outTradeNo)
    },

    observe,
    observePayment,
    noteUnknownRefund,
    owner: { appids, mchId },
    owns,
    ownsRow,
  }
}

function isOfAccount(order: Order, terms: AccountTerms): boolean {
  return (['appid', 'subMchId', 'spAppid'] as const).every((name) => order[name] === terms[name])
}

function priceInvalid(what: string): WechatError {
  return new WechatError('WECHAT_PRICE_INVALID', `${what}. Nothing was ordered.`)
}

function conflict(what: string): WechatError {
  return new WechatError('WECHAT_ORDER_CONFLICT', `${what}. Order again in a few seconds.`, { advice: 'repeat' })
}
