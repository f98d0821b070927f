import t from 'tap'
import { isRefusal, quoted, readCommunicationFailure, refusalOf } from '../../src/client/refusals.ts'
import { ERR_CODES } from '../../mock-server/wire/error-codes.ts'
import { WechatError } from '../../src/errors.ts'
import type { Advice, WechatErrorCode } from '../../src/errors.ts'

t.test('whether a client or the operator has to act on a communication failure', async (t) => {
  const cases: [text: string, about: 'order' | 'server', toDo: RegExp][] = [
    ['body参数格式错误', 'order', /terms/],
    ['invalid spbill_create_ip', 'order', /terms/],
    ['spbill_create_ip参数长度有误', 'order', /terms/],
    ['attach参数长度有误', 'order', /terms/],
    ['out_trade_no参数格式错误', 'order', /terms/],
    ['invalid refund_fee', 'order', /terms/],
    ['invalid total_fee', 'order', /terms/],
    ['time_expire时间过短，刷卡至少1分钟，其他5分钟', 'order', /orderTtlMs.*clock/],
    ['invalid openid', 'order', /terms/],
    ['无效的openid', 'order', /logged in/],
    ['appid and openid not match', 'order', /logged in/],
    ['JSAPI支付必须传openid', 'order', /logged in/],
    ['签名错误', 'server', /merchant\.apiKey/],
    ['签名错误，请检查后再试', 'server', /merchant\.apiKey/],
    ['appid不存在', 'server', /appid/],
    ['AppID不存在，请检查后再试', 'server', /appid/],
    ['appid参数长度有误', 'server', /appid/],
    ['mch_id参数长度有误', 'server', /merchant\.mchId/],
    ['mch_id参数格式错误', 'server', /merchant\.mchId/],
    ['mch_id和appid没有关联关系', 'server', /bound/],
    ['商户号mch_id与appid不匹配', 'server', /bound/],
    ['商户号该产品权限未开通，请前往商户平台>产品中心检查后重试', 'server', /JSAPI payment/],
    ['您没有JSAPI支付权限', 'server', /JSAPI payment/],
    ['受理机构必须传入sub_mch_id', 'server', /service provider/],
    ['invalid notify_url', 'server', /publicUrl/],
    ['缺少参数', 'server', /baseUrl/],
    ['missing parameter', 'server', /baseUrl/],
    ['XML格式错误', 'server', /baseUrl/],
    ['a text from 2031 about the body', 'server', /baseUrl/],
    ['bodyguard', 'server', /baseUrl/],
    ['', 'server', /baseUrl/],
  ]
  for (const [text, about, toDo] of cases) {
    t.match(readCommunicationFailure(text), { about, toDo }, `${text || 'no text'} → ${about}`)
  }
})

t.test('codes are equal with and without underscores', async (t) => {
  const cases: [wechatCode: string, expected: [WechatErrorCode, Advice] | undefined][] = [
    ['ORDERPAID', ['WECHAT_ORDER_PAID', 'query']],
    ['ORDER_PAID', ['WECHAT_ORDER_PAID', 'query']],
    ['SYSTEMERROR', ['WECHAT_UNAVAILABLE', 'repeat']],
    ['SYSTEM_ERROR', ['WECHAT_UNAVAILABLE', 'repeat']],
    ['NOT_ENOUGH', ['WECHAT_REFUSED', 'repeat']],
    ['OPENID_MISMATCH', ['WECHAT_REFUSED', 'stop']],
    ['RESOURCE_NOT_EXISTS', ['WECHAT_ORDER_NOT_FOUND', 'query']],
    ['SOMETHING_NEW', undefined],
    ['toString', undefined],
    ['', undefined],
  ]
  for (const [wechatCode, expected] of cases) t.strictSame(refusalOf(wechatCode)?.slice(0, 2), expected, wechatCode)

  const refused = new WechatError('WECHAT_ORDER_PAID', 'paid', { wechatCode: 'ORDER_PAID' })
  t.equal(isRefusal(refused, 'ORDERPAID'), true)
  t.equal(isRefusal(refused, 'ORDERCLOSED'), false)
  t.equal(isRefusal(new WechatError('WECHAT_ORDER_PAID', 'paid'), 'ORDERPAID'), false)
  t.equal(isRefusal(new Error('ORDERPAID'), 'ORDERPAID'), false)
})

t.test("WeChat's text is truncated", async (t) => {
  t.equal(quoted('订单已支付'), '订单已支付')
  t.equal(quoted('x'.repeat(500)).length, 100)
  t.equal(quoted(undefined), '')
})

/** The codes of API v3 (doc/v3/merchant/4012791897 and the pages of the other calls). */
const V3_CODES = [
  ...['APPID_MCHID_NOT_MATCH', 'INVALID_REQUEST', 'MCH_NOT_EXISTS', 'PARAM_ERROR', 'SIGN_ERROR', 'NO_AUTH'],
  ...['OUT_TRADE_NO_USED', 'FREQUENCY_LIMITED', 'SYSTEM_ERROR', 'RULE_LIMIT', 'TRADE_ERROR', 'ORDER_NOT_EXIST'],
  ...['ORDERPAID', 'ORDER_PAID', 'ORDER_CLOSED', 'NOT_ENOUGH', 'USER_ACCOUNT_ABNORMAL', 'RESOURCE_NOT_EXISTS'],
  ...['TRADE_OVERDUE', 'REFUND_FEE_MISMATCH', 'NO_STATEMENT_EXIST', 'STATEMENT_CREATING', 'INVALID_TRANSACTIONID'],
  ...['OPENID_MISMATCH', 'RATELIMIT_EXCEEDED', 'SERVICE_UNAVAILABLE'],
]

t.test('every code of the documents has an advice and a sentence that says what to do', async (t) => {
  const codes = new Set([...Object.values(ERR_CODES).flatMap((table) => Object.keys(table)), ...V3_CODES])
  for (const wechatCode of codes) {
    const [code, advice, toDo] = refusalOf(wechatCode) ?? []
    t.match(toDo, /^[A-Z].{20,}\.$/, `${wechatCode}: ${code}, ${advice}: ${toDo}`)
    // Who cannot be reached yet can be asked again; whose configuration is wrong has to be set right.
    if (code === 'WECHAT_UNAVAILABLE' || code === 'WECHAT_RATE_LIMITED') t.equal(advice, 'repeat', wechatCode)
    t.equal(code === 'WECHAT_ACCOUNT_REFUSED', advice === 'configure', wechatCode)
  }
})
