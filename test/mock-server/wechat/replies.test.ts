import t from 'tap'
import { BusinessFail, ProtocolFail } from '../../../mock-server/wechat/replies.ts'

t.test('the two refusals', async (t) => {
  t.match(new ProtocolFail('签名错误'), { name: 'ProtocolFail', message: '签名错误' })
  t.match(new BusinessFail('ORDERPAID', '该订单已支付'), {
    name: 'BusinessFail',
    errCode: 'ORDERPAID',
    message: '该订单已支付',
  })
})
