import { placeOrder } from '../../ledger/ordering.ts'
import type { Order } from '../../ledger/orders.ts'
import type { Account } from '../../ledger/account.ts'
import { parseRfc3339 } from '../../wire/time.ts'
import { checkPayer } from '../payer.ts'
import { paramError, V3Error } from './answers.ts'
import { array, boolean, integer, missing, object, required, string, type Fields } from './fields.ts'
import type { V3Endpoint, V3Request } from './receive.ts'

/** As in the recorded error texts: no query, no fragment, no brackets or blanks. */
export const NOTIFY_URL = /^https?:\/\/([^\s/?#[\]@]+@)?[^\s/?#[\]@:]+(?::\d{2,5})?[^\s?#[\]]*$/
export const OUT_TRADE_NO = /^[0-9a-zA-Z_\-|*]+$/

const GOODS: Fields = {
  merchant_goods_id: string('商户侧商品编码', 32, required),
  wechatpay_goods_id: string('微信支付商品编码', 32),
  goods_name: string('商品名称', 256),
  quantity: integer('商品数量', required),
  unit_price: integer('商品单价', required),
}

const SCENE: Fields = {
  payer_client_ip: string('用户终端IP', 45, required),
  device_id: string('商户端设备号', 32),
  store_info: object('商户门店信息', {
    id: string('门店编号', 32, required),
    name: string('门店名称', 256),
    area_code: string('地区编码', 32),
    address: string('详细地址', 512),
  }),
}

const DIRECT: Fields = { appid: string('公众号ID', 32, required), mchid: string('直连商户号', 32, required) }

/** Of a service provider's order (4012523579). */
const PARTNER: Fields = {
  sp_appid: string('服务商应用ID', 32, required),
  sp_mchid: string('服务商户号', 32, required),
  sub_appid: string('子商户应用ID', 32),
  sub_mchid: string('子商户号', 32, required),
}

const COMMON: Fields = {
  description: string('商品描述', 127, required),
  out_trade_no: string('商户订单号', 32, { ...required, least: 6, pattern: OUT_TRADE_NO }),
  time_expire: string('交易结束时间', 64),
  attach: string('附加数据', 128),
  notify_url: string('通知地址', 255, { ...required, pattern: NOTIFY_URL }),
  goods_tag: string('订单优惠标记', 32),
  support_fapiao: boolean('电子发票入口开放标识'),
  amount: object(
    '订单金额',
    { total: integer('总金额', { ...required, least: 1 }), currency: string('货币类型', 16, { values: ['CNY'] }) },
    required,
  ),
  detail: object('优惠功能', {
    cost_price: integer('订单原价'),
    invoice_id: string('商品小票ID', 32),
    goods_detail: array('单品列表', GOODS),
  }),
  scene_info: object('场景信息', SCENE),
  settle_info: object('结算信息', { profit_sharing: boolean('是否指定分账') }),
}

const PAYER: Fields = {
  payer: object('支付者', { openid: string('用户标识', 128, required) }, required),
}

const PARTNER_PAYER: Fields = {
  payer: object('支付者', { sp_openid: string('用户服务标识', 128), sub_openid: string('用户子标识', 128) }, required),
}

const H5: Fields = {
  scene_info: object(
    '场景信息',
    {
      ...SCENE,
      h5_info: object(
        'H5场景信息',
        {
          type: string('场景类型', 32, { ...required, values: ['iOS', 'Android', 'Wap'] }),
          app_name: string('应用名称', 64),
          app_url: string('网站URL', 128),
          bundle_id: string('iOS平台BundleID', 128),
          package_name: string('Android平台PackageName', 128),
        },
        required,
      ),
    },
    required,
  ),
}

const MAX_DETAIL_BYTES = 6144
const MINUTE_MS = 60_000
const DAY_MS = 24 * 3_600_000

/** Less than a minute ahead becomes a minute, more than 15 days ahead becomes 15 days. */
function expiryOf({ now }: Account, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const asked = parseRfc3339(text)
  if (!asked) {
    throw paramError(
      '输入源“/body/time_expire”映射到值字段“交易结束时间”格式校验失败，需要满足rfc3339格式',
      'body',
      text,
    )
  }
  const time = now().getTime()
  return new Date(Math.min(Math.max(asked.getTime(), time + MINUTE_MS), time + 15 * DAY_MS))
}

/** What must not change in a repeated order, as text, independent of the order of keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )

/** @throws V3Error */
function checkApp({ registry, world }: V3Request, appid: string): void {
  if (registry.byAppid(appid)?.world !== world) throw new V3Error('APPID_MCHID_NOT_MATCH')
}

/** @throws V3Error */
function checkUser({ registry, world }: V3Request, appid: string, openid: string, foreign: () => V3Error): void {
  switch (checkPayer(registry, world, appid, openid)) {
    case 'unknown':
      throw new V3Error('PARAM_ERROR', { message: '无效的openid', cause: `openid is ${JSON.stringify(openid)}` })
    case 'foreign':
      throw foreign()
  }
}

/** @throws V3Error */
function checkParties(request: V3Request): void {
  const { appid, payer } = request.body
  checkApp(request, appid)
  if (!payer) return
  checkUser(request, appid, payer.openid, () => new V3Error('INVALID_REQUEST', { message: 'appid与openid不匹配' }))
}

/** As recorded for sp_openid (community 0008ceae7f81f0c46be21a1c761400). */
const notOfApp = () => new V3Error('PARAM_ERROR', { message: 'appid和openid不匹配' })

/**
 * The parties of a service provider's order.
 * @throws V3Error
 */
function checkPartners(request: V3Request): void {
  const { account, body, subMchId } = request
  const { sp_appid: appid, sub_appid: subAppid, payer } = body
  checkApp(request, appid)
  const sub = account.actsFor.find(({ mchId }) => mchId === subMchId)!
  if (subAppid !== undefined && !sub.appids.includes(subAppid)) {
    // The text is that of v2; which code v3 has for it is not on record.
    throw new V3Error('APPID_MCHID_NOT_MATCH', {
      message: 'sub_mch_id与sub_appid不匹配',
      cause: `sub_appid is ${subAppid}, bound to ${subMchId}: ${sub.appids.join(', ') || 'none'}`,
    })
  }
  if (!payer) return
  const { sp_openid: openid, sub_openid: subOpenid } = payer
  // One of the two is required, and sub_appid beside sub_openid (4012523579); the texts are those of other fields.
  if (openid === undefined && subOpenid === undefined) throw missing('sp_openid', '用户服务标识', 'body', '/body/payer')
  if (subOpenid !== undefined && subAppid === undefined) throw missing('sub_appid', '子商户应用ID')
  if (openid !== undefined) checkUser(request, appid, openid, notOfApp)
  if (subOpenid !== undefined) checkUser(request, subAppid, subOpenid, notOfApp)
}

function order(request: V3Request, tradeType: string): Order {
  const { world, account, body, subMchId } = request
  if (body.detail && Buffer.byteLength(JSON.stringify(body.detail)) > MAX_DETAIL_BYTES) {
    throw new V3Error('PARAM_ERROR', { cause: `detail has more than ${MAX_DETAIL_BYTES} bytes` })
  }
  const isPartner = subMchId !== ''
  if (isPartner) checkPartners(request)
  else checkParties(request)
  const { amount, payer, scene_info: scene } = body
  return placeOrder(
    account,
    {
      version: 'v3',
      parameters: canonical(body),
      outTradeNo: body.out_trade_no,
      appid: isPartner ? body.sp_appid : body.appid,
      body: body.description,
      totalFee: amount.total,
      feeType: amount.currency ?? 'CNY',
      tradeType,
      openid: (isPartner ? payer?.sp_openid : payer?.openid) ?? '',
      ...(isPartner && { sub: { mchId: subMchId, appid: body.sub_appid ?? '', openid: payer?.sub_openid ?? '' } }),
    },
    {
      deviceInfo: scene?.device_id ?? '',
      attach: body.attach ?? '',
      notifyUrl: body.notify_url,
      nonceStr: '',
      signType: 'MD5',
      expiresAt: expiryOf(account, body.time_expire),
    },
    world.behaviour.repeatedPrepayId,
  )
}

/** How an order is answered. */
type Answer = (order: Order, account: Account) => Record<string, unknown>

/** One of the four ways to order (4012791897, 4012791877, 4013070347, 4012791834), for a merchant itself and for a service provider. */
function transactions(name: string, tradeType: string, direct: Fields, partner: Fields, answer: Answer): V3Endpoint[] {
  const endpoint = (path: string, subMerchant: 'never' | 'always', fields: Fields): V3Endpoint => ({
    api: 'unifiedorder',
    method: 'POST',
    path: `${path}/transactions/${name}`,
    subMerchant,
    body: { ...COMMON, ...fields },
    handle: (request) => answer(order(request, tradeType), request.account),
  })
  return [
    endpoint('/v3/pay', 'never', { ...DIRECT, ...direct }),
    endpoint('/v3/pay/partner', 'always', { ...PARTNER, ...partner }),
  ]
}

const prepayId: Answer = ({ prepayId }) => ({ prepay_id: prepayId })
const codeUrl: Answer = ({ prepayId }, { random }) => ({
  code_url: `weixin://wxpay/bizpayurl/up?pr=${random.alphanumeric(9, 'code_url', prepayId)}&groupid=00`,
})
const h5Url: Answer = ({ prepayId }, { random }) => ({
  h5_url: `https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=${prepayId}&package=${random.digits(10, 'h5_url', prepayId)}`,
})

export const orders: readonly V3Endpoint[] = [
  ...transactions('jsapi', 'JSAPI', PAYER, PARTNER_PAYER, prepayId),
  ...transactions('native', 'NATIVE', {}, {}, codeUrl),
  ...transactions('app', 'APP', {}, {}, prepayId),
  ...transactions('h5', 'MWEB', H5, H5, h5Url),
]
