import { isDeepStrictEqual } from 'node:util'
import { MockError } from '../base/errors.ts'
import type { Sender } from '../notify/sender.ts'
import { createMetrics, type Metrics } from '../server/metrics.ts'
import type { Registry, WorldCore } from '../wechat/core.ts'
import type { AnyWorldOptions, WorldOptions } from './options.ts'
import type { SharedClock } from './shared-clock.ts'
import { createWorld, type Names, type World } from './world.ts'

/** The worlds of a mock, by each of their names. */
export interface Worlds extends Registry {
  readonly create: (options: AnyWorldOptions) => World
  /** The world that was made with exactly these options, its id among them. */
  readonly madeBy: (options: AnyWorldOptions) => World | undefined
  readonly list: () => World[]
  /** @throws MockError UNKNOWN_WORLD */
  readonly find: (id: string) => World
  readonly baseUrl: () => string
  readonly controlUrl: () => string
  readonly metrics: Metrics
}

export function createWorlds(
  baseUrl: () => string,
  controlUrl: () => string,
  sender: Sender,
  tls: boolean,
  log: (line: string) => void,
  defaults: WorldOptions,
  clock: SharedClock | undefined,
): Worlds & { close: () => void } {
  const worlds = new Map<string, World>()
  const made = new Map<string, AnyWorldOptions>()
  const cores = new Map<string, WorldCore>()
  const byAppid = new Map<string, WorldCore>()
  const byMchId = new Map<string, WorldCore>()
  const named = { appid: byAppid, mchId: byMchId }

  const metrics = createMetrics()

  const seeds = new Set<string>()
  function uniqueSeed(seed: string): string {
    let unique = seed
    for (let n = 2; seeds.has(unique); n++) unique = `${seed}#${n}`
    return unique
  }

  let created = 0
  function freshId(): string {
    while (worlds.has(`w${created}`)) created++
    return `w${created}`
  }

  const names: Names = {
    checkFree: (kind, name) => {
      const owner = named[kind].get(name)
      if (owner) {
        throw new MockError('ID_TAKEN', `the ${kind} ${name} is one of world ${owner.id}; choose another one`, {
          field: kind,
        })
      }
    },
    claim: (kind, name, core) => {
      named[kind].set(name, core)
    },
  }

  function remove(id: string, seed: string): void {
    if (cores.keys().next().value === id) {
      throw new MockError(
        'DEFAULT_WORLD',
        `world ${id} answers the calls that belong to no world, and cannot be deleted; reset it instead`,
      )
    }
    seeds.delete(seed)
    worlds.delete(id)
    made.delete(id)
    cores.delete(id)
    for (const names of [byAppid, byMchId]) for (const [name, core] of names) if (core.id === id) names.delete(name)
  }

  function create(options: AnyWorldOptions): World {
    const { id = freshId() } = options
    const seed = uniqueSeed(String(options.seed ?? id))
    const { world, core } = createWorld(
      { id, seed, baseUrl, sender, clock, tls, log, names, remove: () => remove(id, seed) },
      { ...defaults, ...options },
    )
    const { appid, mchId } = world.credentials
    if (worlds.has(id) || byAppid.has(appid) || byMchId.has(mchId)) {
      core.end()
      throw new MockError(
        'WORLD_EXISTS',
        `there is already a world with the id ${id}, the appid ${appid} or the mchId ${mchId}`,
      )
    }
    seeds.add(seed)
    world.on('journal', metrics.count)
    worlds.set(id, world)
    made.set(id, options)
    cores.set(id, core)
    created++
    byAppid.set(appid, core)
    byMchId.set(mchId, core)
    return world
  }

  return {
    create,
    madeBy: (options) => (isDeepStrictEqual(made.get(options.id!), options) ? worlds.get(options.id!) : undefined),
    baseUrl,
    controlUrl,
    metrics,
    list: () => [...worlds.values()],
    find: (id) => {
      const world = worlds.get(id)
      if (!world) {
        throw new MockError('UNKNOWN_WORLD', `there is no world ${id}; known: ${[...worlds.keys()].join(', ')}`)
      }
      return world
    },
    byAppid: (appid) => byAppid.get(appid),
    byMchId: (mchId) => byMchId.get(mchId),
    byOpenid: (openid) => [...byAppid.values()].find(({ users }) => users.drew(openid)),
    byAccessToken: (token) => [...byAppid.values()].find(({ tokens }) => tokens.has(token)),
    byPhoneCode: (code) => [...byAppid.values()].find(({ users }) => users.hasPhoneCode(code)),
    fallback: () => cores.values().next().value!,
    close: () => {
      for (const { end } of cores.values()) end()
    },
  }
}
