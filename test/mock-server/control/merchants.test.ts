import t from 'tap'
import { control, startMock } from '../helpers.ts'

t.test('the merchant and the app of a world are changed', async (t) => {
  const mock = await startMock(t)
  const { mchId, appid, apiKey, appSecret } = mock.default.credentials
  const put = (path: string, body: object) => control(mock, 'PUT', `/worlds/default/${path}`, body)
  t.same(await put(`merchants/${mchId}`, { signType: 'MD5' }), {
    status: 200,
    json: { mchId, apiKey, signType: 'MD5', certMode: 'none' },
  })
  t.same(
    await put(`merchants/${mchId}`, { signType: 'MD5' }),
    { status: 200, json: { mchId, apiKey, signType: 'MD5', certMode: 'none' } },
    'once more',
  )
  t.same(await put(`apps/${appid}`, {}), { status: 200, json: { appid, appSecret } })
  t.same(await put(`apps/${appid}`, { appSecret: 's' }), { status: 200, json: { appid, appSecret: 's' } })
  t.match(await control(mock, 'GET', '/worlds/default'), { json: { appSecret: 's', env: { WECHAT_APP_SECRET: 's' } } })
  t.match(
    await put('merchants/10000100', { certMode: 'none' }),
    { status: 200, json: { mchId: '10000100', apiKey: /^\w{32}$/ } },
    'another one',
  )
  t.match(await control(mock, 'GET', '/worlds/default/merchants'), { json: [{ mchId }, { mchId: '10000100' }] })
  t.match(
    await put('apps/wxd930ea5d5a258f4f', {}),
    { status: 200, json: { appid: 'wxd930ea5d5a258f4f', appSecret: /^\w{32}$/ } },
    'another one',
  )
  t.match(await control(mock, 'GET', '/worlds/default/apps'), { json: [{ appid }, { appid: 'wxd930ea5d5a258f4f' }] })
  const refused: [path: string, body: object, status: number, code: string][] = [
    ['merchants/shop', {}, 400, 'BAD_INPUT'],
    ['apps/wx-1', {}, 400, 'BAD_INPUT'],
    [`merchants/${mchId}`, { apiKey: 'short' }, 400, 'BAD_INPUT'],
    [`merchants/${mchId}`, { signType: 'RSA' }, 400, 'BAD_INPUT'],
    [`merchants/${mchId}`, { certMode: 'required' }, 400, 'BAD_INPUT'],
    [`apps/${appid}`, { secret: 's' }, 400, 'BAD_INPUT'],
  ]
  for (const [path, body, status, code] of refused) {
    t.match(await put(path, body), { status, json: { code } }, `${path} ${JSON.stringify(body)}`)
  }
})
