import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createBareServer, type Socket } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createInjectSender } from '../../../mock-server/notify/inject-sender.ts'
import { allRead, createSender, onlyTo } from '../../../mock-server/notify/sender.ts'
import { ACK, bodyOf, deadUrl, listen, placeOrder, port, startMock, startShop } from '../helpers.ts'

function setup(t: Test) {
  const sender = createSender()
  t.teardown(() => sender.close())
  return sender
}

t.test('posts the bytes and reads the whole reply', async (t) => {
  const server = await listen(t, async (request, response) => {
    const body = await bodyOf(request)
    response
      .writeHead(201, { 'x-seen': `${request.method} ${request.url} ${request.headers['content-type']}` })
      .end(`\uFEFF${body}`)
  })
  const exchange = await setup(t).post(
    `http://127.0.0.1:${port(server)}/notify?a=1`,
    { 'content-type': 'text/xml' },
    '<xml>茶</xml>',
    5000,
  )
  t.match(
    exchange,
    { reply: { status: 201, headers: { 'x-seen': 'POST /notify?a=1 text/xml' }, body: '\uFEFF<xml>茶</xml>' } },
    'the byte order mark is still there',
  )
  t.ok(exchange.durationMs > 0)
})

t.test('the head: Host and credentials come from the address, and an explicit Host wins', async (t) => {
  const server = await listen(t, async (request, response) => {
    await bodyOf(request)
    response.end(`${request.headers.host} ${request.headers.authorization} ${request.headersDistinct.host!.length}`)
  })
  const at = `127.0.0.1:${port(server)}`
  const sender = setup(t)
  const cases: [url: string, headers: Record<string, string>, seen: string][] = [
    [`http://${at}/`, {}, `${at} undefined 1`],
    [`HTTP://shop:secret@${at}/`, {}, `${at} Basic ${Buffer.from('shop:secret').toString('base64')} 1`],
    [`http://${at}/`, { Host: 'shop.example' }, 'shop.example undefined 1'],
    [`http://${at}/`, { 'content-length': '3' }, `${at} undefined 1`],
  ]
  for (const [url, headers, seen] of cases) {
    t.match(await sender.post(url, headers, 'x', 5000), { reply: { body: seen } }, url)
  }
})

t.test('one connection is used for successive deliveries', async (t) => {
  const sockets = new Set<unknown>()
  const server = await listen(t, async (request, response) => {
    sockets.add(request.socket)
    await bodyOf(request)
    response.end(ACK)
  })
  const sender = setup(t)
  for (let n = 0; n < 5; n++) await sender.post(`http://127.0.0.1:${port(server)}/`, {}, 'x', 5000)
  t.equal(sockets.size, 1)
})

/** A bare TCP server: `answer` gets each complete request, with its number. */
async function listenBare(
  t: Test,
  answer: (socket: Socket, count: number) => void,
): Promise<{ url: string; sockets: Socket[] }> {
  const sockets: Socket[] = []
  let count = 0
  const server = createBareServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      if (bytes.toString().endsWith('\r\n\r\nbody')) answer(socket, ++count)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, sockets }
}

const bareReply = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`

t.test('if a reused connection breaks, that is a result like any other: nothing is sent twice', async (t) => {
  const cases: [what: string, breakOff: (socket: Socket) => void, code: string][] = [
    [
      'closed without a byte',
      (socket) => {
        socket.end()
      },
      'ECONNRESET',
    ],
    [
      'reset',
      (socket) => {
        socket.resetAndDestroy()
      },
      'ECONNRESET',
    ],
    [
      'closed in the middle of its head',
      (socket) => {
        socket.end('HTTP/1.1 200 OK\r\nconte')
      },
      'ECONNRESET',
    ],
    [
      'not HTTP',
      (socket) => {
        socket.end('FTP')
      },
      'HPE_INVALID_CONSTANT',
    ],
  ]
  for (const [what, breakOff, code] of cases) {
    let requests = 0
    const { url, sockets } = await listenBare(t, (socket, count) => {
      requests = count
      if (count % 2 === 0) breakOff(socket)
      else socket.write(bareReply('here'))
    })
    const sender = setup(t)
    for (let n = 0; n < 5; n++) {
      await allRead()
      t.match(await sender.post(url, {}, 'body', 5000), { reply: { body: 'here' } }, what)
      t.match(await sender.post(url, {}, 'body', 5000), { error: { code } }, what)
    }
    t.equal(requests, 10, what)
    t.ok(sockets.length >= 5, what)
  }
})

t.test(
  'a server that closes after its answer without announcing it has answered, and gets a new connection each time',
  async (t) => {
    const endings: ((socket: Socket) => void)[] = [
      (socket) => {
        socket.end(bareReply('bye'))
      },
      (socket) => {
        socket.write(bareReply('bye'), () => {
          socket.destroy()
        })
      },
      (socket) => {
        socket.write(bareReply('bye'), () => {
          socket.resetAndDestroy()
        })
      },
    ]
    for (const end of endings) {
      const { url, sockets } = await listenBare(t, end)
      const sender = setup(t)
      for (let n = 1; n <= 20; n++) {
        await allRead()
        t.match(await sender.post(url, {}, 'body', 5000), { reply: { body: 'bye' } }, `${end}: ${n}`)
      }
      t.equal(sockets.length, 20)
    }
  },
)

t.test('an old connection is not used for a restarted merchant', async (t) => {
  const { url, sockets } = await listenBare(t, (socket) => {
    socket.write(bareReply('here'))
  })
  const sender = setup(t)
  await sender.post(url, {}, 'body', 5000)
  sockets[0]!.end()
  await allRead()
  for (let n = 2; n <= 3; n++) {
    t.match(await sender.post(url, {}, 'body', 5000), { reply: { body: 'here' } })
    t.equal(sockets.length, n)
  }
})

t.test('closing an idle connection here is not a failure of the merchant', async (t) => {
  const { url, sockets } = await listenBare(t, (socket) => {
    socket.write(bareReply('here'))
  })
  const sender = setup(t)
  await sender.post(url, {}, 'body', 5000)
  await once(sockets[0]!, 'close')
  for (let n = 1; n <= 2; n++) {
    t.match(await sender.post(url, {}, 'body', 5000), { reply: { body: 'here' } })
    t.equal(sockets.length, 2)
  }
})

t.test('does not follow a redirect', async (t) => {
  const server = await listen(t, (_request, response) => {
    response.writeHead(302, { location: '/login' }).end()
  })
  t.match(await setup(t).post(`http://127.0.0.1:${port(server)}/`, {}, 'x', 5000), {
    reply: { status: 302, headers: { location: '/login' } },
  })
})

t.test('an answer that switches protocols counts as an answer, and its connection is closed', async (t) => {
  const { url, sockets } = await listenBare(t, (socket, count) => {
    socket.write(
      count === 1
        ? bareReply('first')
        : 'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n',
    )
  })
  const sender = setup(t)
  await sender.post(url, {}, 'body', 5000)
  const closed = once(sockets[0]!, 'close')
  t.match(await sender.post(url, {}, 'body', 5000), { reply: { status: 101, headers: { upgrade: 'h2c' }, body: '' } })
  await closed
  const { url: silent } = await listenBare(t, (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
  })
  t.match(
    await sender.post(silent, {}, 'body', 5000),
    { reply: { status: 101 } },
    'even if it does not name the protocol',
  )
})

t.test('the limit covers the whole exchange: missing headers, or headers with a body that never ends', async (t) => {
  for (const begin of [false, true]) {
    const server = await listen(t, (_request, response) => {
      if (begin) response.write('<xml>')
    })
    const exchange = await setup(t).post(`http://127.0.0.1:${port(server)}/`, {}, 'x', 50)
    t.match(exchange, { timedOut: true })
    t.ok(exchange.durationMs >= 45)
  }
})

t.test('errors are returned, not thrown', async (t) => {
  const sender = setup(t)
  t.match(await sender.post(await deadUrl(), {}, 'x', 5000), { error: { code: 'ECONNREFUSED' } })
  const hangUp = await listen(t, (request) => {
    request.socket.destroy()
  })
  t.match(await sender.post(`http://127.0.0.1:${port(hangUp)}/`, {}, 'x', 5000), { error: { code: 'ECONNRESET' } })
  const tls = await sender.post(`https://127.0.0.1:${port(hangUp)}/`, {}, 'x', 5000)
  t.match(tls, { error: { code: 'EPROTO' } }, 'plain HTTP where TLS was expected')
  const flood = await listen(t, (_request, response) => {
    response.end('x'.repeat(1024 * 1024 + 1))
  })
  t.match(await sender.post(`http://127.0.0.1:${port(flood)}/`, {}, 'x', 5000), {
    error: { message: 'the reply is larger than 1048576 bytes' },
  })
})

t.test('an untrusted certificate is refused, unless any is accepted', async (t) => {
  const pem = (name: string) => readFileSync(new URL(`../tls/${name}`, import.meta.url))
  const server = createSecureServer({ key: pem('server.key'), cert: pem('server.crt') }, (_request, response) => {
    response.end(ACK)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${port(server)}/`
  const lenient = createSender(true)
  t.teardown(() => lenient.close())
  t.match(await setup(t).post(url, {}, 'x', 5000), { error: { code: /^UNABLE_TO_VERIFY|^SELF_SIGNED|^DEPTH_ZERO/ } })
  t.match(await lenient.post(url, {}, 'x', 5000), { reply: { body: ACK } })
})

t.test('an unsendable request is an error too', async (t) => {
  const cases: [url: string, headers: Record<string, string>, code: string][] = [
    ['nonsense', {}, 'ERR_INVALID_URL'],
    ['ftp://shop/notify', {}, 'ERR_INVALID_PROTOCOL'],
    ['http://127.0.0.1:1/notify', { 'x-test': 'a\nb' }, 'ERR_INVALID_CHAR'],
    ['http://127.0.0.1:1/notify', { 'x test': 'a' }, 'ERR_INVALID_HTTP_TOKEN'],
  ]
  for (const [url, headers, code] of cases) {
    t.match(await setup(t).post(url, headers, 'x', 5000), { durationMs: 0, error: { code } }, code)
  }
})

t.test('closing ends running requests', async (t) => {
  const sender = createSender()
  const server = await listen(t, () => {
    sender.close()
  })
  t.match(await sender.post(`http://127.0.0.1:${port(server)}/`, {}, 'x', 5000), { error: { code: 'ECONNRESET' } })
})

t.test('closing ends running requests on a reused connection', async (t) => {
  const sender = createSender()
  const { url, sockets } = await listenBare(t, (socket, count) => {
    if (count === 1) socket.write(bareReply('first'))
    else sender.close()
  })
  await sender.post(url, {}, 'body', 5000)
  t.match(await sender.post(url, {}, 'body', 5000), { error: { code: 'ECONNRESET' } })
  t.equal(sockets.length, 1)
})

t.test('bytes that are not UTF-8 are stored as received', async (t) => {
  const gbk = Buffer.from([0xb2, 0xe8])
  const server = await listen(t, (_request, response) => {
    response.end(gbk)
  })
  t.match(await setup(t).post(`http://127.0.0.1:${port(server)}/`, {}, 'x', 5000), {
    reply: { body: '\uFFFD\uFFFD', raw: gbk },
  })
})

t.test('only the named hosts', async (t) => {
  const posted: string[] = []
  let closed = false
  const sender = onlyTo(['shop', '::1'], {
    post: async (url) => {
      posted.push(url)
      return { durationMs: 1, timedOut: true }
    },
    close: () => {
      closed = true
    },
  })
  for (const url of ['http://shop/notify', 'https://shop:8443/notify', 'http://[::1]:3000/']) {
    t.match(await sender.post(url, {}, 'x', 1), { timedOut: true })
  }
  for (const url of ['http://shop.example.com/', 'http://127.0.0.1/']) {
    t.match(await sender.post(url, {}, 'x', 1), {
      durationMs: 0,
      error: { code: 'ERR_HOST_NOT_ALLOWED', message: /sends to shop, ::1 only, not to/ },
    })
  }
  t.match(await sender.post('nonsense', {}, 'x', 1), { timedOut: true }, 'an invalid address is an error of the sender')
  t.equal(posted.length, 4)
  sender.close()
  t.ok(closed)
})

t.test('a notification to a forbidden host counts as connection refused', async (t) => {
  const { default: world } = await startMock(t, { notifyHosts: ['shop'] })
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl)
  t.match((await world.pay('tea-0001')).delivery!, {
    verdict: 'connection_refused',
    reason: /--allow-notify-host 127\.0\.0\.1/,
  })
  t.equal(shop.received.length, 0)
})

t.test('posts into an application', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.addContentTypeParser('text/xml', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post('/notify', async ({ headers, body, query }, reply) => {
    reply.header('x-seen', `${headers.host} ${JSON.stringify(query)} ${body as string}`)
    return ACK
  })
  app.post('/gbk', async () => Buffer.from([0xb2, 0xe8]))
  app.post('/slow', () => new Promise(() => {}))
  app.post('/broken', (_request, reply) => {
    reply.hijack()
    reply.raw.destroy(new Error('gone'))
  })
  const { post, close } = createInjectSender(app)
  const send = (path: string, limitMs = 1000) =>
    post(`https://shop.example.com${path}`, { 'content-type': 'text/xml' }, '<xml></xml>', limitMs)
  t.match(await send('/notify?a=1'), {
    reply: { status: 200, body: ACK, headers: { 'x-seen': 'shop.example.com {"a":"1"} <xml></xml>' } },
    durationMs: Number,
  })
  t.match(await send('/gbk'), { reply: { raw: Buffer.from([0xb2, 0xe8]) } })
  t.match(await send('/slow', 10), { timedOut: true })
  t.match(await send('/broken'), { error: { message: 'gone' } })
  t.match(await post('nonsense', {}, 'x', 1000), { error: { code: 'ERR_INVALID_URL' } })
  close()
})
