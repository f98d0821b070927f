import t from 'tap'
import { control, NOON, startMock } from '../helpers.ts'
import { loginAs } from '../login.ts'

const ALICE = '/worlds/default/users/o-alice'

t.test('a user is made known, named, shown, and given a new key', async (t) => {
  const mock = await startMock(t)
  t.same(await control(mock, 'GET', '/worlds/default/users'), { status: 200, json: [] })
  const { status, json } = await control(mock, 'PUT', ALICE, { unionid: 'u-alice', nickName: '小明' })
  t.equal(status, 200)
  t.match(json, {
    openid: 'o-alice',
    unionid: 'u-alice',
    nickName: '小明',
    sessionKey: await loginAs(mock.default, 'o-alice'),
    sessionKeySince: new Date(NOON).toISOString(),
  })
  t.same((await control(mock, 'GET', '/worlds/default/users')).json, [json])
  const rotated = await control(mock, 'POST', `${ALICE}/rotate-session-key`)
  t.match(rotated.json, { ...json, sessionKey: /==$/ })
  t.not(rotated.json.sessionKey, json.sessionKey)
  t.equal(await loginAs(mock.default, 'o-alice'), rotated.json.sessionKey)
  t.match(mock.default.users(), [{ openid: 'o-alice', sessionKey: rotated.json.sessionKey }])
})

t.test('what the client gives: a profile, a phone number', async (t) => {
  const mock = await startMock(t)
  const watermark = { appid: 'wx1', timestamp: 1 }
  t.match(await control(mock, 'POST', `${ALICE}/profile`, { nickName: 'Al', gender: 1, city: '', watermark }), {
    status: 200,
    json: {
      openid: 'o-alice',
      userInfo: { nickName: 'Al', gender: 1 },
      rawData: /^\{"nickName":"Al","gender":1,/,
      signature: /^[0-9a-f]{40}$/,
      encryptedData: /^[\w+/]+=*$/,
      iv: /==$/,
    },
  })
  t.match(await control(mock, 'POST', `${ALICE}/profile`), {
    status: 200,
    json: { userInfo: { nickName: '微信用户' } },
  })
  t.match(
    await control(mock, 'POST', `${ALICE}/phone-number`, {
      phoneNumber: '612345678',
      countryCode: '34',
      ttl: 60,
      uses: 2,
      watermark,
    }),
    {
      status: 200,
      json: {
        openid: 'o-alice',
        code: /^[0-9a-f]{64}$/,
        expiresAt: new Date(NOON + 60_000).toISOString(),
        phone: { phoneNumber: '+34612345678', purePhoneNumber: '612345678', countryCode: '34' },
        encryptedData: /./,
        iv: /==$/,
      },
    },
  )
  t.match(await control(mock, 'POST', `${ALICE}/phone-number`), { status: 200, json: { phone: { countryCode: '86' } } })
})

t.test('what makes no sense is refused with the field and the rule', async (t) => {
  const mock = await startMock(t)
  const cases: [method: string, path: string, body: object, field: string, rule: string][] = [
    ['PUT', ALICE, { unionid: '' }, 'unionid', 'minLength'],
    ['PUT', ALICE, { nickname: 'Al' }, 'nickname', 'additionalProperties'],
    ['POST', `${ALICE}/profile`, { gender: 3 }, 'gender', 'maximum'],
    ['POST', `${ALICE}/profile`, { name: 'Al' }, 'name', 'additionalProperties'],
    ['POST', `${ALICE}/profile`, { watermark: { timestamp: 'noon' } }, 'watermark.timestamp', 'type'],
    ['POST', `${ALICE}/phone-number`, { phoneNumber: '+34 612' }, 'phoneNumber', 'pattern'],
    ['POST', `${ALICE}/phone-number`, { countryCode: 86 }, 'countryCode', 'type'],
    ['POST', `${ALICE}/phone-number`, { uses: 0 }, 'uses', 'minimum'],
    ['POST', `${ALICE}/rotate-session-key`, { age: 'new' }, 'age', 'additionalProperties'],
  ]
  for (const [method, path, body, field, rule] of cases) {
    t.match(
      await control(mock, method, path, body),
      { status: 400, json: { code: 'BAD_INPUT', field, rule } },
      `${path} ${JSON.stringify(body)}`,
    )
  }
  t.same(mock.default.users(), [])
  t.match(await control(mock, 'PUT', '/worlds/nowhere/users/o-alice', {}), {
    status: 404,
    json: { code: 'UNKNOWN_WORLD' },
  })
})
