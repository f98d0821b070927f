import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createBills, isNoBill } from '../../src/client/bills.ts'
import type { BillFiles } from '../../src/client/bills.ts'
import { WechatError } from '../../src/errors.ts'
import type { WechatErrorDetails } from '../../src/errors.ts'
import { answer, merchant as merchantV3 } from './pay-v3/wechat.ts'
import { httpReply, sample } from '../fixtures.ts'

const EXCERPT = sample('23-downloadbill.ALL.excerpt.csv')
const FLOW =
  '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号\n' +
  '`2018-02-01 04:21:23,`5000,`19000,`退款,`退款,`支出,`0.02,`0.17,`system,`缺货,`r-1\n' +
  '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`1,`0,`0.00,`1,`0.02\n'

t.test('the bills of a day, row by row', async (t) => {
  const asked: unknown[] = []
  let left = 0
  const file = (bytes: Buffer | string) =>
    async function* (...args: unknown[]) {
      asked.push(args)
      try {
        yield Buffer.from(bytes)
      } finally {
        left++
      }
    }
  const pay: BillFiles = { tradeBill: file(EXCERPT), fundFlowBill: file(FLOW) }
  const bills = createBills(pay)
  const trades = bills.trades('2019-02-19', { type: 'ALL' })
  const numbers: string[] = []
  for (;;) {
    const { done, value } = await trades.next()
    if (done) {
      t.match(value, { count: 45 }, 'the summary is returned at the end')
      break
    }
    numbers.push(value.outTradeNo)
  }
  t.equal(numbers.length, 3)
  for await (const row of bills.funds('2018-02-01')) t.match(row, { direction: 'out', fee: 2, note: '缺货' })
  const again = bills.trades('2019-02-19')
  t.match((await again.next()).value, { outTradeNo: numbers[0] })
  await again.return({} as never)
  t.equal(left, 3, 'the download stops if the bill is not read to its end')
  t.strictSame(asked, [
    ['2019-02-19', { type: 'ALL' }],
    ['2018-02-01', undefined],
    ['2019-02-19', undefined],
  ])
})

t.test('a bill of API v3, row by row', async (t) => {
  const sum = createHash('sha1').update(EXCERPT).digest('hex')
  const found = { hash_type: 'SHA1', hash_value: sum, download_url: 'https://api.mch.weixin.qq.com/v3/file?token=a' }
  const { pay } = merchantV3([answer(found), { ...httpReply(''), body: gzipSync(EXCERPT) }])
  let count = 0
  for await (const row of createBills(pay).trades('2019-02-19')) count += row.refund === undefined ? 100 : 1
  t.equal(count, 102)
})

t.test('a day without trades differs from a bill that does not exist yet', async (t) => {
  const refused = (details: WechatErrorDetails) => new WechatError('WECHAT_REFUSED', '', details)
  for (const [details, expected] of [
    [{ wechatCode: 'NO_STATEMENT_EXIST' }, true],
    [{ wechatCode: 'NO_BILL_EXIST', wechatText: '账单不存在' }, true],
    [{ wechatCode: '20002', wechatText: 'No Bill Exist' }, true],
    [{ wechatCode: '20002', wechatText: 'Bill Creating' }, false],
    [{ wechatCode: 'STATEMENT_CREATING' }, false],
    [{}, false],
  ] as const) {
    t.equal(isNoBill(refused(details)), expected, JSON.stringify(details))
  }
  t.equal(isNoBill(new Error('No Bill Exist')), false)
})
