import { createHash } from 'node:crypto'

/** What is posted. */
export interface Message {
  headers: Record<string, string>
  body: Buffer
}

/** The merchant of the benchmark. MD5 without `sign_type`, as tenpay's middleware takes it by default. */
export const ACCOUNT = {
  appid: 'wx2421b1c4370ec43b',
  mchId: '1900000109',
  apiKey: '0123456789abcdef0123456789abcdef',
} as const

export const PATH = '/wechat/notify'
export const OPENID = 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o'

/** The n-th order of the benchmark. */
export function orderOf(n: number): { outTradeNo: string; transactionId: string; totalFee: number } {
  const digits = String(n).padStart(10, '0')
  return {
    outTradeNo: `20260115093000${digits}Tq7Zk2`,
    transactionId: `420000054020260115${digits}`,
    totalFee: 100 + (n % 9900),
  }
}

/** WeChat's notification of the n-th order's payment, laid out as recorded ones are (sorted, newlines, CDATA, bare amounts), about 1 KB. */
export function notificationOf(n: number): Message {
  const { outTradeNo, transactionId, totalFee } = orderOf(n)
  const fields: Record<string, string> = {
    appid: ACCOUNT.appid,
    attach: '茶叶 2 盒，门店自提',
    bank_type: 'CMB_CREDIT',
    cash_fee: String(totalFee - 50),
    cash_fee_type: 'CNY',
    coupon_count: '1',
    coupon_fee: '50',
    coupon_fee_0: '50',
    coupon_id_0: '2000000040215872113',
    device_info: 'WEB',
    fee_type: 'CNY',
    is_subscribe: 'N',
    mch_id: ACCOUNT.mchId,
    nonce_str: createHash('md5').update(String(n)).digest('hex'),
    openid: OPENID,
    out_trade_no: outTradeNo,
    result_code: 'SUCCESS',
    return_code: 'SUCCESS',
    time_end: '20260115093112',
    total_fee: String(totalFee),
    trade_type: 'JSAPI',
    transaction_id: transactionId,
  }
  const text = Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  fields.sign = createHash('md5').update(`${text}&key=${ACCOUNT.apiKey}`).digest('hex').toUpperCase()
  const elements = Object.entries(fields)
    .sort()
    .map(([name, value]) =>
      name.endsWith('_fee') ? `<${name}>${value}</${name}>` : `<${name}><![CDATA[${value}]]></${name}>`,
    )
  return { headers: { 'content-type': 'text/xml' }, body: Buffer.from(`<xml>${elements.join('\n')}\n</xml>`) }
}

/** The same with another amount under the old signature. */
export function forged({ headers, body }: Message): Message {
  return { headers, body: Buffer.from(body.toString().replace('<total_fee>', '<total_fee>9')) }
}
