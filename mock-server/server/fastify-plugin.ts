import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { CONTROL_PREFIX } from '../control/index.ts'
import { createInjectSender } from '../notify/inject-sender.ts'
import { createWorlds } from '../world/worlds.ts'
import { buildApp } from './app.ts'
import { faceOf, type MockOptions, type MockWechat } from './mock.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly mockWechat: InjectedWechat
  }
}

/** The options of the mock inside of a Fastify app. */
export type MockPluginOptions = Pick<MockOptions, 'world' | 'defaults' | 'clock' | 'log'>

/** A WeChat inside the application under test. It has no port: call it with {@link InjectedWechat.fetch}. */
export interface InjectedWechat extends Omit<MockWechat, 'close' | typeof Symbol.asyncDispose> {
  /**
   * Like the global `fetch`, for everything below {@link MockWechat.url}: pass it to the client under test. As with the
   * global one, a lost connection rejects with a TypeError.
   */
  readonly fetch: typeof globalThis.fetch
}

/** A name that does not resolve: a request sent without {@link InjectedWechat.fetch} fails instead of leaving the machine. */
const HOST = 'wechat.invalid'
const URL_OF_MOCK = `http://${HOST}`
const CONTROL_URL = `${URL_OF_MOCK}${CONTROL_PREFIX}`

/** Identifies the reply to a call whose caller gives up; removed before anything sees it. */
const CALL_HEADER = 'x-injected-call'

function createFetch(app: FastifyInstance): typeof globalThis.fetch {
  const arrivals = new Map<string, (reply: ServerResponse) => void>()
  let calls = 0
  app.addHook('onRequest', async (request, reply) => {
    const call = String(request.raw.headers[CALL_HEADER])
    delete request.raw.headers[CALL_HEADER]
    arrivals.get(call)!(reply.raw)
    arrivals.delete(call)
  })
  return async (input, init) => {
    const request = new Request(input, init)
    const { signal } = request
    const { pathname, search } = new URL(request.url)
    const payload = Buffer.from(await request.arrayBuffer())
    signal.throwIfAborted()
    const call = String(++calls)
    const arrived = new Promise<ServerResponse>((resolve) => {
      arrivals.set(call, resolve)
    })
    signal.addEventListener(
      'abort',
      () => {
        arrived.then((reply) => reply.destroy())
      },
      { once: true },
    )
    try {
      const { statusCode, headers, rawPayload } = await app.inject({
        method: request.method as 'POST',
        url: `${pathname}${search}`,
        headers: { ...Object.fromEntries(request.headers), host: HOST, [CALL_HEADER]: call },
        ...(payload.length > 0 && { payload }),
      })
      return new Response(new Uint8Array(rawPayload), {
        status: statusCode,
        headers: headers as Record<string, string>,
      })
    } catch (cause) {
      signal.throwIfAborted()
      throw new TypeError('fetch failed', { cause })
    }
  }
}

/**
 * Adds an emulated WeChat to the application under test, for tests without sockets: notifications are injected into the
 * application, whatever the host of its notify_url, and `app.mockWechat.fetch` calls WeChat.
 */
export const mockFastifyPlugin = fp<MockPluginOptions>(
  async (app, { world = {}, defaults = {}, clock, log = () => {} }) => {
    const worlds = createWorlds(
      () => URL_OF_MOCK,
      () => CONTROL_URL,
      createInjectSender(app),
      false,
      log,
      defaults,
      clock,
    )
    const standard = worlds.create({ id: 'default', ...world })
    const wechat = buildApp(worlds, { hosts: [HOST], log, tls: undefined })
    const fetch = createFetch(wechat)
    await wechat.ready()
    app.decorate('mockWechat', { ...faceOf(worlds, standard), fetch })
    app.addHook('onClose', async () => {
      worlds.close()
      await wechat.close()
    })
  },
  { fastify: '5.x', name: 'mock-wechat' },
)
