import { isIP } from 'node:net'
import type { Account } from '../../ledger/account.ts'
import { placeOrder } from '../../ledger/ordering.ts'
import type { Order } from '../../ledger/orders.ts'
import { isNotifyUrl } from '../../wire/notify-url.ts'
import { parseWechatTime } from '../../wire/time.ts'
import type { WireField } from '../../wire/xml.ts'
import { checkPayer } from '../payer.ts'
import { INVALID_NOTIFY_URL, missing, ProtocolFail, WRONG_OPENID } from './answers.ts'
import { isAmount, isTime, matches } from './fields.ts'
import type { PayEndpoint, PayRequest } from './receive.ts'

/** A single address; the IPv4-mapped form is on record as refused. */
const isPayerIp = (text: string) => isIP(text) !== 0 && !/^::ffff:\d+\./i.test(text)

/** @throws ProtocolFail */
function checkUser({ registry, world, get }: PayRequest, prefix: '' | 'sub_'): void {
  const [app, user] = [`${prefix}appid`, `${prefix}openid`]
  const openid = get(user)
  if (openid === '') return
  // Documented (4011983228): sub_openid requires sub_appid. One merchant reports that it is not checked.
  if (get(app) === '') throw missing(app)
  switch (checkPayer(registry, world, get(app), openid)) {
    case 'unknown':
      throw new ProtocolFail(WRONG_OPENID, { cause: `${user} is ${JSON.stringify(openid)}` })
    case 'foreign':
      // Recorded for both: v2.md 2.0; community 000488ef7801f0a66df7da0c551800.
      throw new ProtocolFail(`${app} and ${user} not match`)
  }
}

function checkParties(request: PayRequest): void {
  const { get, subMchId } = request
  if (get('trade_type') !== 'JSAPI') return
  // A service provider names the payer in its own app, or in that of the sub-merchant.
  if (get('openid') === '' && (subMchId === '' || get('sub_openid') === '')) {
    throw new ProtocolFail('JSAPI支付必须传openid')
  }
  checkUser(request, '')
  if (subMchId !== '') checkUser(request, 'sub_')
}

/** What each trade_type requires besides the common fields. */
const NEEDED: Readonly<Record<string, string>> = { NATIVE: 'product_id', MWEB: 'scene_info' }

function reply({ random }: Account, { prepayId, tradeType }: Order): WireField[] {
  const fields: WireField[] = [
    ['prepay_id', prepayId],
    ['trade_type', tradeType],
  ]
  if (tradeType === 'NATIVE') {
    fields.push(['code_url', `weixin://wxpay/bizpayurl?pr=${random.alphanumeric(9, 'code_url', prepayId)}`])
  }
  if (tradeType === 'MWEB') {
    fields.push([
      'mweb_url',
      `https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=${prepayId}&package=${random.digits(10, 'mweb_url', prepayId)}`,
    ])
  }
  return fields
}

/** V2 unifiedorder (doc/v2/merchant/4011940985). */
export const unifiedorder: PayEndpoint = {
  api: 'unifiedorder',
  path: '/pay/unifiedorder',
  fields: [
    { name: 'body', max: 127, required: true },
    { name: 'detail', max: 6000 },
    { name: 'attach', max: 127 },
    { name: 'out_trade_no', max: 32, required: true, form: matches(/^[0-9A-Za-z_\-|*]{6,}$/) },
    { name: 'fee_type', max: 16, form: matches(/^CNY$/) },
    { name: 'total_fee', max: 10, required: true, form: isAmount },
    { name: 'spbill_create_ip', max: 64, required: true, form: isPayerIp, text: 'invalid spbill_create_ip' },
    { name: 'time_start', max: 14, form: isTime },
    { name: 'time_expire', max: 14, form: isTime },
    { name: 'goods_tag', max: 32 },
    {
      name: 'notify_url',
      max: 256,
      required: true,
      form: isNotifyUrl,
      text: INVALID_NOTIFY_URL,
      missing: INVALID_NOTIFY_URL,
    },
    { name: 'trade_type', max: 16, required: true, form: matches(/^(?:JSAPI|NATIVE|APP|MWEB)$/) },
    { name: 'product_id', max: 32 },
    { name: 'limit_pay', max: 32, form: matches(/^no_credit$/) },
    { name: 'openid', max: 128 },
    { name: 'sub_openid', max: 128 },
    { name: 'receipt', max: 8, form: matches(/^Y$/) },
    { name: 'profit_sharing', max: 1, form: matches(/^[YN]$/) },
    { name: 'scene_info', max: 256 },
    { name: 'version', max: 32 },
    { name: 'user_type', max: 32 },
    { name: 'user_creid', max: 32 },
    { name: 'user_truename', max: 64 },
  ],
  handle: (request) => {
    const { world, account, get, signType, subMchId } = request
    checkParties(request)
    const needed = NEEDED[get('trade_type')]
    if (needed !== undefined && get(needed) === '') throw missing(needed)
    const order = placeOrder(
      account,
      {
        version: 'v2',
        parameters: '',
        outTradeNo: get('out_trade_no'),
        appid: get('appid'),
        body: get('body'),
        totalFee: Number(get('total_fee')),
        feeType: get('fee_type') || 'CNY',
        tradeType: get('trade_type'),
        openid: get('openid'),
        ...(subMchId !== '' && { sub: { mchId: subMchId, appid: get('sub_appid'), openid: get('sub_openid') } }),
      },
      {
        deviceInfo: get('device_info'),
        attach: get('attach'),
        notifyUrl: get('notify_url'),
        nonceStr: get('nonce_str'),
        signType,
        expiresAt: parseWechatTime(get('time_expire')),
      },
      world.behaviour.repeatedPrepayId,
    )
    return reply(account, order)
  },
}
