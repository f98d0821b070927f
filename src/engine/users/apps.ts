import type { MiniProgram } from '../../client/mini-program/mini-program.ts'
import type { ShippingCalls } from '../../client/mini-program/shipping.ts'
import type { Users } from '../../client/mini-program/users.ts'
import { WechatError } from '../../errors.ts'

/** A mini program with its own credentials. */
export interface RegisteredApp {
  /** Its name in the option `apps`; absent for a single app. */
  name: string | undefined
  appid: string
  miniProgram: MiniProgram & Users & ShippingCalls
}

/** The mini programs of a registration. */
export interface Apps {
  appids: readonly string[]
  /**
   * The app of this name or appid; a single app needs no name.
   *
   * @throws {WechatError} `WECHAT_INPUT_INVALID`
   */
  find(nameOrAppid?: string): RegisteredApp
}

/** @param apps At least one. */
export function createApps(apps: readonly RegisteredApp[]): Apps {
  const all = apps.map(({ name, appid }) => (name === undefined ? appid : `${name} (${appid})`)).join(', ')
  return {
    appids: apps.map(({ appid }) => appid),
    find(wanted) {
      const found =
        wanted === undefined
          ? apps.length === 1 && apps[0]
          : apps.find(({ name, appid }) => name === wanted || appid === wanted)
      if (found) return found
      const what =
        wanted === undefined ? 'There are several apps' : `There is no app ${JSON.stringify(wanted.slice(0, 40))}`
      throw new WechatError('WECHAT_INPUT_INVALID', `${what}: name one of ${all}.`, { sent: false })
    },
  }
}

/** These answer at once. */
const AT_ONCE = ['isUserData', 'decryptUserData']

/** The calls of the only app. With several, each call fails and asks for the app's name. */
export function callsOfOnly({ appids, find }: Apps): RegisteredApp['miniProgram'] {
  if (appids.length === 1) return find().miniProgram
  const calls = Object.keys(find(appids[0]).miniProgram).map((name) => [
    name,
    AT_ONCE.includes(name) ? () => find() : async () => find(),
  ])
  return Object.fromEntries(calls) as RegisteredApp['miniProgram']
}
