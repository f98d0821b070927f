import t from 'tap'
import { NOON, startMock } from '../helpers.ts'
import { askPhone, exchangeCode, tokenOf } from '../login.ts'

t.test('the number, in the documented form, once', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice', { phoneNumber: '13580006666' })
  const token = await tokenOf(world)
  t.match(await askPhone(world, token, { code }), {
    status: 200,
    contentType: 'application/json; charset=utf-8',
    text: `{"errcode":0,"errmsg":"ok","phone_info":{"phoneNumber":"13580006666","purePhoneNumber":"13580006666","countryCode":"86","watermark":{"timestamp":${NOON / 1000},"appid":"${world.credentials.appid}"}}}`,
  })
  t.match((await askPhone(world, token, { code })).json, {
    errcode: 40029,
    errmsg: /^invalid code hint: \[[\w-]{16}\] rid: /,
  })
})

t.test("five minutes, and a life and uses of one's own", async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice')
  const { code: long } = world.phoneNumber('o-alice', { ttl: 3600, uses: 2 })
  await world.advance('5m')
  const errcodes = []
  for (const one of [code, long, long, long]) {
    errcodes.push((await askPhone(world, await tokenOf(world), { code: one })).json.errcode)
  }
  t.same(errcodes, [40029, 0, 0, 40029])
})

t.test('of parallel calls one succeeds', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice')
  const token = await tokenOf(world)
  const replies = await Promise.all(Array.from({ length: 20 }, () => askPhone(world, token, { code })))
  t.equal(replies.filter(({ json }) => json.errcode === 0).length, 1)
})

t.test('a code of wx.login is none of these, and the other way round', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.loginCode({ openid: 'o-alice' })
  t.match((await askPhone(world, await tokenOf(world), { code })).json, { errcode: 40029 })
  t.match((await exchangeCode(world, { js_code: world.phoneNumber('o-alice').code })).json, { errcode: 40029 })
  t.match((await exchangeCode(world, { js_code: code })).json, { openid: 'o-alice' }, 'not spent by it')
})

t.test('a bad token does not cost the code', async (t) => {
  const { default: world } = await startMock(t)
  const { code } = world.phoneNumber('o-alice')
  t.match((await askPhone(world, '', { code })).json, { errcode: 41001 })
  t.match((await askPhone(world, await tokenOf(world), { code })).json, { errcode: 0 })
})
