import { Secret } from '../base/secret.ts'
import { keysOf } from './keys.ts'
import type { App, Key, WechatPayOptions } from './options.ts'
import { APP_RULES, check, isApps } from './rules.ts'

/** The current key, and the next one during a change. */
export type Keys = readonly [Secret, Secret?]

/** A mini program, checked. */
export interface AppConfig {
  /** Its name in the option `apps`; absent for a single app. */
  name: string | undefined
  appid: string
  appSecrets: Keys
}

/** The faults of the apps, one by one and together. `apps` has passed `isApps`. */
export function faultsOfApps(apps: Record<string, unknown>, secrets: string[]): string[] {
  const faults: string[] = []
  const known = new Map<unknown, string>()
  for (const [name, app] of Object.entries(apps)) {
    if (typeof app !== 'object' || app === null) {
      faults.push(`\`apps.${name}\` must be { appid, appSecret }`)
      continue
    }
    const { appid } = app as Partial<App>
    const other = appid === undefined ? undefined : known.get(appid)
    if (other !== undefined) faults.push(`\`apps.${name}.appid\` is that of \`apps.${other}\`: each app is named once`)
    known.set(appid, name)
    faults.push(...check(app as Record<string, unknown>, APP_RULES, `apps.${name}.`, secrets))
  }
  return faults
}

/** All app secrets among the options, in any form. */
export function appSecretsOf({ appSecret, apps }: { appSecret?: unknown; apps?: unknown }): unknown[] {
  const given = isApps(apps) ? Object.values(apps) : []
  return [appSecret, ...given.map((app) => (app as Partial<App> | null)?.appSecret)].flatMap(keysOf)
}

/** The apps of checked options. */
export function appsConfig(options: Pick<WechatPayOptions, 'appid' | 'appSecret' | 'apps'>): AppConfig[] {
  const { appid, appSecret, apps } = options
  const app = (name: string | undefined, { appid, appSecret }: App) => ({ name, appid, appSecrets: wrapped(appSecret) })
  if (apps === undefined) return [app(undefined, { appid: appid!, appSecret: appSecret! })]
  return Object.entries(apps).map(([name, each]) => app(name, each))
}

export function wrapped(key: Key): Keys {
  return (keysOf(key) as string[]).map((each) => new Secret(each)) as unknown as Keys
}
