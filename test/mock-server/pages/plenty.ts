import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { armTwice } from '../../../mock-server/pages/parts/twice.ts'
import { VERDICTS, type Verdict } from '../../../mock-server/wire/names.ts'
import {
  ACK,
  callPay,
  deadUrl,
  orderFields,
  placeOrder,
  port,
  refundFields,
  REFUSAL,
  signedXml,
  startShop,
  type Values,
} from '../helpers.ts'
import * as v3 from '../v3.ts'
import { callBadlySigned, type Scene } from './scene.ts'

// One of everything that a page can show.

/** What each verdict is the answer to. */
const ANSWERS: Readonly<
  Partial<Record<Verdict, string | [status: number, headers: Record<string, string>, body: string | Buffer]>>
> = {
  acked: ACK,
  fail_xml: REFUSAL,
  http_status: [500, {}, 'oops'],
  empty_body: '',
  not_xml: 'success',
  json_body: '{"code":"SUCCESS"}',
  html_page: '<html></html>',
  stray_characters: `${ACK}ok`,
  wrong_field_name: '<xml><code>SUCCESS</code></xml>',
  redirect: [302, { location: '/other' }, ''],
}

/** Answers whose verdict has another reason, or that production might refuse. */
const ODD: (typeof ANSWERS)[Verdict][] = [
  `\uFEFF${ACK}`,
  `ok${ACK}`,
  '<xml>\\n<return_code>SUCCESS</return_code></xml>',
  '<root><return_code>SUCCESS</return_code></root>',
  '<xml><return_code>success</return_code></xml>',
  '<xml><return_code>SUCCESS</return_code>',
  `<?php go?><xml a="b"><!-- --><return_code> SUCCESS </return_code></xml>`,
  `<?xml version="1.0" encoding="GBK"?>${ACK}`,
  [200, { 'content-type': 'text/xml; charset=gb2312', 'content-encoding': 'deflate' }, ACK],
  [200, { 'content-encoding': 'gzip' }, gzipSync(ACK)],
  [200, {}, Buffer.concat([Buffer.from(ACK.replace('OK', 'O')), Buffer.from([0xff])])],
]

/** A shop that answers as the number of the order says. */
const startStrange = (t: Test) =>
  startShop(t, async ({ body }, response) => {
    const name = /no-(\w+)/.exec(body)?.[1] ?? 'acked'
    if (name === 'timeout_5s') return new Promise(() => {})
    const odd = /^odd(\d+)$/.exec(name)
    const answer = odd ? ODD[Number(odd[1])] : ANSWERS[name as Verdict]
    if (Array.isArray(answer)) response.writeHead(answer[0], answer[1]).end(answer[2])
    else if (answer === undefined) response.destroy()
    return typeof answer === 'string' ? answer : undefined
  })

/** Deliveries with every verdict, and with every reason. */
export async function tellDeliveries(t: Test, { world }: Scene): Promise<void> {
  const { notifyUrl, server } = await startStrange(t)
  const urls: Partial<Record<string, string>> = {
    connection_refused: await deadUrl(),
    tls: `https://127.0.0.1:${port(server)}/`,
  }
  for (const name of [...VERDICTS, ...ODD.map((_answer, n) => `odd${n}`)]) {
    await placeOrder(world, urls[name] ?? notifyUrl, { out_trade_no: `no-${name}` })
    const { delivery } = await world.pay(`no-${name}`)
    if (!name.startsWith('odd')) t.equal(delivery!.verdict, name)
  }
}

/** Calls of API v2 that were refused, or that production might refuse. */
export async function tellCalls({ world, shop: { notifyUrl } }: Scene): Promise<void> {
  const {
    credentials: { appid },
    baseUrl,
  } = world
  const call = (values: Values) =>
    callPay(world, 'unifiedorder', orderFields(notifyUrl, { out_trade_no: 'call-1', ...values }))
  const raw = (body: string) => fetch(`${baseUrl}/pay/unifiedorder`, { method: 'POST', body })
  await call({ out_trade_no: '?' })
  await call({ body: undefined })
  await call({ body: '茶'.repeat(200) })
  await call({ notify_url: 'http://shop.example.com:8080/notify', openid: 'x1', spbill_create_ip: '127.0.0.1' })
  await call({
    out_trade_no: 'call-2',
    trade_type: 'MWEB',
    openid: undefined,
    scene_info: '{}',
    time_expire: '20260115120200',
  })
  await call({ out_trade_no: 'call-3', time_expire: '20260115120010' })
  await call({ sub_mch_id: '1900000009' })
  for (const body of [
    '',
    'abc',
    '<xml><a>',
    '<!DOCTYPE x><xml></xml>',
    '<xml><a>1</a><a>2</a></xml>',
    '<xml>a<b>1</b></xml>',
    '<xml><a>&b;</a></xml>',
    '<xml><a><b>1</b></a></xml>',
    '<xml></xml>a',
    '<xml></xml><xml></xml>',
  ]) {
    await raw(body)
  }
  await raw(signedXml(world, orderFields(notifyUrl, { out_trade_no: 'call-4' })).replaceAll('xml>', 'root>'))
  await callBadlySigned(world, 'call-1')
  await callPay(world, 'closeorder', { out_trade_no: 'call-4' })
  await fetch(`${baseUrl}/pay/nothing`)
  await fetch(`${baseUrl}//pay/orderquery`)
  await fetch(`${baseUrl}/sns/jscode2session?appid=${appid}&secret=x&js_code=y&grant_type=authorization_code`)
  for (const when of ['before', 'after'] as const) {
    world.fault('unifiedorder', { kind: 'reset', when }, { name: `${when}-1` })
    await call({ out_trade_no: `fault-${when}` }).catch(() => undefined)
  }
}

/** Orders in every state, of both versions; refunds; faults, gates, users and another world. */
export async function tellOrders({ mock, world, shop: { notifyUrl } }: Scene): Promise<void> {
  for (const state of ['NOTPAY', 'CLOSED', 'REVOKED', 'USERPAYING', 'PAYERROR', 'ACCEPT'] as const) {
    await placeOrder(world, notifyUrl, { out_trade_no: `is-${state}` })
    world.forceState(`is-${state}`, state)
  }
  await placeOrder(world, notifyUrl, {
    out_trade_no: 'anybody',
    trade_type: 'NATIVE',
    openid: undefined,
    product_id: 'tea',
  })
  await placeOrder(world, notifyUrl, { out_trade_no: 'refunded' })
  await world.pay('refunded', { coupons: [{ fee: 50 }] })
  for (const n of [1, 2]) {
    await callPay(
      world,
      'refund',
      refundFields({ out_trade_no: 'refunded', out_refund_no: `r-${n}`, refund_fee: 100, notify_url: notifyUrl }),
    )
  }
  await world.settleRefund('r-1', 'SUCCESS')
  await v3.order(world, notifyUrl, { out_trade_no: 'cake-v3', payer: { openid: 'x1' }, description: '蛋糕🍰' })
  await world.pay('cake-v3')
  await v3.query(world, 'cake-v3')
  await v3.query(world, 'none-v3')
  for (const options of [
    { timestamp: 1 },
    { serialNo: 'AB' },
    { authorization: 'x' },
    { mchId: '19' },
    { signedUrl: '/v3/pay' },
    { raw: '[]' },
    { raw: '{' },
  ]) {
    await v3.call(world, 'POST', v3.JSAPI, {
      body: v3.orderBody(world, notifyUrl, { out_trade_no: 'bad-v3' }),
      ...options,
    })
  }
  for (const state of ['hold', 'cancel'] as const) {
    await placeOrder(world, notifyUrl, { out_trade_no: `do-${state}` })
    await world.pay(`do-${state}`, { deliver: 'hold' })
    if (state === 'cancel') world.notification(`do-${state}`).cancel()
  }
  await world.advance('15s')
  world.fault('orderquery', { kind: 'http', status: 502 }, { every: 2, outTradeNo: 'anybody' })
  world.gate('unifiedorder.response', { until: 'delivery.completed' })
  armTwice(world)
  world.setUser('oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', { nickName: '李明' })
  world.setApp('wxother')
  mock.world({ id: 'second', clock: 'real' })
}
