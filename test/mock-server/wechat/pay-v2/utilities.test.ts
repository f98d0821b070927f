import t from 'tap'
import type { World } from '../../../../mock-server/index.ts'
import { readXml } from '../../../../mock-server/wire/xml.ts'
import {
  orderFields,
  postRaw,
  refundFields,
  sample,
  signedXml,
  startMock,
  startShop,
  type Values,
} from '../../helpers.ts'

const KEY_PATHS = ['/sandboxnew/pay/getsignkey', '/xdc/apiv2getsignkey/sign/getsignkey']

const getsignkey = (
  { baseUrl, credentials }: Pick<World, 'baseUrl' | 'credentials'>,
  path: string,
  values: Values = {},
) => postRaw(`${baseUrl}${path}`, signedXml({ credentials }, { appid: undefined, ...values }))

t.test("the sandbox key is the merchant's own: unsigned, without an appid", async (t) => {
  const { default: world } = await startMock(t)
  const { mchId, apiKey } = world.credentials
  for (const path of KEY_PATHS) {
    const { fields } = await getsignkey(world, path)
    t.same(fields, { return_code: 'SUCCESS', return_msg: 'ok', mch_id: mchId, sandbox_signkey: apiKey }, path)
  }
  const names = [...readXml(sample('24-sandbox.getsignkey.response.xml')).keys()]
  t.same(names, ['return_code', 'return_msg', 'sandbox_signkey'], 'mch_id is on record elsewhere')
})

t.test('a caller that signs with another key gets none', async (t) => {
  const { default: world } = await startMock(t)
  const { baseUrl, credentials } = world
  const [path] = KEY_PATHS as [string]
  const wrongKey = { baseUrl, credentials: { ...credentials, apiKey: 'x'.repeat(32) } }
  const refused = '获取沙箱密钥失败，确认交易密钥是否正确'
  const cases: [message: string, fields: Record<string, string>][] = [
    [refused, (await getsignkey(wrongKey, path)).fields],
    [refused, (await getsignkey(world, path, { sign_type: 'HMAC-SHA256' })).fields],
    ['MCHID不存在', (await getsignkey(world, path, { mch_id: '1' })).fields],
    ['缺少参数', (await getsignkey(world, path, { nonce_str: undefined })).fields],
    ['post数据为空', (await postRaw(`${baseUrl}${path}`, '')).fields],
  ]
  for (const [message, fields] of cases) t.same(fields, { return_code: 'FAIL', return_msg: message })
})

t.test(
  'the paths of the sandbox are the same service: one merchant, one key, the same orders, any amount',
  async (t) => {
    for (const prefix of ['/sandboxnew', '/xdc/apiv2sandbox']) {
      const { default: world } = await startMock(t)
      const shop = await startShop(t)
      const call = async (path: string, values: Values) =>
        (await postRaw(`${world.baseUrl}${path}`, signedXml(world, values))).fields
      t.match(await call(`${prefix}/pay/unifiedorder`, orderFields(shop.notifyUrl)), { result_code: 'SUCCESS' }, prefix)
      await world.pay('tea-0001')
      t.match(await call('/pay/orderquery', { out_trade_no: 'tea-0001' }), { trade_state: 'SUCCESS' })
      t.match(await call(`${prefix}/pay/refund`, refundFields({ refund_fee: 1 })), { result_code: 'SUCCESS' })
      t.match(
        await call(`${prefix}/secapi/pay/refund`, refundFields({ refund_fee: 1 })),
        { result_code: 'SUCCESS' },
        'some clients still use secapi',
      )
      t.match(await call('/pay/refundquery', { out_trade_no: 'tea-0001' }), { refund_count: '1' })
      t.equal(world.orders().length, 1)
    }
  },
)

t.test('reports are accepted: unsigned replies', async (t) => {
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
