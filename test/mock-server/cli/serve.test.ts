import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { request } from 'node:https'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Credentials } from '../../../mock-server/index.ts'
import { listen, NOON, orderFields, port, signedXml } from '../helpers.ts'
import { command, wechatMock } from './run.ts'

type World = Record<string, unknown>

t.test('the banner has the lines for a .env file', async (t) => {
  const mock = wechatMock(t, ['--port', '0', '--clock', 'virtual', '--seed', '42'])
  const [first] = [await mock.line(), await mock.line(), await mock.line(), await mock.line()]
  t.match(first, /^WeChat mock at http:\/\/127\.0\.0\.1:\d+ on the virtual clock; control at http:.*\/__mock\/v1$/)
  const url = /http:\S+/.exec(first)![0]
  const world = (await (await fetch(`${url}/__mock/v1/worlds/default`)).json()) as World
  for (const expected of [
    `WECHAT_BASE_URL=${url}`,
    `WECHAT_APPID=${world.appid}`,
    `WECHAT_APP_SECRET=${world.appSecret}`,
    `WECHAT_MCH_ID=${world.mchId}`,
    `WECHAT_API_KEY=${world.apiKey}`,
  ]) {
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

t.test('every flag can be set by a variable, and the flag wins', async (t) => {
  const variables = {
    WECHAT_MOCK_PORT: '0',
    WECHAT_MOCK_CLOCK: 'virtual',
    WECHAT_MOCK_SEED: '42',
    WECHAT_MOCK_JSON: '1',
    WECHAT_MOCK_QUIET: '1',
    WECHAT_MOCK_SCHEDULE: '1,2',
    WECHAT_MOCK_ACK_TIMEOUT: '100',
    WECHAT_MOCK_HOST: 'localhost',
    WECHAT_MOCK_START_TIME: '',
    WECHAT_MOCK_CONFIG: '',
  }
  const told = await Promise.all(
    [[], ['--seed', '43']].map(async (args) => {
      const mock = wechatMock(t, args, variables)
      const { url, appid, controlUrl } = JSON.parse(await mock.line()) as Record<string, string>
      const world = (await (await fetch(`${controlUrl!}/worlds/default`)).json()) as World
      t.match(world.clock, { mode: 'virtual' })
      await fetch(`${url!}/sns/jscode2session`)
      mock.kill('SIGTERM')
      t.equal((await mock.ended).stderr, '', 'quiet')
      t.match(url, /^http:\/\/localhost:/)
      return appid
    }),
  )
  t.not(told[0], told[1])
})

t.test('quiet prints only why it cannot start', async (t) => {
  const taken = port(await listen(t, () => {}))
  t.match(await wechatMock(t, ['--port', String(taken), '--quiet']).ended, {
    code: 1,
    stdout: '',
    stderr: `port ${taken} of 127.0.0.1 is taken; choose another one (wechat-mock --port 0 takes any that is free)\n`,
  })
})

t.test("refunds are settled on command, over https and with the merchant's certificate", async (t) => {
  const files = fileURLToPath(new URL('../tls/', import.meta.url))
  const mock = wechatMock(t, [
    '--port',
    '0',
    '--json',
    '--cert',
    `${files}server.crt`,
    '--key',
    `${files}server.key`,
    '--client-ca',
    `${files}ca.crt`,
    '--cert-mode',
    'required',
    '--refund-delay',
    '20m',
  ])
  const { url, mchId } = JSON.parse(await mock.line()) as Record<string, string>
  t.match(url, /^https:\/\/127\.0\.0\.1:/)
  const refund = request(`${url!}/secapi/pay/refund`, { method: 'POST', ca: readFileSync(`${files}ca.crt`) })
  refund.end(`<xml><mch_id>${mchId!}</mch_id></xml>`)
  await t.rejects(once(refund, 'response'), { code: 'ECONNRESET' })

  const never = wechatMock(t, [
    '--port',
    '0',
    '--json',
    '--refund-delay',
    'never',
    '--cert',
    `${files}server.crt`,
    '--key',
    `${files}server.key`,
  ])
  t.ok(JSON.parse(await never.line()))
})

t.test('invalid values are refused with the rule', async (t) => {
  const certificate = fileURLToPath(new URL('../tls/server.crt', import.meta.url))
  const cases: [args: string[], message: RegExp][] = [
    [['--port', '65536'], /'--port <port>'.*whole number from 0 to 65535/],
    [['--port', 'x'], /whole number/],
    [['--ack-timeout', '0'], /whole number from 1/],
    [['--max-journal', '0'], /whole number from 1/],
    [['--clock', 'atomic'], /Allowed choices are virtual, real/],
    [['--schedule', '15,x'], /ENOENT/],
    [['--schedule', '15,'], /current, legacy, gaps in seconds/],
    [['--refund-delay', 'soon'], /a duration such as 20m/],
    [['--cert', '/no/such/file'], /ENOENT/],
    [['--cert', certificate], /--cert and --key belong together/],
    [['--key', certificate], /--cert and --key belong together/],
    [['--cert-mode', 'required'], /certMode: required needs a mock with TLS/],
    [['--settle-url', '/idle'], /settleUrl: must be an absolute/],
    [['--https'], /--cert and --key belong together, and --https needs them/],
    [['--world', 'a b'], /letters, digits/],
    [['--start-time', 'noon'], /It must be a date/],
    [['--auto-pay', 'soon'], /It must be a duration/],
    [['--port', '0', '--ready-file', '/no/such/folder/ready'], /--ready-file: ENOENT/],
    [['--nonsense'], /unknown option '--nonsense'/],
    [
      ['--host', 'no.such.host.invalid', '--port', '0'],
      /cannot listen on no\.such\.host\.invalid port 0: .*ENOTFOUND|EAI_AGAIN/,
    ],
  ]
  for (const [args, message] of cases) {
    t.match(await command(...args), { code: 1, out: '', err: message }, args.join(' '))
  }
})

t.test('limits and strictness apply to every world', async (t) => {
  const mock = wechatMock(t, ['--port', '0', '--json', '--max-journal', '1', '--strict', '--schedule', 'legacy'])
  const { url, controlUrl } = JSON.parse(await mock.line()) as Record<string, string>
  const { appid } = (await (await fetch(`${controlUrl!}/worlds`, { method: 'POST' })).json()) as World
  for (let n = 0; n < 3; n++) await fetch(`${url!}/sns/jscode2session?appid=${String(appid)}`)
  const { entries } = (await (await fetch(`${controlUrl!}/worlds/w1/journal`)).json()) as { entries: object[] }
  t.match(entries, [{ cursor: 3 }])
})

t.test('the environment of an app, for a shell', async (t) => {
  const mock = wechatMock(t, ['--port', '0', '--control-port', '0', '--print-env', '--world', 'mine'])
  let printed = ''
  while (!printed.includes('WECHAT_MOCK_WORLD=')) printed += `${await mock.line()}\n`
  const lines = Object.fromEntries(
    Array.from(printed.matchAll(/^(\w+)=(?:"([^"]*)"|(.*))$/gm), ([, name, long, short]) => [name, long ?? short]),
  ) as Record<string, string>
  t.match(lines, {
    WECHAT_BASE_URL: /^http:/,
    WECHAT_APPID: /^wx/,
    WECHAT_APP_SECRET: /./,
    WECHAT_MCH_ID: /^16/,
    WECHAT_API_KEY: /^.{32}$/,
    WECHAT_API_V3_KEY: /^\w{32}$/,
    WECHAT_SERIAL_NO: /^[0-9A-F]{40}$/,
    WECHAT_PRIVATE_KEY: /^-----BEGIN PRIVATE KEY-----\n[^]*-----END PRIVATE KEY-----$/,
    WECHAT_PUBLIC_KEY_ID: /^PUB_KEY_ID_\d{34}$/,
    WECHAT_PUBLIC_KEY: /^-----BEGIN PUBLIC KEY-----\n/,
    WECHAT_MOCK_URL: /^http:/,
    WECHAT_MOCK_WORLD: 'mine',
  })
  t.not(lines.WECHAT_MOCK_URL, lines.WECHAT_BASE_URL, 'the control API has its own port')
  t.match(await command('login-code', '--url', lines.WECHAT_MOCK_URL!, '--world', 'mine'), { code: 0 })
  t.match(await (await fetch(`${lines.WECHAT_MOCK_URL}/__mock/v1/worlds/mine`)).json(), { appid: lines.WECHAT_APPID })
  mock.kill('SIGTERM')
  t.match(await mock.ended, { code: 0, signal: null })
})

t.test('the ready file exists as long as the mock runs', async (t) => {
  const file = `${t.testdir({})}/ready.json`
  const mock = wechatMock(t, ['--port', '0', '--json', '--ready-file', file])
  const line = await mock.line()
  t.match(await command('wait', '--url', (JSON.parse(line) as Record<string, string>).url!), { code: 0 })
  t.equal(readFileSync(file, 'utf8'), `${line}\n`)
  mock.kill('SIGTERM')
  t.equal((await mock.ended).code, 0)
  t.throws(() => readFileSync(file), { code: 'ENOENT' })
})

t.test('neither event listeners nor waiting clients keep it from stopping', async (t) => {
  const mock = wechatMock(t, ['--port', '0', '--json', '--clock', 'virtual'])
  const { url, controlUrl } = JSON.parse(await mock.line()) as Record<string, string>
  const events = await fetch(`${controlUrl!}/worlds/default/events`)
  t.equal(events.status, 200)
  const waiting = command('wait', '--api', 'notify', '--timeout', '10m', '--url', url!)
  // Asked after it and answered: by now the mock has the other question too.
  await command('login-code', '--url', url!)
  mock.kill('SIGTERM')
  t.match(await mock.ended, { code: 0, signal: null })
  t.match(await waiting, { code: 1 })
  await t.rejects(events.text())
  await t.rejects(fetch(url!))
})

t.test('allowed callers, allowed targets, and automatic behaviour', async (t) => {
  const mock = wechatMock(t, [
    '--port',
    '0',
    '--json',
    '--clock',
    'virtual',
    '--start-time',
    '2026-01-15T12:00:00+08:00',
    '--auto-pay',
    '--allow-host',
    'wechat-mock,mock',
    '--allow-notify-host',
    'shop',
    '--tls-skip-verify',
  ])
  const { url, controlUrl, ...credentials } = JSON.parse(await mock.line()) as Record<string, string>
  const status = async (host: string) => {
    const [response] = await once(get(`${controlUrl!}/worlds`, { headers: { host } }), 'response')
    response.resume()
    return response.statusCode
  }
  t.same([await status('wechat-mock:8090'), await status('mock'), await status('other')], [200, 200, 403])
  const xml = signedXml(
    { credentials: credentials as unknown as Credentials },
    orderFields('http://127.0.0.1:9/notify'),
  )
  await fetch(`${url!}/pay/unifiedorder`, { method: 'POST', body: xml })
  const { out } = await command('advance', '0s', '--url', url!, '--json')
  t.match(JSON.parse(out), {
    from: '2026-01-15T04:00:00.000Z',
    deliveries: [{ verdict: 'connection_refused', reason: /sends to shop only/ }],
  })
})

t.test('the configuration file sets what neither a flag nor a variable does', async (t) => {
  const dir = t.testdir({
    'mock.json': JSON.stringify({
      port: 0,
      strict: true,
      world: 'filed',
      clock: 'virtual',
      schedule: [1, 2],
      json: true,
      autoPay: '20s',
      seed: 5,
      maxJournal: 7,
      allowHost: ['a', 'b'],
    }),
    'broken.json': '{',
    'late.json': JSON.stringify({ schedule: { gaps: [20], immediate: false } }),
    ...Object.fromEntries(
      Object.entries({
        unknown: { ports: 1 },
        nested: { config: 'x' },
        value: { ackTimeout: 'x' },
        flag: { json: 1 },
        nothing: null,
        list: [],
      }).map(([name, config]) => [`${name}.json`, JSON.stringify(config)]),
    ),
  })
  const mock = wechatMock(t, ['--config', `${dir}/mock.json`, '--seed', '6'], { WECHAT_MOCK_CLOCK: 'real' })
  const { controlUrl, world, appid } = JSON.parse(await mock.line()) as Record<string, string>
  t.equal(world, 'filed')
  t.match(await (await fetch(`${controlUrl!}/worlds/filed`)).json(), { clock: { mode: 'real' } }, 'the variable wins')
  const seeded = wechatMock(t, ['--port', '0', '--json', '--seed', '6'])
  t.equal((JSON.parse(await seeded.line()) as Record<string, string>).appid, appid, 'and the flag')

  const late = wechatMock(t, [
    '--port',
    '0',
    '--json',
    '--clock',
    'virtual',
    '--start-time',
    String(NOON),
    '--config',
    `${dir}/late.json`,
  ])
  const { url, ...credentials } = JSON.parse(await late.line()) as Record<string, string>
  await fetch(`${url!}/pay/unifiedorder`, {
    method: 'POST',
    body: signedXml({ credentials: credentials as unknown as Credentials }, orderFields('http://127.0.0.1:9/notify')),
  })
  t.match(await command('pay', '--url', url!), {
    code: 0,
    out: /^order tea-0001 is paid \(\d+\)\nnothing is sent yet; the first notification is due at 2026-01-15T04:00:20\.000Z\n$/,
  })

  const cases: [file: string, message: RegExp][] = [
    ['broken', /configuration file .*broken\.json: .*JSON/],
    ['missing', /ENOENT/],
    ['unknown', /unknown option ports; known: port, host, controlPort/],
    ['nested', /unknown option config/],
    ['value', /ackTimeout: It must be a whole number/],
    ['flag', /json: It must be true or false/],
    ['nothing', /It must be an object of flags; got null/],
    ['list', /It must be an object of flags; got \[\]/],
  ]
  for (const [file, message] of cases) {
    const told = await command('--port', '0', '--config', `${dir}/${file}.json`)
    t.match(told, { code: 1, out: '', err: message }, file)
    t.equal(told.err.match(/^error: the configuration file/gm)?.length, 1, `${file}: reported once`)
  }
})

t.test(
  'without a seed, credentials and openids differ from run to run, in every world; the printed seed reproduces them',
  async (t) => {
    const identities = async (...args: string[]) => {
      const mock = wechatMock(t, ['--port', '0', '--json', '--quiet', '--clock', 'virtual', ...args])
      const { controlUrl, seed, appid, apiKey } = JSON.parse(await mock.line()) as Record<string, string>
      const post = async (path: string) =>
        (await (await fetch(`${controlUrl}${path}`, { method: 'POST', body: '{}' })).json()) as Record<string, string>
      const { openid } = await post('/worlds/default/login-codes')
      const other = await post('/worlds')
      mock.kill('SIGTERM')
      return { seed: seed!, told: [appid, apiKey, openid, other.appid, other.apiKey] }
    }
    const [first, second] = await Promise.all([identities(), identities()])
    t.match(first.seed, /^[0-9a-f]{8}$/)
    for (const [n, told] of first.told.entries()) t.not(told, second.told[n])
    t.strictSame(await identities('--seed', first.seed), first)
  },
)
