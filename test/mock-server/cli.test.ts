import t from 'tap'
import { wechatMock } from './cli/run.ts'

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
    t.same(Object.keys(told), ['url', 'controlUrl', 'world', 'appid', 'appSecret', 'mchId', 'apiKey'])
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
