import t from 'tap'
import type { UnreadableLine } from '../../src/protocol/bill.ts'
import { readFundBill } from '../../src/protocol/fund-bill.ts'
import type { FundRow, FundSummary } from '../../src/protocol/fund-bill.ts'
import { readTradeBill } from '../../src/protocol/trade-bill.ts'
import type { TradeRow, TradeSummary } from '../../src/protocol/trade-bill.ts'
import { sample } from '../fixtures.ts'

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

interface Read<Row, Summary> {
  rows: Row[]
  summary: Summary
}

async function all<Row, Summary>(bill: AsyncGenerator<Row[], Summary>): Promise<Read<Row, Summary>> {
  const rows: Row[] = []
  for (;;) {
    const { done, value } = await bill.next()
    if (done) return { rows, summary: value }
    rows.push(...value)
  }
}

const trades = (
  text: string | Buffer,
  { size = 1 << 20, unreadable }: { size?: number; unreadable?: (line: UnreadableLine) => void } = {},
): Promise<Read<TradeRow, TradeSummary>> => all(readTradeBill(pieces(Buffer.from(text), size), unreadable))
const funds = (text: string): Promise<Read<FundRow, FundSummary>> =>
  all(readFundBill(pieces(Buffer.from(text), 1 << 20)))

const values = (...cells: string[]) => cells.map((cell) => `\`${cell}`).join(',')
const bill = (...lines: string[]) => `\uFEFF${lines.map((line) => `${line}\r\n`).join('')}`

const HEADER =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注'
const SUMMARY = [
  '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额',
  values('2', '12.00', '2.40', '0.00', '0.05000', '12.50', '2.50'),
]
const PAID = [
  ...[
    '2026-01-31 23:59:59',
    'wx0123456789abcdef',
    '1900000109',
    '0',
    'till 1',
    '42000001',
    'order-1',
    'oAlice',
    'JSAPI',
  ],
  ...[
    'SUCCESS',
    'OTHERS',
    'CNY',
    '12.00',
    '0.50',
    '0',
    '0',
    '0.00',
    '0.00',
    '',
    '',
    '龙井, 茶',
    'a,b',
    '0.07500',
    '0.60%',
  ],
  ...['12.50', '0.00', ''],
]
const REFUNDED = [
  ...['2026-01-31 09:00:00', 'wx0123456789abcdef', '1900000109', '0', '', '42000001', 'order-1', 'oAlice', 'JSAPI'],
  ...[
    'REFUND',
    'OTHERS',
    'CNY',
    '0.00',
    '0.00',
    '50000001',
    'order-1-1',
    '2.40',
    '0.10',
    'ORIGINAL',
    'PROCESSING',
    '茶',
    '',
  ],
  ...['-0.01500', '0.60%', '0.00', '2.50', ''],
]

t.test("a bill with today's columns", async (t) => {
  const text = bill(HEADER, values(...PAID), values(...REFUNDED), ...SUMMARY)
  const { rows, summary } = await trades(text)
  t.strictSame(rows[0], {
    at: new Date('2026-01-31T15:59:59Z'),
    appid: 'wx0123456789abcdef',
    mchId: '1900000109',
    subMchId: undefined,
    deviceInfo: 'till 1',
    transactionId: '42000001',
    outTradeNo: 'order-1',
    openid: 'oAlice',
    tradeType: 'JSAPI',
    tradeState: 'SUCCESS',
    bankType: 'OTHERS',
    currency: 'CNY',
    totalFee: 1250,
    settlementFee: 1200,
    couponFee: 50,
    refund: undefined,
    description: '龙井, 茶',
    attach: 'a,b',
    serviceFeeMilli: 7500,
    rate: '0.60%',
  })
  for (const header of [HEADER, HEADER.replace('特约商户号', '子商户号')]) {
    const { rows } = await trades(
      bill(header, values(...PAID.with(3, '1900000201')), values(...PAID.with(3, '')), ...SUMMARY),
    )
    t.strictSame(
      rows.map(({ subMchId }) => subMchId),
      ['1900000201', undefined],
      "a service provider's",
    )
  }
  const without = (fields: string[]) => fields.toSpliced(3, 1)
  const header = without(HEADER.split(',')).join(',')
  const none = await trades(bill(header, values(...without(PAID)), ...SUMMARY))
  t.match(none.rows, [{ subMchId: undefined, outTradeNo: rows[0]!.outTradeNo }], 'without the column')
  t.match(rows[1], {
    tradeState: 'REFUND',
    totalFee: 0,
    serviceFeeMilli: -1500,
    refund: {
      outRefundNo: 'order-1-1',
      refundId: '50000001',
      refundFee: 250,
      settlementRefundFee: 240,
      couponRefundFee: 10,
      channel: 'ORIGINAL',
      state: 'PROCESSING',
      requestedAt: undefined,
      succeededAt: undefined,
    },
  })
  t.strictSame(summary, {
    count: 2,
    totalFee: 1250,
    settlementFee: 1200,
    refundFee: 250,
    settlementRefundFee: 240,
    couponRefundFee: 0,
    serviceFeeMilli: 5000,
  })
  for (const size of [1, 7, 64]) {
    t.strictSame(await trades(text, { size }), { rows, summary }, `${size} bytes at a time`)
  }
  const bare = text.slice(1).replaceAll('\r\n', '\n').trimEnd()
  t.strictSame(await trades(bare), { rows, summary }, 'no byte order mark, LF, no line end at the end')
})

t.test('a recorded bill', async (t) => {
  const { rows, summary } = await trades(sample('23-downloadbill.ALL.excerpt.csv'))
  t.strictSame(
    rows.map(({ tradeState, totalFee, serviceFeeMilli, refund }) => [
      tradeState,
      totalFee,
      serviceFeeMilli,
      refund?.refundFee,
    ]),
    [
      ['REFUND', 0, 0, 1],
      ['REFUND', 0, 0, 1],
      ['SUCCESS', 3, 1000, undefined],
    ],
  )
  t.match(summary, { count: 45, totalFee: 47, refundFee: 14 }, 'an excerpt whose count is written as an amount')
})

t.test('columns are found by their names', async (t) => {
  const old =
    '交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,代金券或立减优惠金额,微信退款单号,商户退款单号,退款金额,代金券或立减优惠退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率'
  const oldSummary = [
    '总交易单数,总交易额,总退款金额,总代金券或立减优惠退款金额,手续费总金额',
    values('1', '12.50', '2.50', '0.00', '0.07'),
  ]
  const start = PAID.slice(0, 9)
  t.match(
    await trades(
      bill(
        old,
        values(
          ...start,
          'SUCCESS',
          'CFT',
          'CNY',
          '12.50',
          '0.00',
          '0',
          '0',
          '0.00',
          '0.00',
          '',
          '',
          '茶',
          '',
          '0.07500',
          '0.60%',
        ),
        values(
          ...start,
          'REFUND',
          'CFT',
          'CNY',
          '0.00',
          '0.00',
          '5',
          'r-1',
          '2.50',
          '0.00',
          'ORIGINAL',
          'SUCCESS',
          '茶',
          '',
          '0',
          '0.60%',
        ),
        ...oldSummary,
      ),
    ),
    {
      rows: [
        { totalFee: 1250, settlementFee: undefined, refund: undefined },
        { totalFee: 0, refund: { refundFee: 250, settlementRefundFee: undefined } },
      ],
      summary: { count: 1, totalFee: 1250, refundFee: 250, settlementFee: undefined },
    },
    'of merchants from the early years',
  )

  const success =
    '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,商品名称,商户数据包,手续费,费率,订单金额,费率备注'
  const ending = (state: string) =>
    values(...start, state, 'CFT', 'CNY', '12.50', '0.00', '茶', '', '0.07500', '0.60%', '12.50', '')
  t.match(
    await trades(bill(success, ending('SUCCESS'), ending('REVOKED'), ...SUMMARY)),
    { rows: [{ tradeState: 'SUCCESS' }, { tradeState: 'REVOKED', refund: undefined }] },
    'of the type SUCCESS',
  )
  await t.rejects(trades(bill(success, ending('REFUND'), ...SUMMARY)), { message: /line 2 .* no columns for refunds/ })

  const refund = HEADER.replace('微信退款单号', '退款申请时间,退款成功时间,微信退款单号')
  const times = (...at: string[]) => values(...REFUNDED.toSpliced(14, 0, ...at))
  t.match(
    await trades(
      bill(refund, times('2026-01-31 10:00:00', '2026-01-31 10:00:09'), times('2026-01-31 10:00:00', ''), ...SUMMARY),
    ),
    {
      rows: [
        { refund: { requestedAt: new Date('2026-01-31T02:00:00Z'), succeededAt: new Date('2026-01-31T02:00:09Z') } },
        { refund: { succeededAt: undefined } },
      ],
    },
    'of the type REFUND',
  )

  const [first, ...others] = HEADER.split(',') as [string, ...string[]]
  t.match(
    await trades(bill([...others, first].join(','), values(...PAID.slice(1), PAID[0]!), ...SUMMARY)),
    { rows: [{ at: new Date('2026-01-31T15:59:59Z'), totalFee: 1250 }] },
    'in another order',
  )
  await t.rejects(trades(bill(HEADER.replace('商户订单号', '订单号'), ...SUMMARY)), {
    code: 'WECHAT_REPLY_INVALID',
    message: /no column 商户订单号, but 交易时间,公众账号ID/,
  })
})

t.test('an incomplete bill is not usable', async (t) => {
  const cases: [name: string, text: string, message: RegExp][] = [
    ['nothing', '', /ends without its summary/],
    ['cut after a row', bill(HEADER, values(...PAID)), /ends without its summary/],
    ['cut after the names of the summary', bill(HEADER, values(...PAID), SUMMARY[0]!), /ends without its summary/],
    ['a summary without a count', bill(HEADER, SUMMARY[0]!, values(...'1234567'.replace('1', 'x'))), /no 总交易单数/],
    ['cut within the summary', bill(HEADER, SUMMARY[0]!, values('1', '2', '3')), /its summary was cut short/],
    ['something after the summary', bill(HEADER, ...SUMMARY, '', values(...PAID)), /line 5 comes after its summary/],
    ['a line that does not end', `${HEADER}\n${'`'.repeat(200_000)}`, /line 2 is longer than 65536 bytes/],
    ['a page of HTML', '<html>\n<body>\n', /no column/],
  ]
  for (const [name, text, message] of cases) {
    await t.rejects(trades(text, { size: 50_000 }), { code: 'WECHAT_REPLY_INVALID', advice: 'repeat', message }, name)
  }
})

t.test('a bill with an unreadable line is not usable, unless the caller handles the line', async (t) => {
  const spoilt = (at: number, value: string) => values(...PAID.with(at, value))
  const cases: [name: string, line: string, reason: RegExp][] = [
    ['a value that ends like a value', spoilt(20, '茶,`9'), /has 28 values, and there are 27 columns/],
    ['too few', values('1', '2'), /has 2 values/],
    ['a line break in a value', 'rest of a value', /has 1 values/],
    ['an amount with a thousands separator', spoilt(24, '1,250.00'), /"1,250.00" is not an amount in yuan/],
    ['a fraction of a fen', spoilt(24, '12.505'), /"12.505" is not an amount/],
    ['no moment', spoilt(0, '2026-02-30 00:00:00'), /is not a time/],
    ['an unknown state', spoilt(9, 'ACCEPT'), /"ACCEPT" is none of SUCCESS, REFUND, REVOKED/],
    ['no number', spoilt(6, ''), /number .* is missing/],
    ['a refund without a number', values(...REFUNDED.with(15, '0')), /number .* is missing/],
  ]
  for (const [name, line, reason] of cases) {
    const text = bill(HEADER, line, values(...PAID), ...SUMMARY)
    await t.rejects(trades(text), { code: 'WECHAT_REPLY_INVALID', message: /line 2 cannot be read/ }, name)
    const taken: UnreadableLine[] = []
    t.equal((await trades(text, { unreadable: (each) => taken.push(each) })).rows.length, 1, name)
    t.match(taken, [{ line: 2, reason }], name)
  }
})

t.test('a fund flow bill', async (t) => {
  const header = (open: string, close: string) =>
    `记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额${open}元${close},账户结余${open}元${close},资金变更提交申请人,备注,业务凭证号`
  const flows = [
    values(
      '2026-01-31 04:21:23',
      '50000001',
      '1900000109',
      '退款',
      '退款',
      '支出',
      '0.02',
      '0.17',
      'system',
      '缺货,退款',
      'r-1',
    ),
    values(
      '2026-01-31 04:21:24',
      '42000001',
      '1900000110',
      '交易',
      '交易',
      '收入',
      '0.29',
      '0.46',
      'system',
      '',
      'order-1',
    ),
  ]
  const summary = ['资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额', values('2.0', '1', '0.29', '1', '0.02')]
  for (const [open, close] of [
    ['(', ')'],
    ['（', '）'],
  ] as const) {
    const text = bill(header(open, close), ...flows, ...summary)
    t.match(await funds(text), {
      rows: [
        {
          at: new Date('2026-01-30T20:21:23Z'),
          direction: 'out',
          fee: 2,
          balance: 17,
          note: '缺货,退款',
          voucher: 'r-1',
        },
        { direction: 'in', fee: 29, name: '交易', flowId: '1900000110' },
      ],
      summary: { count: 2, inCount: 1, inFee: 29, outCount: 1, outFee: 2 },
    })
  }
  t.match((await funds(bill(header('(', ')'), summary[0]!, values('0', '0', '', '0', '')))).summary, {
    inFee: 0,
    outFee: 0,
  })
})
