// Every row of the tables of err_codes: what brings it, or that only a fault does; its text, and its shape.
import t, { type Test } from 'tap'
import type { PayApi, World, WorldOptions } from '../../../mock-server/index.ts'
import { signV2 } from '../../../mock-server/sign-v2.ts'
import { ERR_CODES } from '../../../mock-server/wechat/error-tables.ts'
import {
  callPay,
  entriesOf,
  orderFields,
  placeOrder,
  placeRefund,
  postRaw,
  refundFields,
  signedXml,
  startMock,
  type Values,
  type WireReply,
} from '../helpers.ts'

const NOTIFY = 'http://127.0.0.1:1/notify'

type Signed = 'orderquery' | 'unifiedorder' | 'closeorder' | 'refund' | 'refundquery'
const SIGNED = ['unifiedorder', 'orderquery', 'closeorder', 'refund', 'refundquery'] as const

/** A request of each call that is good as far as the protocol goes. */
const GOOD: Record<Signed, Values> = {
  unifiedorder: orderFields(NOTIFY),
  orderquery: { out_trade_no: 'tea-0001' },
  closeorder: { out_trade_no: 'tea-0001' },
  refund: refundFields(),
  refundquery: { out_trade_no: 'tea-0001' },
}

interface Row {
  readonly options?: WorldOptions
  /** Calls the world until the refusal is the next answer, then asks for it. */
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

/** What the mock does by itself: code, text if it is not the table's own, and how it comes about. */
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

/** Rows of the tables that have only been seen as a FAIL of the protocol, and what brings them. */
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

  t.test(`${api}: every row of its table can be brought by a fault, in the words of the table`, async (t) => {
    const { default: world } = await startMock(t)
    for (const [code, text] of Object.entries(ERR_CODES[api])) {
      world.fault(api, { kind: 'result_code_fail', err_code: code } as Parameters<typeof world.fault<Signed>>[1])
      isShapeB(t, world, await callPay(world, api, GOOD[api]), code, text, code)
    }
  })

  t.test(`${api}: refusals of the protocol, two fields; with the documented code where a world wants it`, async (t) => {
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

t.test('a refusal that no table names has no code in any world', async (t) => {
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
  t.same(Object.keys(ERR_CODES).sort(), [...named].sort())
})
