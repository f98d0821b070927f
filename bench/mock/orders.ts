import { signV2 } from '../../mock-server/wire/sign-v2.ts'
import { writeXml } from '../../mock-server/wire/xml.ts'

export interface Merchant {
  appid: string
  mchId: string
  apiKey: string
}

/** The n-th unifiedorder of a merchant, signed. */
export function orderXml({ appid, mchId, apiKey }: Merchant, n: number, notifyUrl: string): string {
  const fields: [string, string][] = Object.entries({
    appid,
    mch_id: mchId,
    nonce_str: `nonce${n}`,
    body: '龙井茶 & 点心',
    attach: `table ${n % 100}`,
    out_trade_no: `order-${n}`,
    total_fee: '1250',
    spbill_create_ip: '14.23.150.211',
    notify_url: notifyUrl,
    trade_type: 'JSAPI',
    openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  })
  return writeXml([...fields, ['sign', signV2(fields, apiKey, 'MD5')]])
}
