import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { billDay, billText, feeOf, isBillDate, yuan } from '../../mock-server/bills/day.ts'
import type { SignType, World, WorldOptions } from '../../mock-server/index.ts'
import {
  callPay,
  placeOrder,
  placeRefund,
  postRaw,
  sample,
  signedXml,
  startMock,
  startPaid,
  type Values,
} from './helpers.ts'

t.test('fen become yuan', async (t) => {
  t.same(
    [0, 1, 12, 123, 123_456, -8].map((fen) => yuan(fen)),
    ['0.00', '0.01', '0.12', '1.23', '1234.56', '-0.08'],
  )
  t.equal(yuan(8, 5), '0.08000')
})

t.test('a fee of 0.60 % in whole fen', async (t) => {
  t.same([0, 1, 83, 84, 1250, 100_000].map(feeOf), [0, 0, 0, 1, 8, 600])
})

t.test('dates and compression', async (t) => {
  for (const text of ['20260115', '20240229']) t.ok(isBillDate(text), text)
  for (const text of ['', '2026011', '202601151', '2026-01-15', '20260230', '20261301']) t.notOk(isBillDate(text), text)
})

t.test('a day is in China time; its bill is available at ten the next day', async (t) => {
  const day = (now: string) => billDay('20260115', new Date(now))
  const { has } = day('2026-01-20T00:00:00Z')
  for (const [moment, inside] of [
    ['2026-01-14T15:59:59.999Z', false],
    ['2026-01-14T16:00:00Z', true],
    ['2026-01-15T15:59:59.999Z', true],
    ['2026-01-15T16:00:00Z', false],
  ] as const) {
    t.equal(has(new Date(moment)), inside, moment)
  }
  t.equal(day('2026-01-14T15:59:59.999Z').state, 'future')
  t.equal(day('2026-01-14T16:00:00Z').state, 'creating')
  t.equal(day('2026-01-16T01:59:59.999Z').state, 'creating')
  t.match(day('2026-01-16T02:00:00Z'), { state: 'ready', ageMs: 34 * 3_600_000 })
})

t.test('a table: BOM, CRLF, back-ticks before values', async (t) => {
  const text = billText(
    [
      ['名', ({ a }: { a: string }) => a],
      ['二', () => ''],
    ],
    [{ a: 'x,y' }, { a: '' }],
    [
      ['总', '2'],
      ['额', '0.00'],
    ],
  )
  t.equal(text, '\uFEFF名,二\r\n`x,y,`\r\n`,`\r\n总,额\r\n`2,`0.00\r\n')
})

async function download(
  world: World,
  values: Values = {},
): Promise<{ type: string | null; bytes: Buffer; text: string }> {
  const response = await fetch(`${world.baseUrl}/pay/downloadbill`, {
    method: 'POST',
    body: signedXml(world, { bill_date: '20260115', bill_type: 'ALL', ...values }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  return { type: response.headers.get('content-type'), bytes, text: bytes.toString() }
}

/** A bill as rows by the names of its columns, and its summary. */
function read(text: string) {
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split('\r\n')
  const values = (line: string) => line.slice(1).split(',`')
  const table = (names: string, line: string) =>
    Object.fromEntries(names.split(',').map((name, n) => [name, values(line)[n]!]))
  const [header, ...rest] = lines
  const [summaryHeader, summary] = rest.splice(-2)
  return {
    header: header!.split(','),
    rows: rest.map((line) => table(header!, line)),
    summary: table(summaryHeader!, summary!),
  }
}

const error = (message: string, number: string) =>
  `<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[${message}]]></return_msg>\n<error_code><![CDATA[${number}]]></error_code></xml>`

/** Two payments and two refunds on one day, and what must not be in its bill. Ends at noon the next day. */
async function aDay(t: Test, options: WorldOptions = {}): Promise<World> {
  const { world, shop } = await startPaid(
    t,
    options,
    { device_info: 'WEB', attach: '桌 4', body: '茶,点心' },
    {
      bankType: 'CFT',
      coupons: [
        { fee: 100, id: '1', type: 'NO_CASH' },
        { fee: 50, id: '2', type: 'CASH' },
      ],
    },
  )
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'unpaid' })
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0002', total_fee: 3, attach: undefined })
  await world.advance('1h')
  await world.pay('tea-0002')
  await world.advance('1h')
  await placeRefund(world, { refund_fee: 1250 })
  await world.advance('10m')
  await world.settleRefund('tea-0001-r1', 'SUCCESS', { channel: 'BALANCE' })
  await placeRefund(world, { out_trade_no: 'tea-0002', total_fee: 3, refund_fee: 1, out_refund_no: 'r-2' })
  await world.settleRefund('r-2', 'REFUNDCLOSE')
  await world.advance('12h')
  await placeRefund(world, { out_trade_no: 'tea-0002', total_fee: 3, refund_fee: 2, out_refund_no: 'r-3' })
  await world.advance('10h')
  return world
}

t.test('ALL: payments and refunds of the day, newest first, under the recorded header', async (t) => {
  const world = await aDay(t)
  const { type, text } = await download(world)
  t.equal(type, 'text/plain')
  const { header, rows, summary } = read(text)
  const recorded = read(sample('23-downloadbill.ALL.excerpt.csv'))
  t.same(header, recorded.header)
  t.same(Object.keys(summary), Object.keys(recorded.summary))
  t.match(text, /^\uFEFF交易时间,/)
  t.match(text, /[^\r]\r\n$/)

  const { appid, mchId } = world.credentials
  const [payment, late] = [world.order('tea-0001'), world.order('tea-0002')]
  const paid = {
    交易时间: '2026-01-15 12:00:00',
    公众账号ID: appid,
    商户号: mchId,
    特约商户号: '0',
    设备号: 'WEB',
    微信订单号: payment.transactionId,
    商户订单号: 'tea-0001',
    用户标识: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
    交易类型: 'JSAPI',
    交易状态: 'SUCCESS',
    付款银行: 'CFT',
    货币种类: 'CNY',
    应结订单金额: '11.50',
    代金券金额: '1.50',
    微信退款单号: '0',
    商户退款单号: '0',
    退款金额: '0.00',
    充值券退款金额: '0.00',
    退款类型: '',
    退款状态: '',
    商品名称: '茶,点心',
    商户数据包: '桌 4',
    手续费: '0.07000',
    费率: '0.60%',
    订单金额: '12.50',
    申请退款金额: '0.00',
    费率备注: '',
  }
  t.same(rows[3], paid)
  t.match(rows[2], {
    商户订单号: 'tea-0002',
    交易时间: '2026-01-15 13:00:00',
    微信订单号: late.transactionId,
    手续费: '0.00000',
    订单金额: '0.03',
    商户数据包: '',
  })
  t.same(rows[1], {
    ...paid,
    交易时间: '2026-01-15 14:00:00',
    交易状态: 'REFUND',
    应结订单金额: '0.00',
    代金券金额: '0.00',
    微信退款单号: world.refund('tea-0001-r1').refundId,
    商户退款单号: 'tea-0001-r1',
    退款金额: '11.50',
    充值券退款金额: '0.50',
    退款类型: 'BALANCE',
    退款状态: 'SUCCESS',
    手续费: '-0.07000',
    订单金额: '0.00',
    申请退款金额: '12.50',
  })
  t.match(rows[0], { 商户退款单号: 'r-2', 退款状态: 'FAIL', 手续费: '0.00000' })
  t.equal(rows.length, 4)
  t.match(
    summary,
    {
      总交易单数: /^4(?:\.0)?$/,
      应结订单总金额: '11.53',
      退款总金额: '11.50',
      充值券退款总金额: '0.50',
      手续费总金额: '0.00',
      订单总金额: '12.53',
      申请退款总金额: '12.50',
    },
    'what a closed refund did not return is not in any sum',
  )
})

t.test('a closed refund is not in any sum, neither of money nor of fees', async (t) => {
  const { world } = await startPaid(t, {}, { total_fee: 10_000 })
  for (const [outRefundNo, end] of [
    ['r-1', 'REFUNDCLOSE'],
    ['r-2', 'SUCCESS'],
  ] as const) {
    await placeRefund(world, { total_fee: 10_000, refund_fee: 10_000, out_refund_no: outRefundNo })
    await world.settleRefund(outRefundNo, end)
  }
  await world.advance('24h')
  const { rows, summary } = read((await download(world)).text)
  t.same(
    rows.map((row) => [row.退款状态, row.退款金额, row.手续费]),
    [
      ['', '0.00', '0.60000'],
      ['FAIL', '100.00', '-0.60000'],
      ['SUCCESS', '100.00', '-0.60000'],
    ],
  )
  t.match(summary, { 总交易单数: /^3/, 退款总金额: '100.00', 手续费总金额: '0.00', 申请退款总金额: '100.00' })
})

t.test('the other types', async (t) => {
  const world = await aDay(t)
  const all = read((await download(world, { bill_type: undefined })).text)
  t.equal(all.rows.length, 4, 'ALL is the default')

  const success = read((await download(world, { bill_type: 'SUCCESS' })).text)
  t.same(
    success.header,
    all.header.filter((name) => !/退款/.test(name)),
  )
  t.same(
    success.rows.map((row) => row.商户订单号),
    ['tea-0002', 'tea-0001'],
  )

  const refund = read((await download(world, { bill_type: 'REFUND' })).text)
  const at = all.header.indexOf('微信退款单号')
  t.same(refund.header, [...all.header.slice(0, at), '退款申请时间', '退款成功时间', ...all.header.slice(at)])
  t.match(refund.rows, [
    { 商户退款单号: 'r-2', 退款申请时间: '2026-01-15 14:10:00', 退款成功时间: '', 交易时间: '2026-01-15 13:00:00' },
    {
      商户退款单号: 'tea-0001-r1',
      退款申请时间: '2026-01-15 14:00:00',
      退款成功时间: '2026-01-15 14:10:00',
      交易时间: '2026-01-15 12:00:00',
    },
  ])
  t.equal(
    (await download(world, { bill_type: 'RECHARGE_REFUND' })).text,
    error('No Bill Exist', '20002'),
    'there are no recharges',
  )
})

t.test('a refund is in the bill of the day on which it was requested', async (t) => {
  const world = await aDay(t)
  await world.settleRefund('r-3', 'CHANGE')
  await world.advance('24h')
  t.match(read((await download(world, { bill_date: '20260116' })).text).rows, [
    { 商户退款单号: 'r-3', 退款状态: 'CHANGE', 退款类型: 'ORIGINAL' },
  ])
  const open = await aDay(t)
  await open.advance('24h')
  t.match(read((await download(open, { bill_date: '20260116' })).text).rows, [{ 退款状态: 'PROCESSING' }])
})

t.test('the bill of a day stays as made at nine, whatever happens to its refunds', async (t) => {
  const { world } = await startPaid(t, {}, { total_fee: 300 })
  for (const n of [1, 2, 3]) await placeRefund(world, { total_fee: 300, refund_fee: 84, out_refund_no: `r-${n}` })
  await world.advance('20h59m59s')
  await world.settleRefund('r-3', 'CHANGE', { channel: 'BALANCE' })
  await world.advance('2s')
  await world.settleRefund('r-3', 'SUCCESS', { channel: 'OTHER_BANKCARD' })
  const told = async () =>
    read((await download(world, { bill_type: 'REFUND' })).text).rows.map((row) => [
      row.商户退款单号,
      row.退款状态,
      row.退款类型,
      row.手续费,
    ])
  await world.advance('59m59s')
  t.same(await told(), [
    ['r-1', 'PROCESSING', 'ORIGINAL', '-0.01000'],
    ['r-2', 'PROCESSING', 'ORIGINAL', '0.00000'],
    ['r-3', 'CHANGE', 'BALANCE', '-0.01000'],
  ])
  const { text } = await download(world)
  await world.settleRefund('r-1', 'REFUNDCLOSE')
  await world.settleRefund('r-2', 'SUCCESS')
  t.equal((await download(world)).text, text)
})

t.test('the tables of older merchants', async (t) => {
  const world = await aDay(t, { behaviour: { billColumns: 'old' } })
  const { header, rows, summary } = read((await download(world)).text)
  t.equal(
    header.join(),
    '交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,代金券或立减优惠金额,微信退款单号,商户退款单号,退款金额,代金券或立减优惠退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率',
  )
  t.match(rows[3], { 总金额: '12.50', 代金券或立减优惠金额: '1.50' })
  t.match(rows[1], { 退款金额: '12.50', 代金券或立减优惠退款金额: '1.50' })
  t.match(summary, {
    总交易单数: /^4/,
    总交易额: '12.53',
    总退款金额: '12.50',
    总代金券或立减优惠退款金额: '1.50',
    手续费总金额: '0.00',
  })
  const success = read((await download(world, { bill_type: 'SUCCESS' })).text)
  t.equal(success.header.slice(12).join(), '总金额,代金券或立减优惠金额,商品名称,商户数据包,手续费,费率')
})

t.test('GZIP returns a file with the same content', async (t) => {
  const world = await aDay(t)
  const plain = await download(world)
  const { type, bytes } = await download(world, { tar_type: 'GZIP' })
  t.equal(type, 'application/x-gzip')
  t.equal(gunzipSync(bytes).toString(), plain.text)
  t.equal(world.journal.entries().at(-1)?.response?.body, plain.text, 'the journal shows its content')
})

t.test('the count may be written like an amount, depending on the seed', async (t) => {
  const mock = await startMock(t)
  const counts = new Set<string>()
  for (let seed = 0; seed < 10; seed++) {
    const world = mock.world({ seed, startTime: Date.UTC(2026, 0, 15, 4) })
    await placeOrder(world, 'http://127.0.0.1:1/notify')
    await world.pay('tea-0001', { deliver: 'hold' })
    await world.advance('24h')
    counts.add(read((await download(world)).text).summary.总交易单数!)
  }
  t.same(counts, new Set(['1', '1.0']))
})

t.test('which days can be requested', async (t) => {
  const { world } = await startPaid(t)
  const answer = async (date: string) => (await download(world, { bill_date: date })).text
  t.equal(await answer('20260116'), error('invalid bill_date', '20001'), 'tomorrow')
  t.equal(await answer('20260115'), error('Bill Creating', '20002'), 'today')
  t.equal(await answer('20260114'), error('No Bill Exist', '20002'), 'yesterday')
  await world.advance('21h59m59s')
  t.equal(await answer('20260115'), error('Bill Creating', '20002'), 'before ten')
  await world.advance('1s')
  t.match(await answer('20260115'), /^\uFEFF交易时间/)
  await world.advance('91d')
  t.equal(await answer('20260115'), error('No Bill Exist', '20002'), 'after three months')
})

t.test('refusals in XML with a number, without a signature', async (t) => {
  const { default: world } = await startMock(t)
  const url = `${world.baseUrl}/pay/downloadbill`
  const good: Values = { bill_date: '20260101' }
  const cases: [message: string, number: string, ...values: Values[]][] = [
    ['missing parameter', '20001', { bill_date: undefined }, { nonce_str: '' }],
    ['invalid bill_date', '20001', { bill_date: '20260230' }, { bill_date: '2026-1-1' }],
    ['invalid bill_type', '20001', { bill_type: 'NONE' }],
    ['invalid tar_type: Only GZIP supported', '20001', { tar_type: 'ZIP' }, { tar_type: 'DEFLATE' }],
    ['invalid appid', '20001', { appid: 'w'.repeat(33) }, { appid: 'wx0' }],
    ['invalid parameter', '20001', { nonce_str: 'n'.repeat(33) }, { mch_id: '1' }, { sign_type: 'SHA1' }],
    ['No Bill Exist', '20002', {}],
  ]
  for (const [message, number, ...all] of cases) {
    for (const values of all) {
      t.equal(
        (await postRaw(url, signedXml(world, { ...good, ...values }))).text,
        error(message, number),
        JSON.stringify(values),
      )
    }
  }
  t.equal(
    (await postRaw(url, signedXml(world, good).replace('20260101', '20260102'))).text,
    error('SIGN ERROR', '20001'),
  )
  for (const body of ['{}', Buffer.from([0xb2, 0xe8])]) {
    t.equal((await postRaw(url, body)).text, error('data format error', '20001'))
  }
  t.equal((await postRaw(url, '')).text, error('empty post data', '20001'))
  t.equal((await postRaw(url, undefined, { method: 'GET' })).text, error('require POST method', '20001'))
  t.match((await callPay(world, 'downloadbill', good)).fields, Object.fromEntries([...sampleError()]))
})

/** The only recorded refusal. */
function sampleError(): Map<string, string> {
  return new Map(
    [...sample('22-downloadbill.response.no-bill.recorded.xml').matchAll(/<(\w+)><!\[CDATA\[(.*?)\]\]>/g)].map(
      ([, name, value]) => [name!, value!],
    ),
  )
}

t.test('refusals that only a fault causes have a number too', async (t) => {
  const { default: world } = await startMock(t)
  for (const [message, number] of [
    ['system error', '20003'],
    ['CompressGZip Error', '20003'],
    ['UnCompressGZip Error', '20003'],
    ['当前商户号账单API权限已经关闭', '20007'],
    ['Bill Creating', '20002'],
  ] as const) {
    world.fault('downloadbill', { kind: 'return_code_fail', return_msg: message })
    t.equal((await download(world)).text, error(message, number))
  }
  world.fault('downloadbill', { kind: 'return_code_fail' })
  t.equal((await download(world)).text, error('system error', '20003'))
  world.fault('downloadbill', { kind: 'return_code_fail', error_code: '20100' })
  t.equal((await download(world)).text, error('system error', '20100'), 'one source has this number')
})

async function downloadFlow(
  world: World,
  values: Values = {},
  signType: SignType = 'HMAC-SHA256',
): Promise<{ bytes: Buffer; text: string }> {
  const body = signedXml(world, { bill_date: '20260115', account_type: 'Basic', ...values }, signType)
  const bytes = Buffer.from(
    await (await fetch(`${world.baseUrl}/pay/downloadfundflow`, { method: 'POST', body })).arrayBuffer(),
  )
  return { bytes, text: bytes.toString() }
}

const refused = (code: string, message: string) =>
  `<xml><return_code><![CDATA[SUCCESS]]></return_code>\n<result_code><![CDATA[FAIL]]></result_code>\n<err_code><![CDATA[${code}]]></err_code>\n<err_code_des><![CDATA[${message}]]></err_code_des></xml>`
const failed = (message: string) =>
  `<xml><return_code><![CDATA[FAIL]]></return_code>\n<return_msg><![CDATA[${message}]]></return_msg></xml>`

/** One order of 12.50 yuan paid at noon, refunded in three parts, of which one is closed on the next day. */
async function twoDays(t: Parameters<typeof startPaid>[0]) {
  const { world } = await startPaid(t)
  await world.advance('1h')
  for (const [outRefundNo, fee] of [
    ['r-1', 250],
    ['r-2', 1000],
  ] as const) {
    await placeRefund(world, { out_refund_no: outRefundNo, refund_fee: fee, refund_desc: '缺货' })
  }
  await world.advance('24h')
  await world.settleRefund('r-2', 'REFUNDCLOSE')
  await world.advance('24h')
  return world
}

t.test('the movements of a day, in order, with the balance', async (t) => {
  const world = await twoDays(t)
  const { text } = await downloadFlow(world)
  const [header, ...lines] = text
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split('\r\n')
  t.match(text, /^\uFEFF/)
  t.equal(
    header,
    '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号',
  )
  const { transactionId } = world.order('tea-0001')
  const flow = `${world.credentials.mchId}20260115`
  const rows = lines.slice(0, -2).map((line) => line.slice(1).split(',`'))
  t.match(
    rows.map((row) => row[2]),
    Array(4).fill(new RegExp(`^${flow}\\d{10}$`)),
  )
  t.equal(new Set(rows.map((row) => row[2])).size, 4)
  t.same(
    rows.map(([at, number, , ...rest]) => [at, number, ...rest]),
    [
      ['2026-01-15 12:00:00', transactionId, '交易', '交易', '收入', '12.50', '12.50', 'system', '', 'tea-0001'],
      [
        '2026-01-15 12:00:00',
        transactionId,
        '扣除交易手续费',
        '交易',
        '支出',
        '0.08',
        '12.42',
        'system',
        '',
        'tea-0001',
      ],
      [
        '2026-01-15 13:00:00',
        world.refund('r-1').refundId,
        '退款',
        '退款',
        '支出',
        '2.48',
        '9.94',
        'system',
        '缺货',
        'r-1',
      ],
      [
        '2026-01-15 13:00:00',
        world.refund('r-2').refundId,
        '退款',
        '退款',
        '支出',
        '9.94',
        '0.00',
        'system',
        '缺货',
        'r-2',
      ],
    ],
  )
  t.same(lines.slice(-2), ['资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额', '`4,`1,`12.50,`3,`12.50'])

  t.match(
    (await downloadFlow(world, { bill_date: '20260116' })).text,
    /`2026-01-16 13:00:00,`5.*,`退款关闭退回,`退款,`收入,`9\.94,`9\.94,`system,`缺货,`r-2\r\n/,
  )
})

t.test('partial refunds return exactly the whole fee', async (t) => {
  const { world } = await startPaid(t, {}, { total_fee: 252 })
  for (const n of [0, 1, 2, 3]) {
    await placeRefund(world, { total_fee: 252, refund_fee: 84, out_refund_no: `r-${n}` })
    if (n === 0) await world.settleRefund('r-0', 'REFUNDCLOSE')
  }
  await world.advance('24h')
  const { text } = await downloadFlow(world)
  t.same(
    [...text.matchAll(/`(收入|支出),`([\d.]+),`([\d.]+),.*`(\S+)\r/g)].map(([, ...row]) => row.join(' ')),
    [
      '收入 2.52 2.52 tea-0001',
      '支出 0.02 2.50 tea-0001',
      '支出 0.83 1.67 r-0',
      '收入 0.83 2.50 r-0',
      '支出 0.83 1.67 r-1',
      '支出 0.84 0.83 r-2',
      '支出 0.83 0.00 r-3',
    ],
  )
})

t.test('a closed refund does not change the movements of the day before', async (t) => {
  const { world } = await startPaid(t, {}, { total_fee: 252 })
  for (const n of [1, 2]) await placeRefund(world, { total_fee: 252, refund_fee: 84, out_refund_no: `r-${n}` })
  await world.advance('24h')
  const { text } = await downloadFlow(world)
  await world.settleRefund('r-1', 'REFUNDCLOSE')
  t.equal((await downloadFlow(world)).text, text)
})

t.test('a returned fee is not charged again', async (t) => {
  const { world } = await startPaid(t, {}, { total_fee: 252 })
  const refundOf = (fee: number, n: number) =>
    placeRefund(world, { total_fee: 252, refund_fee: fee, out_refund_no: `r-${n}` })
  await refundOf(83, 0)
  await refundOf(2, 1)
  await world.advance('1h')
  await world.settleRefund('r-0', 'REFUNDCLOSE')
  await refundOf(1, 2)
  await refundOf(249, 3)
  await world.advance('24h')
  t.same(
    [...(await downloadFlow(world)).text.matchAll(/`(收入|支出),`([\d.]+),`([\d.]+),.*`(r-\d)\r/g)].map(([, ...row]) =>
      row.join(' '),
    ),
    ['支出 0.83 1.67 r-0', '支出 0.01 1.66 r-1', '收入 0.83 2.49 r-0', '支出 0.01 2.48 r-2', '支出 2.48 0.00 r-3'],
  )
})

t.test('a fee of zero is not a movement, and neither is an unpaid order', async (t) => {
  const { world, shop } = await startPaid(t, {}, { total_fee: 3 })
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'unpaid' })
  await world.advance('24h')
  t.match((await downloadFlow(world)).text, /`1,`1,`0\.03,`0,`0\.00\r\n$/)
})

t.test('GZIP', async (t) => {
  const world = await twoDays(t)
  t.equal(
    gunzipSync((await downloadFlow(world, { tar_type: 'GZIP' })).bytes).toString(),
    (await downloadFlow(world)).text,
  )
})

t.test('refusals: not signed', async (t) => {
  const { world } = await startPaid(t)
  const cases: [answer: string, ...values: Values[]][] = [
    [refused('PARAM_ERROR', '参数错误'), { bill_date: '20260116' }, { bill_date: '20170531' }],
    [refused('BILL_CREATING', '账单未生成'), {}],
    [refused('NO_BILL_EXIST', '账单不存在'), { bill_date: '20260114' }, { bill_date: '20170601' }],
    [failed('缺少参数'), { bill_date: undefined }, { account_type: undefined }],
    [failed('account_type参数格式错误'), { account_type: 'Other' }],
    [failed('bill_date参数格式错误'), { bill_date: '20260230' }],
    [failed('tar_type参数格式错误'), { tar_type: 'ZIP' }],
  ]
  for (const [answer, ...all] of cases) {
    for (const values of all) t.equal((await downloadFlow(world, values)).text, answer, JSON.stringify(values))
  }
  t.equal((await downloadFlow(world, {}, 'MD5')).text, failed('sign_type参数格式错误'), 'HMAC-SHA256 only')
  t.equal((await downloadFlow(world, { sign_type: undefined }, 'MD5')).text, failed('缺少参数'))
  await world.advance('24h')
  for (const account of ['Operation', 'Fees']) {
    t.equal(
      (await downloadFlow(world, { account_type: account })).text,
      refused('NO_BILL_EXIST', '账单不存在'),
      account,
    )
  }
})
