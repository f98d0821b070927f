import t from 'tap'
import { banner } from '../../../mock-server/cli/banner.ts'
import { startMock } from '../helpers.ts'

t.test('what a person reads at the start', async (t) => {
  const mock = await startMock(t)
  const told = banner(mock, false)
  t.equal(
    told,
    `WeChat mock at ${mock.url} on the virtual clock; control at ${mock.controlUrl}
Use it as api.weixin.qq.com and api.mch.weixin.qq.com, with the credentials of the world "default":

WECHAT_BASE_URL=${mock.url}
WECHAT_APPID=${mock.default.credentials.appid}
WECHAT_APP_SECRET=${mock.default.credentials.appSecret}
WECHAT_MCH_ID=${mock.default.credentials.mchId}
WECHAT_API_KEY=${mock.default.credentials.apiKey}
`,
  )
  t.match(banner(mock, true), new RegExp(`^${told.slice(0, 20)}.*In a container nobody else reaches this address`, 's'))
})
