import { isDeepStrictEqual } from 'node:util'
import { MockError } from '../base/errors.ts'
import type { Sender } from '../notify/sender.ts'
import type { AtMerchant, InApp, Registry, WorldCore } from '../wechat/core.ts'
import type { WorldOptions } from './options.ts'
import type { SharedClock } from './shared-clock.ts'
import { createWorld } from './create-world.ts'
import type { World } from './world.ts'

/** The worlds of a mock by id, mch_id and appid. */
export interface Worlds extends Registry {
  readonly create: (options: WorldOptions) => World
  /** The world created with exactly these options, including its id. */
  readonly madeBy: (options: WorldOptions) => World | undefined
  readonly list: () => World[]
  /** @throws MockError UNKNOWN_WORLD */
  readonly find: (id: string) => World
  readonly baseUrl: () => string
  readonly controlUrl: () => string
  /** Why the mock sends nothing to this address, if it may not. */
  readonly refusal: (url: string) => string | undefined
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
  const made = new Map<string, WorldOptions>()
  const cores = new Map<string, WorldCore>()
  const byAppid = new Map<string, InApp>()
  const byMchId = new Map<string, AtMerchant>()
  const named = { appid: byAppid, mchId: byMchId }

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

  /** @throws MockError ID_TAKEN */
  function checkFree(kind: 'appid' | 'mchId', name: string): void {
    const owner = named[kind].get(name)?.world
    if (owner) {
      throw new MockError('ID_TAKEN', `the ${kind} ${name} belongs to world ${owner.id}; choose another one`, {
        field: kind,
      })
    }
  }

  const claimMchId = (owner: AtMerchant) => {
    byMchId.set(owner.account.mchId, owner)
  }
  const claimAppid = (owner: InApp) => {
    byAppid.set(owner.app.appid, owner)
  }

  function remove(id: string, seed: string): void {
    if (cores.keys().next().value === id) {
      throw new MockError(
        'DEFAULT_WORLD',
        `world ${id} answers calls that belong to no world and cannot be deleted; reset it instead`,
      )
    }
    seeds.delete(seed)
    worlds.delete(id)
    made.delete(id)
    cores.delete(id)
    for (const owners of [byAppid, byMchId]) {
      for (const [name, { world }] of owners) if (world.id === id) owners.delete(name)
    }
  }

  /** @throws MockError WORLD_EXISTS */
  function checkNew(id: string, options: WorldOptions): void {
    const before = made.get(id)
    if (!before) return
    const names = [...new Set([...Object.keys(before), ...Object.keys(options)])] as (keyof WorldOptions)[]
    const others = names.filter((name) => !isDeepStrictEqual(before[name], options[name]))
    const told = others.length > 0 ? `, made with another ${others.join(', ')}` : ''
    throw new MockError('WORLD_EXISTS', `there is already a world ${id}${told}`)
  }

  function create(options: WorldOptions): World {
    const { id = freshId() } = options
    checkNew(id, options)
    const own = options.seed ?? (defaults.seed === undefined ? id : `${defaults.seed}/${id}`)
    const seed = uniqueSeed(String(own))
    const { world, core } = createWorld(
      { id, seed, baseUrl, sender, clock, tls, log, checkFree, claimMchId, claimAppid, remove: () => remove(id, seed) },
      { ...defaults, ...options },
    )
    const { appid, mchId } = world.credentials
    if (core.apps.some((app) => byAppid.has(app.appid)) || byMchId.has(mchId)) {
      core.end()
      throw new MockError('WORLD_EXISTS', `there is already a world with the appid ${appid} or the mchId ${mchId}`)
    }
    seeds.add(seed)
    worlds.set(id, world)
    made.set(id, options)
    cores.set(id, core)
    created++
    for (const app of core.apps) claimAppid({ world: core, app })
    claimMchId({ world: core, account: core.accounts[0]! })
    return world
  }

  return {
    create,
    madeBy: (options) => (isDeepStrictEqual(made.get(options.id!), options) ? worlds.get(options.id!) : undefined),
    baseUrl,
    controlUrl,
    refusal: (url) => sender.refusal?.(url),
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
    byOpenid: (openid) => [...byAppid.values()].find(({ app: { users } }) => users.drew(openid)),
    byAccessToken: (token) => [...byAppid.values()].find(({ app: { tokens } }) => tokens.has(token)),
    byPhoneCode: (code) => [...byAppid.values()].find(({ app: { users } }) => users.hasPhoneCode(code)),
    fallback: () => cores.values().next().value!,
    close: () => {
      for (const { end } of cores.values()) end()
    },
  }
}
