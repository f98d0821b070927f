// Clients that know nothing of this package call the mock as a service provider does, and verify every answer.
import { createRequire } from 'node:module'
import t from 'tap'
import wechatpay from 'wechatpay-axios-plugin'
import type { AppPaymentParams, RequestPaymentParams } from '../../../../mock-server/index.ts'
import { orderFields, startShop, type Values } from '../../helpers.ts'
import { bodyV3, startPartner, SUB_OPENID, subsOf } from '../../partner.ts'
import { refundBody } from '../../v3.ts'

type Reply = Record<string, string>
type Call = (values: Values) => Promise<Reply>

interface Tenpay {
  urls: Record<string, string>
  readonly getPayParams: (values: Values) => Promise<RequestPaymentParams>
  readonly getAppParams: (values: Values) => Promise<AppPaymentParams>
  readonly orderQuery: Call
  readonly refund: Call
  readonly refundQuery: Call
  readonly closeOrder: Call
  readonly middleware: (type: 'pay') => (context: Context, next: () => Promise<void>) => Promise<void>
}
interface Context {
  readonly request: { readonly body: string; weixin?: Reply }
  body?: string
  reply?: () => void
}
const TenpayClient = createRequire(import.meta.url)('tenpay') as new (options: Reply) => Tenpay

// The clients use the machine's time.
const NOW = { startTime: Date.now(), signTime: 'real' } as const

t.test('tenpay', async (t) => {
  const { world } = await startPartner(t, { ...NOW, seed: 2 })
  const { baseUrl, credentials } = world
  const [sub] = subsOf(world)
  const client = new TenpayClient({
    appid: credentials.appid,
    mchid: credentials.mchId,
    partnerKey: credentials.apiKey,
  })
  const apis = ['unifiedorder', 'orderquery', 'closeorder', 'refund', 'refundquery']
  client.urls = Object.fromEntries(apis.map((api) => [api, `${baseUrl}/pay/${api}`]))
  const told: Reply[] = []
  const shop = await startShop(t, async ({ body }) => {
    const context: Context = { request: { body } }
    await client.middleware('pay')(context, async () => context.reply!())
    if (context.request.weixin) told.push(context.request.weixin)
    return context.body
  })
  const names = { sub_mch_id: sub!.mchId, sub_appid: sub!.appid }
  const order = (values: Values) => orderFields(shop.notifyUrl, { ...names, openid: undefined, attach: 'a', ...values })
  t.match(world.requestPayment(await client.getPayParams(order({ sub_openid: SUB_OPENID }))), {
    outTradeNo: 'tea-0001',
  })
  t.match(world.appPayment(await client.getAppParams(order({ out_trade_no: 'tea-app', trade_type: 'APP' }))), {
    outTradeNo: 'tea-app',
  })
  t.match((await world.pay('tea-0001')).delivery, { verdict: 'acked' })
  t.match(told, [{ ...names, sub_openid: SUB_OPENID, out_trade_no: 'tea-0001' }])
  const number = { ...names, out_trade_no: 'tea-0001' }
  t.match(await client.orderQuery(number), { trade_state: 'SUCCESS', sub_openid: SUB_OPENID })
  const refund = { ...number, out_refund_no: 'r1', total_fee: 1250, refund_fee: 50 }
  t.match(await client.refund(refund), { result_code: 'SUCCESS' })
  t.match(await client.refundQuery(number), { refund_count: '1' })
  t.match(await client.closeOrder({ ...names, out_trade_no: 'tea-app' }), { result_code: 'SUCCESS' })
  await t.rejects(client.orderQuery({ out_trade_no: 'tea-0001' }), { message: /受理机构必须传入sub_mch_id/ })
})

type Json = Record<string, any>
interface Chain {
  chain: (path: string) => {
    get: (config?: Json) => Promise<{ data: any }>
    post: (data: Json) => Promise<{ data: any; status: number }>
  }
}
const { Decorator, Wechatpay } = wechatpay as unknown as {
  Decorator: { xmlBased: (config: object) => { post: (path: string, data: object) => Promise<{ data: Reply }> } }
  Wechatpay: new (config: Json) => Chain
}

t.test('wechatpay-axios-plugin, v2', async (t) => {
  const { world, shop } = await startPartner(t, NOW)
  const { appid, mchId, apiKey } = world.credentials
  const [sub] = subsOf(world)
  const client = Decorator.xmlBased({ baseURL: world.baseUrl, mchid: mchId, secret: apiKey })
  const names = { appid, mch_id: mchId, sub_appid: sub!.appid, sub_mch_id: sub!.mchId }
  const call = async (api: string, values: object) =>
    (await client.post(`/pay/${api}`, { ...names, sign_type: 'MD5', ...values })).data
  const order = orderFields(shop.notifyUrl, { openid: undefined, sub_openid: SUB_OPENID, attach: 'a' })
  t.match(await call('unifiedorder', order), { prepay_id: /^wx/, ...names })
  await world.pay('tea-0001')
  t.match(await call('orderquery', { out_trade_no: 'tea-0001' }), { trade_state: 'SUCCESS', sub_openid: SUB_OPENID })
  await t.rejects(call('orderquery', { out_trade_no: 'tea-0001', sub_mch_id: '1900000109' }))
  t.match(world.journal.entries().at(-1)!.note, '受理关系不存在')
})

t.test('wechatpay-axios-plugin, v3', async (t) => {
  const { world, shop } = await startPartner(t, NOW)
  const { mchId, v3 } = world.credentials
  const [sub] = subsOf(world)
  const client = new Wechatpay({
    mchid: mchId,
    serial: v3.serialNo,
    privateKey: v3.privateKey,
    certs: { [v3.publicKeyId]: v3.publicKey },
    baseURL: world.baseUrl,
  })
  const at = (path: string) => client.chain(`v3/${path}`)
  const names = { sp_mchid: mchId, sub_mchid: sub!.mchId }
  const transactions = 'pay/partner/transactions'
  t.match((await at(`${transactions}/jsapi`).post(bodyV3(world, shop.notifyUrl))).data, { prepay_id: /^wx/ })
  await world.pay('tea-0001')
  const { data } = await at(`${transactions}/out-trade-no/tea-0001`).get({ params: names })
  t.match(data, { ...names, trade_state: 'SUCCESS', payer: { sub_openid: SUB_OPENID } })
  t.same((await at(`${transactions}/id/${data.transaction_id}`).get({ params: names })).data, data)
  const refund = refundBody({ sub_mchid: sub!.mchId })
  t.match((await at('refund/domestic/refunds').post(refund)).data, { status: 'PROCESSING' })
  const query = at('refund/domestic/refunds/tea-0001-r1').get({ params: { sub_mchid: sub!.mchId } })
  t.match((await query).data, { out_refund_no: 'tea-0001-r1' })
  await at(`${transactions}/native`).post(bodyV3(world, shop.notifyUrl, { out_trade_no: 'tea-0002', payer: undefined }))
  t.match(await at(`${transactions}/out-trade-no/tea-0002/close`).post(names), { status: 204 })
  await t.rejects(at(`${transactions}/jsapi`).post(bodyV3(world, shop.notifyUrl, { sub_mchid: '1900000109' })))
  t.match(world.journal.entries().at(-1)!.note, /^NO_AUTH 受理关系不存在/)
  world.assertNoUnexpected()
})
