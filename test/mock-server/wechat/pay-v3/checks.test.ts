import fc from 'fast-check'
import t from 'tap'
import type { World } from '../../../../mock-server/index.ts'
import type { Account } from '../../../../mock-server/ledger/account.ts'
import type { WorldCore } from '../../../../mock-server/wechat/core.ts'
import { answers } from '../../../../mock-server/wechat/pay-v3/answers.ts'
import { control, deadUrl, NOON, startMock } from '../../helpers.ts'
import {
  authorization,
  call,
  get,
  JSAPI,
  order,
  orderBody,
  post,
  query,
  REFUNDS,
  startV3,
  type CallOptions,
  type V3Reply,
} from '../../v3.ts'

const URL_OF_SHOP = 'http://127.0.0.1:9/notify'
const CERTIFICATES = '/v3/certificates'

const noteOf = (world: World) => world.journal.entries().at(-1)!.note

t.test('refusals before or by authentication: unsigned, in their order', async (t) => {
  const world = await startV3(t)
  const { mchId } = world.credentials
  const good = authorization(world, 'GET', CERTIFICATES, '')
  const now = NOON / 1000
  const old = { timestamp: now - 86_400, authorization: '' }
  const cases: [
    what: string,
    method: string,
    url: string,
    options: CallOptions,
    status: number,
    message: string | RegExp,
  ][] = [
    ['no such path', 'GET', '/v3/nothing', {}, 404, ''],
    ['a wrong method', 'DELETE', CERTIFICATES, { headers: { 'user-agent': '' }, authorization: '' }, 405, ''],
    [
      'no User-Agent',
      'GET',
      CERTIFICATES,
      { headers: { 'user-agent': '' }, authorization: '' },
      400,
      'Http头缺少Accept或User-Agent',
    ],
    ['no Accept', 'GET', CERTIFICATES, { headers: { accept: '' } }, 400, 'Http头缺少Accept或User-Agent'],
    [
      'no Authorization',
      'GET',
      CERTIFICATES,
      { authorization: '' },
      401,
      'Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》',
    ],
    [
      'no Authorization, no User-Agent, orders',
      'POST',
      JSAPI,
      { headers: { 'user-agent': '' }, authorization: '' },
      401,
      '签名信息错误，验签失败',
    ],
    ['another scheme', 'GET', CERTIFICATES, { authorization: 'Bearer x' }, 401, 'HTTP头Authorization认证类型不正确'],
    ['another scheme, orders', 'POST', JSAPI, { authorization: 'Bearer x' }, 401, '签名信息错误，验签失败'],
    [
      'a field is missing',
      'GET',
      CERTIFICATES,
      { authorization: good.replace(/,serial_no.*/, '') },
      401,
      /^Http头Authorization值格式错误/,
    ],
    [
      'a field is missing, orders',
      'POST',
      JSAPI,
      { authorization: good.replace(/,serial_no.*/, '') },
      401,
      /^Http头Authorization值格式错误/,
    ],
    [
      'an old timestamp and a forged signature: the time comes first',
      'GET',
      CERTIFICATES,
      { authorization: authorization(world, 'GET', '/forged', '', old) },
      401,
      'Http头Authorization中的timestamp与发起请求的时间不得超过5分钟',
    ],
    ['301 s ahead', 'GET', CERTIFICATES, { timestamp: now + 301 }, 401, /timestamp/],
    ['no such merchant', 'GET', CERTIFICATES, { mchId: '1999999999' }, 401, /^商户证书序列号有误/],
    ['no such certificate', 'GET', CERTIFICATES, { serialNo: 'AB'.repeat(20) }, 401, /^商户证书序列号有误/],
    ['another URL was signed', 'GET', CERTIFICATES, { signedUrl: '/v3/other' }, 401, '错误的签名，导致验签失败'],
  ]
  for (const [what, method, url, options, status, message] of cases) {
    const reply = await call(world, method, url, options)
    t.match(reply, { status, signedBy: 'nobody' }, what)
    if (message === '') t.equal(reply.text, '', what)
    else t.match(reply.json, { message }, what)
    t.equal(reply.headers.get('wechatpay-signature'), null, what)
  }
  for (const options of [
    { timestamp: now + 300 },
    { timestamp: now - 300 },
    { serialNo: world.credentials.v3.serialNo.toLowerCase() },
    { headers: { 'wechatpay-serial': '' } },
    { headers: { 'wechatpay-serial': world.credentials.v3.serialNo } },
    { authorization: good.replace(/ (.*)/, (_, fields: string) => ` ${fields.split(',').reverse().join(',')}`) },
  ]) {
    t.match(await get(world, CERTIFICATES, options), {
      status: 404,
      signedBy: 'public-key',
      json: { code: 'RESOURCE_NOT_EXISTS' },
    })
  }
  t.match(await query(world, 'tea-0009'), {
    status: 404,
    json: { code: 'ORDER_NOT_EXIST', message: '订单不存在' },
    signedBy: 'public-key',
  })
  t.match(await get(world, `/v3/pay/transactions/id/1?mchid=${mchId}`), {
    status: 404,
    json: { code: 'ORDER_NOT_EXIST' },
  })
  t.equal((await query(world, 'tea-0009')).headers.get('request-id')!.match(/^[0-9A-F]{32}-(\d+)$/)![1], '268512771')
})

t.test('a wrong signature: what should have been signed, and the mistake', async (t) => {
  const world = await startV3(t)
  const body = orderBody(world, URL_OF_SHOP)
  const url = `/v3/pay/transactions/out-trade-no/tea-0001?mchid=${world.credentials.mchId}`
  const reply = await get(world, url, { signedUrl: url.split('?')[0]!, nonce: 'n' })
  const text = `GET\n${url}\n${NOON / 1000}\nn\n\n`
  t.same(reply.json, {
    code: 'SIGN_ERROR',
    detail: {
      detail: { issue: 'sign not match' },
      field: 'signature',
      location: 'authorization',
      sign_information: {
        method: 'GET',
        sign_message_length: text.length,
        truncated_sign_message: text.slice(0, -1),
        url,
      },
    },
    message: '错误的签名，导致验签失败',
  })
  t.match(world.journal.entries().at(-1), {
    note: /^SIGN_ERROR .*\(the query was not signed\)$/,
    sign: { type: 'WECHATPAY2-SHA256-RSA2048', mistake: 'the query was not signed', difference: { field: 'url' } },
  })
  const shown = await post(world, JSAPI, body, { signedUrl: '/v3/other' })
  t.match(shown.json.detail.sign_information.truncated_sign_message, /\n\{"appid"$/, 'eight bytes of the body')

  const quiet = await startV3(t, { world: { behaviour: { signInformation: 'absent' } } })
  t.equal((await get(quiet, CERTIFICATES, { signedUrl: '/x' })).json.detail, undefined)
})

t.test('whatever a URL and a body contain: the bytes on the wire are signed', async (t) => {
  const world = await startV3(t)
  const { mchId } = world.credentials
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(text, text, fc.constantFrom('', '%', '%zz', '+', '%E9%BE%99'), async (inPath, inQuery, raw) => {
      // As fetch writes it: an apostrophe in a query is encoded.
      const { pathname, search } = new URL(
        `${REFUNDS}/${encodeURIComponent(inPath)}?a=${encodeURIComponent(inQuery)}&b=${raw}`,
        world.baseUrl,
      )
      const path = `${pathname}${search}`
      t.not((await get(world, path)).status, 401, path)
      t.equal((await get(world, path, { signedUrl: `${path}x` })).status, 401)
      const body = { mchid: mchId, note: inPath, deep: { [inQuery]: raw } }
      const url = '/v3/pay/transactions/out-trade-no/tea-0001/close'
      t.equal((await post(world, url, body)).status, 400, 'unknown parameters, but well signed')
    }),
    { numRuns: 40, seed: 1 },
  )
})

t.test('a certificate that was replaced', async (t) => {
  const world = await startV3(t)
  const { privateKey, serialNo } = world.credentials.v3
  world.rotateKey('merchant-certificate', { keepOld: true })
  t.match(await get(world, CERTIFICATES), { status: 404 })
  t.match(await get(world, CERTIFICATES, { privateKey, serialNo }), { status: 404 }, 'both are valid')
  t.match(
    await get(world, CERTIFICATES, { privateKey }),
    { status: 401, json: { message: '错误的签名，导致验签失败' } },
    'the new serial number with the old key',
  )
  t.match(noteOf(world), `it was signed with the key of certificate ${serialNo}`)
  world.rotateKey('merchant-certificate')
  t.match(await get(world, CERTIFICATES, { privateKey, serialNo }), {
    status: 401,
    json: { message: '商户证书已作废' },
  })
})

t.test('the clock that an Authorization is checked against', async (t) => {
  const mock = await startMock(t)
  const real = mock.world({ signTime: 'real', startTime: NOON })
  t.match(await get(real, CERTIFICATES), { status: 401 })
  t.match(
    noteOf(real),
    /timestamp \d+ is -\d+ s from .*signatures are dated .* here, and an application that uses the world's time, 2026-01-15T04:00:00.000Z, refuses them: set signTime to world/,
  )
  const machine = () => ({ timestamp: Math.floor(Date.now() / 1000) })
  const reply = await get(real, CERTIFICATES, machine())
  t.match(reply, { status: 404, signedBy: 'public-key' })
  t.ok(Math.abs(Number(reply.headers.get('wechatpay-timestamp')) * 1000 - Date.now()) < 60_000)
  t.ok(Math.abs(Date.parse(reply.headers.get('date')!) - Date.now()) < 60_000)

  t.match(await get(mock.default, CERTIFICATES, machine()), { status: 401 })
  t.match(noteOf(mock.default), /uses the machine's time.*set signTime to real/)
  t.equal(mock.default.clock.now().toUTCString(), (await get(mock.default, CERTIFICATES)).headers.get('date'))
  const { json } = await control(mock, 'POST', '/worlds', { id: 'made' })
  const made = mock.worlds().find(({ id }) => id === json.id)!
  t.match(await get(made, CERTIFICATES, machine()), { status: 404 }, 'a world made over HTTP')
})

t.test('the body: bytes, JSON, fields', async (t) => {
  const world = await startV3(t)
  const body = orderBody(world, URL_OF_SHOP)
  const raw = async (bytes: string | Buffer): Promise<V3Reply> => call(world, 'POST', JSAPI, { raw: bytes })
  t.match(await raw(Buffer.from([0x7b, 0xff, 0x7d])), {
    status: 400,
    json: { code: 'INVALID_REQUEST', message: '请求内容传入了非UTF8参数' },
    signedBy: 'public-key',
  })
  for (const text of ['{', '[]', 'null', '']) {
    t.match(await raw(text), { status: 400, json: { code: 'PARAM_ERROR' } }, text)
  }
  t.match(await raw(`{ ${JSON.stringify(body).slice(1)}`), { status: 200 }, 'blanks')
  t.match(await raw(JSON.stringify(body).replace('龙', '\\u9f99')), { status: 200 }, 'escapes')
  const long = { raw: ' '.repeat(70_000) }
  t.match(await call(world, 'POST', JSAPI, long), { status: 401 }, 'a body that is too long cannot be checked')
  const unsigned = { ...long, authorization: authorization(world, 'POST', JSAPI, '') }
  t.match(await call(world, 'POST', JSAPI, unsigned), {
    status: 400,
    json: { code: 'PARAM_ERROR', message: '参数错误' },
  })

  const label = (at: string, name: string) => `输入源“/body/${at}”映射到值字段“${name}”字符串规则校验失败，`
  const cases: [change: object, message: string, location: string | null, value: unknown][] = [
    [
      { description: undefined },
      '输入源“/body/description”映射到字段“商品描述”必填性规则校验失败，此字段为必填项',
      'body',
      '',
    ],
    [
      { amount: { currency: 'CNY' } },
      '输入源“/body/amount/total”映射到字段“总金额”必填性规则校验失败，此字段为必填项',
      'body',
      '',
    ],
    [
      { amount: { total: '1' } },
      '无法将 JSON 输入源“/body/amount/total”映射到目标字段“总金额”中，此字段需要一个合法的 64 位有符号整数',
      'body',
      '1',
    ],
    [
      { amount: { total: 1.5 } },
      '无法将 JSON 输入源“/body/amount/total”映射到目标字段“总金额”中，此字段需要一个合法的 64 位有符号整数',
      'body',
      1.5,
    ],
    [
      { description: 5 },
      '无法将 JSON 输入源“/body/description”映射到目标字段“商品描述”中，此字段需要一个 string 类型的 Json 值',
      'body',
      5,
    ],
    [
      { attach: null },
      '无法将 JSON 输入源“/body/attach”映射到目标字段“附加数据”中，此字段需要一个 string 类型的 Json 值',
      'body',
      null,
    ],
    [
      { amount: { total: 0 } },
      '输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，值低于最小值 1',
      'body',
      0,
    ],
    [{ out_trade_no: 'x'.repeat(35) }, `${label('out_trade_no', '商户订单号')}字节数 35，大于最大值 32`, 'body', 35],
    [{ out_trade_no: '1' }, `${label('out_trade_no', '商户订单号')}字节数 1，小于最小值 6`, 'body', 1],
    [{ description: '' }, `${label('description', '商品描述')}字符数 0，小于最小值 1`, 'body', 0],
    [{ description: '茶'.repeat(45) }, `${label('description', '商品描述')}字节数 135，大于最大值 127`, 'body', 135],
    [
      { out_trade_no: 'tea 0001' },
      `${label('out_trade_no', '商户订单号')}字符串必须匹配正则表达式“^[0-9a-zA-Z_\\-|*]+$”`,
      'body',
      'tea 0001',
    ],
    [
      { limit_pay: [], payer: { openid: 'o', sp_openid: 'o' } },
      '请求中含有未在API文档中定义的参数',
      null,
      ['/body/payer/sp_openid', '/body/limit_pay'],
    ],
    [
      { detail: { goods_detail: [{ merchant_goods_id: '1', quantity: 1, unit_price: 1, x: 1 }] } },
      '请求中含有未在API文档中定义的参数',
      null,
      ['/body/detail/goods_detail/0/x'],
    ],
    [
      { detail: { goods_detail: [{ merchant_goods_id: '1' }] } },
      '输入源“/body/detail/goods_detail/0/quantity”映射到字段“商品数量”必填性规则校验失败，此字段为必填项',
      'body',
      '',
    ],
    [
      { support_fapiao: 'true' },
      '无法将 JSON 输入源“/body/support_fapiao”映射到目标字段“电子发票入口开放标识”中，此字段需要一个 bool 类型的 Json 值',
      'body',
      'true',
    ],
    [
      { time_expire: '2026-02-30T00:00:00+08:00' },
      '输入源“/body/time_expire”映射到值字段“交易结束时间”格式校验失败，需要满足rfc3339格式',
      'body',
      '2026-02-30T00:00:00+08:00',
    ],
  ]
  for (const [change, message, location, value] of cases) {
    const reply = await post(world, JSAPI, { ...body, ...change })
    t.match(reply, { status: 400, signedBy: 'public-key' }, message)
    t.same(reply.json, { code: 'PARAM_ERROR', detail: { location, value }, message })
    t.equal(
      reply.text.indexOf('"detail"') < reply.text.indexOf('"message"'),
      true,
      'as recorded: code, detail, message',
    )
  }
  for (const notifyUrl of [
    'http://shop.example.com/n?a=1',
    ' http://shop.example.com',
    'ftp://x/n',
    'shop.example.com/n',
    'http://x/n#a',
    'http://shop.example.com?a=1',
    'http://shop.example.com#a',
  ]) {
    t.match(
      await post(world, JSAPI, { ...body, notify_url: notifyUrl }),
      { status: 400, json: { message: /^输入源“\/body\/notify_url”.*正则表达式/ } },
      notifyUrl,
    )
  }
  for (const notifyUrl of [
    'https://shop.example.com',
    'https://shop.example.com:8443/a/b',
    'http://user@127.0.0.1:80/n',
  ]) {
    t.match(
      await post(world, JSAPI, { ...body, out_trade_no: `ok${notifyUrl.length}0000`, notify_url: notifyUrl }),
      { status: 200 },
      notifyUrl,
    )
  }
  t.match(await get(world, '/v3/pay/transactions/out-trade-no/tea-0001'), {
    json: { detail: { location: 'query', value: '' }, message: /“\/query\/mchid”映射到字段“直连商户号”/ },
  })
  t.match(await query(world, 'x'), { json: { detail: { location: 'uri_template', value: 1 } } })
  t.match(await post(world, '/v3/pay/transactions/out-trade-no/tea-0001/close', {}), {
    json: {
      detail: { location: 'uri_template', value: '' },
      message: '输入源“/uri_template/mchid”映射到字段“直连商户号”必填性规则校验失败，此字段为必填项',
    },
  })
  t.match(await post(world, '/v3/pay/transactions/out-trade-no/tea-0001/close', { mchid: '1' }), {
    status: 400,
    json: { message: 'http header中的mchid与post payload中的mchid不匹配' },
  })
})

t.test('a detail of more than 6144 bytes; a time that is wrong in every clock', async (t) => {
  const world = await startV3(t, { world: { startTime: Date.now() } })
  const goods = { merchant_goods_id: '1', quantity: 1, unit_price: 1, goods_name: '茶'.repeat(80) }
  const body = (count: number) => ({
    ...orderBody(world, URL_OF_SHOP),
    detail: { goods_detail: Array(count).fill(goods) },
  })
  t.match(await post(world, JSAPI, body(30)), { status: 400, json: { code: 'PARAM_ERROR', message: '参数错误' } })
  t.match(noteOf(world), /detail has more than 6144 bytes/)
  t.match(await post(world, JSAPI, body(15)), { status: 200 })
  t.match(await get(world, CERTIFICATES, { timestamp: Math.floor(Date.now() / 1000) - 400 }), { status: 401 })
  t.match(noteOf(world), /timestamp \d+ is -\d+ s from [\d-]+T[\d:.]+Z\)$/)
})

t.test('a bug of the mock is not an answer', async (t) => {
  const { fail } = answers({
    api: 'orderquery',
    world: { nextReply: () => 1, behaviour: {} } as WorldCore,
    account: {} as Account,
    wanted: '',
  })
  t.throws(() => fail(new Error('broken')), { message: 'broken' })
})

t.test('lengths in characters, and ignored unknown parameters, if configured', async (t) => {
  const world = await startV3(t, { world: { behaviour: { v3Lengths: 'characters', v3UnknownFields: 'ignored' } } })
  const body = { ...orderBody(world, URL_OF_SHOP), description: '茶'.repeat(127), unknown: 1 }
  t.match(await post(world, JSAPI, body), { status: 200 })
  t.match(await post(world, JSAPI, { ...body, description: '茶'.repeat(128) }), { json: { detail: { value: 128 } } })
})

t.test('the payer and the app of an order', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const body = orderBody(world, URL_OF_SHOP)
  const other = mock.world().credentials.appid
  world.setApp('wx0123456789abcdef')
  const foreign = world.loginCode({ appid: 'wx0123456789abcdef' }).openid
  const cases: [change: object, status: number, code: string, message: string][] = [
    [{ appid: other }, 400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配，请检查后再试'],
    [{ appid: 'wx-unknown' }, 400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配，请检查后再试'],
    [{ payer: { openid: 'undefined' } }, 400, 'PARAM_ERROR', '无效的openid'],
    [{ payer: { openid: foreign } }, 400, 'INVALID_REQUEST', 'appid与openid不匹配'],
    [{ mchid: '1900000109' }, 400, 'PARAM_ERROR', 'http header中的mchid与post payload中的mchid不匹配'],
  ]
  for (const [change, status, code, message] of cases) {
    t.match(await post(world, JSAPI, { ...body, ...change }), { status, json: { code, message } }, message)
  }
})

t.test('the same number again', async (t) => {
  const world = await startV3(t)
  const url = await deadUrl()
  const body = orderBody(world, url, { time_expire: '2026-01-15T13:00:00+08:00', attach: 'a' })
  const first = await post(world, JSAPI, body)
  t.same(
    (await post(world, JSAPI, Object.fromEntries(Object.entries(body).reverse()))).json,
    first.json,
    'the order of keys does not matter',
  )
  const changes = [
    { amount: { total: 2, currency: 'CNY' } },
    { description: 'x' },
    { attach: 'b' },
    { notify_url: `${url}/2` },
    { goods_tag: 'g' },
  ]
  for (const change of changes) {
    t.match(await post(world, JSAPI, { ...body, ...change }), {
      status: 400,
      json: { code: 'INVALID_REQUEST', message: '请求重入时，参数与首次请求时不一致' },
    })
  }
  const { payer: _payer, ...unnamed } = body
  t.match(await post(world, '/v3/pay/transactions/native', unnamed), { status: 400 }, 'another way to order')
  await world.pay('tea-0001', { deliver: 'hold' })
  t.match(await post(world, JSAPI, body), { status: 400, json: { code: 'ORDERPAID', message: '该订单已支付' } })
  const close = (no: string) =>
    post(world, `/v3/pay/transactions/out-trade-no/${no}/close`, { mchid: world.credentials.mchId })
  t.match(await close('tea-0001'), { status: 400, json: { code: 'ORDERPAID' } })
  await order(world, url, { out_trade_no: 'tea-0002' })
  t.match(await close('tea-0002'), { status: 204 })
  t.match(await post(world, JSAPI, orderBody(world, url, { out_trade_no: 'tea-0002' })), {
    status: 400,
    json: { code: 'INVALID_REQUEST', message: '该订单已失效' },
  })
  t.match(await close('tea-0003'), { status: 204 }, 'never ordered')
  t.match(await query(world, 'tea-0003'), { status: 404 })
  t.match(
    await post(world, JSAPI, orderBody(world, url, { out_trade_no: 'tea-0003' })),
    {
      status: 400,
      json: { message: '请求重入时，参数与首次请求时不一致' },
    },
    'and burnt',
  )
  world.reset('orders')
  await order(world, url, { out_trade_no: 'tea-0003' })

  const old = await startV3(t, {
    world: { behaviour: { v3RepeatedOrder: 'OUT_TRADE_NO_USED', v3PaidOrder: 'ORDER_PAID' } },
  })
  await order(old, url)
  t.match(await post(old, JSAPI, orderBody(old, url, { attach: 'b' })), {
    status: 403,
    json: { code: 'OUT_TRADE_NO_USED', message: '商户订单号重复' },
  })
  await old.pay('tea-0001', { deliver: 'hold' })
  t.match(await post(old, JSAPI, orderBody(old, url)), { status: 400, json: { code: 'ORDER_PAID' } })
})

t.test('what production might refuse', async (t) => {
  for (const strict of [false, true]) {
    const world = await startV3(t, { world: { strict } })
    const body = orderBody(world, 'https://shop.example.com/n')
    const cases: [change: object, rule: string][] = [
      [{ notify_url: 'http://shop.example.com/n' }, 'notify-url-http'],
      [{ description: '🍵' }, 'four-byte-characters'],
      [{ payer: { openid: 'x-alice' } }, 'openid-form'],
    ]
    for (const [change, rule] of cases) {
      const reply = await post(world, JSAPI, { ...body, ...change, out_trade_no: rule })
      t.equal(reply.status, strict ? 400 : 200, rule)
      t.match(world.journal.entries().at(-1)!.lint, [{ rule, level: 'warning' }])
    }
    await post(
      world,
      JSAPI,
      { ...body, notify_url: 'https://shop.example.com:8443/n', scene_info: { payer_client_ip: '127.0.0.1' } },
      { nonce: 'same' },
    )
    t.match(
      world.journal
        .entries()
        .at(-1)!
        .lint!.map(({ rule }) => rule),
      ['notify-url-port', 'client-ip-local'],
    )
    t.equal((await query(world)).status, 200, 'only reported')
    t.equal(
      (
        await get(world, `/v3/pay/transactions/out-trade-no/tea-0001?mchid=${world.credentials.mchId}`, {
          nonce: 'same',
        })
      ).status,
      strict ? 400 : 200,
    )
    await world.pay('tea-0001', { deliver: 'hold' })
    const refund = (no: string) =>
      post(world, REFUNDS, {
        out_trade_no: 'tea-0001',
        out_refund_no: no,
        amount: { refund: 1, total: 1250, currency: 'CNY' },
      })
    t.equal((await refund('r1')).status, 200)
    t.match(await refund('r2'), strict ? { status: 429, json: { code: 'FREQUENCY_LIMITED' } } : { status: 200 })
    t.equal((await refund('r1')).status, 200, 'the same again')
  }
})

t.test('the internal number in Request-ID depends on the error, if recorded', async (t) => {
  const world = await startV3(t)
  const body = orderBody(world, URL_OF_SHOP)
  const numberOf = ({ headers }: V3Reply) => Number(headers.get('request-id')!.split('-')[1])
  const refused = async (change: object) => numberOf(await post(world, JSAPI, { ...body, ...change }))
  t.equal(await refused({}), 0)
  // wechatpay-skills, and answers on record (v3.md 1.7).
  for (const [what, change, number] of [
    ['other parameters', { attach: 'b' }, 268498688],
    ['an undefined parameter', { limit_pay: [] }, 270924358],
    ['no openid', { payer: {} }, 268501013],
    ['out of range: a number', { amount: { total: 0 } }, 268435464],
    ['out of range: a text', { description: '茶'.repeat(45) }, 268435464],
    ['an illegal parameter', { description: 5 }, 268435461],
  ] as const) {
    t.equal(await refused(change), number, what)
  }
  await post(world, '/v3/pay/transactions/out-trade-no/tea-0001/close', { mchid: world.credentials.mchId })
  t.equal(await refused({}), 268447914, 'closed')
})
