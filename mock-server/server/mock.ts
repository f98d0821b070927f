import { once } from 'node:events'
import { get } from 'node:http'
import { get as getSecurely } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { MockError } from '../base/errors.ts'
import { CONTROL_PREFIX } from '../control/index.ts'
import { createSender, onlyTo } from '../notify/sender.ts'
import { assertNoUnexpected } from '../world/assertions.ts'
import type { WorldOptions } from '../world/options.ts'
import type { SharedClock } from '../world/shared-clock.ts'
import type { World } from '../world/world.ts'
import { createWorlds, type Worlds } from '../world/worlds.ts'
import { buildApp, type Part } from './app.ts'
import type { TlsOptions } from './wire-routes.ts'

/** Where the mock listens, who may control it, and its worlds. */
export interface MockOptions {
  /** Default 127.0.0.1: other machines cannot reach it. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** A separate port for the control API; 0: any free one. Default: it shares the port of WeChat's paths. */
  readonly controlPort?: number
  /**
   * Host names by which the control API may be called, in addition to IP addresses, `localhost` and `host`: for example
   * the service name in a container network. WeChat's own paths accept any.
   */
  readonly allowedHosts?: readonly string[]
  /**
   * The origins of web pages that may use `wx`, such as `http://127.0.0.1:3000`: they log in and pay like a mini program, by
   * `<controlUrl without /v1>/wx/<world>/wx.js`. Default: none.
   */
  readonly appOrigins?: readonly string[]
  /** The only hosts that notifications and runs of the report card are sent to; default: any. */
  readonly notifyHosts?: readonly string[]
  /** Accepts any certificate of a notify_url, which WeChat does not. Default false. */
  readonly tlsSkipVerify?: boolean
  /** Serves https; a world can then require the merchant's certificate (`certMode`). */
  readonly tls?: TlsOptions
  /**
   * A clock shared by the mock and the application, from {@link createSharedClock}: all worlds run on it. Default: each
   * world has its own time.
   */
  readonly clock?: SharedClock
  /** The world `default`. */
  readonly world?: WorldOptions
  /** Defaults for every world. With `seed`, a world without its own seed gets this one combined with its id. */
  readonly defaults?: Pick<WorldOptions, 'maxJournal' | 'strict' | 'seed'>
  /** Receives one line for each request and each delivery. */
  readonly log?: (line: string) => void
}

/** A running emulation of WeChat. */
export interface MockWechat extends AsyncDisposable {
  readonly url: string
  /** `<url>/__mock/v1`; with `controlPort`, on that port. */
  readonly controlUrl: string
  readonly default: World
  /**
   * A new merchant and app; requests are routed by mch_id and appid.
   * @throws MockError WORLD_EXISTS, BAD_INPUT
   */
  readonly world: (options?: WorldOptions) => World
  readonly worlds: () => World[]
  /**
   * Passes if no world received a call to a path that is not emulated.
   * @throws MockError UNEXPECTED_CALLS
   */
  readonly assertNoUnexpected: () => void
  readonly close: () => Promise<void>
}

/** The part of the mock's interface that concerns its worlds. */
export const faceOf = (worlds: Worlds, standard: World) => ({
  url: worlds.baseUrl(),
  controlUrl: worlds.controlUrl(),
  default: standard,
  world: (options: WorldOptions = {}) => worlds.create(options),
  worlds: worlds.list,
  assertNoUnexpected: () => assertNoUnexpected(worlds.list().flatMap((world) => world.unexpected())),
})

/** A listening server and its address. */
async function listen(app: FastifyInstance, host: string, port: number, tls: boolean): Promise<string> {
  await app.listen({ host, port })
  const address = app.server.address() as AddressInfo
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `${tls ? 'https' : 'http'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${address.port}`
}

/** Starts a WeChat to test against. Resolves once it answers. */
export async function createMockWechat({
  host = '127.0.0.1',
  port = 0,
  controlPort,
  allowedHosts = [],
  appOrigins = [],
  notifyHosts,
  tlsSkipVerify = false,
  tls,
  clock,
  world = {},
  defaults = {},
  log = () => {},
}: MockOptions = {}): Promise<MockWechat> {
  for (const origin of appOrigins) {
    if (URL.canParse(origin) && /^https?:/.test(origin) && new URL(origin).origin === origin) continue
    throw new MockError(
      'BAD_INPUT',
      `appOrigins (--app-origin): ${JSON.stringify(origin)} is not an origin such as "http://127.0.0.1:3000", with no slash at its end`,
    )
  }
  const direct = createSender(tlsSkipVerify)
  const sender = notifyHosts ? onlyTo(notifyHosts, direct) : direct
  let url = ''
  let controlUrl = ''
  const worlds = createWorlds(
    () => url,
    () => controlUrl,
    sender,
    tls !== undefined,
    log,
    defaults,
    clock,
  )
  const standard = worlds.create({ id: 'default', ...world })
  const build = (...parts: Part[]) => buildApp(worlds, { hosts: [host, ...allowedHosts], log, tls, appOrigins }, parts)
  const apps = controlPort === undefined ? [build('wire', 'control')] : [build('wire'), build('control')]
  const close = async () => {
    worlds.close()
    for (const app of apps) await app.close()
    sender.close()
  }
  try {
    const [at = '', controlAt = at] = await Promise.all(
      apps.map((app, n) => listen(app, host, n === 0 ? port : controlPort!, tls !== undefined)),
    )
    url = at
    controlUrl = `${controlAt}${CONTROL_PREFIX}`
  } catch (error) {
    await close()
    throw error
  }
  // Its own certificate is not verified.
  const request = tls
    ? getSecurely(`${url}/readyz`, { agent: false, rejectUnauthorized: false })
    : get(`${url}/readyz`, { agent: false })
  const [ready] = await once(request, 'response')
  ready.resume()
  return { ...faceOf(worlds, standard), close, [Symbol.asyncDispose]: close }
}
