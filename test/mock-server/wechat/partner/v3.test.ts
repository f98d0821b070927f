import t from 'tap'
import type { World } from '../../../../mock-server/index.ts'
import { startMock } from '../../helpers.ts'
import { both, bodyV3, orderV3, PARTNER, SP_OPENID, startPartner, SUB_OPENID, subsOf } from '../../partner.ts'
import { call, get, JSAPI, open, orderBody, paymentParams, post, refundBody, REFUNDS } from '../../v3.ts'

const NOTIFY = 'https://shop.example.com/wechat/notify'
const asked = (world: World, n = 0) => get(world, `${PARTNER}/out-trade-no/tea-0001?${both(world, n)}`)

t.test('an order of a sub-merchant: order, payment, notification, query, refund', async (t) => {
  const { world, shop } = await startPartner(t, { refundDelay: '1s' })
  const { appid, mchId } = world.credentials
  const [sub] = subsOf(world)
  const names = { sp_appid: appid, sp_mchid: mchId, sub_appid: sub!.appid, sub_mchid: sub!.mchId }
  const ordered = await orderV3(world, shop.notifyUrl)
  t.match(ordered, { status: 200, signedBy: 'public-key', json: { prepay_id: /^wx/ } })
  t.equal(
    (await asked(world)).text,
    JSON.stringify({
      amount: { payer_currency: 'CNY', total: 1250 },
      out_trade_no: 'tea-0001',
      promotion_detail: [],
      scene_info: { device_id: '' },
      ...names,
      trade_state: 'NOTPAY',
      trade_state_desc: '订单未支付',
    }),
  )

  const ofApp = (appid: string) =>
    paymentParams({ ...world, credentials: { ...world.credentials, appid } }, ordered.json.prepay_id)
  t.equal(world.requestPayment(ofApp(sub!.appid)).outTradeNo, 'tea-0001')
  t.throws(() => world.requestPayment(ofApp(appid)), { name: 'MockError', reason: new RegExp(sub!.appid) })

  const { order, delivery } = await world.pay('tea-0001')
  t.equal(delivery!.verdict, 'acked')
  const payer = { sp_openid: order.openid, sub_openid: SUB_OPENID }
  const told = open(shop.received[0]!.body, world)
  t.match(told, { ...names, payer, out_trade_no: 'tea-0001' })
  const paid = await asked(world)
  t.match(paid.json, { ...names, payer, trade_state: 'SUCCESS' })
  for (const answer of [told, paid.json]) t.notOk('appid' in answer || 'mchid' in answer)
  t.same((await get(world, `${PARTNER}/id/${order.transactionId}?${both(world)}`)).json, paid.json)

  const refund = refundBody({ sub_mchid: sub!.mchId, notify_url: shop.notifyUrl })
  t.match(await post(world, REFUNDS, refund), { status: 200, json: { out_refund_no: 'tea-0001-r1' } })
  await world.advance('1s')
  const refunded = open(shop.received.at(-1)!.body, world)
  t.match(refunded, { sp_mchid: mchId, sub_mchid: sub!.mchId, refund_status: 'SUCCESS' })
  t.notOk('mchid' in refunded)
  t.match(await get(world, `${REFUNDS}/tea-0001-r1?sub_mchid=${sub!.mchId}`), {
    status: 200,
    json: { status: 'SUCCESS' },
  })
})

t.test('native, app and h5; no app of the sub-merchant', async (t) => {
  const { world } = await startPartner(t)
  const rows: [path: string, values: object, json: object][] = [
    ['native', {}, { code_url: /^weixin:/ }],
    ['app', {}, { prepay_id: /^wx/ }],
    ['h5', { scene_info: { payer_client_ip: '14.23.150.211', h5_info: { type: 'Wap' } } }, { h5_url: /^https:/ }],
  ]
  for (const [path, values, json] of rows) {
    const order = { out_trade_no: `tea-${path}`, payer: undefined, sub_appid: undefined, ...values }
    t.match(await orderV3(world, NOTIFY, order, path), { status: 200, json }, path)
  }
  await world.pay('tea-native', { deliver: 'hold', openid: SP_OPENID })
  const { json } = await get(world, `${PARTNER}/out-trade-no/tea-native?${both(world)}`)
  t.same(json.payer, { sp_openid: SP_OPENID })
  t.notOk('sub_appid' in json)
})

t.test('close', async (t) => {
  const { world } = await startPartner(t)
  const [sub, other] = subsOf(world)
  await orderV3(world, NOTIFY)
  const close = (subMchId: string | undefined, outTradeNo = 'tea-0001') =>
    post(world, `${PARTNER}/out-trade-no/${outTradeNo}/close`, {
      sp_mchid: world.credentials.mchId,
      sub_mchid: subMchId,
    })
  t.match(await close(other!.mchId), { status: 404, json: { code: 'ORDER_NOT_EXIST' } })
  t.equal(world.order('tea-0001').tradeState, 'NOTPAY')
  t.match(await close(undefined), { status: 400, json: { code: 'PARAM_ERROR', message: /uri_template\/sub_mchid/ } })
  t.match(await close(sub!.mchId), { status: 204 })
  t.equal(world.order('tea-0001').tradeState, 'CLOSED')
  t.match(await close(sub!.mchId, 'never-ordered'), { status: 204 })
  t.match(await orderV3(world, NOTIFY, { out_trade_no: 'never-ordered' }), { status: 400 })
})

t.test('refusals of an order', async (t) => {
  const { world } = await startPartner(t)
  const [sub, other] = subsOf(world)
  const { openid } = world.loginCode({ appid: other!.appid })
  const rows: [values: object, status: number, code: string, message: string | RegExp][] = [
    [{ sub_mchid: '1900000109' }, 403, 'NO_AUTH', '受理关系不存在'],
    [{ sub_mchid: undefined }, 400, 'PARAM_ERROR', /body\/sub_mchid/],
    [{ sp_mchid: other!.mchId }, 400, 'PARAM_ERROR', 'http header中的mchid与post payload中的mchid不匹配'],
    [{ sp_appid: 'wx0123456789abcdef' }, 400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配，请检查后再试'],
    [{ sub_appid: other!.appid }, 400, 'APPID_MCHID_NOT_MATCH', 'sub_mch_id与sub_appid不匹配'],
    [{ payer: {} }, 400, 'PARAM_ERROR', /body\/payer\/sp_openid/],
    [{ payer: { openid: SUB_OPENID } }, 400, 'PARAM_ERROR', '请求中含有未在API文档中定义的参数'],
    [{ sub_appid: undefined }, 400, 'PARAM_ERROR', /body\/sub_appid/],
    [{ payer: { sub_openid: openid } }, 400, 'PARAM_ERROR', 'appid和openid不匹配'],
    [{ payer: { sp_openid: openid } }, 400, 'PARAM_ERROR', 'appid和openid不匹配'],
    [{ payer: { sub_openid: 'undefined' } }, 400, 'PARAM_ERROR', '无效的openid'],
  ]
  for (const [values, status, code, message] of rows) {
    t.match(await orderV3(world, NOTIFY, values), { status, json: { code, message } }, JSON.stringify(values))
  }
  t.match(await orderV3(world, NOTIFY), { status: 200 })
  const elsewhere = { sub_mchid: other!.mchId, sub_appid: other!.appid, payer: { sub_openid: openid } }
  t.match(await orderV3(world, NOTIFY, elsewhere), { status: 400, json: { code: 'INVALID_REQUEST' } })
  world.setMerchant(world.credentials.mchId, { actsFor: [{ mchId: sub!.mchId, appids: [] }] })
  t.match(await orderV3(world, NOTIFY, { sub_appid: sub!.appid }), { json: { code: 'APPID_MCHID_NOT_MATCH' } })
  t.match(world.journal.entries().at(-1)!.note, /: none\)$/)
})

t.test('a provider calls the paths of providers, an ordinary merchant its own', async (t) => {
  const { world: provider } = await startPartner(t)
  const must = { status: 400, json: { code: 'PARAM_ERROR', message: '受理机构必须传入sub_mch_id' } }
  t.match(await post(provider, JSAPI, orderBody(provider, NOTIFY)), must)
  const direct = `/v3/pay/transactions/out-trade-no/tea-0001?mchid=${provider.credentials.mchId}`
  t.match(await get(provider, direct), must)
  t.match(await post(provider, REFUNDS, refundBody()), must)
  t.match(await get(provider, `${REFUNDS}/tea-0001-r1`), must)

  const { default: world } = await startMock(t)
  const mustNot = { status: 400, json: { code: 'PARAM_ERROR', message: '普通商户不允许传sub_mch_id' } }
  const sub = { sub_mchid: '1900000109' }
  const names = {
    sp_appid: world.credentials.appid,
    sp_mchid: world.credentials.mchId,
    sub_appid: undefined,
    ...sub,
  }
  const body = bodyV3(provider, NOTIFY, { ...names, payer: { sp_openid: SP_OPENID } })
  t.match(await post(world, `${PARTNER}/jsapi`, body), mustNot)
  t.match(await post(world, REFUNDS, refundBody(sub)), mustNot)
  t.match(await get(world, `/v3/bill/tradebill?bill_date=2026-01-14&sub_mchid=1900000109`), mustNot)

  const loose = await startMock(t, { world: { subMerchants: 1, behaviour: { v3UnknownFields: 'ignored' } } })
  const named = orderBody(loose.default, NOTIFY, { sub_mchid: subsOf(loose.default)[0]!.mchId })
  t.match(await post(loose.default, JSAPI, named), must, 'a field that the path does not know')
})

t.test('an unsigned partner call is refused as other orders are', async (t) => {
  const { world } = await startPartner(t)
  const reply = await call(world, 'POST', `${PARTNER}/jsapi`, { body: bodyV3(world, NOTIFY), authorization: 'x' })
  t.match(reply, { status: 401, json: { message: '签名信息错误，验签失败' }, signedBy: 'nobody' })
  const [entry] = world.journal.entries()
  t.match(entry, { api: 'unifiedorder', outTradeNo: 'tea-0001' }, 'found by sp_mchid')
})

t.test('a refund of one sub-merchant does not exist for another', async (t) => {
  const { world } = await startPartner(t)
  const [sub, other] = subsOf(world)
  await orderV3(world, NOTIFY)
  await world.pay('tea-0001', { deliver: 'hold' })
  t.match(await asked(world, 1), { status: 404, json: { code: 'ORDER_NOT_EXIST' } })
  const { transactionId } = world.order('tea-0001')
  t.match(await get(world, `${PARTNER}/id/${transactionId}?${both(world, 1)}`), { status: 404 })
  const unknown = { status: 404, json: { code: 'RESOURCE_NOT_EXISTS' } }
  t.match(await post(world, REFUNDS, refundBody({ sub_mchid: other!.mchId })), unknown)
  const { json } = await post(world, REFUNDS, refundBody({ sub_mchid: sub!.mchId }))
  t.match(await get(world, `${REFUNDS}/tea-0001-r1?sub_mchid=${other!.mchId}`), unknown)
  const abnormal = (subMchId: string) =>
    post(world, `${REFUNDS}/${json.refund_id}/apply-abnormal-refund`, {
      sub_mchid: subMchId,
      out_refund_no: 'tea-0001-r1',
      type: 'MERCHANT_BANK_CARD',
    })
  t.match(await abnormal(other!.mchId), unknown)
  await world.settleRefund('tea-0001-r1', 'CHANGE')
  t.match(await abnormal(sub!.mchId), { status: 200 })
})

t.test('the bill of one sub-merchant', async (t) => {
  const { world } = await startPartner(t)
  await orderV3(world, NOTIFY)
  await world.pay('tea-0001', { deliver: 'hold' })
  await world.advance('24h')
  const bill = (query: string) => get(world, `/v3/bill/tradebill?bill_date=2026-01-15${query}`)
  const [sub, other] = subsOf(world)
  for (const query of ['', `&sub_mchid=${sub!.mchId}`]) {
    const { json } = await bill(query)
    const { text } = await get(world, json.download_url.slice(world.baseUrl.length))
    t.match(text, new RegExp(`\`${world.credentials.mchId},\`${sub!.mchId},`), query)
  }
  t.match(await bill(`&sub_mchid=${other!.mchId}`), { json: { code: 'NO_STATEMENT_EXIST' } })
})
