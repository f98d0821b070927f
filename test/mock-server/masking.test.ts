import t from 'tap'
import { masked } from '../../mock-server/masking.ts'
import { startMock } from './helpers.ts'
import { exchangeCode, getStableToken } from './login.ts'

t.test('secrets are masked by their name, wherever they stand', async (t) => {
  const cases: [text: string, shown: string][] = [
    ['/cgi-bin/token?appid=wx1&secret=abc&grant_type=x', '/cgi-bin/token?appid=wx1&secret=<appSecret>&grant_type=x'],
    ['/cgi-bin/token?secret=abc', '/cgi-bin/token?secret=<appSecret>'],
    ['secret=abc&appid=wx1', 'secret=<appSecret>&appid=wx1'],
    ['{"appid":"wx1","secret":"a\\"b","x":1}', '{"appid":"wx1","secret":"<appSecret>","x":1}'],
    ['{ "secret" : "abc" }', '{ "secret" : "<appSecret>" }'],
    ['/cgi-bin/token?appid=wx1&%73e%63ret=abc', '/cgi-bin/token?appid=wx1&%73e%63ret=<appSecret>'],
    ['{"\\u0073ecre\\u0074":"abc"}', '{"\\u0073ecre\\u0074":"<appSecret>"}'],
    ['/sns/jscode2session?js_code=secret&mysecret=1', '/sns/jscode2session?js_code=secret&mysecret=1'],
    ['<xml><secret>1</secret></xml>', '<xml><secret>1</secret></xml>'],
  ]
  for (const [text, shown] of cases) t.equal(masked(text), shown, text)
})

t.test('a secret that is known is masked under any name, unless it is a word that may mean anything', async (t) => {
  t.equal(masked('/?Secret=0123abcd#0123abcd', '0123abcd'), '/?Secret=<appSecret>#<appSecret>')
  t.equal(masked('/pay?a=pay', 'pay'), '/pay?a=pay')
})

t.test('neither the journal nor the log has an AppSecret', async (t) => {
  const lines: string[] = []
  const mock = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  const world = mock.default
  const { appSecret } = world.credentials
  await exchangeCode(world, { js_code: world.loginCode().code })
  await exchangeCode(world, { js_code: 'x', secret: 'of-another-app' })
  await getStableToken(world)
  await fetch(`${mock.url}/cgi-bin/tokens?secret=${appSecret}`)
  await fetch(`${mock.url}/cgi-bin/tokens?key=${appSecret}`)
  await fetch(`${mock.url}/sns/jscode2session?%73ecret=of-another-app`, {
    headers: { 'x-from': `/${appSecret}`, 'x-page': '/?secret=of-another-app' },
  })
  await fetch(`${mock.url}/cgi-bin/stable_token`, { method: 'POST', body: '{"\\u0073ecret":"of-another-app"}' })
  const kept = JSON.stringify(world.journal.entries()) + lines.join('\n') + JSON.stringify(world.events.since(0))
  for (const secret of [appSecret, 'of-another-app']) t.notOk(kept.includes(secret), secret)
  world.verify({ fields: { secret: '<appSecret>' } }, 6)
})
