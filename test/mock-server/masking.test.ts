import t from 'tap'
import { masked } from '../../mock-server/masking.ts'
import { startMock } from './helpers.ts'
import { exchangeCode, getStableToken } from './login.ts'

t.test('secrets are masked by their name, wherever they stand', async t => {
  const cases: [text: string, shown: string][] = [
    ['/cgi-bin/token?appid=wx1&secret=abc&grant_type=x', '/cgi-bin/token?appid=wx1&secret=<appSecret>&grant_type=x'],
    ['/cgi-bin/token?secret=abc', '/cgi-bin/token?secret=<appSecret>'],
    ['secret=abc&appid=wx1', 'secret=<appSecret>&appid=wx1'],
    ['{"appid":"wx1","secret":"a\\"b","x":1}', '{"appid":"wx1","secret":"<appSecret>","x":1}'],
    ['{ "secret" : "abc" }', '{ "secret" : "<appSecret>" }'],
    ['/sns/jscode2session?js_code=secret&mysecret=1', '/sns/jscode2session?js_code=secret&mysecret=1'],
    ['<xml><secret>1</secret></xml>', '<xml><secret>1</secret></xml>']
  ]
  for (const [text, shown] of cases) t.equal(masked(text), shown, text)
})

t.test('neither the journal nor the log has an AppSecret', async t => {
  const lines: string[] = []
  const mock = await startMock(t, { log: line => { lines.push(line) } })
  const world = mock.default
  const { appSecret } = world.credentials
  await exchangeCode(world, { js_code: world.loginCode().code })
  await exchangeCode(world, { js_code: 'x', secret: 'of-another-app' })
  await getStableToken(world)
  await fetch(`${mock.url}/cgi-bin/tokens?secret=${appSecret}`)
  const kept = JSON.stringify(world.journal.entries()) + lines.join('\n') + JSON.stringify(world.events.since(0))
  for (const secret of [appSecret, 'of-another-app']) t.notMatch(kept, secret)
  world.verify({ fields: { secret: '<appSecret>' } }, 4)
})
