import { once } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setImmediate as tick } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import express from '@fastify/express'
import bodyParser from 'body-parser'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { NotificationError } from '../../src/client/pay.ts'
import type { NotificationMessage, PayApi } from '../../src/client/pay.ts'
import type { Orders } from '../../src/engine/orders.ts'
import { notifyRoute } from '../../src/routes/notify.ts'
import type { LogLine } from '../helpers.ts'
import { NASTY } from '../nonsense.ts'
import { ANSWERS, HARMLESS, LIMIT_MS, READERS } from './hosts.ts'

const GENUINE = '<xml>茶</xml>'

/** A merchant that accepts the genuine body and refuses any other. */
const pay = {
  readNotification({ body }: NotificationMessage) {
    if (body.toString() !== GENUINE) throw new NotificationError('unreadable', `not ${GENUINE}`)
    return { kind: 'payment-failed', outTradeNo: 'order-1', reason: 'none' }
  },
  reply: (_message: NotificationMessage, fault?: string) => ({
    status: 200,
    contentType: 'text/xml; charset=utf-8',
    body: fault ?? 'SUCCESS',
  }),
} as unknown as PayApi

interface App {
  app: FastifyInstance
  url: string
  logs: LogLine[]
  /** The counters. */
  outcomes: string[]
  notify(body?: string | Buffer, headers?: Record<string, string>): Promise<Reply>
}

interface Reply {
  status: number
  text: string
  headers: Headers
}

/**
 * An app with the notify route, on loopback. `host` adds other things to it, `observe` is what the store does with a
 * notification.
 */
async function appWith(
  t: Test,
  host: (app: FastifyInstance) => Promise<void> | void = () => {},
  observe: () => Promise<unknown> = async () => ({ outcome: 'settled' }),
): Promise<App> {
  const logs: LogLine[] = []
  const app = Fastify({
    logger: {
      level: 'warn',
      stream: {
        write: (line: string) => {
          logs.push(JSON.parse(line) as LogLine)
        },
      },
    },
  })
  const outcomes: string[] = []
  const listener = (message: unknown) => {
    outcomes.push((message as { outcome: string }).outcome)
  }
  subscribe('fastify-wechat-pay:notification', listener)
  t.teardown(async () => {
    unsubscribe('fastify-wechat-pay:notification', listener)
    app.server.closeAllConnections()
    await app.close()
  })
  await host(app)
  await app.register(
    async (scope) => {
      notifyRoute(scope, {
        pay,
        orders: { observe } as unknown as Orders,
        registered: () => [],
        hooks: {},
        now: () => new Date(),
        log: app.log,
        limitMs: LIMIT_MS,
      })
    },
    { prefix: '/wechat' },
  )
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/wechat/notify`
  return {
    app,
    url,
    logs,
    outcomes,
    async notify(body = GENUINE, headers = {}) {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'text/xml', ...headers },
        body,
      })
      return { status: response.status, text: await response.text(), headers: response.headers }
    },
  }
}

/** Waits for something that another task of the process is about to do. */
async function until(happened: () => boolean): Promise<void> {
  while (!happened()) await tick()
}

const never = async () => {
  await new Promise(() => {})
}
for (const [name, host] of Object.entries(HARMLESS)) {
  t.test(`an app with ${name}`, async (t) => {
    const { notify, logs, outcomes } = await appWith(t, host)
    t.match(await notify(), { status: 200, text: 'SUCCESS' })
    t.match(await notify('x'), { status: 200, text: 'unreadable' }, "README's check of a healthy route")
    t.strictSame(outcomes, ['payment-failed', 'unreadable'])
    t.notOk(logs.some(({ level }) => level === 50))
  })
}

for (const [name, host] of Object.entries(READERS)) {
  t.test(`an app that reads the body first: ${name}`, async (t) => {
    const { notify, logs, outcomes } = await appWith(t, host)
    const { status, text, headers } = await notify()
    t.match([status, text], [/^(200|400)$/, 'blocked'])
    t.match(headers.get('content-type'), 'text/xml')
    t.strictSame(outcomes, ['blocked'])
    t.match(logs, [{ level: 50, msg: /has read the body .* express\.raw\(\) .* exempt POST \/wechat\/notify/ }])
    t.equal(logs.length, 1)
    t.match(await notify('x'), { text: 'blocked' }, "README's check reveals it")
  })
}

t.test('the bytes kept by a middleware are accepted', async (t) => {
  const { notify, logs, outcomes } = await appWith(t, async (app) => {
    await app.register(express)
    app.use(bodyParser.raw({ type: 'text/xml', limit: '1mb' }))
  })
  t.match(await notify(), { status: 200, text: 'SUCCESS' })
  t.match(await notify(gzipSync(GENUINE), { 'content-encoding': 'gzip' }), { text: 'SUCCESS' }, 'also if inflated')
  t.match(await notify('x'), { status: 200, text: 'unreadable' })
  t.match(await notify('x'.repeat(100_000)), { status: 413, text: 'unreadable' }, 'within the same length limit')
  t.strictSame(outcomes, ['payment-failed', 'payment-failed', 'unreadable', 'unreadable'])
  const taken = logs.filter(({ msg }) => msg.startsWith('A middleware reads the bodies of notifications'))
  t.match(taken, [{ level: 40 }])
  t.equal(taken.length, 1, 'which is logged once')
})

for (const [name, { host, status, log, past = false }] of Object.entries(ANSWERS)) {
  t.test(`an app that answers in our place: ${name}`, async (t) => {
    const { notify, logs, outcomes } = await appWith(t, host)
    const reply = await notify()
    t.equal(reply.status, status)
    if (!past) {
      t.equal(reply.text, 'blocked')
      t.strictSame([...reply.headers.keys()].sort(), [
        ...['connection', 'content-length', 'content-type', 'date'],
        ...(reply.headers.has('keep-alive') ? ['keep-alive'] : []),
      ])
    }
    await until(() => outcomes.length > 0)
    t.strictSame(outcomes, ['blocked'])
    const errors = logs.filter(({ level }) => level === 50)
    t.match(errors, [log])
    t.equal(errors.length, 1, 'one log line per answer')
  })
}

t.test('when a hook of the app throws anything, WeChat gets our refusal and the log is short', async (t) => {
  let thrown: unknown
  const { notify, logs, outcomes } = await appWith(t, (app) => {
    app.addHook('preHandler', async () => {
      throw thrown
    })
  })
  for (const [name, make] of Object.entries(NASTY)) {
    thrown = make()
    t.match(await notify(), { status: 500, text: 'blocked' }, name)
    t.ok(JSON.stringify(logs.splice(0)).length < 30_000, name)
    t.strictSame(outcomes.splice(0), ['blocked'], name)
  }
})

t.test('a hook that never finishes cannot hold a notification beyond the limit', async (t) => {
  const holders: [name: 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler', who: RegExp][] = [
    ['onRequest', /^An onRequest hook or a middleware has held a notification for 100 ms: exempt POST/],
    ['preParsing', /^A preParsing hook has held/],
    ['preValidation', /^A preValidation or preHandler hook has held/],
    ['preHandler', /^A preValidation or preHandler hook has held/],
  ]
  for (const [hook, msg] of holders) {
    let end = () => {}
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    const { notify, logs, outcomes } = await appWith(t, (app) => {
      app.addHook(hook as 'onRequest', () => held)
    })
    t.match(await notify(), { status: 200, text: 'blocked' }, hook)
    t.match(logs, [{ level: 50, msg, reqId: String }], hook)
    end()
    await tick()
    t.strictSame([outcomes, logs.length], [['blocked'], 1], 'later answers are ignored')
  }
})

t.test('a request that something in front of Fastify keeps is answered in time too', async (t) => {
  const { app, notify, logs, outcomes } = await appWith(t)
  app.server.off('request', app.server.listeners('request')[0] as () => void)
  t.match(await notify(), { status: 200, text: 'blocked' })
  t.match(logs, [{ level: 50, msg: /^An onRequest hook or a middleware has held/, reqId: undefined }])
  t.strictSame(outcomes, ['blocked'])
})

t.test('a body that does not arrive is abandoned, with its connection', async (t) => {
  const { app, logs, outcomes } = await appWith(t)
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('POST /wechat/notify HTTP/1.1\r\nhost: shop\r\ncontent-length: 100\r\n\r\n<xml>')
  const reply = Buffer.concat((await socket.toArray()) as Buffer[]).toString()
  t.match(reply, /^HTTP\/1\.1 408 Request Timeout\r\n[^]*connection: close\r\n[^]*\r\n\r\nunreadable$/i)
  t.match(logs, [{ level: 40, msg: 'The body of a notification did not arrive within 100 ms' }])
  t.strictSame(outcomes, ['unreadable'])
})

t.test('a body that cannot be read', async (t) => {
  const { notify, logs, outcomes } = await appWith(t)
  t.match(await notify('x'.repeat(100_000)), { status: 413, text: 'unreadable' })
  t.match(logs, [{ level: 40, err: { code: 'FST_ERR_CTP_BODY_TOO_LARGE' } }])
  t.strictSame(outcomes, ['unreadable'])
})

t.test('if the store takes too long, WeChat gets one answer, whatever the store does later', async (t) => {
  for (const outcome of ['settled', 'failed']) {
    let end = () => {}
    const store = new Promise<unknown>((resolve, reject) => {
      end = () => {
        if (outcome === 'settled') resolve({ outcome })
        else reject(new Error('the database is down'))
      }
    })
    const { notify, logs, outcomes } = await appWith(t, undefined, () => store)
    t.match(await notify(), { status: 200, text: 'not-stored' })
    end()
    await tick()
    t.strictSame(outcomes, ['not-stored'])
    t.match(
      logs.filter(({ level }) => level === 50),
      [{ err: { message: 'The order store did not answer within 100 ms.' } }],
      outcome,
    )
  }
})

t.test('a client that hung up is not waited for', async (t) => {
  const { app, logs, outcomes } = await appWith(t, (app) => {
    app.addHook('onRequest', never)
  })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const arrived = once(app.server, 'request')
  socket.write('POST /wechat/notify HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n')
  const [, response] = (await arrived) as [unknown, NodeJS.EventEmitter]
  socket.destroy()
  await once(response, 'close')
  await new Promise((resolve) => {
    setTimeout(resolve, 2 * LIMIT_MS)
  })
  t.strictSame([logs, outcomes], [[], []])
})

t.test('without a socket, as in a serverless function', async (t) => {
  const { app } = await appWith(t)
  const reply = await app.inject({ method: 'POST', url: '/wechat/notify', payload: GENUINE })
  t.match([reply.statusCode, reply.body], [200, 'SUCCESS'])
})

t.test('other requests are left alone', async (t) => {
  const { url, outcomes, logs } = await appWith(t, (app) => {
    app.post('/wechat/other', async () => 'other')
  })
  for (const [path, method, status] of [
    ['', 'GET', 404],
    ['/../other', 'POST', 200],
    ['?x=1', 'POST', 200],
  ] as const) {
    t.equal((await fetch(url + path, { method })).status, status, path)
  }
  t.strictSame(outcomes, ['unreadable'], 'the last hook is ours')
  t.notOk(logs.some(({ level }) => level === 50))
})
