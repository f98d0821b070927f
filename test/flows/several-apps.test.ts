import type { Test } from 'tap'
import { Secret } from '../../src/index.ts'
import type { PayParams, WechatPayOptions } from '../../src/index.ts'
import { both } from '../helpers.ts'
import type { Merchant, merchant } from '../helpers.ts'

const COFFEE = 'wx00000000000000c0'
const OPENID = 'oAlice'

/** One merchant number with the apps `tea` and `coffee`. Alice has the same openid in both, which WeChat never does, but which must not matter. */
async function shop(t: Test, open: typeof merchant, options: Partial<WechatPayOptions<any>> = {}) {
  const made = await open(t, {
    options: (world) => {
      world.setApp(COFFEE)
      const apps = world
        .apps()
        .map(({ appid, appSecret }) => [appid === COFFEE ? 'coffee' : 'tea', { appid, appSecret }])
      return {
        ...{ appid: undefined, appSecret: undefined, apps: Object.fromEntries(apps) },
        price: (_request, { appid, openid }) => ({ key: `${appid} ${openid}`, description: 'tea', totalFee: 1250 }),
        ...options,
      }
    },
    after: (app) => {
      app.get('/coffee', { preHandler: app.wechat.app('coffee').requireUser }, async ({ wechatUser }) => wechatUser)
      app.get('/any', { preHandler: app.wechat.requireUser }, async ({ wechatUser }) => wechatUser)
    },
  })
  const TEA = made.world.credentials.appid
  const appids: Record<string, string> = { tea: TEA, coffee: COFFEE }
  const code = (app: string) => made.world.loginCode({ openid: OPENID, appid: appids[app]! }).code
  return {
    ...made,
    TEA,
    code,
    async loginTo(app: string) {
      const { body } = await made.post('/wechat/login', { code: code(app), app })
      return { authorization: `Bearer ${(body as { token: string }).token}` }
    },
  }
}

async function ordered({ post, world }: Merchant, headers: Record<string, string>): Promise<string> {
  const { status, body } = await post('/wechat/orders', {}, headers)
  if (status !== 200) throw new Error(JSON.stringify(body))
  const { outTradeNo, ...params } = body as { outTradeNo: string } & PayParams
  world.requestPayment(params)
  return outTradeNo
}

both('a login says which app it is of, in the path or in the body, by name or appid', async (t, open) => {
  const { app, post, url, code, TEA } = await shop(t, open)
  const ways: [path: string, body: object, appid: string][] = [
    ['/wechat/login', { code: code('tea'), app: 'tea' }, TEA],
    ['/wechat/login', { code: code('coffee'), app: 'coffee' }, COFFEE],
    ['/wechat/login', { code: code('coffee'), app: COFFEE }, COFFEE],
    ['/wechat/login/coffee', { code: code('coffee') }, COFFEE],
    [`/wechat/login/${TEA}`, { code: code('tea') }, TEA],
  ]
  for (const [path, body, appid] of ways) {
    const answer = await post(path, body)
    t.equal(answer.status, 200, path)
    const headers = { authorization: `Bearer ${(answer.body as { token: string }).token}` }
    t.match(await (await fetch(`${url}/any`, { headers })).json(), { appid, openid: OPENID })
    t.equal((await fetch(`${url}/coffee`, { headers })).status, appid === COFFEE ? 200 : 401, 'only its own users pass')
  }
  const form = await app.inject({
    method: 'POST',
    url: '/wechat/login',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `code=${code('tea')}&app=tea`,
  })
  t.equal(form.statusCode, 200)

  const refused: [path: string, body: object, message: RegExp][] = [
    ['/wechat/login', { code: code('tea') }, /There are several apps: name one of tea \(wx\w+\), coffee \(wx\w+\)/],
    ['/wechat/login', { code: code('tea'), app: 'cocoa' }, /There is no app "cocoa"/],
    ['/wechat/login', { code: code('tea'), app: 7 }, /app must be a string/],
    ['/wechat/login/__proto__', { code: code('tea') }, /There is no app "__proto__"/],
    ['/wechat/login/tea', { code: 7 }, /code must be a string/],
  ]
  for (const [path, body, message] of refused) t.match(await post(path, body), { status: 400, body: { message } }, path)
  t.match(await post('/wechat/login', { code: code('coffee'), app: 'tea' }), {
    status: 401,
    body: { code: 'WECHAT_CODE_REJECTED' },
  })
})

both('one notify route and one refund URL serve the orders of all apps', async (t, open) => {
  const refunded: string[] = []
  const made = await shop(t, open, {
    onRefunded: ({ outTradeNo }) => {
      refunded.push(outTradeNo)
    },
  })
  const { app, world, url, store, loginTo, settle, paid, TEA } = made
  const users = { tea: await loginTo('tea'), coffee: await loginTo('coffee') }
  const numbers: string[] = []
  for (const [name, headers] of Object.entries(users)) {
    const outTradeNo = await ordered(made, headers)
    numbers.push(outTradeNo)
    t.match(await store.findOrder(outTradeNo), { appid: name === 'tea' ? TEA : COFFEE, openid: OPENID })
    const other = name === 'tea' ? users.coffee : users.tea
    const get = async (headers: Record<string, string>) =>
      (await fetch(`${url}/wechat/orders/${outTradeNo}`, { headers })).status
    t.equal(await get(headers), 200)
    t.equal(await get(other), 404, 'the same openid in another app is another user')
    t.match(
      await app.wechat.orders.refresh(outTradeNo),
      { state: 'prepaid' },
      'WeChat is asked by the app of the order',
    )

    const { delivery } = await world.pay(outTradeNo)
    t.equal(delivery?.verdict, 'acked')
    await settle()
    t.match(await app.wechat.orders.refresh(outTradeNo), { state: 'paid', fulfilment: 'done' })
    const refund = await app.wechat.refunds.create(outTradeNo, { key: 'back', refundFee: 200 })
    t.equal(refund.state, 'processing')
    await world.settleRefund(refund.outRefundNo, 'SUCCESS')
    const { outRefundNo } = world.refundFromConsole(outTradeNo, { refundFee: 300, notifyUrl: `${url}/wechat/notify` })
    t.equal((await world.settleRefund(outRefundNo, 'SUCCESS')).delivery?.verdict, 'acked')
    await settle()
    t.match(await app.wechat.refunds.list(outTradeNo), [
      { state: 'success', origin: 'local' },
      { state: 'success', origin: 'external', refundFee: 300 },
    ])
  }
  t.strictSame(paid, numbers)
  t.strictSame(refunded.toSorted(), [...numbers, ...numbers].toSorted())
  t.strictSame(await app.wechat.anomalies.list(), [])
  world.assertNoUnexpected()
})

both('an order is closed and cancelled by its own app', async (t, open) => {
  const made = await shop(t, open)
  const outTradeNo = await ordered(made, await made.loginTo('coffee'))
  t.match(await made.app.wechat.orders.cancel(outTradeNo), { state: 'closed', appid: COFFEE })
  made.world.assertNoUnexpected()
})

both('the calls of fastify.wechat name the app', async (t, open) => {
  const { app, world, code, TEA } = await shop(t, open)
  const { wechat } = app
  const session = await wechat.login.exchange(code('coffee'), 'coffee')
  t.match(session, { appid: COFFEE, openid: OPENID })
  await t.rejects(wechat.login.exchange(code('coffee')), { code: 'WECHAT_INPUT_INVALID', message: /several apps/ })

  for (const [name, appid] of Object.entries({ tea: TEA, coffee: COFFEE })) {
    const { miniProgram } = wechat.app(name)
    t.match(wechat.app(appid), { name, appid })
    const { sessionKey } = await miniProgram.code2Session(new Secret(code(name)))
    const event = world.phoneNumber(OPENID, { appid, phoneNumber: '13580006666' })
    t.match(await miniProgram.phoneNumber(new Secret(event.code)), { phoneNumber: '13580006666' })
    t.equal(await miniProgram.checkSession(OPENID, sessionKey), true)
    await t.rejects(miniProgram.checkSession(7 as never, sessionKey), {
      message: /miniProgram\.checkSession was called/,
    })
  }
  t.equal(world.journal.count({ api: 'stable_token' }), 2, 'an access token for each app')
  await t.rejects(wechat.miniProgram.code2Session(new Secret('code')), { message: /There are several apps/ })
  t.throws(() => wechat.miniProgram.isUserData('', '', session.sessionKey), { message: /There are several apps/ })
  t.throws(() => wechat.app(), { message: /There are several apps/ })

  const terms = { key: 'k', openid: OPENID, description: 'tea', totalFee: 1, clientIp: '203.0.113.7' }
  const expiresAt = new Date(world.clock.now().getTime() + 3_600_000)
  for (const appid of [undefined, 'wx00000000000000ff']) {
    await t.rejects(wechat.orders.create({ ...terms, expiresAt, appid }), {
      code: 'WECHAT_PRICE_INVALID',
      message: `The appid of an order must be one of ${TEA}, ${COFFEE}, not ${appid}. Nothing was ordered.`,
    })
  }
  const { order } = await wechat.orders.create({ ...terms, expiresAt, appid: COFFEE })
  t.match(await wechat.pay.query(order.outTradeNo, order), { tradeState: 'NOTPAY' })
  await t.rejects(async () => wechat.pay.payParams('wx1', new Date(), { appid: 'wx00000000000000ff' }), {
    message: /^wx00000000000000ff is not an app of this registration/,
  })
  const again = await wechat.orders.create({ ...terms, expiresAt, appid: TEA })
  t.match(again.order, { appid: TEA, state: 'prepaid' })
  t.match(await wechat.orders.get(order.outTradeNo), { state: 'closed' }, 'another app is other terms')
})

both('authenticate of the app says which app a user has logged in to', async (t, open) => {
  const { post, store, TEA } = await shop(t, open, {
    issueToken: ({ openid }) => ({ token: openid }),
    authenticate: ({ headers }) => ({ openid: OPENID, appid: headers['x-app'] as string }),
  })
  const { body } = await post('/wechat/orders', {}, { 'x-app': COFFEE })
  t.match(await store.findOrder((body as { outTradeNo: string }).outTradeNo), { appid: COFFEE })
  for (const headers of [{}, { 'x-app': 'wx00000000000000ff' }] as Record<string, string>[]) {
    t.match(await post('/wechat/orders', {}, headers), {
      status: 500,
      body: { code: 'WECHAT_HOOK_INVALID', message: new RegExp(`appid must be ${TEA} or ${COFFEE}, not`) },
    })
  }
})

both('the self-test looks at each app', async (t, open, version) => {
  const { app, world } = await shop(t, open)
  const names = async () =>
    (await app.wechat.selfTest())
      .filter(({ check }) => /^(app|pay)/.test(check))
      .map(({ check, ok }) => ({ check, ok }))
  const pay = version === 'v2' ? ['payment API of tea', 'payment API of coffee'] : ['payment API']
  const checks = ['app secret of tea', 'app secret of coffee', ...pay]
  t.strictSame(
    await names(),
    checks.map((check) => ({ check, ok: true })),
  )
  world.setApp(COFFEE, { appSecret: 'ffffffffffffffffffffffffffffff00' })
  t.strictSame(
    await names(),
    checks.map((check) => ({ check, ok: check !== 'app secret of coffee' })),
  )
})

both('a dozen apps', async (t, open) => {
  const { app, post, world } = await open(t, {
    options: (world) => {
      for (let n = 1; n < 12; n++) world.setApp(`wx00000000000000${n.toString(16).padStart(2, '0')}`)
      const apps = world.apps().map(({ appid, appSecret }, n) => [`app-${n}`, { appid, appSecret }])
      return { appid: undefined, appSecret: undefined, apps: Object.fromEntries(apps), reconcileAt: '10:30' }
    },
  })
  for (const [n, { appid }] of world.apps().entries()) {
    t.match(app.wechat.app(`app-${n}`), { appid })
    const { code } = world.loginCode({ openid: OPENID, appid })
    t.match(await post('/wechat/login', { code, app: appid }), { status: 200 })
  }
})
