import t, { type Test } from 'tap'
import type { PayApi, World, WorldOptions } from '../../../../mock-server/index.ts'
import { createNonces } from '../../../../mock-server/ledger/merchant.ts'
import { ERR_CODES } from '../../../../mock-server/wire/error-codes.ts'
import { signV2 } from '../../../../mock-server/wire/sign-v2.ts'
import {
  ACK,
  callPay,
  entriesOf,
  orderFields,
  placeOrder,
  placeRefund,
  postRaw,
  refundFields,
  REFUSAL,
  signedXml,
  startMock,
  startShop,
  type Values,
  type WireReply,
} from '../../helpers.ts'

const NOTIFY = 'http://127.0.0.1:1/notify'

type Signed = 'orderquery' | 'unifiedorder' | 'closeorder' | 'refund' | 'refundquery'
const SIGNED = ['unifiedorder', 'orderquery', 'closeorder', 'refund', 'refundquery'] as const

/** A request of each call that passes the protocol's checks. */
const GOOD: Record<Signed, Values> = {
  unifiedorder: orderFields(NOTIFY),
  orderquery: { out_trade_no: 'tea-0001' },
  closeorder: { out_trade_no: 'tea-0001' },
  refund: refundFields(),
  refundquery: { out_trade_no: 'tea-0001' },
}

interface Row {
  readonly options?: WorldOptions
  /** Sets up the world so that the refusal is the next answer, then makes the call. */
  readonly bring: (world: World) => Promise<WireReply>
}

const asked = (
  api: Signed,
  values: Values = {},
  options: WorldOptions = {},
  before: (world: World) => unknown = () => {},
): Row => ({
  options,
  bring: async (world) => {
    await before(world)
    return callPay(world, api, { ...GOOD[api], ...values })
  },
})

const ordered = (world: World) => placeOrder(world, NOTIFY)
async function paid(world: World): Promise<void> {
  await ordered(world)
  await world.pay('tea-0001', { deliver: 'hold' })
}
async function closed(world: World): Promise<void> {
  await ordered(world)
  world.expire('tea-0001')
}
async function refunded(world: World, values: Values = {}): Promise<void> {
  await paid(world)
  await placeRefund(world, values)
}

/** What the mock does without a fault: code, text if it differs from the table, and how to cause it. */
const BROUGHT: Record<Signed, [code: string, text: string, row: Row][]> = {
  unifiedorder: [
    ['INVALID_REQUEST', '201 商户订单号重复', asked('unifiedorder', { total_fee: 1 }, {}, ordered)],
    ['ORDERPAID', '该订单已支付', asked('unifiedorder', {}, {}, paid)],
    ['ORDERPAID', '该订单已支付', asked('unifiedorder', {}, {}, refunded)],
    ['INVALID_REQUEST', '201 商户订单号重复', asked('unifiedorder', { total_fee: 1 }, {}, paid)],
    ['ORDERCLOSED', '订单已关闭', asked('unifiedorder', {}, {}, closed)],
    ['ORDERCLOSED', '订单已关闭', asked('unifiedorder', { total_fee: 1 }, {}, closed)],
  ],
  orderquery: [['ORDERNOTEXIST', 'order not exist', asked('orderquery')]],
  closeorder: [
    ['ORDERPAID', 'order paid', asked('closeorder', {}, {}, paid)],
    ['ORDERPAID', 'order paid', asked('closeorder', {}, {}, refunded)],
    ['ORDERCLOSED', '订单已关闭', asked('closeorder', {}, {}, closed)],
    ['ORDERNOTEXIST', '订单不存在', asked('closeorder', {}, { behaviour: { closeUnknown: 'ORDERNOTEXIST' } })],
    ['SYSTEMERROR', '系统错误', asked('closeorder', {}, { behaviour: { closeEarly: 'SYSTEMERROR' } }, ordered)],
  ],
  refund: [
    ['ORDERNOTEXIST', '订单不存在', asked('refund')],
    ['ORDERNOTEXIST', '订单不存在', asked('refund', {}, {}, ordered)],
    [
      'INVALID_TRANSACTIONID',
      '无效transaction_id',
      asked('refund', { transaction_id: '4200000540202005267407409907' }, {}, paid),
    ],
    [
      'REFUND_FEE_MISMATCH',
      '订单金额或退款金额与之前请求不一致，请核实后再试',
      asked('refund', { total_fee: 1251 }, {}, paid),
    ],
    [
      'REFUND_FEE_MISMATCH',
      '订单金额或退款金额与之前请求不一致，请核实后再试',
      asked('refund', { refund_fee: 2 }, {}, (world) => refunded(world, { refund_fee: 1 })),
    ],
    [
      'INVALID_REQUEST',
      'refund_fee大于可退金额',
      asked('refund', { out_refund_no: 'r-2' }, {}, (world) => refunded(world, { refund_fee: 1 })),
    ],
    ['INVALID_REQUEST', '订单已全额退款', asked('refund', { out_refund_no: 'r-2', refund_fee: 1 }, {}, refunded)],
    [
      'REFUND_FEE_INVALID',
      '累计退款金额大于支付金额',
      asked('refund', { out_refund_no: 'r-2' }, { behaviour: { refundRefusals: 'legacy' } }, (world) =>
        refunded(world, { refund_fee: 1 }),
      ),
    ],
    [
      'ERROR',
      '订单已全额退款',
      asked('refund', { out_refund_no: 'r-2', refund_fee: 1 }, { behaviour: { refundRefusals: 'legacy' } }, refunded),
    ],
    [
      'TRADE_OVERDUE',
      '订单已经超过退款期限',
      asked('refund', {}, {}, async (world) => {
        await paid(world)
        await world.advance('366d')
      }),
    ],
  ],
  refundquery: [
    ['REFUNDNOTEXIST', 'not exist', asked('refundquery', {}, {}, paid)],
    [
      'INVALID_TRANSACTIONID',
      '无效transaction_id',
      asked('refundquery', { transaction_id: '4200000540202005267407409907' }),
    ],
    ['PARAM_ERROR', '参数错误', asked('refundquery', { offset: 2 }, {}, refunded)],
  ],
}

/** Rows of the tables recorded only as a FAIL of the protocol, and their causes. */
const spoilt = (api: Signed, values: Values): Row => asked(api, values)
const raw = (api: Signed, body: (world: World) => string | Buffer | undefined, init: RequestInit = {}): Row => ({
  bring: (world) => postRaw(`${world.baseUrl}/pay/${api}`, body(world), init),
})
const unsigned = (api: Signed) => (world: World) =>
  signedXml(world, GOOD[api]).replace(/(?<=<nonce_str>).*(?=<\/nonce_str>)/, 'another')

const PROTOCOL: [code: string, text: string, row: (api: Signed) => Row][] = [
  ['REQUIRE_POST_METHOD', '请使用post方法', (api) => raw(api, () => undefined, { method: 'GET' })],
  ['POST_DATA_EMPTY', 'post数据为空', (api) => raw(api, () => '')],
  ['XML_FORMAT_ERROR', 'XML格式错误', (api) => raw(api, () => 'appid=wx')],
  [
    'NOT_UTF8',
    '编码格式错误',
    (api) => raw(api, () => Buffer.from([...Buffer.from('<xml><body>'), 0xb2, 0xe8, ...Buffer.from('</body></xml>')])),
  ],
  ['LACK_PARAMS', '缺少参数', (api) => spoilt(api, { nonce_str: '' })],
  ['APPID_NOT_EXIST', 'appid不存在', (api) => spoilt(api, { appid: 'wx0000000000000000' })],
  ['MCHID_NOT_EXIST', 'MCHID不存在', (api) => spoilt(api, { mch_id: '1900000109' })],
  ['SIGNERROR', '签名错误', (api) => raw(api, unsigned(api))],
]

async function freshWorld(t: Test): Promise<(options?: WorldOptions) => World> {
  const mock = await startMock(t)
  return (options) => mock.world({ startTime: Date.UTC(2026, 0, 15, 4), ...options })
}

function isShapeB(
  t: Test,
  { credentials }: World,
  { status, fields }: WireReply,
  code: string,
  text: string,
  why: string,
): void {
  const { appid, mchId, apiKey } = credentials
  t.same(
    { status, ...fields },
    {
      status: 200,
      return_code: 'SUCCESS',
      return_msg: 'OK',
      appid,
      mch_id: mchId,
      nonce_str: fields.nonce_str,
      sign: signV2(entriesOf(fields), apiKey, 'MD5'),
      result_code: 'FAIL',
      err_code: code,
      err_code_des: text,
    },
    why,
  )
}

for (const api of SIGNED) {
  t.test(`${api}: refusals of the business, signed`, async (t) => {
    const world = await freshWorld(t)
    for (const [code, text, { options, bring }] of BROUGHT[api]) {
      const one = world(options)
      isShapeB(t, one, await bring(one), code, text, `${code} ${text}`)
    }
  })

  t.test(`${api}: every row of its table can be caused by a fault, with the table's text`, async (t) => {
    const { default: world } = await startMock(t)
    for (const [code, text] of Object.entries(ERR_CODES[api])) {
      world.fault(api, { kind: 'result_code_fail', err_code: code } as Parameters<typeof world.fault<Signed>>[1])
      isShapeB(t, world, await callPay(world, api, GOOD[api]), code, text, code)
    }
  })

  t.test(`${api}: refusals of the protocol, two fields; with the documented code if the world says so`, async (t) => {
    const world = await freshWorld(t)
    for (const [code, text, row] of PROTOCOL) {
      const plain = await row(api).bring(world())
      t.same({ status: plain.status, ...plain.fields }, { status: 200, return_code: 'FAIL', return_msg: text }, code)
    }
    const { default: strict } = await startMock(t, { world: { behaviour: { protocolErrCode: 'documented' } } })
    for (const [code, text, row] of PROTOCOL) {
      t.same(
        (await row(api).bring(strict)).fields,
        { return_code: 'FAIL', return_msg: text, err_code: code, err_code_des: text },
        `documented ${code}`,
      )
    }
  })
}

t.test('a refusal that no table has gets no code in any world', async (t) => {
  const { default: world } = await startMock(t, { world: { behaviour: { protocolErrCode: 'documented' } } })
  t.same((await callPay(world, 'unifiedorder', orderFields(NOTIFY, { openid: '' }))).fields, {
    return_code: 'FAIL',
    return_msg: 'JSAPI支付必须传openid',
  })
})

t.test('merchant and app that do not belong together', async (t) => {
  const world = await freshWorld(t)
  const [one, two] = [world(), world({ behaviour: { protocolErrCode: 'documented' } })]
  t.same((await callPay(one, 'orderquery', { ...GOOD.orderquery, appid: two.credentials.appid })).fields, {
    return_code: 'FAIL',
    return_msg: 'mch_id和appid没有关联关系',
  })
  t.match((await callPay(two, 'orderquery', { ...GOOD.orderquery, appid: one.credentials.appid })).fields, {
    err_code: 'APPID_MCHID_NOT_MATCH',
  })
})

t.test('the fund flow refuses without a signature', async (t) => {
  const { default: world } = await startMock(t)
  for (const [code, text] of Object.entries(ERR_CODES.downloadfundflow)) {
    world.fault('downloadfundflow', {
      kind: 'result_code_fail',
      err_code: code as keyof typeof ERR_CODES.downloadfundflow,
    })
    t.same(
      (await callPay(world, 'downloadfundflow', { bill_date: '20260114', account_type: 'Basic' }, 'HMAC-SHA256'))
        .fields,
      { return_code: 'SUCCESS', result_code: 'FAIL', err_code: code, err_code_des: text },
    )
  }
})

t.test("the Content-Type of the replies is the world's choice", async (t) => {
  const world = await freshWorld(t)
  for (const contentType of ['text/plain', 'text/xml'] as const) {
    const one = world({ behaviour: { contentType } })
    for (const reply of [
      await callPay(one, 'orderquery', GOOD.orderquery),
      await callPay(one, 'orderquery', {}),
      await callPay(one, 'unifiedorder', GOOD.unifiedorder),
    ]) {
      t.equal(reply.contentType, contentType)
    }
  }
})

t.test('every call that can be refused in business has its rows here', async (t) => {
  const named: readonly PayApi[] = [...SIGNED, 'downloadfundflow']
  const refusing = Object.entries(ERR_CODES).flatMap(([api, codes]) => (Object.keys(codes).length > 0 ? [api] : []))
  t.same(refusing.sort(), [...named].sort())
})

const PUBLIC = 'https://shop.example.com/wechat/notify'
let nonces = 0
const fresh = () => ({ nonce_str: `nonce-${++nonces}` })
const rules = (world: World) => world.lint().map(({ rule, level }) => `${level} ${rule}`)
const order = (world: World, values: Values = {}) =>
  callPay(world, 'unifiedorder', orderFields(PUBLIC, { ...fresh(), ...values }))

/** An order for a mobile browser. */
const ofBrowser = (scene: string): Values => ({ trade_type: 'MWEB', openid: undefined, scene_info: scene })
const WAP = '{"h5_info":{"type":"Wap","wap_url":"https://shop.example.com","wap_name":"Tea"}}'

t.test('what production might refuse is accepted with a finding', async (t) => {
  const cases: [values: Values, ...rules: string[]][] = [
    [{}],
    [{ notify_url: 'http://shop.example.com/n' }, 'warning notify-url-http'],
    ...[
      'http://127.0.0.1:3000/n',
      'http://localhost/n',
      'https://10.1.2.3/n',
      'http://172.20.0.1/n',
      'http://192.168.1.1/n',
      'http://[::1]/n',
      'http://app.local/n',
    ].map((url): [Values, string] => [{ notify_url: url }, 'info notify-url-local']),
    [{ time_expire: '20260115120300' }, 'warning time-expire-short'],
    [{ time_expire: '20260115120500' }],
    [{ spbill_create_ip: '127.0.0.1' }, 'info client-ip-local'],
    [ofBrowser(WAP)],
    ...['{}', '{"h5_info":{"type":1}}', 'null', 'Wap'].map((scene): [Values, string] => [
      ofBrowser(scene),
      'warning scene-info-form',
    ]),
    [{ scene_info: '{"store_info":{"id":"1"}}' }],
    [
      { spbill_create_ip: '192.168.0.7', notify_url: 'http://shop.example.com/n' },
      'warning notify-url-http',
      'info client-ip-local',
    ],
  ]
  for (const [values, ...found] of cases) {
    const { default: world } = await startMock(t)
    t.match((await order(world, values)).fields, { result_code: 'SUCCESS' }, JSON.stringify(values))
    t.same(rules(world), found, JSON.stringify(values))
  }
})

t.test('a nonce is for one request', async (t) => {
  const { default: world } = await startMock(t)
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  t.match(world.journal.entries(), [
    { lint: undefined },
    {
      lint: [
        {
          rule: 'nonce-repeated',
          level: 'warning',
          field: 'nonce_str',
          message: /5K8264ILTKCH16CQ2502SI8ZNMTM67VS was used before/,
        },
      ],
    },
  ])
  const seen = createNonces()
  t.same(['a', 'b', 'a'].map(seen.isFresh), [true, true, false])
  for (let n = 0; n < 10_000; n++) seen.isFresh(String(n))
  t.equal(seen.isFresh('a'), true, 'only the last ones are remembered')
})

t.test('closing too early, refunding too fast', async (t) => {
  const { default: world } = await startMock(t)
  await order(world)
  await callPay(world, 'closeorder', { ...fresh(), out_trade_no: 'tea-0009' })
  await callPay(world, 'closeorder', { ...fresh(), out_trade_no: 'tea-0001' })
  t.same(rules(world), ['warning close-early'])
  world.journal.delete()

  await order(world, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002', { deliver: 'hold' })
  const back = (number: string) => world.refundFromConsole('tea-0002', { outRefundNo: number, refundFee: 1 })
  const refund = (number: string) =>
    callPay(world, 'refund', {
      ...fresh(),
      out_trade_no: 'tea-0002',
      out_refund_no: number,
      total_fee: 1250,
      refund_fee: 1,
    })
  back('r-1')
  await refund('r-1')
  t.same(rules(world), [], 'the same refund again')
  await refund('r-2')
  await world.advance('1m')
  await refund('r-3')
  t.same(rules(world), ['warning refund-repeated'])
  t.equal(world.refunds().length, 3)
})

t.test('a strict world refuses warnings, not hints', async (t) => {
  const refusals: [values: Values, message: string | undefined][] = [
    [{ notify_url: 'http://127.0.0.1/n' }, undefined],
    [{ notify_url: 'http://shop.example.com/n' }, 'invalid notify_url'],
    [{ time_expire: '20260115120300' }, 'time_expire时间过短，刷卡至少1分钟，其他5分钟'],
    [ofBrowser('{}'), 'scene_info参数格式错误'],
  ]
  for (const [values, message] of refusals) {
    const { default: world } = await startMock(t, { world: { strict: true } })
    const { fields } = await order(world, values)
    t.equal(fields.return_msg, message ?? 'OK')
    t.equal(world.orders().length, message === undefined ? 1 : 0)
    if (message) t.match(world.journal.entries(), [{ note: /: strict: /, lint: [{ level: 'warning' }] }])
  }
})

t.test('the log has each finding, an advance reports those of its time', async (t) => {
  const lines: string[] = []
  const { default: world } = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  const shop = await startShop(t, async () => {
    await callPay(world, 'orderquery', { out_trade_no: 'tea-0001', nonce_str: 'always' })
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  t.equal(lines.length, 1, 'a hint is not logged')
  await world.pay('tea-0001')
  t.match(await world.advance('15s'), { lint: [{ rule: 'nonce-repeated' }] })
  t.match(
    lines.filter((line) => line.includes('nonce')),
    ['default orderquery tea-0001: nonce-repeated: always was used before; each request needs its own random one'],
  )
  t.match(await world.advance('1s'), { lint: [] })
})

t.test('an answer that production might reject gets a finding, and does not count in a strict world', async (t) => {
  for (const [strict, verdict] of [
    [false, 'acked'],
    [true, 'stray_characters'],
  ] as const) {
    const { default: world } = await startMock(t, { world: { strict } })
    const shop = await startShop(t, () => ACK.replace('<xml>', '<xml><!-- done -->'))
    await placeOrder(world, shop.notifyUrl)
    const lint = [{ rule: 'reply-comment', level: 'warning', field: 'body' }]
    t.match((await world.pay('tea-0001')).delivery!, { verdict, lint })
    t.match(world.journal.find({ api: 'notify' }), [{ lint, verdict }])
    t.match((await world.advance('15s')).lint, strict ? lint : [])
    t.equal(world.notification('tea-0001').state, strict ? 'pending' : 'acked')
  }
})

t.test('recorded texts', async (t) => {
  const { default: world } = await startMock(t)
  const cases: [values: Values, message: string][] = [
    [{ spbill_create_ip: '218.17.1.1,218.93.204.51,36.42.75.103' }, 'invalid spbill_create_ip'],
    [{ spbill_create_ip: 'localhost' }, 'invalid spbill_create_ip'],
    [{ spbill_create_ip: '::ffff:14.23.150.211' }, 'invalid spbill_create_ip'],
    [{ notify_url: undefined }, 'invalid notify_url'],
    [{ notify_url: 'https://shop.example.com' }, 'invalid notify_url'],
    [{ notify_url: undefined, body: undefined }, '缺少参数'],
    [{ total_fee: '1.5' }, 'total_fee参数格式错误'],
    ...['None', 'undefined', 'null', 'NaN', ' o1', 'o1.2', '龙'].map((openid): [Values, string] => [
      { openid },
      '无效的openid',
    ]),
  ]
  for (const [values, message] of cases) {
    const { fields } = await callPay(world, 'unifiedorder', orderFields('http://127.0.0.1/notify', values))
    t.same(fields, { return_code: 'FAIL', return_msg: message }, JSON.stringify(values))
  }
  t.match(
    (await callPay(world, 'unifiedorder', orderFields('http://127.0.0.1/notify', { spbill_create_ip: '2001:db8::1' })))
      .fields,
    { result_code: 'SUCCESS' },
    'IPv6 is accepted',
  )
  const native = { trade_type: 'NATIVE', product_id: 'p', openid: 'None', out_trade_no: 'tea-0002' }
  t.match(
    (await callPay(world, 'unifiedorder', orderFields('http://127.0.0.1/notify', native))).fields,
    { result_code: 'SUCCESS' },
    'only JSAPI reads the openid',
  )
})

t.test('an openid of another app of the world is refused, drawn or chosen by a test', async (t) => {
  const { default: world } = await startMock(t)
  const { appid } = world.setApp('wx0123456789abcdef')
  world.setUser('o-alice', { appid })
  const order = (values: Values) => callPay(world, 'unifiedorder', orderFields('http://127.0.0.1/notify', values))
  t.match((await order({ openid: 'o-alice' })).fields, { return_msg: 'appid and openid not match' })
  t.match((await order({ openid: 'o-alice', appid })).fields, { result_code: 'SUCCESS' })
  world.setUser('o-bob', { appid })
  world.setUser('o-bob', { appid: world.credentials.appid })
  t.match((await order({ openid: 'o-bob', out_trade_no: 'tea-0002' })).fields, { result_code: 'SUCCESS' }, 'of both')
})

t.test(
  "what no recording shows as refused is accepted with a finding; a strict world refuses it with WeChat's text",
  async (t) => {
    const xml = (world: World, api: string, values: Values, root = 'xml') =>
      postRaw(
        `${world.baseUrl}/pay/${api}`,
        signedXml(world, { nonce_str: `n-${world.journal.cursor()}`, ...values }).replace(
          /^<xml>([^]*)<\/xml>$/,
          `<${root}>$1</${root}>`,
        ),
      )
    const order = orderFields('http://127.0.0.1/notify')
    const refund = (number: string) => refundFields({ out_refund_no: number, refund_fee: 1 })
    type Step = (world: World) => Promise<{ fields: Record<string, string> }>
    const cases: [rule: string, bring: (world: World) => Promise<unknown>, call: Step, refusal: object][] = [
      ...['root', 'request', 'queryRequest', 'closeRequest'].map(
        (root): [string, (world: World) => Promise<unknown>, Step, object] => [
          'root-name',
          async () => {},
          (world) => xml(world, 'unifiedorder', order, root),
          { return_code: 'FAIL', return_msg: 'XML格式错误' },
        ],
      ),
      [
        'openid-form',
        async () => {},
        (world) => xml(world, 'unifiedorder', { ...order, openid: 'alice' }),
        { return_code: 'FAIL', return_msg: '无效的openid' },
      ],
      [
        'close-early',
        (world) => xml(world, 'unifiedorder', order),
        (world) => xml(world, 'closeorder', { out_trade_no: 'tea-0001' }),
        { result_code: 'FAIL', err_code: 'SYSTEMERROR', err_code_des: '系统错误', sign: /./ },
      ],
      [
        'refund-repeated',
        async (world) => {
          await xml(world, 'unifiedorder', order)
          await world.pay('tea-0001', { deliver: 'hold' })
          await xml(world, 'refund', refund('r-1'))
        },
        (world) => xml(world, 'refund', refund('r-2')),
        { result_code: 'FAIL', err_code: 'FREQUENCY_LIMITED', err_code_des: /频率限制/, sign: /./ },
      ],
    ]
    for (const [rule, bring, call, refusal] of cases) {
      for (const strict of [false, true]) {
        const { default: world } = await startMock(t, { world: { strict } })
        await bring(world)
        t.match((await call(world)).fields, strict ? refusal : { result_code: 'SUCCESS' }, `${rule} ${strict}`)
        const warnings = world.journal
          .entries()
          .at(-1)
          ?.lint?.filter(({ level }) => level === 'warning')
        t.same(
          warnings?.map((warning) => warning.rule),
          [rule],
        )
        if (strict) t.match(world.journal.entries().at(-1)?.note, /strict: /)
      }
    }
  },
)

t.test('a port in a public notify_url is only reported', async (t) => {
  const { default: world } = await startMock(t, { world: { strict: true } })
  await placeOrder(world, 'https://shop.example.com:8443/notify')
  t.match(world.lint(), [{ rule: 'notify-url-port', level: 'info', field: 'notify_url' }])
})
