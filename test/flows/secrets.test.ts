import { inspect } from 'node:util'
import type { Effect } from '../../mock-server/index.ts'
import { Secret } from '../../src/index.ts'
import { both, viewsOf } from '../helpers.ts'

/** Every way for an answer of WeChat's to be bad, for calls of payment and for those of the mini program. */
const PAY_EFFECTS: Effect[] = [
  { kind: 'reset' },
  { kind: 'http', status: 502 },
  { kind: 'html_page' },
  { kind: 'truncate', bytes: 40 },
  { kind: 'bad_sign' },
  { kind: 'return_code_fail', return_msg: '签名错误' },
  { kind: 'result_code_fail', err_code: 'SIGNERROR' },
  { kind: 'result_code_fail', err_code: 'NOAUTH' },
  { kind: 'result_code_fail', err_code: 'SYSTEMERROR' },
]
const LOGIN_EFFECTS: Effect[] = [
  { kind: 'reset' },
  { kind: 'http', status: 502 },
  { kind: 'html_page' },
  { kind: 'truncate', bytes: 10 },
  { kind: 'errcode', errcode: 40013 },
]

both('a run with failures shows no secret: log lines at trace, errors, replies, inspect', async (t, open, version) => {
  const shop = await open(t, {
    before(app) {
      app.log.level = 'trace'
    },
    options: {
      onPaid() {
        throw new Error('the cart is gone')
      },
    },
  })
  const { app, world } = shop
  const { apiKey, appSecret, v3 } = world.credentials
  const key = v3.privateKey.split('\n').filter((line) => line.length > 40)
  const secrets = new Set<string>([apiKey, appSecret, v3.apiV3Key, ...key])
  const views: string[] = []
  const note = (value: unknown) => {
    views.push(typeof value === 'string' ? value : JSON.stringify(value))
  }
  const failing = async (task: () => Promise<unknown>) => {
    await task().catch((error: unknown) => {
      views.push(...viewsOf(error))
    })
  }
  /** Sets a fault if the version knows it. */
  const fault = (api: Parameters<typeof world.fault>[0], effect: Effect): boolean => {
    try {
      world.fault(api, effect as never, { times: 2 })
      return true
    } catch {
      return false
    }
  }

  // Logins: successful ones, a code used twice, and every failure.
  for (const effect of [undefined, ...LOGIN_EFFECTS]) {
    const { code } = world.loginCode({ openid: 'oAlice' })
    secrets.add(code)
    if (effect !== undefined) fault('jscode2session', effect)
    for (let times = 0; times < 2; times++) {
      const { body } = await shop.post('/wechat/login', { code })
      if (typeof body.token === 'string') secrets.add(body.token as string)
      else note(body)
    }
    await failing(() => app.wechat.miniProgram.code2Session(new Secret(code)))
    world.reset('faults')
  }
  const { sessionKey } = await app.wechat.miniProgram.code2Session(
    new Secret(world.loginCode({ openid: 'oAlice' }).code),
  )
  secrets.add(sessionKey.reveal())
  for (const effect of LOGIN_EFFECTS) {
    fault('checksession', effect)
    await failing(() => app.wechat.miniProgram.checkSession('oAlice', sessionKey))
    world.reset('faults')
  }
  await failing(() => app.wechat.miniProgram.phoneNumber(new Secret('0phone-code-of-nobody')))
  secrets.add('0phone-code-of-nobody')

  // Orders, queries, closes and refunds: successful ones, and every failure.
  const headers = await shop.login()
  secrets.add(headers.authorization.slice('Bearer '.length))
  const outTradeNo = await shop.order()
  await world.pay(outTradeNo)
  await shop.settle()
  const { wechat } = app
  const calls: [Parameters<typeof world.fault>[0], () => Promise<unknown>][] = [
    ['unifiedorder', async () => note((await shop.post('/wechat/orders', {}, headers)).body)],
    ['orderquery', () => wechat.pay.query(outTradeNo)],
    ['closeorder', () => wechat.pay.close(outTradeNo)],
    ['refund', () => wechat.refunds.create(outTradeNo, { key: String(views.length), refundFee: 1 })],
    ['refundquery', () => wechat.pay.queryRefund(`${outTradeNo}-1`)],
  ]
  for (const [api, call] of calls) {
    for (const effect of PAY_EFFECTS) {
      if (fault(api, effect)) await failing(call)
      world.reset('faults')
    }
  }
  for (const body of ['', 'not xml', '<xml><sign>x</sign></xml>', '{"resource":{}}']) {
    note((await shop.notify(body)).text)
  }
  note((await shop.post('/wechat/orders', {}, { authorization: 'Bearer stolen' })).body)
  await world.advance('10m')
  await shop.settle()
  for (const check of await wechat.selfTest()) note(check)
  for (const { request, response } of world.journal.entries()) {
    for (const text of [request.url, response?.body ?? '']) {
      for (const [, token] of text.matchAll(/access_token(?:=|":")([\w-]{64,})/g)) secrets.add(token!)
    }
  }

  views.push(...shop.logs.map((line) => JSON.stringify(line)))
  for (const decorated of [app.wechat, app.wechat.miniProgram, app.wechat.pay, app]) {
    views.push(inspect(decorated, { depth: 6, showHidden: true }))
  }
  t.ok(
    shop.logs.some(({ level }) => Number(level) >= 50),
    'things went wrong',
  )
  t.ok(secrets.size > 20 && views.length > 200, `${secrets.size} secrets, ${views.length} views, ${version}`)
  for (const view of views) {
    const found = [...secrets].filter((secret) => view.includes(secret))
    if (found.length > 0) {
      t.fail(`a secret is shown: ${view.slice(0, 2000)}`, { found: found.map((text) => text.slice(0, 8)) })
    }
  }
})
