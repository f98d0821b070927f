import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { ACTIONS } from '../../../mock-server/pages/actions.ts'
import { LISTS, THINGS } from '../../../mock-server/pages/index.ts'
import { armTwice } from '../../../mock-server/pages/parts/twice.ts'
import { casesOf, SUITES } from '../../../mock-server/report/suites.ts'
import { VERDICTS, type Verdict } from '../../../mock-server/wire/names.ts'
import {
  ACK,
  callPay,
  deadUrl,
  deferred,
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
import { attack, callBadlySigned, endOfRun, startScene, type Scene } from './scene.ts'
import { post, visit } from './visit.ts'

const ZH = { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' }

/** Names that stay as they are. */
const PERMITTED = ['wechat-mock', 'English', 'state:unpaid fee:1250 attempt:>3']

/** What is data: bytes, code, numbers and addresses, and what WeChat itself says. */
const DATA = /^(?:code|pre|script|style|kbd|option)\b|translate="no"|class="(?:[^"]* )?(?:mono|id|payer|h)[ "]/
const VOID = /^(?:input|br|meta|link|img|!doctype)\b/
const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&#34;': '"',
  '&#39;': "'",
  '&amp;': '&',
}
const decoded = (text: string) => text.replace(/&(?:lt|gt|amp|#34|#39);/g, (entity) => ENTITIES[entity]!)

/** The texts that a reader of the page sees, or hears, which are not data. */
function textsOf(page: string): string[] {
  const texts: string[] = []
  const open: string[] = []
  const isData = () => open.some((tag) => DATA.test(tag))
  for (const [, tag, text = ''] of page.matchAll(/<([^>]+)>|([^<]+)/g)) {
    if (tag === undefined) {
      if (!isData()) texts.push(decoded(text).trim())
    } else if (tag.startsWith('/')) open.pop()
    else {
      if (!DATA.test(tag) && !isData()) {
        for (const [, value] of tag.matchAll(/ (?:title|placeholder|aria-label)="([^"]*)"/g)) {
          texts.push(decoded(value!))
        }
      }
      if (!VOID.test(tag) && !tag.endsWith('/')) open.push(tag)
    }
  }
  return texts
}

/** Words that follow each other; what is quoted, an address or an option of a command is a value. */
const wordsOf = (text: string) =>
  text
    // An error of the system.
    .replace(/（E[A-Z]{4,}.*?）/g, '（）')
    .replace(/"[^"]*"|'[^']*'|wechat-mock [\w ]+|https?:\/\/\S+|--[\w-]+( \S+)?/g, '"')
    .match(/[A-Za-z]{2,}(?: [A-Za-z]{2,})+/g)
    ?.map((run) => run.split(' ').length) ?? []

/** Whether a text is English: two words without any Chinese, or a sentence of them within. */
function isEnglish(text: string): boolean {
  const runs = wordsOf(text)
  return runs.length > 0 && (!/\p{Script=Han}/u.test(text) || Math.max(...runs) > 2) && !PERMITTED.includes(text)
}

const english = (page: string) => textsOf(page).filter(isEnglish)

t.test('English texts are found', async (t) => {
  t.strictSame(english('<p title="not so"><b>the text</b><input placeholder="of it"></p><code>some code</code> ok'), [
    'not so',
    'the text',
    'of it',
  ])
  t.strictSame(english('<p>应答 "no answer" 为空：HTTP status</p><p>订单 it was not paid</p>'), [
    '订单 it was not paid',
  ])
})

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
async function tellDeliveries(t: Test, { world }: Scene): Promise<void> {
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
async function tellCalls({ world, shop: { notifyUrl } }: Scene): Promise<void> {
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
async function tellOrders({ mock, world, shop: { notifyUrl } }: Scene): Promise<void> {
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

/** The pages that a page leads to: those of each item once, and not every tab of every exchange. */
const linksOf = (html: string) =>
  [...html.matchAll(/href="\/__mock\/ui\/default\/([^"#]*)"/g)]
    .map(([, link]) => decoded(link!))
    .filter(
      (link) =>
        !/[?&](?:lang|theme|page|q|e)=/.test(link) && (/tab=(?:sign|lint)/.test(link) || !link.includes('tab=')),
    )

t.test('a Chinese browser sees no English on any page', { timeout: 60_000 }, async (t) => {
  const scene = await startScene(t, { ackTimeoutMs: 300 })
  const {
    mock,
    shop: { notifyUrl },
  } = scene
  const found = new Map<string, string>()
  const crawl = async (...paths: string[]) => {
    const seen = new Set(paths)
    for (const path of seen) {
      const { html } = await visit(mock, path, ZH)
      for (const text of english(html)) found.set(text, path)
      for (const link of linksOf(html)) seen.add(link)
    }
    return [...seen].map((path) => path.split(/[/?]/))
  }
  await crawl('orders')
  await tellDeliveries(t, scene)
  await tellCalls(scene)
  await tellOrders(scene)
  await attack(scene, { notifyUrl, only: ['N-101', 'N-201', 'N-307'] })
  const cases = SUITES.flatMap(casesOf).map(({ id }) => `card/${id}`)
  const tabs = ['fields', 'curl'].map((tab) => `journal/1?tab=${tab}`)
  const missing = [
    'orders/none',
    'deliveries/d99',
    'notifications/none',
    'journal/0',
    'card/N-0',
    'phone/none',
    'none',
    'orders?q=none',
  ]
  const kinds = await crawl('orders', ...cases, ...tabs, ...missing)
  t.strictSame(Object.fromEntries(found), {})
  const opened = (kind: string, isThing: boolean) =>
    kinds.some(([list, name]) => list === kind && isThing === (name !== undefined))
  for (const kind of Object.keys(LISTS)) t.ok(opened(kind, false), kind)
  for (const kind of Object.keys(THINGS)) t.ok(opened(kind, true), `one of ${kind}`)
})

type Refused = readonly [action: string, fields: Record<string, string>, told: string]

const long = 'x'.repeat(129)

t.test('what a form is refused for is said in Chinese', async (t) => {
  const {
    mock,
    world,
    shop: { notifyUrl },
  } = await startScene(t)
  const { appid, mchId } = world.credentials
  for (const no of ['paid-1', 'open-1']) await placeOrder(world, notifyUrl, { out_trade_no: no })
  await world.pay('paid-1')
  world.setMerchant('1900000001', { apiKey: 'k'.repeat(32) })
  const duration = "by：必须是整数毫秒，或 '24h4m'、'15s'、'1d' 这样的时长，且不到 8000 年；实际为"
  const one = { api: 'orderquery', kind: 'http' }
  const held = deferred<string>()
  const slow = await startShop(t, () => held.promise)
  const run = { version: 'v2', notifyUrl: slow.notifyUrl }
  const refusals: readonly Refused[] = [
    ['pay', {}, `环境 default 没有订单 ；调用 unifiedorder 时使用的 mch_id 是否为 ${mchId} 或 1900000001？`],
    ['pay', { no: 'paid-1' }, '订单 paid-1 不能支付：状态为 SUCCESS'],
    ['pay', { no: 'paid-1', mchId: '19' }, `环境 default 没有商户 19，只有 ${mchId}, 1900000001`],
    ['pay', { no: 'open-1', coupon: 'x' }, 'coupons.0.fee：必须是不小于 1 的整数；实际为 null'],
    ['pay', { no: 'open-1', coupon: '9999' }, 'coupons：代金券共 9999 分，而订单金额为 1250 分'],
    ['fail', { no: 'paid-1' }, '订单 paid-1 不能支付：状态为 SUCCESS'],
    ['close', { no: 'paid-1' }, '订单 paid-1 不能过期：状态为 SUCCESS'],
    ['refund', { no: 'open-1' }, '订单 open-1 不能退款：ORDERNOTEXIST 订单不存在'],
    ['settle', { no: 'r1' }, 'status：必须是 SUCCESS, CHANGE, REFUNDCLOSE 之一；实际为 undefined'],
    [
      'settle',
      { no: 'r1', status: 'SUCCESS', mchId },
      `环境 default 没有退款 r1；调用 refund 时使用的 mch_id 是否为 ${mchId}？`,
    ],
    ['deliver', { id: 'open-1' }, '环境 default 没有通知 open-1；订单 open-1 支付后才有支付通知'],
    ['deliver', { id: 'paid-1', count: '0' }, 'count：必须是 1 至 1000 的整数；实际为 0'],
    ...['hold', 'release', 'cancel'].map((name): Refused => [
      name,
      {},
      '环境 default 没有通知 ；订单  支付后才有支付通知',
    ]),
    ['advance', {}, `${duration} ""`],
    ['advance', { by: 'soon' }, `${duration} "soon"`],
    ['advance', { next: '0' }, 'next：必须是事件数，至少为 1；实际为 0'],
    ['clock', { mode: 'real' }, '时间正常流动；重试会按时发送。'],
    ['advance', { by: '1s' }, "此环境使用真实时间，不能前进；请以 clock: 'virtual'（--clock virtual）创建"],
    ['fault', {}, 'api：必须是 unifiedorder, '],
    [
      'fault',
      { api: 'notify', kind: 'gbk' },
      'effect.kind：notify 只能是 delay, reset, bad_sign, probe, skew 之一；实际为 "gbk"',
    ],
    ['fault', one, 'effect.status：未填写'],
    ['fault', { ...one, value: '999' }, 'effect.status：必须是 200 至 599 的整数；实际为 999'],
    ['fault', { ...one, kind: 'gbk', value: 'x' }, 'effect.value：未知的名称；可用：kind'],
    ['fault', { ...one, kind: 'hang', when: 'soon' }, 'effect.when：必须是 before, after 之一；实际为 "soon"'],
    ['fault', { ...one, kind: 'result_code_fail', value: 'NONE' }, 'effect.err_code：orderquery 只能是 SYSTEMERROR, '],
    ['fault', { ...one, kind: 'reset', times: 'x' }, 'times：必须是不小于 1 的整数，或 "always"；实际为 null'],
    ['fault', { ...one, kind: 'reset', no: long }, 'outTradeNo：必须是 1 至 32 个字符的文字；实际为 "x'],
    ['gate', {}, 'hold：必须是 unifiedorder.request, '],
    ['gate', { hold: 'notify.request', until: 'never' }, 'until：必须是 unifiedorder.request, '],
    ['opengate', { name: 'g-1' }, '环境 default 没有闸门 g-1'],
    ['ungate', { name: 'g-1' }, '环境 default 没有闸门 g-1'],
    ['login', { openid: long }, 'openid：必须是 1 至 128 个字符的文字；实际为 "x'],
    ['user', { openid: 'o-lee', nickName: long }, 'nickName：必须是 1 至 128 个字符的文字；实际为 "x'],
    ['rotate', { openid: 'o-lee', appid: 'wx1' }, `环境 default 没有应用 wx1，只有 ${appid}`],
    ['world', { id: 'a b' }, 'id：必须是 1 至 64 个字母、数字、点、连字符或下划线；实际为 "a b"'],
    ['world', { id: 'default' }, '已有环境使用 id default、appid '],
    ['world', { clock: 'fast' }, 'clock：必须是 virtual, real 之一；实际为 "fast"'],
    ['run', { version: 'v9' }, 'version：必须是 v2, v3, login 之一'],
    ['run', { version: 'login' }, 'loginUrl：未填写；测试集 login@1 需要它'],
    ['run', { ...run, notifyUrl: 'x' }, 'notifyUrl：必须是完整的 http(s) URL；实际为 x'],
    [
      'run',
      { ...run, notifyUrl: 'https://shop.example.com/' },
      'notifyUrl：不在本机，也不在内网（shop.example.com）；',
    ],
    ['run', { ...run, only: 'N-0' }, 'only：notify@1 中没有 N-0；可用 wechat-mock card list 查看'],
    ['run', { ...run, settleMs: 'x' }, 'settleMs：必须是整数毫秒，最多 60000'],
    ['run', { ...run, only: 'N-101' }, '体检已开始，共 1 项。'],
    ['run', run, '环境 default 的体检正在进行，请等待结束'],
    ['nothing', {}, '页面没有操作 nothing'],
  ]
  for (const [action, fields, told] of refusals) {
    const { location } = await post(mock, action, fields, { ...ZH, origin: mock.url })
    const { html } = await visit(mock, location!, ZH)
    const [notice] = /<p id="notice".*?<\/p>/s.exec(html)!
    t.strictSame(english(notice), [], `${action} ${JSON.stringify(fields)}`)
    t.match(decoded(notice), `>${told}`)
  }
  held.resolve(ACK)
  await endOfRun(world)
  const refused = new Set(refusals.map(([action]) => action))
  const others = Object.keys(ACTIONS).filter((action) => !refused.has(action))
  t.strictSame(others, ['preset', 'unfault', 'untwice', 'reset'], 'the others refuse nothing')
})
