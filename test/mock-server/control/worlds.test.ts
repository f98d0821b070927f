import Fastify from 'fastify'
import t from 'tap'
import { stateRoutes } from '../../../mock-server/control/routes/state.ts'
import type { Worlds } from '../../../mock-server/world/worlds.ts'
import { control, deadUrl, NOON, placeOrder, placeRefund, startMock, startShop } from '../helpers.ts'

t.test('worlds are listed with everything an application needs', async (t) => {
  const mock = await startMock(t)
  const { appid, appSecret, mchId, apiKey, cert, p12, v3 } = mock.default.credentials
  const env = {
    WECHAT_BASE_URL: mock.url,
    WECHAT_APPID: appid,
    WECHAT_APP_SECRET: appSecret,
    WECHAT_MCH_ID: mchId,
    WECHAT_API_KEY: apiKey,
    WECHAT_API_V3_KEY: v3.apiV3Key,
    WECHAT_SERIAL_NO: v3.serialNo,
    WECHAT_PRIVATE_KEY: v3.privateKey,
    WECHAT_PUBLIC_KEY_ID: v3.publicKeyId,
    WECHAT_PUBLIC_KEY: v3.publicKey,
    WECHAT_MOCK_URL: mock.url,
    WECHAT_MOCK_WORLD: 'default',
  }
  const shown = {
    id: 'default',
    baseUrl: mock.url,
    appid,
    appSecret,
    mchId,
    apiKey,
    cert: { ...cert },
    p12: { pfx: p12.pfx.toString('base64'), passphrase: mchId },
    v3: { ...v3 },
    clock: { mode: 'virtual', now: '2026-01-15T04:00:00.000Z' },
    env,
  }
  t.same(await control(mock, 'GET', '/worlds/default'), { status: 200, json: shown })
  t.same(await control(mock, 'GET', '/worlds'), { status: 200, json: [shown] })
})

t.test('a new world takes every option', async (t) => {
  const mock = await startMock(t)
  const options = {
    id: 'mine',
    seed: 42,
    startTime: '2026-01-15T12:00:00+08:00',
    clock: 'virtual',
    schedule: [1, 2],
    ackTimeoutMs: 100,
    signType: 'HMAC-SHA256',
    refundDelay: '20m',
    sessionKeyPeriod: 'never',
    codeLimit: 100,
    refundNotifyUrl: 'http://127.0.0.1/refund',
    behaviour: { closeUnknown: 'ORDERNOTEXIST' },
    appid: 'wxd930ea5d5a258f4f',
    appSecret: 's',
    mchId: '10000100',
    apiKey: '192006250b4c09247ec02edce69f6a2d',
  }
  const { status, json } = await control(mock, 'POST', '/worlds', options)
  t.equal(status, 201)
  t.match(json, {
    id: 'mine',
    appid: options.appid,
    appSecret: 's',
    mchId: '10000100',
    apiKey: options.apiKey,
    clock: { mode: 'virtual', now: new Date(NOON).toISOString() },
  })
  const world = mock.worlds()[1]!
  await placeOrder(world, await deadUrl(), {}, 'HMAC-SHA256')
  await world.pay('tea-0001')
  t.equal((await world.advance('1h')).deliveries.length, 2)

  t.match(await control(mock, 'POST', '/worlds'), {
    status: 201,
    json: { id: 'w2', env: { WECHAT_BASE_URL: mock.url, WECHAT_MOCK_WORLD: 'w2' } },
  })
  t.match(await control(mock, 'POST', '/worlds', { startTime: NOON }), {
    json: { clock: { now: new Date(NOON).toISOString() } },
  })
  t.match(await control(mock, 'POST', '/worlds', { id: 'mine' }), { status: 409, json: { code: 'WORLD_EXISTS' } })
})

t.test('creating a world again with the same id and options returns the existing one', async (t) => {
  const mock = await startMock(t)
  const create = (body: object) => control(mock, 'POST', '/worlds', body)
  const options = {
    id: 'mine',
    seed: 7,
    startTime: '2026-01-15T12:00:00+08:00',
    behaviour: { closeUnknown: 'ORDERNOTEXIST', closeEarly: 'success' },
  }
  const first = await create(options)
  t.equal(first.status, 201)
  t.same(
    await create({
      behaviour: { closeEarly: 'success', closeUnknown: 'ORDERNOTEXIST' },
      startTime: NOON,
      seed: 7,
      id: 'mine',
    }),
    { status: 200, json: first.json },
    'in any order, and as any name of the moment',
  )
  t.equal(mock.worlds().length, 2)
  const others: [other: object, names: string][] = [
    [{ ...options, seed: 8 }, 'seed'],
    [{ ...options, strict: true }, 'strict'],
    [{ ...options, behaviour: {} }, 'behaviour'],
    [{ id: 'mine' }, 'seed, behaviour, startTime'],
  ]
  for (const [other, names] of others) {
    const message = `there is already a world mine, made with another ${names}`
    t.match(await create(other), { status: 409, json: { code: 'WORLD_EXISTS', message } }, names)
  }
  mock.world({ id: 'own', seed: 9 })
  t.throws(() => mock.world({ id: 'own', seed: 9 }), {
    code: 'WORLD_EXISTS',
    message: /^there is already a world own$/,
  })

  await control(mock, 'DELETE', '/worlds/mine')
  t.match(
    await create(options),
    { status: 201, json: { mchId: first.json.mchId } },
    'a deleted world can be made again',
  )
  const { json: one } = await create({ seed: 9 })
  const { json: two } = await create({ seed: 9 })
  t.not(one.id, two.id, 'without an id each is a new one')
})

t.test('a schedule without an immediate send: a payment says when it will be notified', async (t) => {
  const mock = await startMock(t)
  const {
    status,
    json: { id },
  } = await control(mock, 'POST', '/worlds', { startTime: NOON, schedule: { gaps: [20, 30], immediate: false } })
  t.equal(status, 201)
  const shop = await startShop(t)
  const world = mock.worlds().at(-1)!
  await placeOrder(world, shop.notifyUrl)
  const { json } = await control(mock, 'POST', `/worlds/${id}/orders/tea-0001/pay`, {})
  t.match(json, {
    notification: { state: 'pending', attempts: [], nextDueAt: '2026-01-15T04:00:20.000Z' },
    order: { tradeState: 'SUCCESS' },
  })
  t.notOk('verdict' in json)
  t.match(await control(mock, 'POST', `/worlds/${id}/clock/advance`, { next: 1 }), {
    json: { to: '2026-01-15T04:00:20.000Z', deliveries: [{ attempt: 0, verdict: 'acked' }] },
  })
  await placeRefund(world, { notify_url: shop.notifyUrl })
  t.match(await control(mock, 'POST', `/worlds/${id}/refunds/tea-0001-r1/settle`, { status: 'SUCCESS' }), {
    json: { notification: { state: 'pending' }, refund: { status: 'SUCCESS' } },
  })
  const bad: [schedule: unknown, message: RegExp][] = [
    [{ gaps: [], immediate: false }, /^schedule.gaps: must be at least one gap/],
    [{ gaps: 'never' }, /^schedule.gaps: must be current, legacy or gaps in seconds; got "never"/],
    [{ immediate: 'no' }, /^schedule.immediate: must be true or false/],
    [{ gap: [1] }, /^schedule: must be an object of gaps and immediate/],
    ['never', /^schedule: must be current, legacy or gaps in seconds; got "never"/],
    [['15'], /^schedule: must be a number of seconds from 0 .*; got "15"/],
    [[-1], /^schedule: must be a number of seconds from 0 .*; got -1/],
  ]
  for (const [schedule, message] of bad) {
    t.match(
      await control(mock, 'POST', '/worlds', { schedule }),
      { status: 400, json: { code: 'BAD_INPUT', field: /^schedule/, message } },
      JSON.stringify(schedule),
    )
  }
})

t.test('invalid options of a world', async (t) => {
  const mock = await startMock(t)
  for (const [field, value] of Object.entries({
    id: 'a b',
    seed: true,
    startTime: 'noon',
    clock: 'none',
    schedule: 'never',
    ackTimeoutMs: 0,
    signType: 'RSA',
    refundDelay: 'soon',
    sessionKeyPeriod: 'soon',
    codeLimit: 0,
    refundNotifyUrl: 'x',
    appid: '',
    mchId: 'x',
    apiKey: 'short',
  })) {
    t.match(
      await control(mock, 'POST', '/worlds', { [field]: value }),
      { status: 400, json: { code: 'BAD_INPUT', field } },
      field,
    )
  }
})

t.test('a login code', async (t) => {
  const mock = await startMock(t)
  const { json } = await control(mock, 'POST', '/worlds/default/login-codes', {
    openid: 'o-alice',
    unionid: 'u-alice',
    ttl: 60,
    uses: 2,
  })
  t.match(json, { code: /^0\d\w{30}$/, openid: 'o-alice', unionid: 'u-alice', expiresAt: '2026-01-15T04:01:00.000Z' })
})

t.test('a world is deleted', async (t) => {
  const mock = await startMock(t)
  const { id, credentials } = mock.world()
  t.match(await control(mock, 'DELETE', `/worlds/${id}`), { status: 200, json: { id, mchId: credentials.mchId } })
  t.match(await control(mock, 'DELETE', `/worlds/${id}`), { status: 404, json: { code: 'UNKNOWN_WORLD' } })
  t.match(await control(mock, 'DELETE', '/worlds/default'), { status: 409, json: { code: 'DEFAULT_WORLD' } })
})

const W = '/worlds/default'

async function setup(t: Parameters<typeof startMock>[0]) {
  const mock = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(mock.default, shop.notifyUrl)
  return { mock, world: mock.default, shop }
}

t.test('snapshot and restore', async (t) => {
  const { mock, world } = await setup(t)
  t.same(await control(mock, 'POST', `${W}/snapshots`, { name: 'ordered' }), {
    status: 201,
    json: { name: 'ordered', at: '2026-01-15T04:00:00.000Z' },
  })
  t.match(await control(mock, 'POST', `${W}/snapshots`), { status: 201, json: { name: 's2' } })
  t.match(await control(mock, 'GET', `${W}/snapshots`), { status: 200, json: [{ name: 'ordered' }, { name: 's2' }] })
  await world.pay('tea-0001')
  await world.advance('1h')
  t.same(await control(mock, 'POST', `${W}/snapshots/ordered/restore`), {
    status: 200,
    json: { now: '2026-01-15T04:00:00.000Z' },
  })
  t.equal(world.order('tea-0001').tradeState, 'NOTPAY')
  t.same(await control(mock, 'DELETE', `${W}/snapshots/s2`), { status: 200, json: { name: 's2' } })
  t.match(await control(mock, 'GET', `${W}/snapshots`), { json: [{ name: 'ordered' }] })
  for (const name of ['s2', 'lost']) {
    t.match(await control(mock, 'DELETE', `${W}/snapshots/${name}`), {
      status: 404,
      json: { code: 'UNKNOWN_SNAPSHOT' },
    })
  }
  t.match(await control(mock, 'POST', `${W}/snapshots/lost/restore`), {
    status: 404,
    json: { code: 'UNKNOWN_SNAPSHOT' },
  })
})

t.test('export and import', async (t) => {
  const { mock, world } = await setup(t)
  const { json } = await control(mock, 'GET', `${W}/export`)
  t.same(await control(mock, 'POST', `${W}/reset`), { status: 200, json: { now: '2026-01-15T04:00:00.000Z' } })
  t.same(world.orders(), [])
  t.match(await control(mock, 'PUT', `${W}/import`, json), { status: 200, json: { now: '2026-01-15T04:00:00.000Z' } })
  t.equal(world.orders().length, 1)
  const cases: [body: object, field: string][] = [
    [{}, 'format'],
    [{ ...json, state: {} }, 'state.now'],
    [{ ...json, format: 'x' }, 'format'],
    [{ ...json, credentials: { ...json.credentials, mchId: '1' } }, 'credentials.mchId'],
  ]
  for (const [body, field] of cases) {
    t.match(await control(mock, 'PUT', `${W}/import`, body), { status: 400, json: { code: 'BAD_INPUT', field } }, field)
  }
})

t.test('the refusal of an import that is too long says what to do', async (t) => {
  const app = Fastify()
  stateRoutes(app, {} as Worlds, 10)
  t.match((await app.inject({ method: 'PUT', url: `${W}/import`, payload: { state: 'long' } })).json(), {
    code: 'BAD_INPUT',
    message: /^body: must not be longer than 10 bytes; .*empty the journal .*maxJournal/,
  })
})

t.test('reset parts', async (t) => {
  const { mock, world } = await setup(t)
  await control(mock, 'POST', `${W}/reset?what=journal,faults`)
  t.same([world.journal.entries().length, world.orders().length], [0, 1])
  await control(mock, 'POST', `${W}/snapshots`)
  t.equal((await control(mock, 'POST', `${W}/reset`, { what: 'journal,faults' })).status, 200)
  t.equal(world.orders().length, 1, 'in the body too')
  t.match(await control(mock, 'POST', `${W}/reset?what=journal`, { what: 'journal' }), {
    status: 400,
    json: { field: 'what', message: 'what: give it in the body or in the query, not in both' },
  })
  for (const path of ['reset', 'snapshots/s1/restore', 'assert-drained']) {
    t.match(
      await control(mock, 'POST', `${W}/${path}`, { wat: 'journal' }),
      { status: 400, json: { field: 'wat', rule: 'additionalProperties' } },
      path,
    )
  }
  t.match(await control(mock, 'POST', `${W}/reset?what=orders,jurnal`), {
    status: 400,
    json: { field: 'what', rule: 'enum', message: /got "jurnal"/ },
  })
})
