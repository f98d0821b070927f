import t from 'tap'
import { postRaw, signedXml, startMock } from '../helpers.ts'

t.test('reports are heard: unsigned replies', async (t) => {
  const { default: world } = await startMock(t)
  const report = {
    interface_url: 'https://api.mch.weixin.qq.com/pay/unifiedorder',
    execute_time: 120,
    return_code: 'SUCCESS',
    result_code: 'SUCCESS',
    user_ip: '8.8.8.8',
  }
  const url = `${world.baseUrl}/payitil/report`
  t.same((await postRaw(url, signedXml(world, report))).fields, {
    return_code: 'SUCCESS',
    return_msg: 'OK',
    result_code: 'SUCCESS',
  })
  t.same((await postRaw(url, signedXml(world, report).replace('8.8.8.8', '8.8.4.4'))).fields, {
    return_code: 'FAIL',
    return_msg: '签名错误',
  })
})
