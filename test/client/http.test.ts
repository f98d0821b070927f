import { readFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createWebServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import type { ClientCert } from '../../src/client/certificate.ts'
import { createHttp } from '../../src/client/http.ts'
import type { HttpOptions, HttpRequest } from '../../src/client/http.ts'
import { WechatError } from '../../src/errors.ts'
import { serve, shown } from '../fixtures.ts'

const GET: HttpRequest = { method: 'GET', path: '/sns/jscode2session?js_code=c0de', repeatable: false }
const POST: HttpRequest = {
  method: 'POST',
  path: '/pay/unifiedorder',
  body: '<xml></xml>',
  headers: { 'content-type': 'text/xml' },
  repeatable: true,
}
const LIMIT = 1024 * 1024
const file = (name: string) => readFileSync(new URL(`../tls/${name}`, import.meta.url))
const [CERT, KEY] = [file('cert.pem'), file('key.pem')]

/** A host that handles every connection with `behave`, and counts the requests. */
async function rawHost(t: Test, behave: (socket: Socket) => void): Promise<{ origin: string; requests: () => number }> {
  let requests = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(
      socket
        .on('error', () => {})
        .on('data', (bytes) => {
          requests += / HTTP\/1\.1\r\n/.test(bytes.toString()) ? 1 : 0
        }),
    )
    behave(socket)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests }
}

/** An origin where nothing listens. */
async function deadHost(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => {
    server.close(resolve)
  })
  return `http://127.0.0.1:${port}`
}

/** The client with a clock that stands still and counted pauses. */
function client(t: Test, hosts: string[], options: Partial<HttpOptions> = {}) {
  const clock = { now: new Date('2026-01-01T00:00:00Z') }
  let pauses = 0
  const http = createHttp({
    hosts,
    timeoutMs: 5000,
    now: () => clock.now,
    pause: async () => {
      pauses += 1
    },
    ...options,
  })
  t.teardown(() => http.close())
  return { http, clock, pauses: () => pauses }
}

async function failure(promise: Promise<unknown>): Promise<WechatError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof WechatError) return error
    throw error
  }
  throw new Error('it did not fail')
}

t.test('requests and replies', async (t) => {
  const seen: unknown[] = []
  const origin = await serve(t, (request, response) => {
    let body = ''
    request
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        body += chunk
      })
      .on('end', () => {
        seen.push({ method: request.method, url: request.url, contentType: request.headers['content-type'], body })
        const reply = Buffer.from('{"errmsg":"支付"}')
        response.writeHead(200, { 'content-type': 'text/plain' }).write(reply.subarray(0, 12))
        response.end(reply.subarray(12))
      })
  })
  const { http } = client(t, [origin])
  t.strictSame(
    shown(await http.send(GET)),
    { status: 200, text: '{"errmsg":"支付"}' },
    'the body is text whatever its type and however its bytes were split',
  )
  await http.send({ ...POST, body: '<xml><a>支付</a></xml>' })
  t.strictSame(seen, [
    { method: 'GET', url: '/sns/jscode2session?js_code=c0de', contentType: undefined, body: '' },
    { method: 'POST', url: '/pay/unifiedorder', contentType: 'text/xml', body: '<xml><a>支付</a></xml>' },
  ])
})

t.test('an HTTP status is a reply, not a failure', async (t) => {
  for (const status of [204, 400, 404, 500, 502, 503]) {
    let requests = 0
    const origin = await serve(t, (_request, response) => {
      requests += 1
      response.writeHead(status).end()
    })
    const { http } = client(t, [origin])
    t.equal((await http.send(POST)).status, status, `${status} is handed over`)
    t.equal(requests, 1, `${status} is not repeated`)
  }
})

t.test('a host that answers HTTP 5xx is avoided for a while, and the other is used', async (t) => {
  const status = { first: 502, second: 200 }
  const asked: string[] = []
  const bodies: string[] = []
  const host = (name: keyof typeof status) =>
    serve(t, (request, response) => {
      asked.push(name)
      request.on('data', (chunk) => bodies.push(String(chunk)))
      request.on('end', () => response.writeHead(status[name]).end(name))
    })
  const { http, clock, pauses } = client(t, [await host('first'), await host('second')])
  const send = async (request: HttpRequest) => {
    asked.length = 0
    const { status, text } = shown(await http.send(request))
    return [status, text, [...asked]]
  }
  t.strictSame(await send(POST), [200, 'second', ['first', 'second']], 'repeated at the other host')
  t.equal(pauses(), 1, 'after a pause')
  t.strictSame(bodies, [POST.body, POST.body], 'unchanged')
  t.strictSame(await send(POST), [200, 'second', ['second']], 'the first is left alone')
  t.strictSame(await send(GET), [200, 'second', ['second']], 'by logins too')
  clock.now = new Date(clock.now.getTime() + 60_000)
  t.strictSame(await send(GET), [502, 'first', ['first']], 'a login that may have arrived is not repeated anywhere')
  t.strictSame(await send(GET), [200, 'second', ['second']], 'the next login goes to the other host')
  status.second = 503
  t.strictSame(await send(POST), [502, 'first', ['second', 'first']], 'both are tried when both answer 5xx')
  status.first = 200
  t.strictSame(await send(POST), [200, 'first', ['first']], 'when both are avoided, the given order holds')
  clock.now = new Date(clock.now.getTime() - 3_600_000)
  status.first = 500
  status.second = 200
  t.strictSame(await send(POST), [200, 'second', ['first', 'second']], 'setting the clock back does not prolong this')
  status.second = 404
  t.strictSame(await send(POST), [404, 'second', ['second']], 'a status below 500 is a reply')
})

t.test('the outcome of an HTTP 5xx stays unknown, however the repeat fails', async (t) => {
  const gateway = await serve(t, (_request, response) => response.writeHead(504).end('lost'))
  const dead = await deadHost()
  const silent = (await rawHost(t, () => {})).origin
  t.strictSame(
    shown(await client(t, [gateway, dead]).http.send(POST)),
    { status: 504, text: 'lost' },
    'the repeat was never sent: the first answer counts',
  )
  t.match(
    await failure(client(t, [gateway, silent], { timeoutMs: 100 }).http.send(POST)),
    { code: 'WECHAT_TIMEOUT', sent: true },
    'the repeat was sent and not answered',
  )
  t.strictSame(
    shown(await client(t, [dead, gateway]).http.send(GET)),
    { status: 504, text: 'lost' },
    'never sent, then a 5xx',
  )
})

t.test('a redirect is not followed: the secret in the query stays here', async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    let strangers = 0
    const stranger = await serve(t, (_request, response) => {
      strangers += 1
      response.end()
    })
    const origin = await serve(t, (request, response) => {
      response.writeHead(status, { location: stranger + request.url }).end('moved')
    })
    const { http } = client(t, [origin])
    t.strictSame(shown(await http.send(GET)), { status, text: 'moved' }, String(status))
    t.equal(strangers, 0, `${status} leads nowhere`)
  }
})

t.test('a connection that fails', async (t) => {
  const cases: [name: string, behave: (socket: Socket) => void, cause: RegExp][] = [
    [
      'is reset after the request',
      (socket) => {
        socket.once('data', () => {
          socket.resetAndDestroy()
        })
      },
      /ECONNRESET/,
    ],
    [
      'ends without a reply',
      (socket) => {
        socket.once('data', () => {
          socket.end()
        })
      },
      /UND_ERR_SOCKET/,
    ],
    [
      'breaks off within the headers',
      (socket) => {
        socket.once('data', () => {
          socket.end('HTTP/1.1 200 OK\r\nContent-')
        })
      },
      /UND_ERR_SOCKET/,
    ],
    [
      'breaks off within the body',
      (socket) => {
        socket.once('data', () => {
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<xml>')
        })
      },
      /UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH/,
    ],
    [
      'does not speak HTTP',
      (socket) => {
        socket.once('data', () => {
          socket.end('SSH-2.0-OpenSSH_9.2\r\n')
        })
      },
      /HTTPParserError/,
    ],
  ]
  for (const [name, behave, cause] of cases) {
    for (const repeatable of [false, true]) {
      const { origin, requests } = await rawHost(t, behave)
      const { http, pauses } = client(t, [origin])
      const error = await failure(http.send({ ...POST, repeatable }))
      t.match(
        error,
        { code: 'WECHAT_NETWORK', statusCode: 502, advice: 'repeat', sent: true, cause: undefined },
        `${name}: WeChat may have received it`,
      )
      t.match(error.message, cause, `${name}: the message names the cause`)
      t.match(error.message, `The connection to ${origin} failed`, `${name}: and the host`)
      t.equal(requests(), repeatable ? 2 : 1, `${name}: ${repeatable ? 'repeated once' : 'not repeated'}`)
      t.equal(pauses(), repeatable ? 1 : 0, `${name}: after a pause, if at all`)
    }
  }
})

t.test('nothing is sent to a host with an untrusted certificate', async (t) => {
  const server = createHttpsServer({ cert: CERT, key: KEY })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  const { http, pauses } = client(t, [`https://127.0.0.1:${(server.address() as AddressInfo).port}`])
  t.match(await failure(http.send(GET)), {
    code: 'WECHAT_NETWORK',
    sent: false,
    message: /\(DEPTH_ZERO_SELF_SIGNED_CERT\)\. It was not sent/,
  })
  t.equal(pauses(), 1, 'so it was tried again')
})

t.test('if no connection was made nothing was sent, so even a login code can be sent again', async (t) => {
  const dead = await deadHost()
  for (const request of [GET, POST]) {
    const { http, pauses } = client(t, [dead])
    const error = await failure(http.send(request))
    t.match(error, { code: 'WECHAT_NETWORK', advice: 'repeat', sent: false }, `${request.method}: not sent`)
    t.match(error.message, /\(ECONNREFUSED\)\. It was not sent: repeat it\./)
    t.equal(pauses(), 1, `${request.method}: tried twice`)
  }
})

t.test('a reply that does not arrive in time', async (t) => {
  const cases: [name: string, behave: (socket: Socket) => void][] = [
    ['silence', () => {}],
    [
      'silence after the headers',
      (socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n')
        })
      },
    ],
    [
      'headers that come byte by byte',
      (socket) => {
        const drip = setInterval(() => {
          socket.write('x')
        }, 20)
        socket
          .once('data', () => {
            socket.write('HTTP/1.1 200 OK\r\n')
          })
          .once('close', () => {
            clearInterval(drip)
          })
      },
    ],
    [
      'a slow trickle that never ends',
      (socket) => {
        const drip = setInterval(() => {
          socket.write('x')
        }, 20)
        socket
          .once('data', () => {
            socket.write('HTTP/1.1 200 OK\r\n\r\n')
          })
          .once('close', () => {
            clearInterval(drip)
          })
      },
    ],
  ]
  for (const [name, behave] of cases) {
    for (const repeatable of [false, true]) {
      const { origin, requests } = await rawHost(t, behave)
      const { http } = client(t, [origin], { timeoutMs: 100 })
      const error = await failure(http.send({ ...POST, repeatable }))
      t.match(
        error,
        { code: 'WECHAT_TIMEOUT', statusCode: 504, advice: 'repeat', sent: true, cause: undefined },
        `${name}: the outcome is unknown`,
      )
      t.match(error.message, `${origin} did not answer in time (TIMEOUT). Whether it took effect is unknown`)
      t.equal(requests(), repeatable ? 2 : 1, `${name}: ${repeatable ? 'repeated once' : 'not repeated'}`)
    }
  }
})

t.test('the error of a call that nobody may repeat says what to do instead, unless it was never sent', async (t) => {
  const once = { ...POST, repeatable: false, ifLost: 'log in again' }
  const lost = /Whether it took effect is unknown: log in again\.$/
  const broken = await serve(t, (request) => request.socket.destroy())
  const silent = (await rawHost(t, () => {})).origin
  const cases = [
    ['a broken connection', broken, { code: 'WECHAT_NETWORK', advice: 'stop', sent: true, message: lost }],
    ['silence', silent, { code: 'WECHAT_TIMEOUT', advice: 'stop', sent: true, message: lost }],
    ['no connection', await deadHost(), { advice: 'repeat', sent: false, message: /It was not sent: repeat it\.$/ }],
  ] as const
  for (const [name, host, expected] of cases) {
    t.match(await failure(client(t, [host], { timeoutMs: 100 }).http.send(once)), expected, name)
  }
})

t.test('headers without an end are cut off long before the deadline', async (t) => {
  let written = 0
  const { origin } = await rawHost(t, (socket) => {
    const flood = () => {
      while (!socket.destroyed && socket.write('x-header: '.padEnd(1000, 'x').concat('\r\n'))) written += 1000
    }
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n')
      socket.on('drain', flood)
      flood()
    })
  })
  const { http } = client(t, [origin], { timeoutMs: 20_000 })
  const began = performance.now()
  const error = await failure(http.send({ ...POST, repeatable: false }))
  t.match(error, { code: 'WECHAT_NETWORK', sent: true, message: /UND_ERR_HEADERS_OVERFLOW/ })
  t.ok(performance.now() - began < 10_000)
  t.ok(written < 100 * LIMIT, `${written} bytes`)
})

t.test('if connecting takes more than half of the time, nothing was sent', async (t) => {
  const silent = (await rawHost(t, () => {})).origin.replace('http:', 'https:')
  const { http, pauses } = client(t, [silent], { timeoutMs: 3000 })
  const error = await failure(http.send(GET))
  t.match(
    error,
    { code: 'WECHAT_TIMEOUT', sent: false, message: /\(UND_ERR_CONNECT_TIMEOUT\)\. It was not sent/ },
    'a TLS handshake that nobody answers',
  )
  t.equal(pauses(), 1, 'so it was tried again')
})

t.test('a reply has a limit of 1 MiB', async (t) => {
  let requests = 0
  let size = 0
  const origin = await serve(t, (_request, response) => {
    requests += 1
    response.end('x'.repeat(size))
  })
  const { http } = client(t, [origin])
  size = LIMIT
  t.equal((await http.send(POST)).body.length, LIMIT, 'as long as allowed')
  size = LIMIT + 1
  const error = await failure(http.send(POST))
  t.match(
    error,
    {
      code: 'WECHAT_REPLY_INVALID',
      statusCode: 502,
      advice: 'query',
      sent: true,
      message: /longer than 1048576 bytes/,
    },
    'one byte longer',
  )
  t.equal(requests, 2, 'and the call is not repeated')
  const once = { ...POST, repeatable: false, ifLost: 'log in again' }
  t.match(
    await failure(http.send(once)),
    { advice: 'stop', message: /outcome is unknown: log in again\.$/ },
    'of a call that nobody may repeat',
  )
})

t.test('a long reply is streamed', async (t) => {
  const part = Buffer.alloc(64 * 1024, 'x')
  let stop = () => {}
  const origin = await serve(t, (request, response) => {
    const parts = Number(/\d+/.exec(request.url!)?.[0] ?? 0)
    for (let n = 0; n < parts; n++) response.write(part)
    if (request.url!.endsWith('never')) return
    if (request.url!.endsWith('cut')) {
      stop = () => request.socket.destroy()
      return
    }
    response.end()
  })
  const { http } = client(t, [origin], { timeoutMs: 1000 })
  const get = (path: string) => ({ method: 'GET', path, repeatable: true }) as const
  const read = async (path: string, limitMs = 60_000) => {
    const { status, body } = await http.stream(get(path), limitMs)
    let size = 0
    for await (const chunk of body) {
      size += chunk.length
      if (size >= part.length) stop()
    }
    return [status, size]
  }
  t.strictSame(await read('/40/whole'), [200, 40 * part.length], 'more than an ordinary reply may have')
  t.match(await failure(read('/1/cut')), { code: 'WECHAT_NETWORK', sent: true }, 'cut short')
  t.match(
    await failure(read('/1/never', 50)),
    { code: 'WECHAT_TIMEOUT', sent: true },
    'the whole reply has a time limit',
  )
  t.match(await failure(read('/0/never')), { code: 'WECHAT_TIMEOUT' }, 'and so does its beginning')
  const left = await http.stream(get('/40/whole'), 60_000)
  t.ok((await left.body.next()).value!.length > 0)
  await left.body.return()
  t.strictSame(await read('/1/whole'), [200, part.length], 'a stream that is abandoned ends')
  const dead = client(t, [await deadHost()])
  t.match(await failure(dead.http.stream(get('/1/whole'), 1000)), { code: 'WECHAT_NETWORK', sent: false })
})

t.test('if the first host fails the other is used, and after a minute the first is preferred again', async (t) => {
  const up = { first: false, second: true }
  const asked: string[] = []
  const host = (name: keyof typeof up) =>
    serve(t, (request, response) => {
      asked.push(name)
      if (up[name]) response.end(name)
      else request.socket.destroy()
    })
  const { http, clock } = client(t, [await host('first'), await host('second')])
  const send = async (request: HttpRequest): Promise<[string, string[]]> => {
    asked.length = 0
    const answer = await http.send(request).then(
      ({ body }) => body.toString(),
      (error: WechatError) => error.code,
    )
    return [answer, [...asked]]
  }

  t.strictSame(await send(POST), ['second', ['first', 'second']], 'the first fails, the second answers')
  t.strictSame(await send(POST), ['second', ['second']], 'the first is left alone')
  up.first = true
  clock.now = new Date(clock.now.getTime() + 59_999)
  t.strictSame(await send(POST), ['second', ['second']], 'for a minute')
  clock.now = new Date(clock.now.getTime() + 1)
  t.strictSame(await send(POST), ['first', ['first']], 'then it is preferred again')
  up.first = false
  t.strictSame(await send(GET), ['WECHAT_NETWORK', ['first']], 'a login that may have arrived is not repeated anywhere')
  t.strictSame(await send(GET), ['second', ['second']], 'the next login goes to the other host')
  up.second = false
  t.strictSame(await send(POST), ['WECHAT_NETWORK', ['second', 'first']], 'both are tried while the first is avoided')
  up.first = up.second = true
  t.strictSame(await send(POST), ['first', ['first']], 'when both are avoided, the given order holds')
})

/** The ways for a host to be bad, and what a call that must not be sent twice comes to there. */
const WAYS = [
  ['refuses', 'second'],
  ['hangs', 'WECHAT_TIMEOUT'],
  ['resets', 'WECHAT_NETWORK'],
  ['answers 5xx', 503],
] as const

/** A host that is bad in one way, until it is healed. */
async function badHost(t: Test, way: (typeof WAYS)[number][0]) {
  let healed = false
  let requests = 0
  const server = createWebServer((request, response) => {
    requests += 1
    if (healed) response.end('first')
    else if (way === 'resets') request.socket.destroy()
    else if (way === 'answers 5xx') response.writeHead(503).end()
  })
  const listen = async (port: number) => {
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve)
    })
  }
  const close = async () => {
    await new Promise((resolve) => {
      server.close(resolve).closeAllConnections()
    })
  }
  await listen(0)
  const { port } = server.address() as AddressInfo
  if (way === 'refuses') await close()
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  return {
    origin: `http://127.0.0.1:${port}`,
    requests: () => requests,
    async heal() {
      healed = true
      if (way === 'refuses') await listen(port)
    },
  }
}

for (const [way, once] of WAYS) {
  t.test(
    `the first host ${way}: calls succeed over the second, one call a minute probes, traffic goes back`,
    async (t) => {
      const bad = await badHost(t, way)
      const second = await serve(t, (_request, response) => response.end('second'))
      const timeoutMs = 2000
      const { http, clock } = client(t, [bad.origin, second], { timeoutMs })
      const minute = () => {
        clock.now = new Date(clock.now.getTime() + 60_000)
      }
      const send = (request: HttpRequest) =>
        http.send(request).then(
          ({ status, body }) => (status === 200 ? body.toString() : status),
          ({ code }: WechatError) => code,
        )
      const many = (count: number) => Promise.all(Array.from({ length: count }, () => send(POST)))

      const began = performance.now()
      t.strictSame(await many(10), Array(10).fill('second'), 'all of those that were under way')
      t.ok(performance.now() - began < 2 * timeoutMs, 'within the deadline')
      const tried = bad.requests()
      t.strictSame(await many(10), Array(10).fill('second'))
      t.equal(bad.requests(), tried, 'the bad host is left alone')

      minute()
      t.strictSame(await many(10), Array(10).fill('second'), 'nobody notices the probe')
      if (way !== 'refuses') t.equal(bad.requests(), tried + 1, 'one call probes')
      minute()
      t.equal(await send(GET), once, 'a login is sent once')
      t.equal(await send(GET), 'second', 'and the next one goes to the other host')

      await bad.heal()
      t.equal(await send(POST), 'second', 'not before the minute is over')
      minute()
      t.equal(await send(POST), 'first', 'the probe succeeds')
      t.strictSame(await many(10), Array(10).fill('first'), 'and traffic goes back')
      t.equal(await send(GET), 'first', 'logins too')
    },
  )
}

t.test('a request that may have arrived still counts as sent, however the repeat fails', async (t) => {
  const { origin } = await rawHost(t, (socket) => {
    socket.once('data', () => {
      socket.resetAndDestroy()
    })
  })
  const dead = await deadHost()
  t.match(
    await failure(client(t, [origin, dead]).http.send(POST)),
    { sent: true, message: `The connection to ${origin} failed` },
    'received, then refused',
  )
  t.match(
    await failure(client(t, [dead, origin]).http.send(POST)),
    { sent: true, message: `The connection to ${origin} failed` },
    'refused, then received',
  )
  t.match(await failure(client(t, [dead, dead]).http.send(POST)), { sent: false }, 'refused twice')
})

t.test('no error shows what was sent', async (t) => {
  const [secret, code] = ['0123456789abcdef0123456789abcdef', '021ByuFs0fNXie1T5lJs0IwBFs0ByuF1']
  const request: HttpRequest = {
    method: 'POST',
    path: `/sns/jscode2session?secret=${secret}&js_code=${code}`,
    body: `<xml>${secret}</xml>`,
    repeatable: false,
  }
  const reset = await rawHost(t, (socket) => {
    socket.once('data', () => {
      socket.resetAndDestroy()
    })
  })
  const echo = await serve(t, (request, response) => {
    response.end(request.url!.repeat(20_000))
  })
  const garbage = await rawHost(t, (socket) => {
    socket.once('data', (data) => {
      socket.end(data)
    })
  })
  const silence = await rawHost(t, () => {})
  for (const [name, origin] of Object.entries({
    dead: await deadHost(),
    reset: reset.origin,
    echo,
    garbage: garbage.origin,
    silence: silence.origin,
  })) {
    const error = await failure(client(t, [origin], { timeoutMs: 200 }).http.send(request))
    const views = [
      error.message,
      error.stack,
      JSON.stringify(error),
      inspect(error, { depth: Infinity, showHidden: true }),
      String(error.cause),
    ]
    for (const view of views) {
      t.notMatch(view, secret, `${name}: no secret`)
      t.notMatch(view, code, `${name}: no login code`)
    }
  }
})

t.test('the client certificate is presented to a host that asks for one', async (t) => {
  const [cert, key] = [CERT, KEY]
  const server = createHttpsServer(
    { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN)
    },
  )
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.close().closeAllConnections()
  })
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  // The CA of the test's own server is given beside the certificate, which a merchant cannot do.
  for (const [name, options] of Object.entries({
    pem: { cert, key, ca: cert },
    p12: { pfx: file('client.p12'), passphrase: '1900000109', ca: cert },
  })) {
    t.strictSame(
      shown(await client(t, [origin], { cert: options }).http.send(POST)),
      { status: 200, text: 'fastify-wechat-pay test' },
      name,
    )
  }
  t.match(
    await failure(client(t, [origin], { cert: { ca: cert } as unknown as ClientCert }).http.send(POST)),
    { code: 'WECHAT_NETWORK' },
    'no certificate, no answer',
  )
})

t.test('close waits for running calls, and then nothing more is sent', async (t) => {
  const origin = await serve(t, (_request, response) => {
    setImmediate(() => {
      response.end('done')
    })
  })
  const http = createHttp({ hosts: [origin], timeoutMs: 5000, now: () => new Date(), pause: async () => {} })
  const underWay = http.send(POST)
  await http.close()
  t.equal(shown(await underWay).text, 'done')
  t.match(await failure(http.send(POST)), { code: 'WECHAT_NETWORK' })
})

t.test(
  "the Date of a reply is WeChat's time, between the request and now; the Date of an intermediary's error page is ignored",
  async (t) => {
    for (const [date, status, heard] of [
      ['Thu, 01 Jan 2026 05:00:00 GMT', 200, ['2026-01-01T05:00:00.000Z']],
      ['Thu, 01 Jan 2026 05:00:00 GMT', 404, ['2026-01-01T05:00:00.000Z']],
      ['Thu, 01 Jan 2026 05:00:00 GMT', 502, []],
      ['yesterday', 200, []],
      [undefined, 200, []],
    ] as const) {
      const origin = await serve(t, (_request, response) => {
        response.sendDate = false
        if (date !== undefined) response.setHeader('date', date)
        setTimeout(() => response.writeHead(status).end(), 30)
      })
      const seen: [Date, number][] = []
      const { http } = client(t, [origin], {
        heard: (...args) => {
          seen.push(args)
        },
      })
      const began = performance.now()
      await http.send({ method: 'GET', path: '/', repeatable: false })
      const took = performance.now() - began
      t.same(
        seen.map(([at]) => at.toISOString()),
        heard,
        `${status} ${date}`,
      )
      for (const [, tripMs] of seen) t.ok(tripMs >= 29 && tripMs <= took, `${tripMs} of ${took} ms`)
    }
  },
)
