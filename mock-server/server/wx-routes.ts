import type { FastifyInstance, FastifyRequest } from 'fastify'
import { strict, text } from '../base/schema.ts'
import { parseJson } from '../control/json.ts'
import { validateInput } from '../control/validation.ts'
import { type RequestPaymentParams, RequestPaymentError } from '../wechat/phone/request-payment.ts'
import type { Worlds } from '../world/worlds.ts'
import { checkApp } from './guard.ts'
import { CONTROL_ROOT } from './wire-routes.ts'

export const WX_ROOT = `${CONTROL_ROOT}wx`

interface InWorld {
  readonly world: string
}

/**
 * The `wx` of a mini program, for the web pages of `appOrigins`: a script, and the two calls that only WeChat's client can make. The page that pays
 * is the mock's own, in a frame, so that no page of an app can pay on its own.
 */
export function wxRoutes(
  app: FastifyInstance,
  worlds: Worlds,
  guard: (request: FastifyRequest) => Promise<void>,
  appOrigins: readonly string[],
): void {
  app.removeAllContentTypeParsers()
  // A page sends text/plain, which needs no preflight.
  app.addContentTypeParser('*', { parseAs: 'string' }, parseJson)
  validateInput(app)
  app.addHook('onRequest', guard)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'access-control-allow-origin': checkApp(request, appOrigins), vary: 'origin' })
  })

  app.get<{ Params: InWorld }>('/:world/wx.js', async ({ params }, reply) => {
    worlds.find(params.world)
    const { WX_SCRIPT } = await import('../pages/assets/wx.ts')
    return reply
      .headers({ 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'no-cache' })
      .send(WX_SCRIPT)
  })

  app.post<{ Params: InWorld; Body: { readonly openid?: string } }>(
    '/:world/login',
    { schema: { body: strict({ openid: text(128) }) } },
    async ({ params, body }) => {
      const { code, openid } = worlds.find(params.world).loginCode(body)
      return { code, openid }
    },
  )

  // A refusal is an answer: the script passes it to the page as WeChat's client does.
  app.post<{ Params: InWorld; Body: RequestPaymentParams }>(
    '/:world/request-payment',
    { schema: { body: { type: 'object' } } },
    async ({ params, body }) => {
      const world = worlds.find(params.world)
      try {
        const { errMsg } = world.requestPayment(body)
        return { errMsg, prepayId: body.package.slice('prepay_id='.length) }
      } catch (error) {
        if (!(error instanceof RequestPaymentError)) throw error
        return error.details
      }
    },
  )
}
