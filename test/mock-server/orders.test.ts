import t from 'tap'
import { couponFee, createOrderBook, type Order } from '../../mock-server/orders.ts'
import { NOON } from './helpers.ts'

const order = (values: Partial<Order> = {}): Order => ({
  outTradeNo: 'tea-1',
  body: '茶',
  totalFee: 100,
  feeType: 'CNY',
  tradeType: 'JSAPI',
  appid: 'wxd930ea5d5a258f4f',
  openid: 'o-alice',
  createdAt: new Date(NOON),
  deviceInfo: '',
  attach: '',
  notifyUrl: 'http://127.0.0.1/notify',
  nonceStr: 'n',
  signType: 'MD5',
  prepayId: 'wx1',
  prepayIssuedAt: new Date(NOON),
  expiresAt: undefined,
  tradeState: 'NOTPAY',
  payment: undefined,
  ...values,
})
const payment = {
  transactionId: '42',
  openid: 'o-alice',
  bankType: 'OTHERS',
  coupons: [{ fee: 5 }, { fee: 7 }],
  paidAt: new Date(NOON),
}

t.test('orders are found by each of their numbers', async (t) => {
  const book = createOrderBook(() => new Date(NOON))
  const one = order()
  book.add(one)
  book.indexPrepay(one)
  book.indexTransaction(one, payment)
  for (const found of [book.find('tea-1'), book.findPrepay('wx1'), book.findTransaction('42'), book.list()[0]]) {
    t.equal(found, one)
  }
  for (const missed of [book.find('tea-2'), book.findPrepay('wx2'), book.findTransaction('43')]) {
    t.equal(missed, undefined)
  }
})

t.test('an unpaid order is closed at its time_expire, a paid one is not', async (t) => {
  let now = NOON
  const book = createOrderBook(() => new Date(now))
  const expiresAt = new Date(NOON + 60_000)
  book.add(order({ expiresAt }))
  book.add(order({ outTradeNo: 'tea-2', expiresAt, tradeState: 'SUCCESS' }))
  book.add(order({ outTradeNo: 'tea-3' }))
  now += 59_999
  t.same(
    book.list().map(({ tradeState }) => tradeState),
    ['NOTPAY', 'SUCCESS', 'NOTPAY'],
  )
  now += 1
  t.same(
    book.list().map(({ tradeState }) => tradeState),
    ['CLOSED', 'SUCCESS', 'NOTPAY'],
  )
  t.equal(book.find('tea-1')?.tradeState, 'CLOSED')
})

t.test('coupons add up', async (t) => {
  t.equal(couponFee(payment), 12)
  t.equal(couponFee({ ...payment, coupons: [] }), 0)
})

t.test('an order that is gone has gone under each of its numbers', async (t) => {
  const book = createOrderBook(() => new Date(NOON))
  for (const [n, outTradeNo] of ['tea-1', 'tea-2'].entries()) {
    const one = order({ outTradeNo, prepayId: `wx${n}` })
    book.add(one)
    book.indexPrepay(one)
    book.indexTransaction(one, { ...payment, transactionId: `42${n}` })
  }
  t.equal(book.count(), 2)
  book.forget((outTradeNo) => outTradeNo === 'tea-1')
  t.equal(book.count(), 1)
  t.equal(book.find('tea-1') ?? book.findPrepay('wx0') ?? book.findTransaction('420'), undefined)
  for (const found of [book.find('tea-2'), book.findPrepay('wx1'), book.findTransaction('421')]) {
    t.match(found, { outTradeNo: 'tea-2' })
  }
})
