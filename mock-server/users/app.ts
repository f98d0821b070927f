import { strict, text, type Schema } from '../base/schema.ts'
import { createRandom, type Random } from '../base/random.ts'
import { createTokens, type Tokens } from './tokens.ts'
import { createUsers, type Users, type UsersOptions } from './users.ts'

/** What can be changed about an app; omitted properties stay as they are. */
export interface AppChanges {
  readonly appSecret?: string
}

/** A mini program of a world. */
export interface App extends Required<AppChanges> {
  readonly appid: string
}

/** An app: its secret, its users and its tokens. */
export interface Application {
  readonly appid: string
  appSecret: string
  readonly now: () => Date
  readonly random: Random
  readonly users: Users
  readonly tokens: Tokens
}

export function createApplication(app: App, seed: string, now: () => Date, options: UsersOptions): Application {
  const random = createRandom(seed)
  return { ...app, now, random, users: createUsers(random, now, options), tokens: createTokens(random, now) }
}

export const appView = ({ appid, appSecret }: Application): App => ({ appid, appSecret })

export const APP: Schema = strict({ appSecret: { ...text(), writeOnly: true } })
export const APPID: Schema = { type: 'string', pattern: '^\\w{1,32}$', description: '1 to 32 letters and digits' }
