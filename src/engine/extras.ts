import type { Goods, H5Info, OrderExtras, SceneInfo, TradeType } from '../model.ts'
import { isFen } from '../protocol/money.ts'
import { listOf, objectOf, oneOf, optional, shown, text } from '../base/rules.ts'
import type { Rule } from '../base/rules.ts'

export const fen: Rule = (value) =>
  isFen(value) ? undefined : `must be an integer number of fen from 1 to 9007199254740991, not ${shown(value)}`

export const TRADE_TYPES: readonly TradeType[] = ['JSAPI', 'NATIVE', 'APP', 'H5']

/** Checks an object; an unknown property is a fault, as it would be dropped silently. */
const exactly = <T>(rules: Record<keyof T & string, Rule>) => optional(objectOf(rules, 'refused'))
const flag = optional(oneOf([true, false]))
const count: Rule = (value) => (isFen(value) ? undefined : `must be an integer of at least 1, not ${shown(value)}`)

const GOODS: Record<keyof Goods, Rule> = {
  merchantGoodsId: text(1, 32),
  wechatpayGoodsId: optional(text(1, 32)),
  goodsName: optional(text(1, 256)),
  quantity: count,
  unitPrice: fen,
}

/** Lengths are the same in both versions (unifiedorder 4011940985, doc/v3/merchant/4012791897), in bytes of UTF-8. */
export const EXTRAS: Record<keyof OrderExtras, Rule> = {
  detail: exactly<NonNullable<OrderExtras['detail']>>({
    costPrice: optional(fen),
    invoiceId: optional(text(1, 32)),
    goodsDetail: optional(listOf(objectOf(GOODS, 'refused'), 1000)),
  }),
  sceneInfo: exactly<SceneInfo>({
    deviceId: optional(text(1, 32)),
    storeInfo: exactly<NonNullable<SceneInfo['storeInfo']>>({
      id: text(1, 32),
      name: optional(text(1, 256)),
      areaCode: optional(text(1, 32)),
      address: optional(text(1, 512)),
    }),
    h5Info: exactly<H5Info>({
      type: oneOf(['Wap', 'iOS', 'Android']),
      appName: optional(text(1, 64)),
      appUrl: optional(text(1, 128)),
      bundleId: optional(text(1, 128)),
      packageName: optional(text(1, 128)),
    }),
  }),
  goodsTag: optional(text(1, 32)),
  limitPay: optional(oneOf(['no_credit'])),
  supportFapiao: flag,
  profitSharing: flag,
}

/** The further values of terms, sorted by name, so that equal values give equal text; `undefined` if there are none. */
export function extrasOf(terms: OrderExtras): OrderExtras | undefined {
  const extras = sorted(Object.fromEntries(Object.keys(EXTRAS).map((name) => [name, terms[name as keyof OrderExtras]])))
  return Object.keys(extras as object).length > 0 ? (extras as OrderExtras) : undefined
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const parts = Object.entries(value).filter(([, part]) => part !== undefined)
  parts.sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(parts.map(([name, part]) => [name, sorted(part)]))
}
