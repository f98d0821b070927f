import { once } from 'node:events'
import { get } from 'node:http'
import { get as getSecurely } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { CONTROL_PREFIX } from '../control/index.ts'
import { createSender, onlyTo } from '../notify/sender.ts'
import { assertNoUnexpected } from '../world/assertions.ts'
import type { WorldOptions } from '../world/options.ts'
import type { SharedClock } from '../world/shared-clock.ts'
import type { World } from '../world/world.ts'
import { createWorlds, type Worlds } from '../world/worlds.ts'
import { buildApp, type Part } from './app.ts'
import type { TlsOptions } from './wire-routes.ts'

export interface MockOptions {
  /** Default 127.0.0.1: nobody else can reach it. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** A port of its own for the control API, 0: any free one. Default: it shares the port of WeChat's paths. */
  readonly controlPort?: number
  /**
   * Names by which the control API may be called, beside addresses, `localhost` and `host`: that of the service in a network
   * of containers, for example. WeChat's own paths answer to any.
   */
  readonly allowedHosts?: readonly string[]
  /** The only hosts that notifications are sent to; default: any. */
  readonly notifyHosts?: readonly string[]
  /** Takes any certificate of a notify_url, which WeChat does not. Default false. */
  readonly tlsSkipVerify?: boolean
  /** Makes it https; a world can then ask for the merchant's certificate (`certMode`). */
  readonly tls?: TlsOptions
  /**
   * A clock for the mock and the application together, of {@link createSharedClock}: all worlds run on it. Default: each
   * world has a time of its own.
   */
  readonly clock?: SharedClock
  /** The world `default`. */
  readonly world?: WorldOptions
  /** For every world that does not say otherwise. */
  readonly defaults?: Pick<WorldOptions, 'maxJournal' | 'strict'>
  /** Gets one line for each request and each delivery. */
  readonly log?: (line: string) => void
}

/** A running double of WeChat. */
export interface MockWechat extends AsyncDisposable {
  readonly url: string
  /** `<url>/__mock/v1`; with `controlPort`, on that port. */
  readonly controlUrl: string
  readonly default: World
  /**
   * A fresh merchant and app; requests find their way by mch_id and appid.
   * @throws MockError WORLD_EXISTS, BAD_INPUT
   */
  readonly world: (options?: WorldOptions) => World
  readonly worlds: () => World[]
  /**
   * Passes if no world saw a call to a path that is not emulated.
   * @throws MockError UNEXPECTED_CALLS
   */
  readonly assertNoUnexpected: () => void
  readonly close: () => Promise<void>
}

/** What every form of the mock shows of its worlds. */
export const faceOf = (worlds: Worlds, standard: World) => ({
  url: worlds.baseUrl(),
  controlUrl: worlds.controlUrl(),
  default: standard,
  world: (options: WorldOptions = {}) => worlds.create(options),
  worlds: worlds.list,
  assertNoUnexpected: () => assertNoUnexpected(worlds.list().flatMap((world) => world.unexpected())),
})

/** A server that listens, and where. */
async function listen(app: FastifyInstance, host: string, port: number, tls: boolean): Promise<string> {
  await app.listen({ host, port })
  const address = app.server.address() as AddressInfo
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `${tls ? 'https' : 'http'}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${address.port}`
}

/** Starts a WeChat to test against. Resolves when it answers. */
export async function createMockWechat({
  host = '127.0.0.1',
  port = 0,
  controlPort,
  allowedHosts = [],
  notifyHosts,
  tlsSkipVerify = false,
  tls,
  clock,
  world = {},
  defaults = {},
  log = () => {},
}: MockOptions = {}): Promise<MockWechat> {
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
  const build = (...parts: Part[]) => buildApp(worlds, { hosts: [host, ...allowedHosts], log, tls }, parts)
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
  // Its own certificate need not satisfy it.
  const request = tls
    ? getSecurely(`${url}/readyz`, { agent: false, rejectUnauthorized: false })
    : get(`${url}/readyz`, { agent: false })
  const [ready] = await once(request, 'response')
  ready.resume()
  return { ...faceOf(worlds, standard), close, [Symbol.asyncDispose]: close }
}
