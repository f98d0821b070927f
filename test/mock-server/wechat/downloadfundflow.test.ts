import { gunzipSync } from 'node:zlib'
import t from 'tap'
import type { SignType, World } from '../../../mock-server/index.ts'
import { placeOrder, placeRefund, signedXml, startPaid, type Values } from '../helpers.ts'

async function download(
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

t.test('the money of a day, in its order, with the balance', async (t) => {
  const world = await twoDays(t)
  const { text } = await download(world)
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
        world.getRefund('r-1').refundId,
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
        world.getRefund('r-2').refundId,
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
    (await download(world, { bill_date: '20260116' })).text,
    /`2026-01-16 13:00:00,`5.*,`退款关闭退回,`退款,`收入,`9\.94,`9\.94,`system,`缺货,`r-2\r\n/,
  )
})

t.test('parts of a refund give back the whole fee and no more', async (t) => {
  const { world } = await startPaid(t, {}, { total_fee: 252 })
  for (const n of [0, 1, 2, 3]) {
    await placeRefund(world, { total_fee: 252, refund_fee: 84, out_refund_no: `r-${n}` })
    if (n === 0) await world.settleRefund('r-0', 'REFUNDCLOSE')
  }
  await world.advance('24h')
  const { text } = await download(world)
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

t.test('a refund that is closed leaves the money of the day before as it was', async (t) => {
  const { world } = await startPaid(t, {}, { total_fee: 252 })
  for (const n of [1, 2]) await placeRefund(world, { total_fee: 252, refund_fee: 84, out_refund_no: `r-${n}` })
  await world.advance('24h')
  const { text } = await download(world)
  await world.settleRefund('r-1', 'REFUNDCLOSE')
  t.equal((await download(world)).text, text)
})

t.test('what has been given back of a fee is not asked for again', async (t) => {
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
    [...(await download(world)).text.matchAll(/`(收入|支出),`([\d.]+),`([\d.]+),.*`(r-\d)\r/g)].map(([, ...row]) =>
      row.join(' '),
    ),
    ['支出 0.83 1.67 r-0', '支出 0.01 1.66 r-1', '收入 0.83 2.49 r-0', '支出 0.01 2.48 r-2', '支出 2.48 0.00 r-3'],
  )
})

t.test('a fee of nothing is no movement, nor is an order that nobody paid', async (t) => {
  const { world, shop } = await startPaid(t, {}, { total_fee: 3 })
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'unpaid' })
  await world.advance('24h')
  t.match((await download(world)).text, /`1,`1,`0\.03,`0,`0\.00\r\n$/)
})

t.test('GZIP', async (t) => {
  const world = await twoDays(t)
  t.equal(gunzipSync((await download(world, { tar_type: 'GZIP' })).bytes).toString(), (await download(world)).text)
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
    for (const values of all) t.equal((await download(world, values)).text, answer, JSON.stringify(values))
  }
  t.equal((await download(world, {}, 'MD5')).text, failed('sign_type参数格式错误'), 'HMAC-SHA256 only')
  t.equal((await download(world, { sign_type: undefined }, 'MD5')).text, failed('缺少参数'))
  await world.advance('24h')
  for (const account of ['Operation', 'Fees']) {
    t.equal((await download(world, { account_type: account })).text, refused('NO_BILL_EXIST', '账单不存在'), account)
  }
})
