import { Type } from './type.ts'

/** The schemas of the routes; @fastify/swagger documents the routes by them. */

const orderState = Type.Union(
  (['created', 'unknown', 'prepaid', 'closing', 'paid', 'closed', 'failed'] as const).map((state) =>
    Type.Literal(state),
  ),
)

const failure = Type.Object(
  {
    statusCode: Type.Integer(),
    code: Type.Optional(Type.String({ description: 'A code of WechatErrorCode' })),
    error: Type.String(),
    message: Type.String(),
  },
  { description: 'Refused', additionalProperties: true },
)

const failures = { '4xx': failure, '5xx': failure }

export const loginSchema = {
  tags: ['wechat'],
  summary: 'Log in with the code of wx.login',
  body: Type.Object({ code: Type.String({ description: 'The code of wx.login' }) }),
  response: {
    200: Type.Object({
      token: Type.String({ description: 'Send it as `Authorization: Bearer …`' }),
      expiresAt: Type.Optional(Type.String({ format: 'date-time' })),
      openid: Type.Optional(Type.String({ description: 'Only with exposeOpenid' })),
    }),
    ...failures,
  },
}

const app = Type.String({ description: 'The name of the app, or its appid' })

/** Where there are several apps. */
export const severalLoginSchema = {
  ...loginSchema,
  body: Type.Object({ ...loginSchema.body.properties, app: Type.Optional(app) }),
}

export const appLoginSchema = { ...loginSchema, summary: 'Log in to the app of the path', params: Type.Object({ app }) }

export const logoutSchema = {
  tags: ['wechat'],
  summary: "Revoke the request's token",
  response: { 204: { type: 'null', description: 'The token is revoked, or did not exist' }, ...failures },
}

export const createOrderSchema = {
  tags: ['wechat'],
  summary: 'Order, and get the parameters of wx.requestPayment',
  description: 'The price hook defines the content of the body. Amounts are never read from it.',
  response: {
    200: Type.Object({
      outTradeNo: Type.String(),
      timeStamp: Type.String({ description: 'UNIX seconds' }),
      nonceStr: Type.String(),
      package: Type.String({ description: 'prepay_id=…' }),
      signType: Type.String(),
      paySign: Type.String(),
    }),
    ...failures,
  },
}

export const getOrderSchema = {
  tags: ['wechat'],
  summary: "One of the payer's own orders; asks WeChat if it is not settled",
  params: Type.Object({ outTradeNo: Type.String({ pattern: '^[0-9A-Za-z_|*-]{6,32}$' }) }),
  response: {
    200: Type.Object({
      outTradeNo: Type.String(),
      key: Type.String(),
      state: orderState,
      paid: Type.Boolean(),
      totalFee: Type.Integer({ description: 'Fen' }),
      description: Type.String(),
      transactionId: Type.Optional(Type.String()),
      paidAt: Type.Optional(Type.String({ format: 'date-time' })),
      createdAt: Type.String({ format: 'date-time' }),
      expiresAt: Type.String({ format: 'date-time' }),
    }),
    ...failures,
  },
}

export const cancelOrderSchema = {
  ...getOrderSchema,
  summary: 'Close an unpaid order; the reply has its resulting state',
}
