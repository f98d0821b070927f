import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Login } from '../engine/users/login.ts'
import { WechatError } from '../errors.ts'
import type { Answers } from './answers.ts'
import { appLoginSchema, loginSchema, logoutSchema, severalLoginSchema } from './schemas.ts'
import type { Users } from './user.ts'

export interface LoginRouteDeps {
  login: Login
  answers: Answers
  users: Users
  exposeOpenid: boolean
  /** Whether a login has to name its app, in the path or in the body. */
  hasSeveral: boolean
}

/** `POST /logout`, for the built-in token, and `POST /login { code }` → `{ token }`, with several apps `POST /login { code, app }` or `POST /login/:app { code }`. The session key never leaves the server, nor does the openid without `exposeOpenid`. */
export function loginRoutes(
  scope: FastifyInstance,
  { login, answers, users, exposeOpenid, hasSeveral }: LoginRouteDeps,
): void {
  // The app revokes its own tokens itself.
  if (answers.authenticate === undefined) {
    scope.post('/logout', { schema: logoutSchema }, async (request, reply) => {
      await login.revokeToken(users.tokenOf(request))
      return reply.code(204).send()
    })
  }

  const typed = scope.withTypeProvider<TypeBoxTypeProvider>()
  if (hasSeveral) {
    typed.post('/login', { schema: severalLoginSchema }, async (request) => {
      return await logIn(request, request.body.code, request.body.app)
    })
    typed.post('/login/:app', { schema: appLoginSchema }, async (request) => {
      return await logIn(request, request.body.code, request.params.app)
    })
  } else typed.post('/login', { schema: loginSchema }, async (request) => await logIn(request, request.body.code))

  async function logIn(request: FastifyRequest, code: string, app?: string) {
    const session = await login.exchange(code, app).catch((error: unknown) => {
      if (error instanceof WechatError && error.code === 'WECHAT_ACCOUNT_REFUSED') {
        request.log.error(
          { wechatCode: error.wechatCode, wechatText: error.wechatText },
          'Nobody can log in: WeChat refuses this server',
        )
      }
      throw error
    })
    const { appid, openid, unionid, sessionKey } = session
    const identity = { appid, openid, unionid }
    await answers.onLogin({ ...identity, sessionKey }, request)
    const { issueToken = login.issueToken } = answers
    const { token, expiresAt } = await issueToken({ ...identity }, request)
    return { token, ...(expiresAt && { expiresAt: expiresAt.toISOString() }), ...(exposeOpenid && { openid }) }
  }
}
