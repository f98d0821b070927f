import t from 'tap'
import type { World } from '../../../../mock-server/index.ts'
import { readXml } from '../../../../mock-server/wire/xml.ts'
import { signV2 } from '../../../../mock-server/wire/sign-v2.ts'
import { callPay, orderFields, paymentParams, readReqInfo, signedXml, startMock, type Values } from '../../helpers.ts'
import { callV2, orderV2, SP_OPENID, startPartner, SUB_OPENID, subsOf } from '../../partner.ts'

const NOTIFY = 'https://shop.example.com/wechat/notify'
const fieldsOf = (body: string) => Object.fromEntries(readXml(body))

/** The parameters of wx.requestPayment in the sub-merchant's mini program, signed with the provider's key. */
const paramsOf = (world: World, prepayId: string, appid: string) =>
  paymentParams({ ...world, credentials: { ...world.credentials, appid } }, prepayId)

t.test('an order of a sub-merchant: order, payment, notification, query, refund', async (t) => {
  const { world, shop } = await startPartner(t, { refundDelay: '1s' })
  const { appid, mchId, apiKey } = world.credentials
  const [sub] = subsOf(world)
  const names = { appid, mch_id: mchId, sub_appid: sub!.appid, sub_mch_id: sub!.mchId }
  const ordered = await orderV2(world, shop.notifyUrl)
  t.match(ordered.fields, { result_code: 'SUCCESS', ...names })

  const params = paramsOf(world, ordered.fields.prepay_id!, sub!.appid)
  t.equal(world.requestPayment(params).outTradeNo, 'tea-0001')
  t.throws(() => world.requestPayment(paymentParams(world, ordered.fields.prepay_id!)), {
    name: 'MockError',
    reason: new RegExp(`of appId=${sub!.appid}&`),
  })
  t.match((await callV2(world, 'orderquery')).fields, { trade_state: 'NOTPAY', sub_mch_id: sub!.mchId })

  const { order, delivery } = await world.pay('tea-0001')
  t.equal(delivery!.verdict, 'acked')
  t.match(order, { mchId, appid, subMchId: sub!.mchId, subAppid: sub!.appid, subOpenid: SUB_OPENID })
  const told = fieldsOf(shop.received[0]!.body)
  const payer = { openid: order.openid, is_subscribe: 'N', sub_openid: SUB_OPENID, sub_is_subscribe: 'N' }
  t.match(told, { ...names, ...payer, openid: /^o[\w-]{27}$/ })
  t.not(told.openid, SUB_OPENID)
  const { sign, ...signed } = told
  t.equal(sign, signV2(Object.entries(signed), apiKey, 'MD5'), 'with the key of the provider')
  t.match((await callV2(world, 'orderquery')).fields, { trade_state: 'SUCCESS', ...names, ...payer })

  const refund = { out_refund_no: 'tea-0001-r1', total_fee: 1250, refund_fee: 1250, notify_url: shop.notifyUrl }
  t.match((await callV2(world, 'refund', refund)).fields, { result_code: 'SUCCESS', sub_mch_id: sub!.mchId })
  await world.advance('1s')
  const refunded = shop.received.at(-1)!.body
  t.match(fieldsOf(refunded), names)
  t.match(readReqInfo(refunded, apiKey), { out_refund_no: 'tea-0001-r1', refund_status: 'SUCCESS' })
  t.match((await callV2(world, 'refundquery')).fields, { refund_count: '1', refund_status_0: 'SUCCESS' })
})

t.test('who pays: a user of the provider, of the sub-merchant, or anybody', async (t) => {
  const { world } = await startPartner(t)
  const [sub] = subsOf(world)
  const rows: [name: string, order: Values, pay: string | undefined, payer: object][] = [
    [
      'of-provider',
      { openid: SP_OPENID, sub_appid: undefined, sub_openid: undefined },
      undefined,
      { openid: SP_OPENID },
    ],
    ['of-both', { openid: SP_OPENID }, undefined, { openid: SP_OPENID, subOpenid: SUB_OPENID }],
    [
      'sub-asked',
      { openid: SP_OPENID, sub_openid: undefined },
      undefined,
      { openid: SP_OPENID, subOpenid: /^o[\w-]{27}$/ },
    ],
    ['another', {}, 'oAnother', { subOpenid: 'oAnother', openid: /^o[\w-]{27}$/ }],
    [
      'native',
      { trade_type: 'NATIVE', product_id: '1', sub_openid: undefined },
      undefined,
      { subOpenid: /^o[\w-]{27}$/, openid: /^o[\w-]{27}$/ },
    ],
  ]
  for (const [name, values, openid, payer] of rows) {
    t.match((await orderV2(world, NOTIFY, { out_trade_no: name, ...values })).fields, { result_code: 'SUCCESS' }, name)
    const { order } = await world.pay(name, { deliver: 'hold', ...(openid !== undefined && { openid }) })
    t.match(order, payer, name)
  }
  t.equal(world.order('of-provider').subOpenid, '')
  t.not(world.notification('of-provider').body.includes('sub_openid'), true)
  const known = world.users().filter(({ appid }) => appid === sub!.appid)
  t.ok(known.some(({ openid }) => openid === world.order('native').subOpenid))
})

t.test('the mini program of a sub-merchant logs in', async (t) => {
  const { world } = await startPartner(t)
  const [sub] = subsOf(world)
  const { code, openid } = world.loginCode({ appid: sub!.appid })
  const url = `${world.baseUrl}/sns/jscode2session?appid=${sub!.appid}&secret=${sub!.appSecret}&js_code=${code}&grant_type=authorization_code`
  t.match(await (await fetch(url)).json(), { openid })
  t.match((await orderV2(world, NOTIFY, { sub_openid: openid })).fields, { result_code: 'SUCCESS' })
})

t.test('refusals', async (t) => {
  const { world } = await startPartner(t)
  const [sub, other] = subsOf(world)
  const { openid } = world.loginCode({ appid: other!.appid })
  const rows: [values: Values, message: string, note: RegExp][] = [
    [{ sub_mch_id: undefined }, '受理机构必须传入sub_mch_id', /sub_mch_id$/],
    [{ sub_mch_id: '1900000109' }, '受理关系不存在', new RegExp(`acts for ${sub!.mchId}, ${other!.mchId}`)],
    [{ sub_appid: other!.appid }, 'sub_mch_id与sub_appid不匹配', new RegExp(`bound to ${sub!.mchId}: ${sub!.appid}`)],
    [{ sub_appid: undefined }, '缺少参数', /missing: sub_appid/],
    [{ sub_openid: undefined }, 'JSAPI支付必须传openid', /openid$/],
    [{ sub_openid: 'undefined' }, '无效的openid', /sub_openid is "undefined"/],
    [{ sub_openid: openid }, 'sub_appid and sub_openid not match', /match$/],
    [{ openid }, 'appid and openid not match', /match$/],
  ]
  for (const [values, message, note] of rows) {
    const { fields } = await orderV2(world, NOTIFY, values)
    t.same(fields, { return_code: 'FAIL', return_msg: message }, message)
    t.match(world.journal.entries().at(-1)!.note, note)
  }
  world.setMerchant(world.credentials.mchId, { actsFor: [{ mchId: sub!.mchId, appids: [] }] })
  t.match((await orderV2(world, NOTIFY, { sub_appid: sub!.appid })).fields, {
    return_msg: 'sub_mch_id与sub_appid不匹配',
  })
  t.match(world.journal.entries().at(-1)!.note, /: none$/)
  t.match((await callV2(world, 'orderquery', { sub_mch_id: other!.mchId })).fields, { return_msg: '受理关系不存在' })
})

t.test('an ordinary merchant names no sub-merchant, and may send a sub_openid in vain', async (t) => {
  const { default: world } = await startMock(t)
  const order = (values: Values) => callPay(world, 'unifiedorder', orderFields(NOTIFY, values))
  t.match((await order({ sub_mch_id: '1900000109' })).fields, { return_msg: '普通商户不允许传sub_mch_id' })
  t.match((await order({ openid: undefined, sub_openid: SUB_OPENID })).fields, { return_msg: 'JSAPI支付必须传openid' })
  const { fields, text } = await order({ sub_appid: 'wx1', sub_openid: SUB_OPENID })
  t.match(fields, { result_code: 'SUCCESS' })
  t.notMatch(text, /sub_/)
})

t.test('an order of one sub-merchant does not exist for another', async (t) => {
  const { world } = await startPartner(t)
  const [, other] = subsOf(world)
  await orderV2(world, NOTIFY)
  t.match((await orderV2(world, NOTIFY)).fields, { result_code: 'SUCCESS' }, 'the same again')
  const foreign = { sub_mch_id: other!.mchId }
  const again = await orderV2(world, NOTIFY, { ...foreign, sub_appid: other!.appid, sub_openid: 'oOther' })
  t.match(again.fields, {
    err_code: 'INVALID_REQUEST',
    err_code_des: '201 商户订单号重复',
    sub_mch_id: other!.mchId,
    sub_appid: other!.appid,
  })
  t.match((await orderV2(world, NOTIFY, { sub_openid: 'oSecond' })).fields, { err_code: 'INVALID_REQUEST' })
  t.match((await callV2(world, 'orderquery', foreign)).fields, { err_code: 'ORDERNOTEXIST' })
  t.match((await callV2(world, 'closeorder', foreign)).fields, { err_code: 'ORDERNOTEXIST' })
  t.equal(world.order('tea-0001').tradeState, 'NOTPAY')
  const { order } = await world.pay('tea-0001', { deliver: 'hold' })
  const refund = { out_refund_no: 'r1', total_fee: 1250, refund_fee: 1250 }
  t.match((await callV2(world, 'refund', { ...refund, ...foreign })).fields, { err_code: 'ORDERNOTEXIST' })
  const byId = { transaction_id: order.transactionId }
  t.match((await callV2(world, 'refund', { ...refund, ...foreign, ...byId })).fields, {
    err_code: 'INVALID_TRANSACTIONID',
  })
  await callV2(world, 'refund', refund)
  t.match((await callV2(world, 'refundquery', foreign)).fields, { err_code: 'REFUNDNOTEXIST' })
  t.match((await callV2(world, 'refundquery', { ...foreign, ...byId })).fields, { err_code: 'INVALID_TRANSACTIONID' })
})

t.test('the bill of a provider, of one sub-merchant; no funds flow to the provider', async (t) => {
  const { world } = await startPartner(t)
  const [sub, other] = subsOf(world)
  await orderV2(world, NOTIFY)
  await world.pay('tea-0001', { deliver: 'hold' })
  await world.advance('24h')
  const bill = async (values: Values) => {
    const body = signedXml(world, { bill_date: '20260115', ...values })
    return (await fetch(`${world.baseUrl}/pay/downloadbill`, { method: 'POST', body })).text()
  }
  for (const values of [{}, { sub_mch_id: sub!.mchId }]) {
    t.match(await bill(values), new RegExp(`\`${world.credentials.mchId},\`${sub!.mchId},`))
  }
  t.match(await bill({ sub_mch_id: other!.mchId }), /No Bill Exist/)
  const flow = { bill_date: '20260115', account_type: 'Basic', sign_type: 'HMAC-SHA256' }
  t.match((await callPay(world, 'downloadfundflow', flow, 'HMAC-SHA256')).fields, { err_code: 'NO_BILL_EXIST' })
})
