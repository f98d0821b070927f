import t from 'tap'
import { run } from '../../../mock-server/cli/program.ts'
import { VERSION } from '../../../mock-server/version.ts'
import { startMock } from '../helpers.ts'
import { command } from './run.ts'

t.test('help and version are no errors', async (t) => {
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

t.test('what it does not understand', async (t) => {
  const cases: [args: string[], message: RegExp][] = [
    [['advance'], /say one of a duration, --next and --to/],
    [['advance', '15s', '--next', '1'], /say one of a duration, --next and --to/],
    [['advance', '--next', '0'], /'--next <n>' argument '0' is invalid. It must be a whole number from 1/],
    [['advance', '--to', 'soon'], /'--to <time>' argument 'soon' is invalid. It must be a date/],
    [['pay', '--nonsense'], /unknown option '--nonsense'/],
    [['pay', 'a', 'b'], /too many arguments/],
    [['pay', '--url', 'nonsense'], /http:\/\/127\.0\.0\.1:8090/],
    [['wait', '--api', 'micropay'], /Allowed choices are unifiedorder/],
    [['wait', '--count', '0'], /whole number from 1/],
    [['nonsense'], /unknown command 'nonsense'; there are serve, login-code, pay, deliver, advance, wait, doctor/],
    [['--port', '0', 'nonsense'], /unknown command 'nonsense'/],
  ]
  for (const [args, message] of cases) {
    t.match(await command(...args), { code: 1, out: '', err: message }, args.join(' '))
  }
})

t.test('a mistake of its own is not hidden', async (t) => {
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

t.test('every command heeds a variable that says no', async (t) => {
  process.env.WECHAT_MOCK_JSON = '0'
  t.teardown(() => {
    delete process.env.WECHAT_MOCK_JSON
  })
  const { default: world, url } = await startMock(t)
  t.match(await command('login-code', '--url', url), { code: 0, out: /^0\w{31}\n$/ })
  t.equal(world.users().length, 1)
})
