import t from 'tap'
import { answersAnother } from '../../../src/client/pay-v2/answers.ts'

// With genuine replies, signatures included: pay-v2.test.ts.

t.test('the field that shows that a reply belongs to another call', async (t) => {
  type Values = Record<string, string>
  const cases: [path: string, asked: Values, reply: Values, foreign: string | undefined][] = [
    ['orderquery', { out_trade_no: 'a' }, { out_trade_no: 'a', trade_state: 'NOTPAY' }, undefined],
    ['orderquery', { out_trade_no: 'a' }, { out_trade_no: 'b', trade_state: 'NOTPAY' }, 'another out_trade_no'],
    ['orderquery', { out_trade_no: 'a' }, { result_code: 'FAIL' }, undefined],
    ['orderquery', { out_trade_no: 'a' }, { out_trade_no: 'a', attach: 'x&prepay_id=1' }, undefined],
    ['refundquery', { out_trade_no: 'a' }, { out_trade_no: 'b' }, 'another out_trade_no'],
    ['refund', { out_refund_no: 'a-1' }, { out_refund_no: 'a-2' }, 'another out_refund_no'],
    ['refund', { out_refund_no: 'a-1' }, { out_refund_no: 'a-1', out_trade_no: 'a' }, undefined],
    ['unifiedorder', { trade_type: 'JSAPI' }, { prepay_id: 'wx1', trade_type: 'JSAPI' }, undefined],
    ['unifiedorder', { trade_type: 'JSAPI' }, { prepay_id: 'wx1' }, undefined],
    ['unifiedorder', { trade_type: 'JSAPI' }, { prepay_id: 'wx1', trade_type: 'NATIVE' }, 'another trade_type'],
    ['closeorder', { out_trade_no: 'a' }, { result_msg: 'OK' }, undefined],
    ['closeorder', { out_trade_no: 'a' }, { prepay_id: '', a_field_of_2031: '1' }, undefined],
    ['closeorder', { out_trade_no: 'a' }, { prepay_id: 'wx1' }, 'prepay_id'],
    ['closeorder', { out_trade_no: 'a' }, { out_trade_no: 'a', transaction_id: '42' }, 'transaction_id'],
    ['closeorder', { out_trade_no: 'a' }, { refund_count: '1' }, 'refund_count'],
    ['closeorder', { out_trade_no: 'a' }, { nonce_str: 'n&prepay_id=wx1' }, 'prepay_id within another field'],
    ['unifiedorder', { trade_type: 'JSAPI' }, { mch_id: '1&openid=o' }, 'openid within another field'],
  ]
  for (const [call, asked, reply, foreign] of cases) {
    const [sent, received] = [asked, reply].map((values) => new Map(Object.entries(values))) as [
      Map<string, string>,
      Map<string, string>,
    ]
    t.equal(answersAnother(`/pay/${call}`, sent, received), foreign, `${call}: ${JSON.stringify(reply)}`)
  }
})
