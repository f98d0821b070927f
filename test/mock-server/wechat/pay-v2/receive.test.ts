import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { createRandom } from '../../../../mock-server/base/random.ts'
import { behaviourOf } from '../../../../mock-server/wechat/behaviour.ts'
import type { Registry, WorldCore } from '../../../../mock-server/wechat/core.ts'
import {
  answers,
  BusinessFail,
  ProtocolFail,
  protocolFields,
  type UnsignedRefusal,
} from '../../../../mock-server/wechat/pay-v2/answers.ts'
import type { PayApi } from '../../../../mock-server/index.ts'
import { Refusal, type Account, type Reason } from '../../../../mock-server/ledger/account.ts'
import { payRoutes } from '../../../../mock-server/wechat/pay-v2/receive.ts'
import { signV2 } from '../../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../../mock-server/wire/xml.ts'
import {
  callPay,
  entriesOf,
  orderFields,
  placeOrder,
  placeRefund,
  postRaw,
  sample,
  signedXml,
  startMock,
  type Values,
} from '../../helpers.ts'

const NOTIFY = 'http://127.0.0.1/notify'
const protocolFail = (message: string) =>
  `<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[${message}]]></return_msg></xml>`

t.test('protocol failures: HTTP 200, unsigned, two fields, the recorded text', async (t) => {
  const { default: world } = await startMock(t)
  const url = `${world.baseUrl}/pay/unifiedorder`
  const cases: [why: string, message: string, body: string | Buffer | undefined, init?: RequestInit][] = [
    ['GET', '请使用post方法', undefined, { method: 'GET' }],
    ['no body', 'post数据为空', undefined],
    ['an empty body', 'post数据为空', ''],
    ['no XML', 'XML格式错误', '{"appid":"wx"}'],
    ['cut off', 'XML格式错误', signedXml(world, orderFields(NOTIFY)).slice(0, -1)],
    ['a document type', 'XML格式错误', sample('25-attack.xxe-probe.xml')],
    ['a document type before a valid message', 'XML格式错误', `<!DOCTYPE xml>${signedXml(world, orderFields(NOTIFY))}`],
    ['nested', 'XML格式错误', '<xml><detail><a>1</a></detail></xml>'],
    [
      'a field twice',
      'XML格式错误',
      signedXml(world, orderFields(NOTIFY)).replace('</xml>', '<total_fee>1</total_fee></xml>'),
    ],
    ['GBK', '编码格式错误', Buffer.from([...Buffer.from('<xml><body>'), 0xb2, 0xe8, ...Buffer.from('</body></xml>')])],
  ]
  for (const [why, message, body, init] of cases) {
    t.match(
      await postRaw(url, body, init),
      { status: 200, contentType: 'text/plain', text: protocolFail(message) },
      why,
    )
  }
})

t.test('the checks of the common fields, in their order', async (t) => {
  const mock = await startMock(t)
  const { default: world } = mock
  const other = mock.world()
  const refusals: [message: string, values: Values, note?: RegExp][] = [
    ['缺少参数', { appid: undefined, mch_id: 'x' }, /missing: appid/],
    ['缺少参数', { mch_id: '' }, /missing: mch_id/],
    ['缺少参数', { nonce_str: undefined, body: '' }, /missing: nonce_str, body/],
    ['appid参数长度有误', { appid: 'w'.repeat(33) }, /33 bytes, at most 32/],
    ['mch_id参数长度有误', { mch_id: '1'.repeat(33) }],
    ['mch_id参数格式错误', { mch_id: '16x' }],
    ['nonce_str参数长度有误', { nonce_str: '茶'.repeat(11) }, /33 bytes/],
    ...['device_info', 'sub_appid', 'sub_mch_id', 'version', 'user_type', 'user_creid'].map(
      (name): [string, Values] => [`${name}参数长度有误`, { [name]: 'd'.repeat(33) }],
    ),
    ['user_truename参数长度有误', { user_truename: 'd'.repeat(65) }],
    ['sign_type参数格式错误', { sign_type: 'SHA1' }],
    ['sign_type参数格式错误', { sign_type: 'md5' }],
    ['appid不存在', { appid: 'wx0000000000000000' }],
    ['MCHID不存在', { mch_id: '1900000109' }],
    ['mch_id和appid没有关联关系', { mch_id: other.credentials.mchId }],
    ['mch_id和appid没有关联关系', { appid: other.credentials.appid }],
  ]
  for (const [message, values, note] of refusals) {
    const { text } = await callPay(world, 'unifiedorder', orderFields(NOTIFY, values))
    t.equal(text, protocolFail(message), JSON.stringify(values))
    if (note) t.match(world.journal.entries().at(-1)?.note, note)
  }
  t.match(
    other.journal.entries(),
    [{ note: 'mch_id和appid没有关联关系' }],
    'a request is in the journal of its merchant',
  )

  const fields = entriesOf({
    ...orderFields(NOTIFY),
    appid: world.credentials.appid,
    mch_id: world.credentials.mchId,
    nonce_str: 'n',
  })
  const unsigned = `<xml>${fields.map(([name, value]) => `<${name}>${value.replace('&', '&amp;')}</${name}>`).join('')}</xml>`
  t.equal((await postRaw(`${world.baseUrl}/pay/unifiedorder`, unsigned)).text, protocolFail('缺少参数'), 'no sign')
})

t.test('a request with an unknown mch_id belongs to the world of its appid', async (t) => {
  const mock = await startMock(t)
  const world = mock.world({ behaviour: { contentType: 'text/xml' } })
  for (const [mchId, message] of [
    [undefined, '缺少参数'],
    ['1900000109', 'MCHID不存在'],
  ] as const) {
    const fault = world.fault('unifiedorder', { kind: 'return_code_fail', return_msg: 'busy', when: 'after' })
    t.match(await callPay(world, 'unifiedorder', orderFields(NOTIFY, { mch_id: mchId })), {
      contentType: 'text/xml',
      text: protocolFail('busy'),
    })
    t.ok(fault.used)
    t.match(world.journal.entries().at(-1), { outTradeNo: 'tea-0001', note: new RegExp(message) })
  }
  t.same(mock.default.journal.entries(), [])
})

t.test('the signature', async (t) => {
  const mock = await startMock(t)
  const { default: world } = mock
  const good = signedXml(world, orderFields(NOTIFY))
  const hmac = signedXml(world, orderFields(NOTIFY), 'HMAC-SHA256')
  const wrong: [why: string, xml: string][] = [
    ['lower case', good.replace(/(?<=<sign><!\[CDATA\[)[^\]]+/, (sign) => sign.toLowerCase())],
    ['another field added', good.replace('</xml>', '<limit_pay>no_credit</limit_pay></xml>')],
    ['a value changed', good.replace('[1250]', '[1]')],
    ['another key', signedXml({ credentials: { ...world.credentials, apiKey: 'x'.repeat(32) } }, orderFields(NOTIFY))],
    ['HMAC under the name of MD5', hmac.replace('[HMAC-SHA256]', '[MD5]')],
    ['HMAC without sign_type', hmac.replace(/<sign_type>.*<\/sign_type>/, '')],
  ]
  for (const [why, xml] of wrong) {
    t.equal((await postRaw(`${world.baseUrl}/pay/unifiedorder`, xml)).text, protocolFail('签名错误'), why)
  }
  t.match(
    world.journal.entries().at(-1)?.note,
    /^签名错误: sign is not the upper-case MD5 of appid=wx.*&trade_type=JSAPI&key=<apiKey>; was another key used, or were the values changed after signing\?$/,
    'the journal shows the string to sign, without the key',
  )
  t.notMatch(world.journal.entries().at(-1)?.note, world.credentials.apiKey)
  t.same(world.orders(), [])

  const bound = mock.world({ signType: 'HMAC-SHA256' })
  t.equal((await callPay(bound, 'unifiedorder', orderFields(NOTIFY))).text, protocolFail('签名错误'))
  t.match(bound.journal.entries().at(-1)?.note, /bound to HMAC-SHA256/)
  await placeOrder(bound, NOTIFY, {}, 'HMAC-SHA256')
})

t.test('messages that WeChat accepts although they look different', async (t) => {
  const { default: world } = await startMock(t)
  const url = `${world.baseUrl}/pay/orderquery`
  const xml = signedXml(world, { out_trade_no: 'tea-0001' })
  const variants: [why: string, body: string][] = [
    ['a declaration', `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`],
    ['no CDATA', xml.replace(/<!\[CDATA\[|\]\]>/g, '')],
    ['indented', xml.replaceAll('\n', '\n  ')],
  ]
  for (const [why, body] of variants) {
    t.match((await postRaw(url, body)).fields, { return_code: 'SUCCESS', err_code: 'ORDERNOTEXIST' }, why)
  }
  t.match(
    (await callPay(world, 'orderquery', { out_trade_no: 'tea-0001', version: '1.0', unheard_of: 'x' })).fields,
    { return_code: 'SUCCESS' },
    'new fields only count in the signature',
  )
})

t.test('replies are signed with the algorithm of the request, without sign_type, under a fresh nonce', async (t) => {
  const { default: world } = await startMock(t)
  const nonces = new Set<string>()
  for (const signType of [undefined, 'MD5', 'HMAC-SHA256'] as const) {
    for (const values of [{}, { total_fee: 1 }]) {
      const { fields } = await callPay(
        world,
        'unifiedorder',
        orderFields(NOTIFY, { device_info: 'WEB', ...values }),
        signType,
      )
      const { sign, sign_type: told, nonce_str: nonce, ...rest } = fields
      t.equal(
        sign,
        signV2(Object.entries(fields), world.credentials.apiKey, signType ?? 'MD5'),
        `${signType} ${rest.result_code}`,
      )
      t.equal(told, undefined)
      t.match(nonce, /^[0-9A-Za-z]{16}$/)
      nonces.add(nonce!)
      t.match(rest, {
        return_code: 'SUCCESS',
        return_msg: 'OK',
        appid: world.credentials.appid,
        mch_id: world.credentials.mchId,
        device_info: 'WEB',
      })
    }
  }
  t.equal(nonces.size, 6)
})

t.test('a call with several numbers is recorded under the order it is answered for', async (t) => {
  const { default: world } = await startMock(t)
  for (const no of ['tea-001', 'tea-002']) {
    await placeOrder(world, NOTIFY, { out_trade_no: no })
    await world.pay(no, { deliver: 'hold' })
    await placeRefund(world, { out_trade_no: no, out_refund_no: `${no}-r`, refund_fee: 1 })
  }
  const transaction = (no: string) => world.order(no).transactionId
  const refund = (no: string) => world.refund(`${no}-r`).refundId
  const cases: [api: string, values: Values, outTradeNo: string | undefined][] = [
    ['orderquery', { out_trade_no: 'tea-002', transaction_id: transaction('tea-001') }, 'tea-001'],
    [
      'refund',
      {
        out_trade_no: 'tea-002',
        transaction_id: transaction('tea-001'),
        out_refund_no: 'tea-001-r2',
        refund_fee: 1,
        total_fee: 1250,
      },
      'tea-001',
    ],
    ['refundquery', { out_trade_no: 'tea-002', transaction_id: transaction('tea-001') }, 'tea-001'],
    [
      'refundquery',
      { out_trade_no: 'tea-002', transaction_id: transaction('tea-002'), out_refund_no: 'tea-001-r' },
      'tea-001',
    ],
    [
      'refundquery',
      {
        out_trade_no: 'tea-002',
        transaction_id: transaction('tea-002'),
        out_refund_no: 'tea-002-r',
        refund_id: refund('tea-001'),
      },
      'tea-001',
    ],
  ]
  for (const [api, values, outTradeNo] of cases) {
    const fault = world.fault(api as 'refund', { kind: 'delay', ms: 0 }, { outTradeNo: 'tea-001' })
    t.match(
      (await callPay(world, api, values)).fields,
      { result_code: 'SUCCESS', out_trade_no: outTradeNo },
      JSON.stringify(values),
    )
    t.match(world.journal.entries().at(-1), { api, outTradeNo })
    t.ok(fault.used)
  }
  const unanswered: typeof cases = [
    ['orderquery', { out_trade_no: 'tea-002', transaction_id: '4200000000000000000000000000' }, 'tea-002'],
    ['orderquery', { transaction_id: '4200000000000000000000000000' }, undefined],
    ['unifiedorder', { out_trade_no: 'tea-002', transaction_id: transaction('tea-001') }, 'tea-002'],
    ['refund', { out_trade_no: 'tea-002', out_refund_no: 'tea-001-r' }, 'tea-002'],
  ]
  for (const [api, values, outTradeNo] of unanswered) {
    await callPay(world, api, values)
    t.equal(world.journal.entries().at(-1)?.outTradeNo, outTradeNo, JSON.stringify(values))
  }
})

t.test('an error that is not a refusal is not answered', async (t) => {
  const registry = {
    byMchId: () => undefined,
    byAppid: () => undefined,
    fallback: () => ({ ...world, accounts: [account], apps: [app] }),
  } as unknown as Registry
  const form = () => {
    throw new Error('broken')
  }
  const [route] = payRoutes(registry, {
    api: 'report',
    path: '/x',
    fields: [{ name: 'user_ip', max: 16, form }],
    handle: () => [],
  })
  const call = route!.receive({
    method: 'POST',
    url: '/x',
    params: {},
    headers: {},
    origin: 'http://wechat',
    query: new URLSearchParams(),
    body: Buffer.from(
      '<xml><appid>wx</appid><mch_id>1</mch_id><nonce_str>n</nonce_str><sign>s</sign><user_ip>1</user_ip></xml>',
    ),
  })
  t.throws(() => call.answer(), { message: 'broken' })
})

t.test('the form of a business failure', async (t) => {
  const { default: world } = await startMock(t)
  const { text } = await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  t.match(
    text.replace(/(?<=<(?:sign|nonce_str)><!\[CDATA\[)[^\]]+/g, '…'),
    `<xml><return_code><![CDATA[SUCCESS]]></return_code>
<return_msg><![CDATA[OK]]></return_msg>
<appid><![CDATA[${world.credentials.appid}]]></appid>
<mch_id><![CDATA[${world.credentials.mchId}]]></mch_id>
<nonce_str><![CDATA[…]]></nonce_str>
<sign><![CDATA[…]]></sign>
<result_code><![CDATA[FAIL]]></result_code>
<err_code><![CDATA[ORDERNOTEXIST]]></err_code>
<err_code_des><![CDATA[order not exist]]></err_code_des></xml>`,
  )
})

const apiKey = '0123456789abcdef0123456789abcdef'
const app = { appid: 'wx1' }
const account = { mchId: '19', apiKey, random: createRandom('1'), actsFor: [] as const } as unknown as Account
const world = { behaviour: behaviourOf(), nextReply: () => 1 } as unknown as WorldCore
const speak = (
  unsigned?: UnsignedRefusal,
  fields: Iterable<readonly [string, string]> = [],
  { api = 'orderquery' as PayApi, behaviour = world.behaviour } = {},
) => answers({ api, unsigned, world: { ...world, behaviour }, account, app }, new Map(fields))
const fieldsOf = (body: string | Buffer) => Object.fromEntries(readXml(String(body)))

t.test('success: signed, or unchanged', async (t) => {
  const { succeed } = speak(undefined, [
    ['sign_type', 'HMAC-SHA256'],
    ['device_info', 'WEB'],
  ])
  const { note, body, contentType } = succeed([
    ['total_fee', 1],
    ['attach', ''],
  ])
  t.match({ note, contentType }, { note: 'SUCCESS', contentType: 'text/plain' })
  const fields = fieldsOf(body)
  t.match(fields, { return_code: 'SUCCESS', result_code: 'SUCCESS', device_info: 'WEB', total_fee: '1', attach: '' })
  t.equal(fields.sign, signV2(Object.entries(fields), apiKey, 'HMAC-SHA256'))
  t.same(fieldsOf(speak(protocolFields).succeed([['return_code', 'SUCCESS']]).body), {
    return_code: 'SUCCESS',
  })
})

t.test('a download: text, or a compressed file with its text for the journal', async (t) => {
  const { succeed } = speak(protocolFields)
  t.same(succeed({ text: '茶', gzip: false }), { note: 'SUCCESS', contentType: 'text/plain', body: '茶' })
  const packed = succeed({ text: '茶', gzip: true })
  t.match(packed, { contentType: 'application/x-gzip', readable: '茶' })
  t.equal(gunzipSync(packed.body as Buffer).toString(), '茶')
})

t.test('refusals, and what the journal records about them', async (t) => {
  const { fail } = speak()
  const protocol = fail(new ProtocolFail('签名错误', { cause: 'wrong key' }))
  t.same(fieldsOf(protocol.body), { return_code: 'FAIL', return_msg: '签名错误' })
  t.equal(protocol.note, '签名错误: wrong key')
  t.equal(fail(new ProtocolFail('XML格式错误', { cause: new Error('cut off') })).note, 'XML格式错误: cut off')
  t.equal(fail(new ProtocolFail('缺少参数')).note, '缺少参数')
  const business = fail(new BusinessFail('ORDERPAID', '该订单已支付'))
  t.match(fieldsOf(business.body), {
    return_code: 'SUCCESS',
    result_code: 'FAIL',
    err_code: 'ORDERPAID',
    err_code_des: '该订单已支付',
    sign: /^[0-9A-F]{32}$/,
  })
  t.equal(business.note, 'ORDERPAID 该订单已支付')
  t.same(fieldsOf(speak((error) => [['error_code', error.message]]).fail(new BusinessFail('X', '1')).body), {
    error_code: '1',
  })
})

t.test('a bug of the mock is not a refusal', async (t) => {
  t.throws(() => speak().fail(new Error('broken')), { message: 'broken' })
})

t.test('the Content-Type of XML is configurable; that of a bill is not', async (t) => {
  for (const contentType of ['text/plain', 'text/xml'] as const) {
    const { succeed, fail } = speak(undefined, [], { behaviour: behaviourOf({ contentType }) })
    const types = [
      succeed([]),
      fail(new ProtocolFail('缺少参数')),
      fail(new BusinessFail('ORDERPAID', '该订单已支付')),
    ].map((answer) => answer.contentType)
    t.same(types, Array(3).fill(contentType))
    t.equal(succeed({ text: '茶', gzip: true }).contentType, 'application/x-gzip')
  }
})

t.test('the two refusals', async (t) => {
  t.match(new ProtocolFail('签名错误'), { name: 'ProtocolFail', message: '签名错误' })
  t.match(new BusinessFail('ORDERPAID', '该订单已支付'), {
    name: 'BusinessFail',
    errCode: 'ORDERPAID',
    message: '该订单已支付',
  })
})

t.test('refusals of the ledger have the codes and texts of the call', async (t) => {
  const cases: [api: PayApi, reason: Reason, note: string, legacy?: string][] = [
    ['unifiedorder', 'closed', 'ORDERCLOSED 订单已关闭'],
    ['unifiedorder', 'terms-differ', 'INVALID_REQUEST 201 商户订单号重复'],
    ['unifiedorder', 'paid', 'ORDERPAID 该订单已支付'],
    ['unifiedorder', 'expires-too-soon', 'time_expire时间过短，刷卡至少1分钟，其他5分钟: soon'],
    ['closeorder', 'closed', 'ORDERCLOSED 订单已关闭'],
    ['closeorder', 'paid', 'ORDERPAID order paid'],
    ['refund', 'not-paid', 'ORDERNOTEXIST 订单不存在'],
    ['refund', 'terms-differ', 'REFUND_FEE_MISMATCH 订单金额或退款金额与之前请求不一致，请核实后再试'],
    ['refund', 'overdue', 'TRADE_OVERDUE 订单已经超过退款期限'],
    ['refund', 'refunded-in-full', 'INVALID_REQUEST 订单已全额退款', 'ERROR 订单已全额退款'],
    [
      'refund',
      'above-what-is-left',
      'INVALID_REQUEST refund_fee大于可退金额',
      'REFUND_FEE_INVALID 累计退款金额大于支付金额',
    ],
    ['refund', 'too-many', 'INVALID_REQUEST 请求参数符合参数格式，但不符合业务规则'],
  ]
  for (const [api, reason, note, legacy = note] of cases) {
    for (const [refundRefusals, expected] of [
      ['current', note],
      ['legacy', legacy],
    ] as const) {
      const { fail } = speak(undefined, [], { api, behaviour: behaviourOf({ refundRefusals }) })
      t.equal(fail(new Refusal(reason, 'soon')).note, expected, `${api} ${reason} ${refundRefusals}`)
    }
  }
})
