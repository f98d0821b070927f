import { get } from 'node:http'
import t from 'tap'
import { checkCaller } from '../../../mock-server/control/guard.ts'
import { startMock } from '../helpers.ts'

const good: [host: string, origin?: string][] = [
  ['127.0.0.1:8090'],
  ['127.0.0.1'],
  ['[::1]:8090'],
  ['192.168.1.7:8090'],
  ['localhost:8090'],
  ['wechat.localhost:8090'],
  ['mock:8090'],
  ['wechat-mock:8090'],
  ['LOCALHOST:8090'],
  ['WeChat.LocalHost'],
  ['MOCK'],
  ['127.0.0.1:8090', 'http://127.0.0.1:8090'],
]
for (const [host, origin] of good) {
  t.doesNotThrow(
    () => checkCaller({ headers: { host, origin }, protocol: 'http' }, ['Mock', 'wechat-mock']),
    `${host} ${origin}`,
  )
}
t.doesNotThrow(() =>
  checkCaller({ headers: { host: 'localhost', origin: 'https://localhost' }, protocol: 'https' }, []),
)

const bad: [host: string | undefined, origin: string | undefined, code: string][] = [
  ['evil.example:8090', undefined, 'FORBIDDEN_HOST'],
  ['127.0.0.1.evil.example', undefined, 'FORBIDDEN_HOST'],
  ['notlocalhost:8090', undefined, 'FORBIDDEN_HOST'],
  [undefined, undefined, 'FORBIDDEN_HOST'],
  ['127.0.0.1:8090', 'http://evil.example', 'FORBIDDEN_ORIGIN'],
  ['127.0.0.1:8090', 'http://127.0.0.1:3000', 'FORBIDDEN_ORIGIN'],
  ['127.0.0.1:8090', 'https://127.0.0.1:8090', 'FORBIDDEN_ORIGIN'],
  ['127.0.0.1:8090', 'null', 'FORBIDDEN_ORIGIN'],
]
for (const [host, origin, code] of bad) {
  t.throws(
    () => checkCaller({ headers: { host, origin }, protocol: 'http' }, ['mock']),
    { code, statusCode: 403 },
    `${host} ${origin}`,
  )
}

t.test('a foreign page can neither read nor steer', async (t) => {
  const mock = await startMock(t)
  const response = await fetch(`${mock.controlUrl}/worlds`, { headers: { origin: 'http://evil.example' } })
  t.equal(response.status, 403)
  t.match(await response.json(), {
    code: 'FORBIDDEN_ORIGIN',
    message: 'a page of http://evil.example may not steer the mock',
  })
  t.equal(response.headers.get('access-control-allow-origin'), null)
})

t.test('what tells of the worlds or of the control API is guarded too; what a supervisor asks is not', async (t) => {
  const mock = await startMock(t)
  const evil = (path: string) =>
    new Promise<number | undefined>((resolve) => {
      get(`${mock.url}${path}`, { headers: { host: 'evil.example' } }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
    })
  for (const path of ['/__mock/v1/worlds', '/__mock/openapi.json', '/metrics']) t.equal(await evil(path), 403, path)
  for (const path of ['/healthz', '/readyz', '/version']) t.equal(await evil(path), 200, path)
})
