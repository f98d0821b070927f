import type { Order } from '../../src/model.ts'

/** A day of any number of paid orders, made by rule: as a bill, and as a store would have it. */

const ACCOUNT = { appid: 'wx0123456789abcdef', mchId: '1900000109' }
const MIDNIGHT = new Date('2026-01-14T16:00:00Z').getTime()
const DAY_MS = 86_400_000

const HEADER =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n'

export const DATE = '2026-01-15'
export { ACCOUNT }

function time(n: number, count: number): Date {
  return new Date(MIDNIGHT + Math.floor((n / count) * DAY_MS))
}

let [lastSecond, lastText] = [0, '']

/** yyyy-MM-dd HH:mm:ss in China. */
function text(at: Date): string {
  const second = Math.floor(at.getTime() / 1000)
  if (second !== lastSecond) {
    lastSecond = second
    lastText = new Date(second * 1000 + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ')
  }
  return lastText
}

function numberOf(n: number, count: number): string {
  return text(time(n, count)).replace(/[- :]/g, '') + String(n).padStart(14, '0')
}

export function orderOf(outTradeNo: string, count: number): Order {
  const n = Number(outTradeNo.slice(14))
  const at = time(n, count)
  const totalFee = 1 + (n % 99_999)
  const openid = `oBench${String(n).padStart(22, '0')}`
  return {
    ...ACCOUNT,
    outTradeNo,
    apiVersion: 'v2',
    tradeType: 'JSAPI',
    key: `cart-${n}`,
    liveKey: `cart-${n}`,
    openid,
    description: '龙井茶 Dragon Well tea',
    totalFee,
    currency: 'CNY',
    clientIp: '203.0.113.7',
    state: 'paid',
    createdAt: at,
    expiresAt: new Date(at.getTime() + 7_200_000),
    payment: {
      ...ACCOUNT,
      transactionId: `4200${String(n).padStart(24, '0')}`,
      outTradeNo,
      openid,
      totalFee,
      currency: 'CNY',
      paidAt: at,
    },
    refunds: [],
    fulfilment: 'done',
    attempts: 0,
    dueAt: null,
    claims: 1,
  }
}

/** The numbers greater than `after`, in their order. */
export function numbersAfter(after: string, limit: number, count: number): string[] {
  let n = after.length > 14 ? Number(after.slice(14)) + 1 : 0
  const numbers: string[] = []
  for (; n < count && numbers.length < limit; n++) numbers.push(numberOf(n, count))
  return numbers
}

const yuan = (fen: number) => (fen / 100).toFixed(2)

/** The bill in pieces of some 64 KB. */
export function* billOf(count: number): Generator<Buffer> {
  let piece = `\uFEFF${HEADER}`
  for (let n = 0; n < count; n++) {
    const { outTradeNo, openid, totalFee, payment, description } = orderOf(numberOf(n, count), count)
    const cells = [
      ...[text(payment!.paidAt), ACCOUNT.appid, ACCOUNT.mchId, '0', '', payment!.transactionId, outTradeNo, openid],
      ...['JSAPI', 'SUCCESS', 'OTHERS', 'CNY', yuan(totalFee), '0.00', '0', '0', '0.00', '0.00', '', ''],
      ...[description, '', '0.01000', '0.60%', yuan(totalFee), '0.00', ''],
    ]
    piece += `\`${cells.join(',`')}\r\n`
    if (piece.length > 40_000) {
      yield Buffer.from(piece)
      piece = ''
    }
  }
  yield Buffer.from(
    `${piece}总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n\`${count},\`0.00,\`0.00,\`0.00,\`0.00,\`0.00,\`0.00\r\n`,
  )
}
