import { readFileSync } from 'node:fs'
import t from 'tap'
import { createMockWechat } from '../../mock-server/index.ts'
import { checkApiKey, checkCertMode } from '../../mock-server/merchant.ts'
import { signV2 } from '../../mock-server/sign-v2.ts'
import { readXml } from '../../mock-server/wire.ts'
import { callPay, deadUrl, orderFields, placeOrder, postRaw, signedXml, startMock, startShop } from './helpers.ts'

const KEY = '192006250b4c09247ec02edce69f6a2d'

t.test('what a merchant cannot have', async t => {
  for (const apiKey of [undefined, KEY]) checkApiKey(apiKey)
  t.throws(() => checkApiKey('short'), { code: 'BAD_INPUT', message: /exactly 32 bytes.*got 5/, details: { field: 'apiKey' } })
  for (const [certMode, tls] of [[undefined, false], ['none', false], ['required', true]] as const) checkCertMode(certMode, tls)
  t.throws(() => checkCertMode('required', false), { code: 'BAD_INPUT', details: { field: 'certMode' } })
})

t.test('a key is changed: requests, replies and notifications are signed with the new one', async t => {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  const { mchId, apiKey } = world.credentials
  await placeOrder(world, shop.notifyUrl)
  const before = signedXml(world, orderFields(shop.notifyUrl, { out_trade_no: 'tea-0002' }))
  t.same(world.merchant(mchId, { apiKey: KEY }), { mchId, apiKey: KEY, signType: 'any', certMode: 'none' })
  t.equal(world.credentials.apiKey, KEY)
  t.match(await postRaw(`${world.baseUrl}/pay/unifiedorder`, before), { fields: { return_code: 'FAIL' } })
  t.match(await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' }), { fields: { result_code: 'SUCCESS' } })
  world.once('beforeNotify', draft => { draft.fields.attach = 'changed' })
  await world.pay('tea-0001')
  const told = readXml(shop.received[0]!.body)
  t.equal(told.get('attach'), 'changed')
  t.equal(signV2(told, KEY, 'MD5'), told.get('sign'))
  t.not(world.credentials.apiKey, apiKey)
})

t.test('the algorithm is bound and set free, also in the sandbox', async t => {
  const { default: world } = await startMock(t)
  const { mchId } = world.credentials
  const notifyUrl = await deadUrl()
  const { fields: { sandbox_signkey: apiKey } } = await postRaw(`${world.baseUrl}/sandboxnew/pay/getsignkey`, signedXml(world, {}))
  const query = () => postRaw(`${world.baseUrl}/sandboxnew/pay/orderquery`, signedXml({ credentials: { ...world.credentials, apiKey: apiKey! } }, { out_trade_no: 'tea-0001' }))
  t.match(await query(), { fields: { return_code: 'SUCCESS', err_code: 'ORDERNOTEXIST' } })
  t.match(world.merchant(mchId, { signType: 'HMAC-SHA256' }), { signType: 'HMAC-SHA256' })
  t.match(world.merchant(mchId), { signType: 'HMAC-SHA256' }, 'what is not said stays')
  t.match(await callPay(world, 'unifiedorder', orderFields(notifyUrl)), { fields: { return_code: 'FAIL' } })
  t.match(await query(), { fields: { return_code: 'FAIL' } })
  await placeOrder(world, notifyUrl, {}, 'HMAC-SHA256')
  t.match(world.merchant(mchId, { signType: 'any' }), { signType: 'any' })
  await placeOrder(world, notifyUrl, { out_trade_no: 'tea-0002' })
})

t.test('the certificate is asked for from now on', async t => {
  const { default: plain } = await startMock(t)
  t.throws(() => plain.merchant(plain.credentials.mchId, { apiKey: KEY, certMode: 'required' }), { code: 'BAD_INPUT', details: { field: 'certMode' } })
  t.not(plain.credentials.apiKey, KEY, 'all or nothing')
  const pem = (name: string) => readFileSync(new URL(`tls/server.${name}`, import.meta.url))
  const mock = await createMockWechat({ tls: { cert: pem('crt'), key: pem('key') } })
  t.teardown(mock.close)
  t.match(mock.default.merchant(mock.default.credentials.mchId, { certMode: 'required' }), { certMode: 'required' })
})

t.test('a secret of the app is changed', async t => {
  const { default: world } = await startMock(t)
  const { appid, appSecret } = world.credentials
  const login = async (secret: string) => await (await fetch(`${world.baseUrl}/sns/jscode2session?${new URLSearchParams({ appid, secret, js_code: world.loginCode().code, grant_type: 'authorization_code' })}`)).json() as { errcode?: number, openid?: string }
  t.same(world.app(appid), { appid, appSecret })
  const secret = 'f'.repeat(32)
  t.same(world.app(appid, { appSecret: secret }), { appid, appSecret: secret })
  t.match(await login(appSecret), { errcode: 40125 })
  t.type((await login(secret)).openid, 'string')
  await postRaw(`${world.baseUrl}/sandboxnew/pay/orderquery`, signedXml({ credentials: { ...world.credentials, apiKey: secret } }, { out_trade_no: 'tea-0001' }))
  t.match(JSON.stringify(world.journal.entries({ api: 'orderquery' })), 'the AppSecret was used instead of the API key', 'known on both sides')
})

t.test('a world has one merchant and one app', async t => {
  const { default: world } = await startMock(t)
  t.throws(() => world.merchant('10000100', { apiKey: KEY }), { code: 'UNKNOWN_MERCHANT', statusCode: 404, message: /another merchant is another world/ })
  t.throws(() => world.app('wxd930ea5d5a258f4f', { appSecret: 's' }), { code: 'UNKNOWN_APP', statusCode: 404, message: /another app is another world/ })
})
