import type {
  Anomaly,
  HistoryLine,
  Order,
  Payment,
  Refund,
  RefundAccount,
  Resolution,
  TokenSession,
} from '../../model.ts'

/**
 * - `key`: text that rows are found by, compared exactly
 * - `name`: short text
 * - `text`: text of any length
 * - `integer`: a safe integer; money is in fen
 * - `time`: a moment, to the millisecond
 * - `json`: a value that is text as JSON
 * - `count`: the number of rows in a table of their own
 */
export type Kind = 'key' | 'name' | 'text' | 'integer' | 'time' | 'json' | 'count'

/** A column, which holds one property of the model. */
export interface Field {
  column: string
  kind: Kind
  /** What NULL means: that the property is absent, or that it is `null`. A column without this is never NULL. */
  empty?: undefined | null
  /** In a group: NULL means the same value as the model's own field of this name, which is not stored twice. */
  like?: string
}

/** For each property its column, or the columns of a group, all NULL while the group is absent. */
export type Fields<T> = { readonly [Name in keyof Required<T>]: Field | Fields<NonNullable<T[Name]>> }

const ABSENT = { empty: undefined }
const NULL = { empty: null }

const PAYMENT = {
  transactionId: { column: 'transaction_id', kind: 'key', ...ABSENT },
  outTradeNo: { column: 'paid_out_trade_no', kind: 'name', ...ABSENT },
  appid: { column: 'paid_appid', kind: 'name', ...ABSENT },
  mchId: { column: 'paid_mch_id', kind: 'name', ...ABSENT },
  openid: { column: 'paid_openid', kind: 'name', ...ABSENT },
  totalFee: { column: 'paid_fee', kind: 'integer', ...ABSENT },
  currency: { column: 'paid_currency', kind: 'name', ...ABSENT },
  paidAt: { column: 'paid_at', kind: 'time', ...ABSENT },
  bankType: { column: 'paid_bank_type', kind: 'name', ...ABSENT },
  attach: { column: 'paid_attach', kind: 'text', ...ABSENT },
} as const satisfies Fields<Payment>

/** A payment has most in common with its order. */
const OWN_PAYMENT: Fields<Payment> = {
  ...PAYMENT,
  outTradeNo: { ...PAYMENT.outTradeNo, like: 'outTradeNo' },
  appid: { ...PAYMENT.appid, like: 'appid' },
  mchId: { ...PAYMENT.mchId, like: 'mchId' },
  openid: { ...PAYMENT.openid, like: 'openid' },
  totalFee: { ...PAYMENT.totalFee, like: 'totalFee' },
  currency: { ...PAYMENT.currency, like: 'currency' },
}

/** An order's row also says which account the money of each refund comes from: few have one, and the table of refunds is older than this value. */
export interface OrderRow extends Order {
  refundAccounts?: readonly (RefundAccount | null)[] | undefined
}

export function toRow(order: Order): OrderRow {
  const refundAccounts = order.refunds.map(({ refundAccount }) => refundAccount ?? null)
  return refundAccounts.some((account) => account !== null) ? { ...order, refundAccounts } : order
}

export const ORDER: Fields<OrderRow> = {
  outTradeNo: { column: 'out_trade_no', kind: 'key' },
  key: { column: 'order_key', kind: 'name' },
  liveKey: { column: 'live_key', kind: 'key', ...NULL },
  appid: { column: 'appid', kind: 'name' },
  mchId: { column: 'mch_id', kind: 'name' },
  subMchId: { column: 'sub_mch_id', kind: 'name', ...ABSENT },
  spAppid: { column: 'sp_appid', kind: 'name', ...ABSENT },
  apiVersion: { column: 'api_version', kind: 'name' },
  openid: { column: 'openid', kind: 'name', ...ABSENT },
  tradeType: { column: 'trade_type', kind: 'name' },
  extras: { column: 'extras', kind: 'json', ...ABSENT },
  description: { column: 'description', kind: 'text' },
  totalFee: { column: 'total_fee', kind: 'integer' },
  currency: { column: 'currency', kind: 'name' },
  attach: { column: 'attach', kind: 'text', ...ABSENT },
  clientIp: { column: 'client_ip', kind: 'name' },
  createdAt: { column: 'created_at', kind: 'time' },
  expiresAt: { column: 'expires_at', kind: 'time' },
  state: { column: 'state', kind: 'name' },
  prepayId: { column: 'prepay_id', kind: 'name', ...ABSENT },
  payUrl: { column: 'pay_url', kind: 'text', ...ABSENT },
  prepayExpiresAt: { column: 'prepay_expires_at', kind: 'time', ...ABSENT },
  queriedAt: { column: 'queried_at', kind: 'time', ...ABSENT },
  payment: OWN_PAYMENT,
  refunds: { column: 'refund_count', kind: 'count' },
  refundAccounts: { column: 'refund_accounts', kind: 'json', ...ABSENT },
  fulfilment: { column: 'fulfilment', kind: 'name' },
  shipping: {
    shipments: { column: 'shipments', kind: 'json', ...ABSENT },
    sent: { column: 'shipments_sent', kind: 'integer', ...ABSENT },
    attempts: { column: 'shipping_attempts', kind: 'integer', ...ABSENT },
    dueAt: { column: 'shipping_due_at', kind: 'time', ...NULL },
  },
  attempts: { column: 'attempts', kind: 'integer' },
  dueAt: { column: 'due_at', kind: 'time', ...NULL },
  claims: { column: 'claims', kind: 'integer' },
  claimedBy: { column: 'claimed_by', kind: 'name', ...ABSENT },
}

/** A refund has a row of its own, in its order's place for it. */
export interface PlacedRefund extends Omit<Refund, 'refundAccount'> {
  outTradeNo: string
  position: number
}

export const REFUND: Fields<PlacedRefund> = {
  outTradeNo: { column: 'out_trade_no', kind: 'key' },
  position: { column: 'position', kind: 'integer' },
  outRefundNo: { column: 'out_refund_no', kind: 'key' },
  key: { column: 'refund_key', kind: 'name' },
  refundFee: { column: 'refund_fee', kind: 'integer' },
  reason: { column: 'reason', kind: 'text', ...ABSENT },
  origin: { column: 'origin', kind: 'name' },
  state: { column: 'state', kind: 'name' },
  refundId: { column: 'refund_id', kind: 'name', ...ABSENT },
  createdAt: { column: 'created_at', kind: 'time' },
  succeededAt: { column: 'succeeded_at', kind: 'time', ...ABSENT },
  attempts: { column: 'attempts', kind: 'integer' },
  dueAt: { column: 'due_at', kind: 'time', ...NULL },
  fulfilment: { column: 'fulfilment', kind: 'name' },
}

export const HISTORY = {
  outTradeNo: { column: 'out_trade_no', kind: 'key' },
  at: { column: 'seen_at', kind: 'time' },
  source: { column: 'source', kind: 'name' },
  seen: { column: 'seen', kind: 'text' },
  outcome: { column: 'outcome', kind: 'text' },
  from: { column: 'from_state', kind: 'name' },
  to: { column: 'to_state', kind: 'name' },
} as const satisfies Fields<HistoryLine>

/** How often a line was repeated after the first time, and when last. */
export interface Repeat {
  id: number
  times: number
  lastAt: Date
}

export const REPEAT: Fields<Repeat> = {
  id: { column: 'history_id', kind: 'integer' },
  times: { column: 'times', kind: 'integer' },
  lastAt: { column: 'last_seen_at', kind: 'time' },
}

export const RESOLUTION: Fields<Resolution> = {
  action: { column: 'action', kind: 'name', ...ABSENT },
  note: { column: 'note', kind: 'text', ...ABSENT },
  at: { column: 'resolved_at', kind: 'time', ...ABSENT },
}

export const ANOMALY: Fields<Anomaly> = {
  id: { column: 'id', kind: 'key' },
  kind: { column: 'kind', kind: 'name' },
  outTradeNo: { column: 'out_trade_no', kind: 'key' },
  at: { column: 'found_at', kind: 'time' },
  reason: { column: 'reason', kind: 'text' },
  payment: PAYMENT,
  resolution: RESOLUTION,
}

export const SESSION: Fields<TokenSession> = {
  tokenHash: { column: 'token_hash', kind: 'key' },
  appid: { column: 'appid', kind: 'name' },
  openid: { column: 'openid', kind: 'name' },
  unionid: { column: 'unionid', kind: 'name', ...ABSENT },
  expiresAt: { column: 'expires_at', kind: 'time' },
}
