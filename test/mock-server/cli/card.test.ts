import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { createMockWechat } from '../../../mock-server/index.ts'
import { deadUrl, startMock } from '../helpers.ts'
import { startToy, type Toy } from '../report/toy/server.ts'
import { command } from './run.ts'

/** A toy configured for the WeChat that `card run` starts, with the credentials of its seed. */
async function toyAt(bugs: readonly string[] = []): Promise<{ toy: Toy; port: string; stop: () => Promise<void> }> {
  const port = new URL(await deadUrl()).port
  const twin = await createMockWechat({ world: { seed: 'docs' } })
  const { credentials, merchants } = twin.default
  const world = { id: 'card', baseUrl: `http://127.0.0.1:${port}`, credentials, merchants, clock: twin.default.clock }
  const toy = await startToy(world as never, bugs)
  return {
    toy,
    port,
    stop: async () => {
      await toy.close()
      await twin.close()
    },
  }
}

t.test('card run: from level L0 to L2, with its files', async (t) => {
  const { toy, port, stop } = await toyAt(['no-verify'])
  t.teardown(stop)
  const dir = t.testdir({})
  const target = ['card', 'run', '--port', port, '--notify-url', toy.notifyUrl]
  const l0 = await command(...target, '--only', 'N-101,N-301')
  t.match(l0, { code: 0, out: /^Money-safe: unknown/, err: /SKIP {2}N-101/ }, 'it refuses unknown orders')

  const steps = [
    '--order-url',
    toy.orderUrl,
    '--close-url',
    toy.closeUrl,
    '--probe-url',
    toy.probeUrl,
    '--refund-url',
    toy.refundUrl,
    '--settle',
    '200',
  ]
  const files = ['junit', 'md', 'html'].flatMap((form) => [`--${form}`, `${dir}/card.${form}`])
  const l2 = await command(...target, ...steps, ...files, '--only', 'N-101', '--only', 'N-301')
  t.match(l2, { code: 1, out: /^Money-safe: no \(1 case\)\nnotify@1 at level L2/ })
  t.match(readFileSync(`${dir}/card.junit`, 'utf8'), '<testsuite name="notify@1"')
  t.match(readFileSync(`${dir}/card.md`, 'utf8'), '# Money-safe: no')
  t.match(readFileSync(`${dir}/card.html`, 'utf8'), '<!doctype html>')

  const json = await command(...target, ...steps, '--only', 'N-301', '--json', '--fail-on', 'security')
  t.equal(json.code, 0, '--fail-on leaves money out')
  t.match(JSON.parse(json.out), { suite: 'notify@1', results: [{ id: 'N-301', verdict: 'FAIL' }] })
  writeFileSync(`${dir}/known.json`, json.out)
  writeFileSync(`${dir}/known.txt`, 'N-301\nN-101 # fixed\n')
  t.equal((await command(...target, ...steps, '--only', 'N-301', '--baseline', `${dir}/known.json`)).code, 0)
  t.match(await command(...target, ...steps, '--only', 'N-101,N-301', '--baseline', `${dir}/known.txt`), {
    code: 1,
    err: /N-101 is in the baseline but did not fail/,
  })

  const byCommands = [
    '--order-cmd',
    `curl -sf -X POST "${toy.orderUrl.replace(/\?.*/, '')}?openid=$OPENID&fee=$FEE"`,
    '--verify-cmd',
    `curl -sf "${toy.probeUrl.replace(/\{.*/, '')}$OUT_TRADE_NO"`,
    '--restart-cmd',
    'true',
  ]
  t.match(await command(...target, ...byCommands, '--only', 'N-201'), { code: 0, out: /level L2/ })
})

t.test("card run: another merchant's credentials", async (t) => {
  const { toy, port, stop } = await toyAt()
  t.teardown(stop)
  const other = [
    '--mch-id',
    '1900000109',
    '--appid',
    'wx8888888888888888',
    '--app-secret',
    'a'.repeat(32),
    '--api-key',
    'k'.repeat(32),
    '--api-v3-key',
    '3'.repeat(32),
    '--sign-type',
    'HMAC-SHA256',
    '--key-mode',
    'certificate',
  ]
  const { code, out } = await command(
    'card',
    'run',
    '--port',
    port,
    '--notify-url',
    toy.notifyUrl,
    ...other,
    '--only',
    'N-501',
  )
  t.match({ code, out }, { code: 0, out: /1 PASS/ })
})

t.test('card run: what it refuses', async (t) => {
  const mock = await startMock(t)
  const taken = new URL(mock.url).port
  const refusals: [string[], RegExp][] = [
    [['--port', '0'], /notifyUrl.*missing/],
    [['--port', '0', '--notify-url', 'https://pay.example.com/n'], /--i-own-this-host/],
    [['--port', taken, '--notify-url', 'http://127.0.0.1:1/n'], /port \d+ is in use: the card starts its own WeChat/],
    [['--port', '0', '--notify-url', 'http://127.0.0.1:1/n', '--fail-on', 'all'], /must be some of money/],
  ]
  for (const [flags, err] of refusals) {
    t.match(await command('card', 'run', ...flags), { code: 2, err }, flags.join(' '))
  }
  await t.rejects(
    command('card', 'run', '--port', '0', '--host', '192.0.2.1', '--notify-url', 'http://127.0.0.1:1/n'),
    { code: 'EADDRNOTAVAIL' },
  )
})

t.test('card list, card explain', async (t) => {
  t.match(await command('card', 'list'), { code: 0, out: /^notify@1 Baseline\n {2}N-101/ })
  t.match(await command('card', 'explain', 'n-206'), { code: 0, out: /^N-206 The notification overtakes/ })
  t.match(await command('card', 'list', '--lang', 'zh', '--version', 'login'), {
    code: 0,
    out: /^login@1 基础\n {2}L-101/,
  })
  t.match(await command('card', 'explain', 'n-206', '--lang', 'zh'), {
    code: 0,
    out: /^N-206 通知先于统一下单的应答到达/,
  })
  t.match(await command('card', 'explain', 'N-0'), { code: 1, err: /there is no case N-0/ })
})
