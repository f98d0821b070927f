import type { FastifyRequest } from 'fastify'
import { checkPrice } from '../engine/terms.ts'
import { WechatError } from '../errors.ts'
import type { Hooks, IssuedToken, LoginResult, Price } from '../hooks.ts'
import type { Identity } from '../model.ts'
import { checkFields, date, kindOf, optional, shown, text } from '../base/rules.ts'
import type { Rule } from '../base/rules.ts'
import { loggable } from '../base/thrown.ts'

/** The hooks that requests wait for. Their errors are made fit for a log and a reply, and their results are checked. */
export interface Answers {
  /** @throws {WechatError} `WECHAT_PRICE_INVALID` */
  price(request: FastifyRequest, identity: Identity): Promise<Price>
  onLogin(login: LoginResult, request: FastifyRequest): Promise<void>
  /** @throws {WechatError} `WECHAT_HOOK_INVALID` */
  issueToken?: ((identity: Identity, request: FastifyRequest) => Promise<IssuedToken>) | undefined
  /** @throws {WechatError} `WECHAT_HOOK_INVALID` */
  authenticate?: ((request: FastifyRequest) => Promise<Identity | undefined>) | undefined
}

/** An earlier date must have been made from seconds, as in a JWT, instead of milliseconds. */
const FIRST_EXPIRY = Date.UTC(2000)

const TOKEN: Record<keyof IssuedToken, Rule> = {
  token: text(1, 16 * 1024),
  expiresAt: optional(
    (value) =>
      date(value) ??
      (Number(value) < FIRST_EXPIRY
        ? `must be made from milliseconds, but ${shown(value)} looks as if made from seconds`
        : undefined),
  ),
}

export function createAnswers(hooks: Hooks<never>, appids: readonly string[]): Answers {
  const { issueToken, authenticate } = hooks
  const only = appids.length === 1 ? appids[0] : undefined
  const isOurs = (value: unknown, more: string) =>
    appids.includes(value as string) ? undefined : `must be ${appids.join(' or ')}${more}, not ${kindOf(value)}`
  const identityRules: Record<keyof Identity, Rule> = {
    appid: only === undefined ? (value) => isOurs(value, '') : optional((value) => isOurs(value, ' or left out')),
    openid: text(1, 128),
    unionid: (value) => (value === null ? undefined : optional(text(0, 128))(value)),
  }

  return {
    price: async (request, identity) => checkPrice(await outcome(() => hooks.price(request, identity))),

    async onLogin(login, request) {
      await outcome(() => hooks.onLogin?.(login, request))
    },

    issueToken:
      issueToken &&
      (async (identity, request) => {
        const answer = await outcome(() => issueToken(identity, request))
        return checked('issueToken', checkFields(answer, TOKEN)) as unknown as IssuedToken
      }),

    authenticate:
      authenticate &&
      (async (request) => {
        const answer: unknown = await outcome(() => authenticate(request))
        if (answer === undefined || answer === null) return undefined
        // Other properties are passed on to the price hook.
        const identity = checked('authenticate', checkFields(answer, identityRules, 'kept'))
        return {
          ...identity,
          appid: (identity.appid ?? only) as string,
          openid: identity.openid as string,
          unionid: (identity.unionid ?? undefined) as string | undefined,
        }
      }),
  }
}

async function outcome<T>(run: () => Promise<T> | T): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw loggable(error)
  }
}

function checked(hook: string, { fields, faults }: ReturnType<typeof checkFields>): Record<string, unknown> {
  if (faults.length > 0) {
    throw new WechatError('WECHAT_HOOK_INVALID', `The hook ${hook} returned an invalid value: ${faults.join('; ')}.`)
  }
  return fields
}
