import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import type { ClientCert } from '../../src/client/certificate.ts'
import { createHttp } from '../../src/client/http.ts'
import type { HttpOptions, HttpRequest } from '../../src/client/http.ts'
import { WechatError } from '../../src/errors.ts'
import { Secret } from '../../src/base/secret.ts'
import { connectProxy } from '../connect-proxy.ts'
import { serve, shown } from '../fixtures.ts'

const LOGIN: HttpRequest = { method: 'GET', path: '/sns/jscode2session?js_code=c0de', repeatable: false }
const REFUND: HttpRequest = {
  method: 'POST',
  path: '/secapi/pay/refund',
  body: '<xml><total_fee>1250</total_fee></xml>',
  headers: { 'content-type': 'text/xml' },
  repeatable: true,
}
const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(new URL(`../tls/${name}`, import.meta.url))) as [
  Buffer,
  Buffer,
]
// The CA of the test's own server is given beside the certificate, which a merchant cannot do.
const WITH_CERT = { cert, key, ca: cert } as ClientCert
const WITHOUT_CERT = { ca: cert } as unknown as ClientCert

/** A WeChat with TLS that answers with the request's path and the name in the client's certificate. */
async function wechat(t: Test): Promise<{ origin: string; port: number }> {
  const server = createHttpsServer(
    { cert, key, ca: cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate()
      response.end(`${request.url} ${subject?.CN ?? 'nobody'}`)
    },
  )
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `https://127.0.0.1:${port}`, port }
}

function client(t: Test, hosts: string[], proxy: string, options: Partial<HttpOptions> = {}) {
  const http = createHttp({
    hosts,
    timeoutMs: 5000,
    now: () => new Date(),
    pause: async () => {},
    proxy: new Secret(proxy),
    ...options,
  })
  t.teardown(() => http.close())
  return http
}

async function failure(promise: Promise<unknown>): Promise<WechatError> {
  const error = await promise.then(
    (value) => {
      throw new Error(`it succeeded: ${inspect(value)}`)
    },
    (error: unknown) => error,
  )
  if (error instanceof WechatError) return error
  throw error
}

t.test('through a proxy, TLS is between us and WeChat, with the client certificate inside it', async (t) => {
  const { origin, port } = await wechat(t)
  const proxy = await connectProxy(t)
  const login = await client(t, [origin], proxy.url, { cert: WITHOUT_CERT }).send(LOGIN)
  t.strictSame(shown(login), { status: 200, text: `${LOGIN.path} nobody` })
  const http = client(t, [origin], proxy.url, { cert: WITH_CERT })
  const refund = await http.send(REFUND)
  t.strictSame(shown(refund), { status: 200, text: `${REFUND.path} fastify-wechat-pay test` })
  for (let times = 0; times < 5; times++) await http.send(REFUND)
  t.strictSame(new Set(proxy.asked.map(({ authority }) => authority)), new Set([`127.0.0.1:${port}`]))
  t.ok(proxy.asked.length < 5, 'the tunnel is kept for the next call')
  t.match(proxy.asked[0]?.headers, { host: `127.0.0.1:${port}`, 'proxy-authorization': undefined })
  t.notMatch(proxy.seen(), /jscode2session|c0de|refund|1250|fastify-wechat-pay test.*-----/, 'the proxy reads nothing')
})

t.test('the proxy resolves the name, with the default port of the scheme', async (t) => {
  const proxy = await connectProxy(t, { instead: (socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n') })
  for (const [host, authority] of [
    ['https://api.wechat.invalid', 'api.wechat.invalid:443'],
    ['http://api.wechat.invalid', 'api.wechat.invalid:80'],
    ['https://api.wechat.invalid:8443', 'api.wechat.invalid:8443'],
    ['https://[::1]', '[::1]:443'],
  ] as const) {
    proxy.asked.length = 0
    await failure(client(t, [host], proxy.url).send(LOGIN))
    t.match(proxy.asked, [{ authority, headers: { host: authority } }, { authority }], host)
  }
})

t.test('the credentials of a proxy', async (t) => {
  const { origin } = await wechat(t)
  const cases: [name: string, userinfo: string, credentials: string][] = [
    ['user and password', 'shop:hunter2', 'shop:hunter2'],
    ['with characters that a URL has to escape', 'shop%40cn:p%3Aa%2Fss%E5%AF%86', 'shop@cn:p:a/ss密'],
    ['a user without a password', 'shop', 'shop:'],
  ]
  for (const [name, userinfo, credentials] of cases) {
    const proxy = await connectProxy(t, { credentials })
    const url = proxy.url.replace('//', `//${userinfo}@`)
    const http = client(t, [origin], url, { cert: WITHOUT_CERT })
    t.equal((await http.send(LOGIN)).status, 200, name)
    t.notMatch(inspect(http, { depth: 9, showHidden: true }), 'hunter2', `${name}: shown nowhere`)
  }
})

t.test("a proxy that uses TLS itself does not see the merchant's certificate", async (t) => {
  const { origin } = await wechat(t)
  const proxy = await connectProxy(t, { tls: { cert, key, ca: cert, requestCert: true, rejectUnauthorized: false } })
  const error = await failure(client(t, [origin], proxy.url, { cert: WITH_CERT }).send(LOGIN))
  t.match(
    error,
    { sent: false, message: /\(DEPTH_ZERO_SELF_SIGNED_CERT\)/ },
    'a proxy with an untrusted certificate is not used',
  )

  // Additional trusted CAs are a setting of the process.
  const program = `
    import { readFileSync } from 'node:fs'
    import { createHttp } from './src/client/http.ts'
    import { Secret } from './src/base/secret.ts'
    const { origin, proxy, request } = JSON.parse(process.argv[1])
    const [cert, key] = ['cert', 'key'].map((name) => readFileSync('test/tls/' + name + '.pem'))
    const options = { hosts: [origin], timeoutMs: 5000, now: () => new Date(), pause: async () => {} }
    const http = createHttp({ ...options, cert: { cert, key }, proxy: new Secret(proxy) })
    const { status, body } = await http.send(request)
    console.log(JSON.stringify({ status, text: body.toString() }))
    await http.close()`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--import=ts-blank-space/register',
      '--input-type=module',
      '--eval',
      program,
      JSON.stringify({ origin, proxy: proxy.url, request: REFUND }),
    ],
    {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, NODE_EXTRA_CA_CERTS: fileURLToPath(new URL('../tls/cert.pem', import.meta.url)) },
    },
  )
  t.strictSame(JSON.parse(stdout), { status: 200, text: `${REFUND.path} fastify-wechat-pay test` }, 'WeChat sees it')
  t.equal(proxy.asked.length, 1)
  t.strictSame(proxy.presented, [undefined], 'the proxy does not')
})

t.test('plain HTTP goes through the tunnel too', async (t) => {
  const origin = await serve(t, (request, response) => response.end(request.url))
  const proxy = await connectProxy(t)
  const http = client(t, [origin], proxy.url)
  t.strictSame(shown(await http.send(LOGIN)), { status: 200, text: LOGIN.path })
  t.equal(proxy.asked.length, 1)
})

t.test('a call that the proxy refuses was never sent: even a login code can be sent again', async (t) => {
  const { origin } = await wechat(t)
  const secret = 'hunter2'
  const say = (text: string) => (socket: { end(text: string): void }) => {
    socket.end(text)
  }
  const cases: [name: string, instead: (socket: any) => void, message: RegExp, code?: string][] = [
    ['it wants credentials', say('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'), /\(the proxy answered 407\)/],
    ['it forbids the host', say('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'), /\(the proxy answered 403\)/],
    ['it cannot reach the host', say('HTTP/1.1 502 Bad Gateway\r\n\r\n'), /\(the proxy answered 502\)/],
    ['it redirects', say('HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n'), /\(the proxy answered 302\)/],
    ['it closes the connection', (socket) => socket.end(), /\(UND_ERR_SOCKET\)/],
    ['it speaks something else', say('SSH-2.0-OpenSSH_9.2\r\n'), /\(HTTPParserError\)|\(HPE_INVALID_CONSTANT\)/],
    ['it closes the tunnel', say('HTTP/1.1 200 OK\r\n\r\n'), /\(ECONNRESET\)/],
    ['it is silent', () => {}, /did not answer in time \(TimeoutError\)/, 'WECHAT_TIMEOUT'],
    [
      'its tunnel leads nowhere',
      (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'),
      /did not answer in time/,
      'WECHAT_TIMEOUT',
    ],
  ]
  for (const [name, instead, message, code = 'WECHAT_NETWORK'] of cases) {
    const proxy = await connectProxy(t, { instead })
    const url = proxy.url.replace('//', `//shop:${secret}@`)
    const http = client(t, [origin], url, { timeoutMs: 400 })
    const error = await failure(http.send(LOGIN))
    t.match(error, { code, sent: false, advice: 'repeat', message }, `${name}: ${error.message}`)
    t.match(
      error.message,
      `${origin} through the proxy http://127.0.0.1:${proxy.port} `,
      `${name}: names the host and the proxy`,
    )
    t.equal(proxy.asked.length, 2, `${name}: tried twice`)
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), secret, `${name}: without the password`)
  }
  const gone = client(t, [origin], 'http://shop:hunter2@127.0.0.1:1')
  t.match(
    await failure(gone.send(LOGIN)),
    { code: 'WECHAT_NETWORK', sent: false, message: /ECONNREFUSED/ },
    'it is gone',
  )
})

t.test('a call sent through a proxy without an answer is repeated only if that is harmless', async (t) => {
  let requests = 0
  const origin = await serve(t, (request) => {
    requests += 1
    request.socket.destroy()
  })
  const proxy = await connectProxy(t)
  t.match(await failure(client(t, [origin], proxy.url).send(LOGIN)), { code: 'WECHAT_NETWORK', sent: true })
  t.equal(requests, 1)
  t.match(await failure(client(t, [origin], proxy.url).send(REFUND)), { code: 'WECHAT_NETWORK', sent: true })
  t.equal(requests, 3)
})

t.test('the other host is tried through the same proxy', async (t) => {
  const { origin, port } = await wechat(t)
  const proxy = await connectProxy(t)
  const http = client(t, ['https://127.0.0.1:1', origin], proxy.url, { cert: WITHOUT_CERT })
  t.equal((await http.send(LOGIN)).status, 200)
  t.equal((await http.send(LOGIN)).status, 200)
  const asked = proxy.asked.map(({ authority }) => authority)
  t.strictSame(new Set(asked), new Set(['127.0.0.1:1', `127.0.0.1:${port}`]))
  t.equal(asked.lastIndexOf('127.0.0.1:1'), 0, 'and the first is avoided for a while if the proxy cannot reach it')
})
