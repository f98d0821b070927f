import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { CommandError, createAsk, NoAnswer } from '../../../mock-server/cli/client.ts'
import { deadUrl, listen, port, startMock } from '../helpers.ts'

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

t.test('asks the mock, whatever path its address has', async (t) => {
  const mock = await startMock(t)
  for (const at of [mock.url, mock.controlUrl]) {
    const ask = createAsk(new URL(at))
    t.match(await ask('GET', '/__mock/v1/worlds'), [{ id: 'default' }])
    t.match(await ask('POST', '/__mock/v1/worlds/default/login-codes', { openid: 'o-alice' }), { openid: 'o-alice' })
  }
})

t.test('over https, with the certificate that a mock has', async (t) => {
  const pem = (name: string) => readFileSync(new URL(`../tls/${name}`, import.meta.url))
  const mock = await startMock(t, { tls: { key: pem('server.key'), cert: pem('server.crt') } })
  t.match(await createAsk(new URL(mock.url))('GET', '/readyz'), { status: 'ready' })
})

t.test('what keeps it from an answer', async (t) => {
  const mock = await startMock(t)
  const cases: [ask: ReturnType<typeof createAsk>, message: RegExp, nobody: boolean][] = [
    [
      createAsk(new URL(await deadUrl())),
      /^nothing listens at http:\/\/127\.0\.0\.1:\d+; start the mock .*--url/,
      true,
    ],
    [createAsk(new URL(`https://127.0.0.1:${new URL(mock.url).port}`)), /cannot be reached: /, true],
    [createAsk(new URL(mock.url)), /^UNKNOWN_WORLD: there is no world nowhere; known: default$/, false],
    [await answering(t, 200, '<html>'), /is no wechat-mock \(HTTP 200 to GET \/__mock/, false],
    [await answering(t, 500, '{}'), /^HTTP 500 to GET .*: {}$/, false],
  ]
  for (const [ask, message, nobody] of cases) {
    const error = await ask('GET', '/__mock/v1/worlds/nowhere').catch((error: unknown) => error)
    t.match(error, { message }, String(message))
    t.ok(error instanceof CommandError)
    t.equal(error instanceof NoAnswer, nobody)
  }
})
