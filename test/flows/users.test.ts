import { inspect } from 'node:util'
import t from 'tap'
import { memoryStore, Secret } from '../../src/index.ts'
import type { Store } from '../../src/index.ts'
import { both, merchant } from '../helpers.ts'

t.test("a user's session key, phone number and data, as WeChat and its client give them", async (t) => {
  const { app, world } = await merchant(t)
  const { miniProgram } = app.wechat
  const { openid, sessionKey } = await miniProgram.code2Session(new Secret(world.loginCode({ openid: 'oAlice' }).code))
  const profile = world.userProfile(openid)
  t.ok(miniProgram.isUserData(profile.rawData, profile.signature, sessionKey))
  t.match(miniProgram.decryptUserData(profile, sessionKey), { nickName: '微信用户' })
  const foreign = world.userProfile(openid, { watermark: { appid: 'wxfedcba9876543210' } })
  t.throws(() => miniProgram.decryptUserData(foreign, sessionKey), { code: 'WECHAT_DATA_FOREIGN' })

  const event = world.phoneNumber(openid, { phoneNumber: '13580006666' })
  t.match(await miniProgram.phoneNumber(new Secret(event.code)), { phoneNumber: '13580006666', countryCode: '86' })
  await t.rejects(miniProgram.phoneNumber(new Secret(event.code)), { code: 'WECHAT_CODE_REJECTED' })

  t.equal(await miniProgram.checkSession(openid, sessionKey), true)
  const next = await miniProgram.resetSession(openid, sessionKey)
  t.equal(await miniProgram.checkSession(openid, sessionKey), false)
  t.equal(await miniProgram.checkSession(openid, next), true)
  t.throws(() => miniProgram.decryptUserData(world.userProfile(openid), sessionKey), {
    code: 'WECHAT_SESSION_KEY_STALE',
  })
  t.equal(world.journal.count({ api: 'stable_token' }), 1)
})

both('no session key of a login reaches the store', async (t, open) => {
  const written: unknown[] = []
  const memory = memoryStore() as Store
  const store = Object.fromEntries(
    Object.entries(memory).map(([name, verb]) => [
      name,
      async (...args: unknown[]) => {
        written.push(name, ...args)
        return await (verb as (...args: unknown[]) => Promise<unknown>)(...args)
      },
    ]),
  ) as unknown as Store
  const keys: string[] = []
  const shop = await open(t, {
    store,
    options: {
      onLogin: ({ sessionKey }) => {
        keys.push(sessionKey.reveal())
      },
    },
  })
  await shop.order()
  t.equal(keys.length, 1)
  t.ok(written.includes('putSession'))
  t.notOk(inspect(written, { depth: 9, showHidden: true }).includes(keys[0]!))
})
