import t from 'tap'
import { createShipping } from '../../../src/client/mini-program/shipping.ts'

const ORDER = { mchId: '1900000109', outTradeNo: 'order-1', payment: { transactionId: '4200', openid: 'oAlice' } }
const answering = (reply: object) =>
  createShipping(
    async () => ({ errcode: 0, ...reply }),
    () => new Date(0),
  )

t.test('an order as WeChat has it', async (t) => {
  const order = { transaction_id: '4200', merchant_trade_no: 'order-1', order_state: 6, in_complaint: true }
  t.same(await answering({ order }).shippingOrder(ORDER), {
    ...{ transactionId: '4200', outTradeNo: 'order-1', state: 'settlement-pending' },
    ...{ isFinished: false, finishedCount: 0, isInComplaint: true },
  })
  for (const reply of [
    {},
    { order: { ...order, order_state: 9 } },
    { order: { ...order, order_state: undefined } },
    { order: { ...order, transaction_id: '4201' } },
  ]) {
    await t.rejects(answering(reply).shippingOrder(ORDER), {
      code: 'WECHAT_REPLY_INVALID',
      message: /asked about the shipping of 4200/,
    })
  }
})

t.test('an error that is not a refusal by WeChat is thrown unchanged', async (t) => {
  const failing = createShipping(
    async () => {
      throw new Error('gone')
    },
    () => new Date(0),
  )
  await t.rejects(failing.shippingOrder(ORDER), { message: 'gone' })
  await t.rejects(failing.uploadShippingInfo(ORDER, { logisticsType: 'pickup', parcels: [{ itemDesc: 'tea' }] }), {
    message: 'gone',
  })
})
