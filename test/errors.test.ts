import t from 'tap'
import { WechatError } from '../src/errors.ts'
import type { WechatErrorCode } from '../src/errors.ts'

t.test('every code has its HTTP status', async (t) => {
  // A record of all codes: if one is added to the package and not here, the type check fails.
  const statuses: Record<WechatErrorCode, number> = {
    WECHAT_OPTIONS_INVALID: 500,
    WECHAT_INPUT_INVALID: 400,
    WECHAT_UNAUTHENTICATED: 401,
    WECHAT_CODE_REJECTED: 401,
    WECHAT_USER_BLOCKED: 403,
    WECHAT_SESSION_KEY_STALE: 401,
    WECHAT_DATA_FOREIGN: 403,
    WECHAT_ORDER_NOT_FOUND: 404,
    WECHAT_ORDER_PAID: 409,
    WECHAT_ORDER_CONFLICT: 409,
    WECHAT_TRANSACTION_TAKEN: 409,
    WECHAT_REFUSED: 422,
    WECHAT_RATE_LIMITED: 429,
    WECHAT_PRICE_INVALID: 500,
    WECHAT_HOOK_INVALID: 500,
    WECHAT_ACCOUNT_REFUSED: 500,
    WECHAT_NETWORK: 502,
    WECHAT_REPLY_INVALID: 502,
    WECHAT_BUSY: 503,
    WECHAT_UNAVAILABLE: 503,
    WECHAT_STORE_FAILED: 503,
    WECHAT_TIMEOUT: 504,
    WECHAT_NOTIFICATION_INVALID: 400,
    WECHAT_XML_INVALID: 400,
  }
  for (const [code, statusCode] of Object.entries(statuses)) {
    t.equal(new WechatError(code as WechatErrorCode, 'text').statusCode, statusCode, code)
  }
})

t.test('an error without details is final and may have been sent', async (t) => {
  const error = new WechatError('WECHAT_REFUSED', 'WeChat refused.')
  t.ok(error instanceof Error)
  t.match(error.stack, /WeChat refused\.\n.*errors\.test\.ts/, 'the stack starts where it was created')
  t.strictSame(
    { ...error },
    {
      name: 'WechatError',
      code: 'WECHAT_REFUSED',
      statusCode: 422,
      wechatCode: undefined,
      wechatText: undefined,
      wechatDetail: undefined,
      advice: 'stop',
      sent: true,
    },
  )
  t.equal(error.message, 'WeChat refused.')
  t.notOk('cause' in error, 'no undefined cause')
})

t.test('an error with all details', async (t) => {
  const cause = new Error('socket')
  const error = new WechatError('WECHAT_UNAVAILABLE', 'Busy.', {
    wechatCode: 'SYSTEMERROR',
    wechatText: '系统超时',
    advice: 'repeat',
    sent: false,
    cause,
  })
  t.match(error, { wechatCode: 'SYSTEMERROR', wechatText: '系统超时', advice: 'repeat', sent: false })
  t.equal(error.cause, cause)
})
