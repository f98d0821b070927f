import t from 'tap'
import { appEnvironment, wholeEnvironment } from '../../mock-server/environment.ts'

const credentials = { appid: 'wx1', appSecret: 's', mchId: '16', apiKey: 'k' }
const app = {
  WECHAT_BASE_URL: 'http://127.0.0.1:8090',
  WECHAT_APPID: 'wx1',
  WECHAT_APP_SECRET: 's',
  WECHAT_MCH_ID: '16',
  WECHAT_API_KEY: 'k',
}

t.test('what an application is told, and what a test is told beside', async (t) => {
  t.same(appEnvironment('http://127.0.0.1:8090', credentials), app)
  t.same(wholeEnvironment('http://127.0.0.1:8090', 'http://127.0.0.1:8091/__mock/v1', 'mine', credentials), {
    ...app,
    WECHAT_MOCK_URL: 'http://127.0.0.1:8091',
    WECHAT_MOCK_WORLD: 'mine',
  })
})
