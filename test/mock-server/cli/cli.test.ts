import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import t, { type Test } from 'tap'
import {
  address,
  amounts,
  duration,
  durationOrNever,
  list,
  moment,
  name,
  schedule,
  text,
  whole,
} from '../../../mock-server/cli/arguments.ts'
import { banner } from '../../../mock-server/cli/banner.ts'
import { CommandError, createAsk, NoAnswer } from '../../../mock-server/cli/client.ts'
import { fromVariable, heedOff, inContainer, isLoopback } from '../../../mock-server/cli/environment.ts'
import { shellLines } from '../../../mock-server/ledger/environment.ts'
import { run } from '../../../mock-server/cli/program.ts'
import { VERSION } from '../../../mock-server/version.ts'
import { deadUrl, listen, NOON, port, startMock } from '../helpers.ts'
import { command, wechatMock } from './run.ts'

t.test('values that are accepted', async (t) => {
  const dir = t.testdir({
    'gaps.json': '[15, 15,\n 30]\n',
    'gaps.txt': '1\n2\n',
    'late.json': '{ "immediate": false }\n',
  })
  t.equal(whole(0, 5)('5'), 5)
  t.equal(duration('1m'), 60_000)
  t.equal(durationOrNever('never'), 'never')
  t.equal(durationOrNever('20s'), 20_000)
  t.same(list('a, b,,c'), ['a', 'b', 'c'])
  t.same(list('c', ['a']), ['a', 'c'])
  t.same(amounts('10,20'), [10, 20])
  t.same(amounts('30', [10]), [10, 30])
  t.same(moment(String(NOON)), new Date(NOON))
  t.same(moment('2026-01-15T12:00:00+08:00'), new Date(NOON))
  t.same(moment('2026-01-15T04:00:00Z'), new Date(NOON))
  t.equal(name('w-1_a.b'), 'w-1_a.b')
  t.equal(address('http://127.0.0.1:8090/x').origin, 'http://127.0.0.1:8090')
  t.equal(text(`${dir}/gaps.txt`), '1\n2\n')
  for (const told of ['current', 'legacy'] as const) t.equal(schedule(told), told)
  t.equal(schedule('2019'), 'current')
  t.same(schedule('1,2'), [1, 2])
  t.same(schedule(`${dir}/gaps.json`), [15, 15, 30])
  t.same(schedule(`${dir}/gaps.txt`), [1, 2])
  t.same(schedule('{"gaps":[1],"immediate":false}'), { gaps: [1], immediate: false })
  t.same(schedule(`${dir}/late.json`), { immediate: false })
})

t.test('values that are refused', async (t) => {
  const dir = t.testdir({ words: 'soon, later' })
  const cases: [read: (text: string) => unknown, text: string, message: RegExp][] = [
    [whole(1, 5), '0', /from 1 to 5/],
    [whole(1, 5), '6', /from 1 to 5/],
    [whole(1, 5), '1.5', /whole number/],
    [whole(1, 5), '', /whole number/],
    [duration, 'soon', /20m, 5s or 100ms/],
    [duration, 'never', /20m/],
    [durationOrNever, 'x', /20m/],
    [amounts, '0', /from 1/],
    [moment, 'yesterday', /2026-01-15T12/],
    [moment, '2026-01-15T25:00Z', /2026-01-15T12/],
    [moment, '2026-01-15', /2026-01-15T12/],
    [moment, '2026-01-15T12:00:00', /2026-01-15T12/],
    [name, 'a b', /letters/],
    [name, '', /letters/],
    [address, '127.0.0.1:8090', /http:/],
    [address, 'http://:x', /http:/],
    [text, '/no/such/file', /ENOENT/],
    [schedule, '15,', /gaps in seconds/],
    [schedule, '15,x', /gaps in seconds such as .* ENOENT/],
    [schedule, '{', /JSON/],
    [schedule, '{"gaps":"never"}', /schedule.gaps: must be current, legacy/],
    [schedule, `${dir}/words`, /gaps in seconds/],
  ]
  for (const [read, text, message] of cases) {
    t.throws(() => read(text), { code: 'commander.invalidArgument', message }, text)
  }
})

t.test('the banner at the start', async (t) => {
  const mock = await startMock(t)
  const told = banner(mock, 'k3f9', false)
  t.equal(
    told,
    `WeChat mock at ${mock.url} on the virtual clock; control at ${mock.controlUrl}
Open ${mock.url}/ in a browser to see what happens.
Use it as api.weixin.qq.com and api.mch.weixin.qq.com, with the credentials of the world "default":

WECHAT_BASE_URL=${mock.url}
WECHAT_APPID=${mock.default.credentials.appid}
WECHAT_APP_SECRET=${mock.default.credentials.appSecret}
WECHAT_MCH_ID=${mock.default.credentials.mchId}
WECHAT_API_KEY=${mock.default.credentials.apiKey}
WECHAT_API_V3_KEY=${mock.default.credentials.v3.apiV3Key}
WECHAT_SERIAL_NO=${mock.default.credentials.v3.serialNo}
WECHAT_PUBLIC_KEY_ID=${mock.default.credentials.v3.publicKeyId}

The keys of API v3: --print-env, or --json.
To try a notify handler without an app: wechat-mock order --notify-url URL
To have the same credentials and openids next time: --seed k3f9
`,
  )
  t.match(
    banner(mock, 'k3f9', true),
    new RegExp(`^${told.slice(0, 20)}.*In a container this address is unreachable`, 's'),
  )
})

const answering = async (t: Test, status: number, body: string) =>
  createAsk(
    new URL(
      `http://127.0.0.1:${port(
        await listen(t, (_request, response) => {
          response.writeHead(status).end(body)
        }),
      )}`,
    ),
  )

t.test('calls the mock, whatever the path of its address', async (t) => {
  const mock = await startMock(t)
  for (const at of [mock.url, mock.controlUrl]) {
    const ask = createAsk(new URL(at))
    t.match(await ask('GET', '/__mock/v1/worlds'), [{ id: 'default' }])
    t.match(await ask('POST', '/__mock/v1/worlds/default/login-codes', { openid: 'o-alice' }), { openid: 'o-alice' })
  }
})

t.test("over https, with the mock's certificate", async (t) => {
  const pem = (name: string) => readFileSync(new URL(`../tls/${name}`, import.meta.url))
  const mock = await startMock(t, { tls: { key: pem('server.key'), cert: pem('server.crt') } })
  t.match(await createAsk(new URL(mock.url))('GET', '/readyz'), { status: 'ready' })
})

t.test('reasons for no answer', async (t) => {
  const mock = await startMock(t)
  const cases: [ask: ReturnType<typeof createAsk>, message: RegExp, nobody: boolean][] = [
    [
      createAsk(new URL(await deadUrl())),
      /^nothing listens at http:\/\/127\.0\.0\.1:\d+; start the mock .*--url/,
      true,
    ],
    [createAsk(new URL(`https://127.0.0.1:${new URL(mock.url).port}`)), /cannot be reached: /, true],
    [createAsk(new URL(mock.url)), /^UNKNOWN_WORLD: there is no world nowhere; known: default$/, false],
    [await answering(t, 200, '<html>'), /is not a wechat-mock \(HTTP 200 to GET \/__mock/, false],
    [await answering(t, 500, '{}'), /^HTTP 500 to GET .*: {}$/, false],
  ]
  for (const [ask, message, nobody] of cases) {
    const error = await ask('GET', '/__mock/v1/worlds/nowhere').catch((error: unknown) => error)
    t.match(error, { message }, String(message))
    t.ok(error instanceof CommandError)
    t.equal(error instanceof NoAnswer, nobody)
  }
})

t.test('the lines for a shell', async (t) => {
  t.equal(
    shellLines({ WECHAT_BASE_URL: 'http://127.0.0.1:8090', WECHAT_APPID: 'wx1' }),
    'WECHAT_BASE_URL=http://127.0.0.1:8090\nWECHAT_APPID=wx1\n',
  )
})

t.test('which addresses are unreachable from outside', async (t) => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '192.168.1.2', 'wechat-mock', 'localhost.example']) {
    t.notOk(isLoopback(host), host)
  }
})

t.test('a container has a marker file', async (t) => {
  t.equal(inContainer([`${t.testdir({ mark: '' })}/mark`]), true)
  t.equal(inContainer(['/no/such/file']), false)
  t.type(inContainer(), 'boolean')
})

t.test('a variable can say no to a flag, and an empty one says nothing', async (t) => {
  const read = (strict: string, args: string[] = [], name = '0') => {
    process.env.HEED_STRICT = strict
    process.env.HEED_NAME = name
    const command = new Command()
      .addOption(fromVariable(new Option('--strict'), 'HEED_STRICT'))
      .addOption(fromVariable(new Option('--name <name>').default('none'), 'HEED_NAME'))
      .addOption(new Option('--other'))
      .parse(args, { from: 'user' })
    heedOff(command)
    return command.opts<{ strict?: boolean; name: string }>()
  }
  t.teardown(() => {
    delete process.env.HEED_STRICT
    delete process.env.HEED_NAME
  })
  for (const word of ['1', 'true', 'yes', 'on']) t.same(read(word), { strict: true, name: '0' }, word)
  for (const word of ['', '0', 'false', 'FALSE', 'no', 'off']) t.equal(read(word).strict, undefined, word)
  t.equal(read('0', ['--strict']).strict, true, 'the flag wins')
  t.same(read('', [], ''), { name: 'none' })
})

t.test('help and version are not errors', async (t) => {
  t.match(await command('--version'), { code: 0, out: `${VERSION}\n`, err: '' })
  const { code, out } = await command('--help')
  t.equal(code, 0)
  for (const name of ['serve', 'login-code', 'pay', 'deliver', 'advance', 'wait', 'doctor', '--port', '--world']) {
    t.match(out, name)
  }
  for (const name of ['login-code', 'pay', 'deliver', 'advance', 'wait', 'doctor']) {
    t.match(
      (await command(name, '--help')).out.replace(/\s+/g, ' '),
      /--url .*WECHAT_MOCK_URL.*--world .*WECHAT_MOCK_WORLD.*--json .*WECHAT_MOCK_JSON/,
      name,
    )
  }
})

t.test('commands it does not understand', async (t) => {
  const cases: [args: string[], message: RegExp][] = [
    [['advance'], /give exactly one of a duration, --next and --to/],
    [['advance', '15s', '--next', '1'], /give exactly one of a duration, --next and --to/],
    [['advance', '--next', '0'], /'--next <n>' argument '0' is invalid. It must be a whole number from 1/],
    [['advance', '--to', 'soon'], /'--to <time>' argument 'soon' is invalid. It must be a date/],
    [['pay', '--nonsense'], /unknown option '--nonsense'/],
    [['pay', 'a', 'b'], /too many arguments/],
    [['pay', '--url', 'nonsense'], /http:\/\/127\.0\.0\.1:8090/],
    [['wait', '--api', 'micropay'], /Allowed choices are unifiedorder/],
    [['wait', '--count', '0'], /whole number from 1/],
    [
      ['nonsense'],
      /unknown command 'nonsense'; there are serve, order, login-code, pay, deliver, advance, rotate, wait, doctor/,
    ],
    [['--port', '0', 'nonsense'], /unknown command 'nonsense'/],
  ]
  for (const [args, message] of cases) {
    t.match(await command(...args), { code: 1, out: '', err: message }, args.join(' '))
  }
})

t.test('a bug is not hidden', async (t) => {
  const broken = new Error('broken pipe')
  await t.rejects(
    run(['login-code', '--url', 'http://127.0.0.1:1'], {
      out: () => {},
      err: () => {
        throw broken
      },
    }),
    broken,
  )
  await t.rejects(
    run(['--version'], {
      out: () => {
        throw broken
      },
      err: () => {},
    }),
    broken,
  )
})

t.test('every command respects a variable set to no', async (t) => {
  process.env.WECHAT_MOCK_JSON = '0'
  t.teardown(() => {
    delete process.env.WECHAT_MOCK_JSON
  })
  const { default: world, url } = await startMock(t)
  t.match(await command('login-code', '--url', url), { code: 0, out: /^0\w{31}\n$/ })
  t.equal(world.users().length, 1)
})

t.test('--help shows the commands and every flag with its variable', async (t) => {
  const { code, stdout, stderr } = await wechatMock(t, ['--help']).ended
  t.equal(code, 0)
  t.equal(stderr, '')
  for (const name of [
    'PORT',
    'HOST',
    'CLOCK',
    'SEED',
    'SCHEDULE',
    'ACK_TIMEOUT',
    'MAX_JOURNAL',
    'STRICT',
    'JSON',
    'QUIET',
  ]) {
    t.match(stdout, `--${name.toLowerCase().replace('_', '-')}`)
    t.match(stdout.replace(/\s+/g, ' '), `WECHAT_MOCK_${name}`)
  }
})

t.test('without a command it serves; stdout begins with the one line of --json', async (t) => {
  for (const args of [
    ['--port', '0', '--json'],
    ['serve', '--port', '0', '--json'],
  ]) {
    const mock = wechatMock(t, args)
    const line = await mock.line()
    const told = JSON.parse(line) as Record<string, string>
    t.same(Object.keys(told), [
      'url',
      'controlUrl',
      'world',
      'seed',
      'appid',
      'appSecret',
      'mchId',
      'apiKey',
      'cert',
      'v3',
      'p12',
    ])
    t.match(told, { url: /^http:\/\/127\.0\.0\.1:\d+$/, controlUrl: `${told.url}/__mock/v1`, world: 'default' })
    const world = await (await fetch(`${told.controlUrl}/worlds/default`)).json()
    t.match(world, {
      appid: told.appid,
      appSecret: told.appSecret,
      mchId: told.mchId,
      apiKey: told.apiKey,
      clock: { mode: 'real' },
    })
    mock.kill('SIGTERM')
    t.match(await mock.ended, { code: 0, signal: null, stdout: `${line}\n`, stderr: '' })
  }
})

t.test('the command ends silently when the reader of its pipe is gone', async (t) => {
  const { unread, ended } = wechatMock(t, ['--help'])
  unread()
  t.match(await ended, { code: 1, stderr: '' })
})
