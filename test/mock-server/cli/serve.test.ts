import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { listen, port } from '../helpers.ts'
import { wechatMock } from './run.ts'

type World = Record<string, unknown>

t.test('the banner has what goes into an .env', async t => {
  const mock = wechatMock(t, ['--port', '0', '--clock', 'virtual', '--seed', '42'])
  const [first] = [await mock.line(), await mock.line(), await mock.line()]
  t.match(first, /^WeChat mock at http:\/\/127\.0\.0\.1:\d+ on the virtual clock; control at http:.*\/__mock\/v1$/)
  const url = /http:\S+/.exec(first)![0]
  const world = await (await fetch(`${url}/__mock/v1/worlds/default`)).json() as World
  for (const expected of [`WECHAT_BASE_URL=${url}`, `WECHAT_APPID=${world.appid}`, `WECHAT_APP_SECRET=${world.appSecret}`, `WECHAT_MCH_ID=${world.mchId}`, `WECHAT_API_KEY=${world.apiKey}`]) {
    t.equal(await mock.line(), expected)
  }
  t.match(world.clock, { mode: 'virtual' })
  await fetch(`${url}/sns/jscode2session?appid=${world.appid}`)
  mock.kill('SIGINT')
  const { code, stderr, stdout } = await mock.ended
  t.equal(code, 0)
  t.match(stderr, 'default jscode2session : 41004 appsecret missing\n', 'the log goes to stderr')
  t.notOk((stdout + stderr).includes('\u001b'), 'no colours without a terminal')
})

t.test('every flag can be a variable, and a flag wins', async t => {
  const variables = { WECHAT_MOCK_PORT: '0', WECHAT_MOCK_CLOCK: 'virtual', WECHAT_MOCK_SEED: '42', WECHAT_MOCK_JSON: '1', WECHAT_MOCK_QUIET: '1', WECHAT_MOCK_SCHEDULE: '1,2', WECHAT_MOCK_ACK_TIMEOUT: '100', WECHAT_MOCK_HOST: 'localhost' }
  const told = await Promise.all([[], ['--seed', '43']].map(async args => {
    const mock = wechatMock(t, args, variables)
    const { url, appid, controlUrl } = JSON.parse(await mock.line()) as Record<string, string>
    const world = await (await fetch(`${controlUrl!}/worlds/default`)).json() as World
    t.match(world.clock, { mode: 'virtual' })
    await fetch(`${url!}/sns/jscode2session`)
    mock.kill('SIGTERM')
    t.equal((await mock.ended).stderr, '', 'quiet')
    t.match(url, /^http:\/\/localhost:/)
    return appid
  }))
  t.not(told[0], told[1])
})

t.test('quiet says nothing but why it cannot start', async t => {
  const taken = port(await listen(t, () => {}))
  t.match(await wechatMock(t, ['--port', String(taken), '--quiet']).ended, {
    code: 1,
    stdout: '',
    stderr: `port ${taken} of 127.0.0.1 is taken; choose another one (wechat-mock --port 0 takes any that is free)\n`
  })
})

t.test('refunds end when they are told to, over https and with the merchant\'s certificate', async t => {
  const files = fileURLToPath(new URL('../tls/', import.meta.url))
  const mock = wechatMock(t, ['--port', '0', '--json', '--cert', `${files}server.crt`, '--key', `${files}server.key`, '--client-ca', `${files}ca.crt`, '--cert-mode', 'required', '--refund-delay', '20m'])
  const { url, mchId } = JSON.parse(await mock.line()) as Record<string, string>
  t.match(url, /^https:\/\/127\.0\.0\.1:/)
  const refund = request(`${url!}/secapi/pay/refund`, { method: 'POST', ca: readFileSync(`${files}ca.crt`) })
  refund.end(`<xml><mch_id>${mchId!}</mch_id></xml>`)
  await t.rejects(once(refund, 'response'), { code: 'ECONNRESET' })

  const never = wechatMock(t, ['--port', '0', '--json', '--refund-delay', 'never', '--cert', `${files}server.crt`, '--key', `${files}server.key`])
  t.ok(JSON.parse(await never.line()))
})

t.test('what cannot be is refused with the rule', async t => {
  const certificate = fileURLToPath(new URL('../tls/server.crt', import.meta.url))
  const cases: [args: string[], message: RegExp][] = [
    [['--port', '65536'], /'--port <port>'.*whole number from 0 to 65535/],
    [['--port', 'x'], /whole number/],
    [['--ack-timeout', '0'], /whole number from 1/],
    [['--max-journal', '0'], /whole number from 1/],
    [['--clock', 'atomic'], /Allowed choices are real, virtual/],
    [['--schedule', '15,x'], /current, legacy or gaps in seconds/],
    [['--refund-delay', 'soon'], /never, or a duration such as 20m/],
    [['--cert', '/no/such/file'], /ENOENT/],
    [['--cert', certificate], /--cert and --key belong together/],
    [['--key', certificate], /--cert and --key belong together/],
    [['--cert-mode', 'required'], /certMode: required needs a mock with TLS/],
    [['--nonsense'], /unknown option '--nonsense'/],
    [['--host', 'no.such.host.invalid', '--port', '0'], /cannot listen on no\.such\.host\.invalid port 0: .*ENOTFOUND|EAI_AGAIN/]
  ]
  await Promise.all(cases.map(async ([args, message]) => {
    const { code, stdout, stderr } = await wechatMock(t, args).ended
    t.equal(code, 1, args.join(' '))
    t.equal(stdout, '')
    t.match(stderr, message)
  }))
})

t.test('the schedules by name', async t => {
  for (const schedule of ['current', 'legacy']) {
    const mock = wechatMock(t, ['--port', '0', '--json', '--schedule', schedule])
    t.ok(JSON.parse(await mock.line()))
    mock.kill('SIGTERM')
    t.equal((await mock.ended).code, 0)
  }
})

t.test('limits and strictness are those of every world', async t => {
  const mock = wechatMock(t, ['--port', '0', '--json', '--max-journal', '1', '--strict'])
  const { url, controlUrl } = JSON.parse(await mock.line()) as Record<string, string>
  const { appid } = await (await fetch(`${controlUrl!}/worlds`, { method: 'POST' })).json() as World
  for (let n = 0; n < 3; n++) await fetch(`${url!}/sns/jscode2session?appid=${String(appid)}`)
  const { entries } = await (await fetch(`${controlUrl!}/worlds/w1/journal`)).json() as { entries: object[] }
  t.match(entries, [{ cursor: 3 }])
})
