import type { FastifyInstance, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import type { Login } from '../engine/users/login.ts'
import { WechatError } from '../errors.ts'
import type { Identity } from '../model.ts'
import type { Answers } from './answers.ts'

const USER = Symbol('fastify-wechat-pay user')
type Known = FastifyRequest & { [USER]?: Identity }

export interface Users {
  /** The token of the request, from `Authorization: Bearer …`; empty if there is none. */
  tokenOf(request: FastifyRequest): string
  /** The user of the request. @throws {WechatError} `WECHAT_UNAUTHENTICATED` */
  authenticate(request: FastifyRequest): Promise<Identity>
}

/** The user of a request, by the built-in token or from the hook `authenticate`. */
export function createUsers(login: Login, answers: Answers): Users {
  const tokenOf = ({ headers }: FastifyRequest) =>
    /^Bearer ([\x21-\x7e]+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
  return {
    tokenOf,
    async authenticate(request) {
      const identity =
        answers.authenticate === undefined
          ? await login.identify(tokenOf(request))
          : await answers.authenticate(request)
      if (identity === undefined) {
        throw new WechatError(
          'WECHAT_UNAUTHENTICATED',
          'No valid token. Log in with wx.login and send it as `Authorization: Bearer …`.',
        )
      }
      return identity
    },
  }
}

/** For the app's own routes: sets `request.wechatUser`, or refuses the request with `WECHAT_UNAUTHENTICATED` (401). With an `appid` only its users
 * pass.
 */
export function createRequireUser(
  fastify: FastifyInstance,
  { authenticate }: Users,
  appid?: string,
): preHandlerAsyncHookHandler {
  if (!fastify.hasRequestDecorator('wechatUser')) {
    fastify.decorateRequest('wechatUser', {
      getter(this: Known) {
        const user = this[USER]
        if (user !== undefined) return user
        throw new WechatError(
          'WECHAT_UNAUTHENTICATED',
          'request.wechatUser exists only in routes with fastify.wechat.requireUser as a preHandler.',
        )
      },
    })
  }
  return async (request) => {
    const user = await authenticate(request)
    if (appid !== undefined && user.appid !== appid) {
      throw new WechatError(
        'WECHAT_UNAUTHENTICATED',
        `The token belongs to ${user.appid}, but this route is for users of ${appid}.`,
      )
    }
    ;(request as Known)[USER] = user
  }
}
