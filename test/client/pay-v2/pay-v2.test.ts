import { createCipheriv, createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { XMLParser } from 'fast-xml-parser'
import t from 'tap'
import { Hash } from 'wechatpay-axios-plugin'
import { createHttp } from '../../../src/client/http.ts'
import type { Http, HttpReply, HttpRequest } from '../../../src/client/http.ts'
import { createPayV2 } from '../../../src/client/pay-v2/pay-v2.ts'
import { NotificationError } from '../../../src/client/pay.ts'
import type { NotificationFault, NotificationMessage, PayApi } from '../../../src/client/pay.ts'
import { WechatError } from '../../../src/errors.ts'
import type { Advice, WechatErrorCode } from '../../../src/errors.ts'
import type { Order, Refund } from '../../../src/model.ts'
import type { SignType } from '../../../src/protocol/sign-v2.ts'
import { KeyRing } from '../../../src/client/key-ring.ts'
import { Secret } from '../../../src/base/secret.ts'
import { httpReply, sample, serve, unstreamed, vectors } from '../../fixtures.ts'

type Values = Record<string, string>

const APPID = 'wx2421b1c4370ec43b'
const MCH_ID = '10000100'
const API_KEY = '192006250b4c09247ec02edce69f6a2d'
/** The key Tencent printed in its PHP demo: the samples are signed with it. */
const DEMO_KEY = '8934e7d15453e97507ef794cf7b0519d'
const NONCE = '5K8264ILTKCH16CQ2502SI8ZNMTM67VS'
const NOTIFY_URL = 'https://shop.example.com/wechat/notify'
const OUT_TRADE_NO = '20260101080000ABCDEFGHIJKLMN'
const ORDER: Order & { openid: string } = {
  key: 'cart-1',
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  description: '腾讯充值中心-QQ会员充值 <&]]>',
  totalFee: 1250,
  clientIp: '2001:db8::1',
  expiresAt: new Date('2026-01-01T02:00:00Z'),
  outTradeNo: OUT_TRADE_NO,
  appid: APPID,
  mchId: MCH_ID,
  apiVersion: 'v2',
  tradeType: 'JSAPI',
  currency: 'CNY',
  state: 'created',
  liveKey: 'cart-1',
  createdAt: new Date('2026-01-01T00:00:00Z'),
  fulfilment: 'none',
  attempts: 0,
  dueAt: null,
  claims: 0,
  refunds: [],
}
const REFUND: Refund = {
  outRefundNo: `${OUT_TRADE_NO}-1`,
  key: 'return-1',
  refundFee: 250,
  origin: 'local',
  state: 'created',
  createdAt: new Date('2026-01-02T00:00:00Z'),
  attempts: 0,
  dueAt: null,
  fulfilment: 'none',
}

const xml = (values: Values) =>
  `<xml>\n${Object.entries(values)
    .map(([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`)
    .join('\n')}\n</xml>`
/** Signed by an independent implementation. */
const signed = (values: Values, key = API_KEY, signType: SignType = 'HMAC-SHA256') =>
  xml({ ...values, sign: Hash.sign(signType, values, key) })

const SUCCESS: Values = {
  return_code: 'SUCCESS',
  return_msg: 'OK',
  appid: APPID,
  mch_id: MCH_ID,
  nonce_str: 'IITRi8Iabbblz1Jc',
  result_code: 'SUCCESS',
}
const REFUSAL: Values = { ...SUCCESS, result_code: 'FAIL', err_code: 'SYSTEMERROR', err_code_des: '系统超时' }
const ORDERED: Values = { ...SUCCESS, prepay_id: 'wx201411101639507cbf6ffd8b0779950874', trade_type: 'JSAPI' }
const PAID: Values = {
  ...SUCCESS,
  openid: ORDER.openid,
  is_subscribe: 'N',
  trade_type: 'JSAPI',
  bank_type: 'CMC',
  total_fee: '1250',
  cash_fee: '1000',
  coupon_fee: '250',
  transaction_id: '4200000540202005267407409907',
  out_trade_no: OUT_TRADE_NO,
  attach: '',
  time_end: '20260101081501',
}
const QUERIED: Values = { ...PAID, trade_state: 'SUCCESS', trade_state_desc: '支付成功' }
const REFUNDED: Values = {
  ...SUCCESS,
  transaction_id: '4200000540202005267407409907',
  out_trade_no: OUT_TRADE_NO,
  out_refund_no: REFUND.outRefundNo,
  refund_id: '50000408942018111907145868882',
  refund_channel: '',
  refund_fee: '250',
  total_fee: '1250',
}
const REFUND_QUERIED: Values = {
  ...SUCCESS,
  out_trade_no: OUT_TRADE_NO,
  refund_count: '1',
  out_refund_no_0: REFUND.outRefundNo,
  refund_id_0: '50000408942018111907145868882',
  refund_fee_0: '250',
  refund_status_0: 'PROCESSING',
}
const PAYMENT = {
  transactionId: '4200000540202005267407409907',
  outTradeNo: OUT_TRADE_NO,
  appid: APPID,
  mchId: MCH_ID,
  openid: ORDER.openid,
  totalFee: 1250,
  currency: 'CNY',
  paidAt: new Date('2026-01-01T00:15:01Z'),
  bankType: 'CMC',
  attach: undefined,
}

/** A notification with these bytes. */
const notification = (body: string | Buffer) => ({ headers: {}, body: Buffer.from(body) })

/** A merchant whose WeChat answers everything with `text`. */
function merchant(
  answer: string | HttpReply | Error = '',
  {
    appids = [APPID],
    mchId = MCH_ID,
    apiKey = API_KEY,
    apiKeys = new KeyRing([new Secret(apiKey)]),
    signType = 'HMAC-SHA256' as SignType,
    nonce = NONCE,
    http = undefined as Http | undefined,
  } = {},
) {
  const requests: HttpRequest[] = []
  const withCert: HttpRequest[] = []
  const httpTo = (log: HttpRequest[]) => ({
    async send(request: HttpRequest): Promise<HttpReply> {
      log.push(request)
      if (answer instanceof Error) throw answer
      return typeof answer === 'string' ? httpReply(answer) : answer
    },
    stream: unstreamed,
    async close() {},
  })
  return {
    pay: createPayV2({
      http: http ?? httpTo(requests),
      certHttp: httpTo(withCert),
      appids,
      mchId,
      apiKeys,
      signType,
      notifyUrl: NOTIFY_URL,
      nonce: () => nonce,
    }),
    requests,
    withCert,
  }
}

const CALLS: Record<string, (pay: PayApi) => Promise<unknown>> = {
  unifiedorder: (pay) => pay.prepay(ORDER),
  orderquery: (pay) => pay.query(OUT_TRADE_NO),
  closeorder: (pay) => pay.close(OUT_TRADE_NO),
  refund: (pay) => pay.refund(ORDER, REFUND),
  refundquery: (pay) => pay.queryRefund(REFUND.outRefundNo),
  'refundquery of an order': (pay) => pay.listRefunds!(OUT_TRADE_NO),
}

async function failure(promise: Promise<unknown>): Promise<WechatError> {
  const error = await promise.then(
    (value) => {
      throw new Error(`it succeeded: ${inspect(value)}`)
    },
    (error: unknown) => error,
  )
  if (error instanceof WechatError) return error
  throw error
}

t.test('requests', async (t) => {
  const common = { appid: APPID, mch_id: MCH_ID, nonce_str: NONCE }
  const cases: [name: string, order: Order, fields: Values][] = [
    ['an order', ORDER, {}],
    ['an order with an attach', { ...ORDER, attach: 'a=1&b=2' }, { attach: 'a=1&b=2' }],
  ]
  for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
    /** The fields read by an independent parser, with their signature checked by an independent signer. */
    const sent = (request: HttpRequest | undefined): Values => {
      const { sign, ...fields } = new XMLParser({ parseTagValue: false, trimValues: false }).parse(request!.body!)
        .xml as Values
      t.equal(sign, Hash.sign(signType, fields, API_KEY), `${signType}: signed`)
      t.match(request, { method: 'POST', headers: { 'content-type': 'text/xml; charset=utf-8' }, repeatable: true })
      return fields
    }
    for (const [name, order, fields] of cases) {
      const { pay, requests } = merchant(signed(ORDERED, API_KEY, signType), { signType })
      t.equal(await pay.prepay(order), ORDERED.prepay_id, `${signType}: ${name} gives the prepay id`)
      t.equal(requests[0]?.path, '/pay/unifiedorder')
      t.strictSame(
        sent(requests[0]),
        {
          ...common,
          sign_type: signType,
          body: '腾讯充值中心-QQ会员充值 <&]]>',
          out_trade_no: OUT_TRADE_NO,
          total_fee: '1250',
          fee_type: 'CNY',
          spbill_create_ip: '2001:db8::1',
          time_start: '20260101080000',
          time_expire: '20260101100000',
          notify_url: NOTIFY_URL,
          trade_type: 'JSAPI',
          openid: ORDER.openid,
          ...fields,
        },
        `${signType}: ${name}`,
      )
    }
    for (const [path, call, answer, fields] of [
      ['/pay/orderquery', CALLS.orderquery!, QUERIED, { out_trade_no: OUT_TRADE_NO }],
      ['/pay/closeorder', CALLS.closeorder!, SUCCESS, { out_trade_no: OUT_TRADE_NO }],
      ['/pay/refundquery', CALLS.refundquery!, REFUND_QUERIED, { out_refund_no: REFUND.outRefundNo }],
      ['/pay/refundquery', CALLS['refundquery of an order']!, REFUND_QUERIED, { out_trade_no: OUT_TRADE_NO }],
    ] as const) {
      const { pay, requests } = merchant(signed(answer, API_KEY, signType), { signType })
      await call(pay)
      t.equal(requests[0]?.path, path)
      t.strictSame(sent(requests[0]), { ...common, sign_type: signType, ...fields }, `${signType}: ${path}`)
    }
    const refunds: [string, Refund, Values, Order?][] = [
      ['a refund', REFUND, {}],
      [
        'a refund of a different amount',
        REFUND,
        { total_fee: '1200', refund_fee_type: 'HKD' },
        { ...ORDER, payment: { ...PAYMENT, totalFee: 1200, currency: 'HKD' } },
      ],
      [
        'a refund out of the balance',
        { ...REFUND, refundAccount: 'AVAILABLE' },
        { refund_account: 'REFUND_SOURCE_RECHARGE_FUNDS' },
      ],
      ['a refund with a reason', { ...REFUND, reason: '缺货' }, { refund_desc: '缺货' }],
      ['a refund with an empty reason', { ...REFUND, reason: '' }, {}],
    ]
    for (const [name, refund, fields, order = ORDER] of refunds) {
      const { pay, requests, withCert } = merchant(signed(REFUNDED, API_KEY, signType), { signType })
      t.equal(
        await pay.refund(order, refund),
        '50000408942018111907145868882',
        `${signType}: ${name} gives WeChat's number`,
      )
      t.equal(requests.length, 0, 'not without the certificate')
      t.equal(withCert[0]?.path, '/secapi/pay/refund')
      t.strictSame(
        sent(withCert[0]),
        {
          ...common,
          sign_type: signType,
          ...(order.payment ? { transaction_id: order.payment.transactionId } : { out_trade_no: OUT_TRADE_NO }),
          out_refund_no: REFUND.outRefundNo,
          total_fee: '1250',
          refund_fee: '250',
          refund_fee_type: 'CNY',
          notify_url: NOTIFY_URL,
          ...fields,
        },
        `${signType}: ${name}`,
      )
    }
  }
})

t.test('the parameters of wx.requestPayment', async (t) => {
  const published = vectors<{ name: string; key: string; signType: SignType; fields: Values; sign: string }[]>(
    'sign-v2',
  ).filter(({ fields }) => fields.appId !== undefined)
  t.equal(published.length, 3)
  for (const { name, key, signType, fields, sign } of published) {
    const { appId, ...passed } = fields
    const { pay } = merchant('', { appids: [appId!], apiKey: key, signType, nonce: fields.nonceStr! })
    const params = pay.payParams(fields.package!.replace('prepay_id=', ''), new Date(Number(fields.timeStamp) * 1000))
    t.strictSame(params, { ...passed, paySign: sign }, `${name}: five strings, appId signed and not passed`)
  }
})

t.test('replies that are rejected for every call', async (t) => {
  const query = { code: 'WECHAT_REPLY_INVALID', statusCode: 502, advice: 'query' }
  const fields = { ...ORDERED, ...QUERIED, ...REFUNDED, ...REFUND_QUERIED }
  const cases: [name: string, reply: string | HttpReply, error: object][] = [
    [
      'HTTP 502',
      httpReply(signed(fields), { status: 502 }),
      { code: 'WECHAT_UNAVAILABLE', statusCode: 503, advice: 'repeat', message: /HTTP 502/ },
    ],
    ['a redirect', httpReply(signed(fields), { status: 302 }), { code: 'WECHAT_UNAVAILABLE', message: /HTTP 302/ }],
    [
      'another server',
      httpReply('not found', { status: 404 }),
      {
        code: 'WECHAT_UNAVAILABLE',
        advice: 'repeat',
        message: /HTTP 404\. Check `baseUrl` and proxies, and repeat it/,
      },
    ],
    ['nothing', '', { ...query, message: /cannot be read: .*does not start with <xml>/ }],
    ['HTML', '<html></html>', query],
    ['JSON', '{"return_code":"SUCCESS"}', query],
    ['a DOCTYPE', `<!DOCTYPE xml>${signed(fields)}`, query],
    ['a success without a signature', xml(fields), { ...query, message: /valid signature/ }],
    ['an empty signature', xml({ ...fields, sign: '' }), query],
    ['a signature in lower case', signed(fields).replace(/[0-9A-F]{64}/, (sign) => sign.toLowerCase()), query],
    ['a signature of another key', signed(fields, DEMO_KEY), query],
    ['a signature of an empty key', signed(fields, ''), query],
    ['a signature of the other algorithm', signed(fields, API_KEY, 'MD5'), query],
    ['the other algorithm, named', signed({ ...fields, sign_type: 'MD5' }, API_KEY, 'MD5'), query],
    ['a field added after signing', signed(fields).replace('</xml>', '<promotion>1</promotion></xml>'), query],
    ['a refusal without a signature', xml(REFUSAL), query],
    ['no field at all', '<xml></xml>', query],
    [
      'another appid',
      signed({ ...fields, appid: 'wx0000000000000000' }),
      { ...query, message: /another appid or merchant/ },
    ],
    [
      'another merchant',
      signed({ ...fields, mch_id: '1900000000' }),
      { ...query, message: /another appid or merchant/ },
    ],
    ['a refusal for another merchant', signed({ ...REFUSAL, mch_id: '1900000000' }), query],
    ['no appid', signed({ ...fields, appid: '' }), query],
    ['no result_code', signed({ ...fields, result_code: '' }), { ...query, message: /neither success nor refusal/ }],
    [
      'an unknown result_code',
      signed({ ...fields, result_code: 'success' }),
      { ...query, message: /neither success nor refusal/ },
    ],
    ['no return_code', signed({ ...fields, return_code: '' }), { ...query, message: /neither success nor refusal/ }],
    [
      'an unknown return_code',
      signed({ ...fields, return_code: 'OK' }),
      { ...query, message: /neither success nor refusal/ },
    ],
    [
      'our own request, echoed',
      signed({ appid: APPID, mch_id: MCH_ID, nonce_str: NONCE, out_trade_no: OUT_TRADE_NO }),
      { ...query, message: /neither success nor refusal/ },
    ],
  ]
  for (const [api, call] of Object.entries(CALLS)) {
    for (const [name, reply, expected] of cases) {
      t.match(
        await failure(call(merchant(reply).pay)),
        { name: 'WechatError', sent: true, wechatCode: undefined, ...expected },
        `${api}: ${name}`,
      )
    }
  }
})

t.test('a reply means the same however its tags are written', async (t) => {
  const replies: Record<string, Values> = {
    unifiedorder: ORDERED,
    orderquery: QUERIED,
    closeorder: SUCCESS,
    refund: REFUNDED,
    refundquery: REFUND_QUERIED,
    'refundquery of an order': REFUND_QUERIED,
  }
  const forms: Record<string, (text: string) => string> = {
    'space before the end of each tag': (text) => text.replace(/<(\/?\w+)>/g, '<$1 >'),
    'a line break before the end of each tag': (text) => text.replace(/<(\/?\w+)>/g, '<$1\r\n>'),
    'an empty element as one tag': (text) => text.replace('</xml>', '<attach2 /><device_info/></xml>'),
    'a full declaration': (text) => `<?xml version='1.0'  encoding="utf-8" standalone="yes"?>${text}`,
  }
  for (const [api, call] of Object.entries(CALLS)) {
    const plain = signed(replies[api]!)
    for (const [name, form] of Object.entries(forms)) {
      t.strictSame(await call(merchant(form(plain)).pay), await call(merchant(plain).pay), `${api}: ${name}`)
    }
  }
})

t.test('a refusal of the message itself is unsigned and concerns the operator', async (t) => {
  const refusal = async (text: string, api = 'unifiedorder') =>
    await failure(CALLS[api]!(merchant(xml({ return_code: 'FAIL', return_msg: text })).pay))
  for (const api of Object.keys(CALLS)) {
    for (const text of ['签名错误', '缺少参数', 'appid不存在', 'invalid notify_url']) {
      const error = await refusal(text, api)
      t.match(
        error,
        { code: 'WECHAT_ACCOUNT_REFUSED', statusCode: 500, advice: 'configure', sent: true },
        `${api}: ${text}`,
      )
      t.ok(error.wechatText?.startsWith(`${text}: check `), "the log has WeChat's text and the remedy")
      t.notMatch(error.message, text, 'the client does not get them')
    }
    for (const text of ['body参数格式错误', 'invalid spbill_create_ip', '无效的openid', 'invalid refund_fee']) {
      const error = await refusal(text, api)
      t.match(
        error,
        { code: 'WECHAT_REFUSED', statusCode: 422, advice: 'stop', sent: true, wechatCode: undefined },
        `${api}: ${text} concerns one order`,
      )
      t.equal(error.message, `WeChat Pay refused this order: ${text}. Repeating it cannot help.`)
      t.match(error.wechatText, /^\S.*: .*(check|must)/, 'and the remedy')
    }
  }
  t.match(
    await failure(
      CALLS.unifiedorder!(merchant(sample('03-unifiedorder.response.return-fail-sign.xml').toString()).pay),
    ),
    { wechatText: '签名错误，请检查后再试: check' },
    'as recorded',
  )
  t.match(
    await failure(CALLS.unifiedorder!(merchant(xml({ return_code: 'FAIL' })).pay)),
    { code: 'WECHAT_ACCOUNT_REFUSED', wechatText: /^: check/ },
    'without a text',
  )
  t.ok((await refusal('错'.repeat(999))).wechatText!.length < 200, 'a long text is truncated')
  t.ok((await refusal(`body${'错'.repeat(999)}`)).message.length < 200, 'also a long text about an order')
})

t.test('business refusals', async (t) => {
  const everywhere: [errCode: string, text: string, code: WechatErrorCode, status: number, advice: Advice][] = [
    ['SYSTEMERROR', '系统超时', 'WECHAT_UNAVAILABLE', 503, 'repeat'],
    ['FREQUENCY_LIMITED', '频率限制', 'WECHAT_RATE_LIMITED', 429, 'repeat'],
    ['NOAUTH', '商户无此接口权限', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['SIGNERROR', '签名错误', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['APPID_NOT_EXIST', 'APPID不存在', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['MCHID_NOT_EXIST', 'MCHID不存在', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['LACK_PARAMS', '缺少参数', 'WECHAT_REFUSED', 422, 'stop'],
    ['XML_FORMAT_ERROR', 'XML格式错误', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['REQUIRE_POST_METHOD', '请使用post方法', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['POST_DATA_EMPTY', 'post数据为空', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['NOT_UTF8', '编码格式错误', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
    ['A_CODE_OF_2031', '以后', 'WECHAT_REFUSED', 422, 'stop'],
    ['constructor', '', 'WECHAT_REFUSED', 422, 'stop'],
    ['', '', 'WECHAT_REFUSED', 422, 'stop'],
  ]
  const byApi: Record<string, typeof everywhere> = {
    unifiedorder: [
      ['INVALID_REQUEST', '201 商户订单号重复', 'WECHAT_ORDER_CONFLICT', 409, 'query'],
      ['OUT_TRADE_NO_USED', '商户订单号重复', 'WECHAT_ORDER_CONFLICT', 409, 'new-number'],
      ['ORDERPAID', '该订单已支付', 'WECHAT_ORDER_PAID', 409, 'query'],
      ['ORDERCLOSED', '订单已关闭', 'WECHAT_ORDER_CONFLICT', 409, 'new-number'],
      ['NOTENOUGH', '余额不足', 'WECHAT_REFUSED', 422, 'repeat'],
    ],
    orderquery: [['INVALID_REQUEST', '参数错误', 'WECHAT_ORDER_CONFLICT', 409, 'query']],
    closeorder: [['TRADE_STATE_ERROR', '订单状态错误', 'WECHAT_ORDER_CONFLICT', 409, 'query']],
    refund: [
      ['BIZERR_NEED_RETRY', '退款业务流程错误，需要商户触发重试来解决', 'WECHAT_UNAVAILABLE', 503, 'repeat'],
      ['ORDER_NOT_READY', '订单处理中，暂时无法退款，请稍后再试', 'WECHAT_UNAVAILABLE', 503, 'repeat'],
      ['INVALID_REQ_TOO_MUCH', '无效请求过多', 'WECHAT_RATE_LIMITED', 429, 'repeat'],
      ['NOTENOUGH', '基本账户余额不足，请充值后重新发起', 'WECHAT_REFUSED', 422, 'repeat'],
      ['TRADE_OVERDUE', '订单已经超过退款期限', 'WECHAT_REFUSED', 422, 'stop'],
      ['ERROR', '订单已全额退款', 'WECHAT_REFUSED', 422, 'query'],
      ['USER_ACCOUNT_ABNORMAL', '用户账户异常或已注销', 'WECHAT_REFUSED', 422, 'stop'],
      ['REFUND_FEE_MISMATCH', '订单金额或退款金额与之前请求不一致，请核实后再试', 'WECHAT_REFUSED', 422, 'new-number'],
      ['REFUND_FEE_INVALID', '累计退款金额大于支付金额', 'WECHAT_REFUSED', 422, 'stop'],
      ['CERT_ERROR', '证书校验错误', 'WECHAT_ACCOUNT_REFUSED', 500, 'configure'],
      ['ORDERNOTEXIST', '订单不存在', 'WECHAT_ORDER_NOT_FOUND', 404, 'query'],
      ['INVALID_REQUEST', 'refund_fee大于可退金额', 'WECHAT_ORDER_CONFLICT', 409, 'query'],
    ],
    refundquery: [
      ['INVALID_TRANSACTIONID', '无效transaction_id', 'WECHAT_REFUSED', 422, 'stop'],
      ['PARAM_ERROR', '参数错误', 'WECHAT_REFUSED', 422, 'stop'],
    ],
    'refundquery of an order': [['PARAM_ERROR', '参数错误', 'WECHAT_REFUSED', 422, 'stop']],
  }
  for (const [api, call] of Object.entries(CALLS)) {
    for (const [errCode, text, code, statusCode, advice] of [...everywhere, ...byApi[api]!]) {
      const error = await failure(call(merchant(signed({ ...REFUSAL, err_code: errCode, err_code_des: text })).pay))
      t.match(
        error,
        {
          code,
          statusCode,
          advice,
          wechatCode: errCode,
          wechatText: text,
          sent: true,
          message: `WeChat Pay refused: ${errCode} ${text}. `,
        },
        `${api}: ${errCode || 'no code'} → ${statusCode}, ${advice}`,
      )
    }
  }
  const advice = async (errCode: string) =>
    (await failure(CALLS.unifiedorder!(merchant(signed({ ...REFUSAL, err_code: errCode })).pay))).message
  t.match(await advice('SYSTEMERROR'), /repeat it unchanged\.$/, 'the message says what to do: repeat')
  t.match(await advice('ORDERPAID'), /It is paid: query it, /, 'query')
  t.match(await advice('LACK_PARAMS'), /check the terms\.$/, 'or look')
  t.match(await advice('A_CODE_OF_2031'), /Repeating it cannot help\.$/, 'or stop')
  const recorded = {
    appids: ['wxa5b511bc130a4d9e'],
    mchId: '110605603',
    apiKey: '2ab9071b06b9f739b950ddb41db2690d',
    signType: 'MD5' as SignType,
  }
  t.match(
    await failure(
      merchant(sample('05-unifiedorder.response.201-repeated.xml').toString(), recorded).pay.prepay({
        ...ORDER,
        appid: recorded.appids[0]!,
      }),
    ),
    { wechatCode: 'INVALID_REQUEST', wechatText: '201 商户订单号重复' },
    'as recorded',
  )
})

t.test('an order accepted without a prepay id should be repeated', async (t) => {
  for (const reply of [SUCCESS, { ...SUCCESS, prepay_id: '' }]) {
    t.match(await failure(merchant(signed(reply)).pay.prepay(ORDER)), {
      code: 'WECHAT_REPLY_INVALID',
      advice: 'repeat',
    })
  }
})

t.test('a text that XML cannot contain is not sent', async (t) => {
  const { pay, requests } = merchant(signed(ORDERED))
  t.match(await failure(pay.prepay({ ...ORDER, description: 'tea\0' })), {
    code: 'WECHAT_XML_INVALID',
    message: /field body/,
  })
  t.equal(requests.length, 0)
})

t.test('the result of a query', async (t) => {
  const reported = (values: Values) => merchant(signed(values)).pay.query(OUT_TRADE_NO)
  for (const tradeState of ['SUCCESS', 'REFUND'] as const) {
    t.strictSame(
      await reported({ ...QUERIED, trade_state: tradeState }),
      { tradeState, payment: PAYMENT },
      `${tradeState}: paid, with the payer`,
    )
  }
  const details: [string, Values, object][] = [
    ['the attach of the order', { attach: 'a=1&b=2' }, { attach: 'a=1&b=2' }],
    ['another currency', { fee_type: 'HKD' }, { currency: 'HKD' }],
    ['an empty currency is CNY', { fee_type: '' }, { currency: 'CNY' }],
    ['no bank', { bank_type: '' }, { bankType: undefined }],
    ['fields added later', { promotion_detail: '{}', rate_value: '1' }, {}],
  ]
  for (const [name, change, expected] of details) {
    t.strictSame(
      await reported({ ...QUERIED, ...change }),
      { tradeState: 'SUCCESS', payment: { ...PAYMENT, ...expected } },
      name,
    )
  }
  for (const tradeState of ['NOTPAY', 'CLOSED', 'REVOKED', 'USERPAYING', 'PAYERROR', 'ACCEPT']) {
    t.strictSame(
      await reported({ ...SUCCESS, out_trade_no: OUT_TRADE_NO, trade_state: tradeState, trade_state_desc: '' }),
      { tradeState },
      `${tradeState}: not paid`,
    )
  }
  t.strictSame(
    await reported({ ...REFUSAL, err_code: 'ORDERNOTEXIST', err_code_des: 'order not exist' }),
    { tradeState: 'NOT_EXIST' },
    'ORDERNOTEXIST is an answer',
  )
  const recorded = merchant(sample('06-orderquery.response.success.xml').toString(), {
    apiKey: DEMO_KEY,
    signType: 'MD5',
  }).pay
  t.match(
    await recorded.query('1415757673'),
    {
      tradeState: 'SUCCESS',
      payment: {
        transactionId: '1008450740201411110005820873',
        totalFee: 1,
        attach: '订单额外描述',
        paidAt: new Date('2014-11-11T09:00:43Z'),
      },
    },
    'as published',
  )
})

t.test('invalid replies to a query', async (t) => {
  const invalid = { code: 'WECHAT_REPLY_INVALID', advice: 'query' }
  const cases: [string, Values, RegExp][] = [
    ['an unknown trade_state', { trade_state: 'PAID' }, /unknown trade_state PAID/],
    ['a trade_state in lower case', { trade_state: 'success' }, /unknown trade_state success/],
    ['no trade_state', { trade_state: '' }, /unknown trade_state/],
    ['our own state for an unknown order', { trade_state: 'NOT_EXIST' }, /unknown trade_state NOT_EXIST/],
    ['a long trade_state is truncated', { trade_state: 'X'.repeat(999) }, /unknown trade_state X{100} for/],
    ['another order', { out_trade_no: 'another' }, /contains another out_trade_no/],
    ['no order', { out_trade_no: '' }, /answered about another order/],
    ['no total_fee', { total_fee: '' }, /with an invalid total_fee/],
    ['a total_fee of 0', { total_fee: '0' }, /with an invalid total_fee/],
    ['a total_fee with a fraction', { total_fee: '1250.0' }, /with an invalid total_fee/],
    ['a total_fee with an exponent', { total_fee: '1e3' }, /with an invalid total_fee/],
    ['a negative total_fee', { total_fee: '-1250' }, /with an invalid total_fee/],
    ['no time_end', { time_end: '' }, /with an invalid time_end/],
    ['an impossible time_end', { time_end: '20260231000000' }, /with an invalid time_end/],
    ['no transaction_id', { transaction_id: '' }, /with an invalid transaction_id/],
    ['no openid', { openid: '' }, /with an invalid openid/],
  ]
  for (const [name, change, message] of cases) {
    t.match(
      await failure(merchant(signed({ ...QUERIED, ...change })).pay.query(OUT_TRADE_NO)),
      { ...invalid, message },
      name,
    )
  }
  for (const name of ['trade_state', 'out_trade_no', 'total_fee', 'time_end', 'transaction_id', 'openid']) {
    const values = Object.fromEntries(Object.entries(QUERIED).filter(([key]) => key !== name))
    t.match(await failure(merchant(signed(values)).pay.query(OUT_TRADE_NO)), invalid, `no ${name} at all`)
  }
})

t.test('the results of closing', async (t) => {
  const closed = (values: Values) => merchant(signed(values)).pay.close(OUT_TRADE_NO)
  t.equal(await closed({ ...SUCCESS, result_msg: 'OK' }), 'closed', 'closed')
  t.equal(
    await closed({ ...REFUSAL, err_code: 'ORDERNOTEXIST', err_code_des: '订单不存在' }),
    'not-exist',
    'never known',
  )
  t.equal(await closed({ ...REFUSAL, err_code: 'ORDERPAID', err_code_des: 'order paid' }), 'paid', 'paid')
  t.equal(
    await merchant(sample('10-closeorder.response.success.xml').toString(), {
      apiKey: DEMO_KEY,
      signType: 'MD5',
    }).pay.close('1'),
    'closed',
    'as published',
  )
})

t.test('an order reported as already closed is queried, as ORDERCLOSED names no order', async (t) => {
  const answers: Record<string, string> = {}
  const asked: string[] = []
  const http: Http = {
    async send({ path }) {
      asked.push(path)
      return httpReply(answers[path]!)
    },
    stream: unstreamed,
    async close() {},
  }
  const { pay } = merchant('', { http })
  answers['/pay/closeorder'] = signed({ ...REFUSAL, err_code: 'ORDERCLOSED', err_code_des: '订单已关闭' })
  const stands = (tradeState: string) => ({ ...SUCCESS, out_trade_no: OUT_TRADE_NO, trade_state: tradeState })
  const cases: [string, Values, string][] = [
    ['closed', stands('CLOSED'), 'closed'],
    ['revoked', stands('REVOKED'), 'closed'],
    ['paid', QUERIED, 'paid'],
    ['paid and refunded', { ...QUERIED, trade_state: 'REFUND' }, 'paid'],
    ['not known', { ...REFUSAL, err_code: 'ORDERNOTEXIST' }, 'not-exist'],
  ]
  for (const [name, answer, expected] of cases) {
    asked.length = 0
    answers['/pay/orderquery'] = signed(answer)
    t.equal(await pay.close(OUT_TRADE_NO), expected, name)
    t.strictSame(asked, ['/pay/closeorder', '/pay/orderquery'])
  }
  answers['/pay/orderquery'] = signed(stands('NOTPAY'))
  t.match(
    await failure(pay.close(OUT_TRADE_NO)),
    { code: 'WECHAT_REPLY_INVALID', advice: 'query', message: /already closed, but a query says that it is NOTPAY/ },
    'still open: it has to be closed',
  )
})

t.test('a genuine message is accepted only as the answer to its own call', async (t) => {
  const recorded: Record<string, Values> = {
    unifiedorder: ORDERED,
    'unifiedorder of a QR code': { ...ORDERED, trade_type: 'NATIVE', code_url: 'weixin://wxpay/bizpayurl?pr=a' },
    'orderquery, paid': QUERIED,
    'orderquery, unpaid': { ...SUCCESS, out_trade_no: OUT_TRADE_NO, trade_state: 'NOTPAY' },
    'orderquery of another order': { ...SUCCESS, out_trade_no: 'another', trade_state: 'CLOSED' },
    closeorder: { ...SUCCESS, result_msg: 'OK' },
    refund: REFUNDED,
    'refund of another order': { ...REFUNDED, out_trade_no: 'another' },
    'refund, another one': { ...REFUNDED, out_refund_no: 'another' },
    refundquery: REFUND_QUERIED,
    notification: PAID,
    'notification of a failure': { ...REFUSAL, out_trade_no: OUT_TRADE_NO, openid: ORDER.openid, trade_type: 'JSAPI' },
  }
  const taken: Record<string, string[]> = {
    unifiedorder: ['unifiedorder'],
    orderquery: ['orderquery, paid', 'orderquery, unpaid'],
    closeorder: ['closeorder'],
    refund: ['refund'],
    refundquery: ['refundquery'],
    'refundquery of an order': ['refundquery'],
    // The answer to a query reports the same payment as its notification.
    notification: ['orderquery, paid', 'notification', 'notification of a failure'],
  }
  const calls: Record<string, (body: string) => Promise<unknown>> = {
    notification: async (body) => merchant().pay.readNotification(notification(body)),
  }
  for (const [api, call] of Object.entries(CALLS)) calls[api] = async (body) => await call(merchant(body).pay)
  for (const [api, call] of Object.entries(calls)) {
    for (const [name, values] of Object.entries(recorded)) {
      const outcome = await call(signed(values)).then(
        () => 'taken',
        (error: unknown) => error as WechatError,
      )
      if (taken[api]!.includes(name)) t.equal(outcome, 'taken', `${api}: ${name}`)
      else {
        t.match(
          outcome,
          { name: /^(WechatError|NotificationError)$/, advice: /./ },
          `${api}: ${name} is not accepted: ${String(outcome)}`,
        )
      }
    }
  }
  for (const name of ['prepay_id', 'trade_type', 'trade_state', 'transaction_id', 'openid', 'total_fee', 'time_end']) {
    t.match(
      await failure(merchant(signed({ ...SUCCESS, result_msg: 'OK', [name]: '1' })).pay.close(OUT_TRADE_NO)),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query', message: `reply to /pay/closeorder contains ${name}: ` },
      `closeorder: with ${name}`,
    )
  }
  for (const api of ['unifiedorder', 'closeorder', 'refund', 'refundquery']) {
    const hidden = merchant(signed({ ...SUCCESS, nonce_str: `${NONCE}&prepay_id=${ORDERED.prepay_id}` }))
    t.match(
      await failure(CALLS[api]!(hidden.pay)),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query', message: /contains prepay_id within another field/ },
      `${api}: with the identifying field hidden in another one, under the signature of another reply`,
    )
  }
  t.match(
    await merchant(signed({ ...QUERIED, attach: 'x&prepay_id=1' })).pay.query(OUT_TRADE_NO),
    { tradeState: 'SUCCESS', payment: { attach: 'x&prepay_id=1' } },
    'orderquery: a text of an order made by other software',
  )
  for (const change of [{ out_trade_no: OUT_TRADE_NO }, { prepay_id: '' }, { a_field_of_2031: '1' }]) {
    t.equal(
      await merchant(signed({ ...SUCCESS, ...change })).pay.close(OUT_TRADE_NO),
      'closed',
      `closeorder: with ${Object.keys(change).join()}`,
    )
  }
  for (const tradeState of ['REFUND', 'CLOSED', 'NOTPAY']) {
    t.throws(
      () => merchant().pay.readNotification(notification(signed({ ...QUERIED, trade_state: tradeState }))),
      { fault: 'incomplete', message: `A trade_state of ${tradeState} belongs in the reply to a query` },
      `notification: ${tradeState}`,
    )
  }
})

t.test('without a certificate a refund is refused, and nothing is sent', async (t) => {
  const requests: HttpRequest[] = []
  const http: Http = {
    async send(request) {
      requests.push(request)
      return httpReply(signed(REFUNDED))
    },
    stream: unstreamed,
    async close() {},
  }
  const pay = createPayV2({
    http,
    appids: [APPID],
    mchId: MCH_ID,
    apiKeys: new KeyRing([new Secret(API_KEY)]),
    signType: 'HMAC-SHA256',
    notifyUrl: NOTIFY_URL,
    nonce: () => 'n',
  })
  t.equal(pay.canRefund, false)
  t.match(await failure(pay.refund(ORDER, REFUND)), { code: 'WECHAT_OPTIONS_INVALID', sent: false })
  t.strictSame(requests, [])
  t.equal(merchant('').pay.canRefund, true)
})

t.test('the result of a refund request', async (t) => {
  t.equal(
    await merchant(signed(REFUNDED)).pay.refund(ORDER, REFUND),
    '50000408942018111907145868882',
    'accepted, not yet refunded',
  )
  const another = /accepted a different refund from .*-1 of 250 fen/
  const cases: [string, Values, RegExp][] = [
    ['no refund_id', { refund_id: '' }, another],
    ['no refund', { out_refund_no: '' }, another],
    ['another refund', { out_refund_no: 'another' }, /contains another out_refund_no/],
    ['another order', { out_trade_no: 'another' }, /contains another out_trade_no/],
    ['another amount', { refund_fee: '251' }, another],
    ['no amount', { refund_fee: '' }, another],
  ]
  for (const [name, change, message] of cases) {
    const error = await failure(merchant(signed({ ...REFUNDED, ...change })).pay.refund(ORDER, REFUND))
    t.match(error, { code: 'WECHAT_REPLY_INVALID', advice: 'query', message }, name)
  }
})

t.test('the result of a refund query', async (t) => {
  const asked = (change: Values) =>
    merchant(signed({ ...REFUND_QUERIED, ...change })).pay.queryRefund(REFUND.outRefundNo)
  const report = {
    outRefundNo: REFUND.outRefundNo,
    outTradeNo: OUT_TRADE_NO,
    refundId: '50000408942018111907145868882',
    refundFee: 250,
    succeededAt: undefined,
  }
  for (const [status, state] of [
    ['PROCESSING', 'processing'],
    ['SUCCESS', 'success'],
    ['REFUNDCLOSE', 'closed'],
    ['CHANGE', 'abnormal'],
  ] as const) {
    t.strictSame(await asked({ refund_status_0: status }), { ...report, state }, `${status}: ${state}`)
  }
  const at = await asked({ refund_status_0: 'SUCCESS', refund_success_time_0: '2018-11-19 16:24:13' })
  t.strictSame(
    at,
    { ...report, state: 'success', succeededAt: new Date('2018-11-19T08:24:13Z') },
    "with the time, in Beijing's zone",
  )
  t.match(
    await asked({ out_trade_no: 'another' }),
    { outTradeNo: 'another', refundId: report.refundId },
    'the engine compares the order number',
  )
  t.equal(
    await asked({ result_code: 'FAIL', err_code: 'REFUNDNOTEXIST', err_code_des: 'not exist' }),
    undefined,
    'REFUNDNOTEXIST is an answer',
  )
  const cases: [string, Values][] = [
    ['no order', { out_trade_no: '' }],
    ['another refund', { out_refund_no_0: 'another' }],
    ['no refund_id', { refund_id_0: '' }],
    ['no amount', { refund_fee_0: '' }],
    ['an amount with a fraction', { refund_fee_0: '2.5' }],
    ['no status', { refund_status_0: '' }],
    ['an unknown status', { refund_status_0: 'NOTSURE' }],
    ['a status that every object has as a property', { refund_status_0: 'constructor' }],
  ]
  for (const [name, change] of cases) {
    t.match(
      await failure(asked(change)),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query', message: /gave no valid answer/ },
      name,
    )
  }
  const { refund_status_0: _, ...stateless } = REFUND_QUERIED
  t.match(
    await failure(merchant(signed(stateless)).pay.queryRefund(REFUND.outRefundNo)),
    { code: 'WECHAT_REPLY_INVALID' },
    'a missing status',
  )
})

t.test('the refunds of an order are queried ten at a time', async (t) => {
  const offsets: (string | undefined)[] = []
  const numbers = Array.from({ length: 23 }, (_, n) => `console-${n}`)
  const http: Http = {
    async send({ body }) {
      const offset = /<offset>(?:<!\[CDATA\[)?(\d+)/.exec(body!)?.[1]
      offsets.push(offset)
      const page = numbers.slice(Number(offset ?? 0)).slice(0, 10)
      const refunds = page.map((number, n) => ({
        [`out_refund_no_${n}`]: number,
        [`refund_id_${n}`]: `50${number}`,
        [`refund_fee_${n}`]: '1',
        [`refund_status_${n}`]: 'SUCCESS',
        [`refund_success_time_${n}`]: '2026-01-02 08:00:00',
      }))
      const counts = { refund_count: String(page.length), total_refund_count: '23' }
      return httpReply(
        signed(Object.assign({ ...SUCCESS, out_trade_no: OUT_TRADE_NO, ...counts }, ...refunds) as Values),
      )
    },
    stream: unstreamed,
    async close() {},
  }
  const list = await merchant('', { http }).pay.listRefunds!(OUT_TRADE_NO)
  t.strictSame(
    list.map(({ outRefundNo }) => outRefundNo),
    numbers,
  )
  t.strictSame(list[22], {
    outRefundNo: 'console-22',
    outTradeNo: OUT_TRADE_NO,
    refundId: '50console-22',
    refundFee: 1,
    state: 'success',
    succeededAt: new Date('2026-01-02T00:00:00Z'),
  })
  t.strictSame(offsets, [undefined, '10', '20'])

  const none = { ...REFUSAL, err_code: 'REFUNDNOTEXIST', err_code_des: 'not exist' }
  t.strictSame(await merchant(signed(none)).pay.listRefunds!(OUT_TRADE_NO), [], 'no refunds is a valid answer')
})

t.test('other errors are passed on', async (t) => {
  for (const [api, call] of Object.entries(CALLS)) {
    for (const error of [
      new WechatError('WECHAT_TIMEOUT', 'no answer', { advice: 'repeat' }),
      new TypeError('a bug'),
    ]) {
      await t.rejects(call(merchant(error).pay), error, `${api}: ${error.name}`)
    }
  }
})

t.test('a genuine notification', async (t) => {
  const read = (body: string | Buffer, options = {}) => merchant('', options).pay.readNotification(notification(body))
  t.strictSame(
    read(signed(PAID)),
    { kind: 'payment', subMchId: undefined, payment: PAYMENT },
    'signed with HMAC-SHA256, without sign_type',
  )
  t.strictSame(
    read(signed({ ...PAID, sign_type: 'HMAC-SHA256' })),
    { kind: 'payment', subMchId: undefined, payment: PAYMENT },
    'with sign_type',
  )
  t.strictSame(
    read(signed(PAID, API_KEY, 'MD5'), { signType: 'MD5' }),
    { kind: 'payment', subMchId: undefined, payment: PAYMENT },
    'signed with MD5',
  )
  t.match(
    read(signed({ ...PAID, device_info: '', coupon_id_1: '2', coupon_id_0: '1', rate_value: '0' })),
    { payment: PAYMENT },
    'with fields added later',
  )
  t.match(
    read(sample('17-notify.pay.md5.xml'), { apiKey: DEMO_KEY, signType: 'MD5' }),
    {
      kind: 'payment',
      subMchId: undefined,
      payment: { outTradeNo: '1409811653', totalFee: 1, attach: '支付测试', paidAt: new Date('2014-09-03T05:15:40Z') },
    },
    'as published',
  )
  t.match(
    read(sample('18-notify.pay.hmac-no-sign_type.recorded-masked.xml'), {
      appids: ['wx1234567890abcdef'],
      mchId: '1900000109',
      apiKey: '0123456789abcdef0123456789abcdef',
    }),
    {
      kind: 'payment',
      subMchId: undefined,
      payment: { outTradeNo: '20052615250005', transactionId: '4200000540202005267407409907' },
    },
    'as recorded',
  )
})

t.test('a payment that failed', async (t) => {
  const read = (values: Values) => merchant().pay.readNotification(notification(signed(values)))
  t.strictSame(read({ ...REFUSAL, err_code: 'NOTENOUGH', err_code_des: '余额不足', out_trade_no: OUT_TRADE_NO }), {
    kind: 'payment-failed',
    subMchId: undefined,
    outTradeNo: OUT_TRADE_NO,
    reason: 'NOTENOUGH 余额不足',
  })
  t.strictSame(
    read({ ...SUCCESS, result_code: 'FAIL' }),
    { kind: 'payment-failed', subMchId: undefined, outTradeNo: undefined, reason: ' ' },
    'without an order number or a reason',
  )
})

t.test('notifications that are rejected', async (t) => {
  const without = (name: string) => signed(Object.fromEntries(Object.entries(PAID).filter(([key]) => key !== name)))
  const cases: [name: string, body: string | Buffer, fault: NotificationFault, message?: RegExp][] = [
    ['nothing', '', 'unreadable', /does not start with <xml>/],
    ['JSON', '{}', 'unreadable'],
    ['bytes that are not text', Buffer.from([0xff]), 'unreadable', /not UTF-8/],
    ['a DOCTYPE', sample('25-attack.xxe-probe.xml'), 'unreadable'],
    [
      'a duplicate',
      signed(PAID).replace('</xml>', '<total_fee>1</total_fee></xml>'),
      'unreadable',
      /total_fee appears twice/,
    ],
    ['no field', '<xml></xml>', 'incomplete', /return_code SUCCESS/],
    ['return_code FAIL', xml({ return_code: 'FAIL', return_msg: '' }), 'incomplete', /return_code SUCCESS/],
    ['no return_code', without('return_code'), 'incomplete', /return_code SUCCESS/],
    ...['appid', 'mch_id', 'result_code', 'openid', 'out_trade_no', 'transaction_id', 'total_fee', 'time_end'].flatMap(
      (name): typeof cases => [
        [`no ${name}`, without(name), 'incomplete', new RegExp(`lacks ${name}`)],
        [`an empty ${name}`, signed({ ...PAID, [name]: '' }), 'incomplete', new RegExp(`lacks ${name}`)],
      ],
    ),
    ['no signature', xml(PAID), 'incomplete', /lacks sign/],
    ['an empty signature', xml({ ...PAID, sign: '' }), 'incomplete', /lacks sign/],
    ['another key', signed(PAID, DEMO_KEY), 'bad-signature', /signature of the notification is wrong/],
    ['an empty key', signed(PAID, ''), 'bad-signature'],
    ['MD5 for a merchant that uses HMAC-SHA256', signed(PAID, API_KEY, 'MD5'), 'bad-signature'],
    ['MD5, named', signed({ ...PAID, sign_type: 'MD5' }, API_KEY, 'MD5'), 'bad-signature'],
    ['a changed amount', signed(PAID).replace('1250', '1'), 'bad-signature'],
    [
      'a failed payment under another key',
      signed({ ...REFUSAL, out_trade_no: OUT_TRADE_NO }, DEMO_KEY),
      'bad-signature',
    ],
    ['another appid', signed({ ...PAID, appid: 'wx0000000000000000' }), 'wrong-account', /another appid or merchant/],
    ['another merchant', signed({ ...PAID, mch_id: '1900000000' }), 'wrong-account', /another appid or merchant/],
    ['a failed payment of another merchant', signed({ ...REFUSAL, mch_id: '1900000000' }), 'wrong-account'],
    ['an unknown result_code', signed({ ...PAID, result_code: 'PENDING' }), 'incomplete', /neither SUCCESS nor FAIL/],
    ['a total_fee of 1.0', signed({ ...PAID, total_fee: '1.0' }), 'incomplete', /total_fee .*cannot be read/],
    ['a total_fee of 1e2', signed({ ...PAID, total_fee: '1e2' }), 'incomplete', /total_fee .*cannot be read/],
    [
      'a time_end in another form',
      signed({ ...PAID, time_end: '2026-01-01T08:15:01' }),
      'incomplete',
      /time_end .*cannot be read/,
    ],
  ]
  for (const [name, body, fault, message = /./] of cases) {
    t.throws(
      () => merchant().pay.readNotification(notification(body)),
      { name: 'NotificationError', code: 'WECHAT_NOTIFICATION_INVALID', fault, message },
      `${name} → ${fault}`,
    )
  }
})

t.test('a notification whose signed text can be split differently is only a hint', async (t) => {
  const read = (values: Values) => merchant().pay.readNotification(notification(signed({ ...PAID, ...values })))
  for (const [name, value] of Object.entries({
    attach: 'x&out_trade_no=1',
    p: '&bank_type=CMC&out_trade_no=another',
    bank_type: 'CMC&coupon_fee_0=1',
    new_field: '&total_fee=',
  })) {
    const hint = {
      kind: 'payment-hint',
      subMchId: undefined,
      outTradeNo: OUT_TRADE_NO,
      transactionId: PAYMENT.transactionId,
    }
    t.strictSame(read({ [name]: value }), hint, name)
  }
  t.match(read({ attach: 'a=1&b=2' }), { kind: 'payment', payment: { attach: 'a=1&b=2' } }, 'other texts are harmless')
})

t.test('texts that cannot be sent', async (t) => {
  const { pay } = merchant()
  t.equal(pay.textFault!('a=1&b=2'), undefined)
  t.equal(
    pay.textFault!('x&out_trade_no=1'),
    'it contains "&out_trade_no=", which the signature of API v2 cannot distinguish from the field out_trade_no',
  )
})

/** Encrypted as documented for refund notifications, without the code under test. */
function encrypted(text: string, key = API_KEY): string {
  const cipher = createCipheriv('aes-256-ecb', createHash('md5').update(key).digest('hex'), null)
  return cipher.update(text, 'utf8', 'base64') + cipher.final('base64')
}

t.test('a refund notification is only a hint, as it is not signed', async (t) => {
  const HINT: Values = {
    out_trade_no: OUT_TRADE_NO,
    out_refund_no: REFUND.outRefundNo,
    refund_fee: '250',
    refund_status: 'SUCCESS',
  }
  const root = (values: Values) => xml(values).replace('<xml>', '<root>').replace('</xml>', '</root>')
  const outer = (reqInfo: string, change: Values = {}) =>
    Buffer.from(
      xml({ return_code: 'SUCCESS', appid: APPID, mch_id: MCH_ID, nonce_str: NONCE, req_info: reqInfo, ...change }),
    )
  const read = (body: Buffer) => merchant().pay.readNotification(notification(body))
  t.strictSame(
    read(outer(encrypted(root(HINT)))),
    {
      kind: 'refund-hint',
      subMchId: undefined,
      appid: APPID,
      outTradeNo: OUT_TRADE_NO,
      outRefundNo: REFUND.outRefundNo,
      refundFee: 250,
    },
    'only the numbers to query, not the state',
  )
  t.match(
    merchant('', { apiKeys: new KeyRing([new Secret('0'.repeat(32)), new Secret(API_KEY)]) }).pay.readNotification(
      notification(outer(encrypted(root(HINT)))),
    ),
    { kind: 'refund-hint', outTradeNo: OUT_TRADE_NO },
    'under the next key',
  )
  t.strictSame(
    read(sample('20-notify.refund.encrypted.xml')),
    {
      kind: 'refund-hint',
      subMchId: undefined,
      appid: APPID,
      outTradeNo: '71106718111915575302817',
      outRefundNo: '131811191610442717309',
      refundFee: 3960,
    },
    'as computed',
  )
  t.match(
    read(outer(encrypted(root(HINT)), { appid: 'wx0000000000000000' })),
    { appid: 'wx0000000000000000' },
    'a merchant number has one refund URL for all its apps',
  )
  t.match(
    read(outer(encrypted(root({ ...HINT, out_refund_no: '1'.repeat(64) })))),
    { outRefundNo: '1'.repeat(64) },
    'a refund number of the greatest length',
  )
  const cases: [name: string, body: Buffer, fault: NotificationFault][] = [
    ['an empty req_info', outer(''), 'bad-signature'],
    ['a req_info that is not base64', outer('%%%%'), 'bad-signature'],
    ['another key', outer(encrypted(root(HINT), DEMO_KEY)), 'bad-signature'],
    ['another root', outer(encrypted(xml(HINT))), 'bad-signature'],
    ['no XML', outer(encrypted('{}')), 'bad-signature'],
    ['a DOCTYPE', outer(encrypted(`<!DOCTYPE root>${root(HINT)}`)), 'bad-signature'],
    ['no appid', outer(encrypted(root(HINT)), { appid: '' }), 'wrong-account'],
    ['an invalid appid', outer(encrypted(root(HINT)), { appid: 'wx 0000000000000000' }), 'wrong-account'],
    ['an appid that is too long', outer(encrypted(root(HINT)), { appid: 'w'.repeat(33) }), 'wrong-account'],
    ['another merchant', outer(encrypted(root(HINT)), { mch_id: '1900000000' }), 'wrong-account'],
    ['return_code FAIL', outer(encrypted(root(HINT)), { return_code: 'FAIL' }), 'incomplete'],
    ['no order', outer(encrypted(root({ ...HINT, out_trade_no: '' }))), 'incomplete'],
    ['no refund', outer(encrypted(root({ ...HINT, out_refund_no: '' }))), 'incomplete'],
    [
      'a refund number that is too long',
      outer(encrypted(root({ ...HINT, out_refund_no: '1'.repeat(65) }))),
      'incomplete',
    ],
    ['no amount', outer(encrypted(root({ ...HINT, refund_fee: '' }))), 'incomplete'],
    ['an amount with a fraction', outer(encrypted(root({ ...HINT, refund_fee: '2.5' }))), 'incomplete'],
  ]
  for (const [name, body, fault] of cases) {
    t.throws(() => read(body), { name: 'NotificationError', fault }, `${name} → ${fault}`)
  }
})

t.test('the reply that WeChat reads', async (t) => {
  const { pay } = merchant()
  t.strictSame(
    pay.reply(notification('')),
    {
      status: 200,
      contentType: 'text/xml; charset=utf-8',
      body: sample('26-notify.reply.success.xml').toString().trimEnd(),
    },
    'the exact success',
  )
  const faults: NotificationFault[] = [
    'unreadable',
    'incomplete',
    'bad-signature',
    'wrong-account',
    'unknown-order',
    'mismatch',
    'not-stored',
  ]
  for (const fault of faults) {
    t.strictSame(
      pay.reply(notification(''), fault),
      {
        status: 200,
        contentType: 'text/xml; charset=utf-8',
        body: `<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[${fault}]]></return_msg></xml>`,
      },
      fault,
    )
  }
})

t.test('a notification of API v3 is refused by the status, as 200 would mean success', async (t) => {
  const { pay } = merchant()
  const messages: [name: string, message: NotificationMessage][] = [
    ['as WeChat sends it', { headers: { 'wechatpay-signature': 'AAAA' }, body: Buffer.from('{"id":"1"}') }],
    ['without the headers, which a proxy has removed', { headers: {}, body: Buffer.from(' {"id":"1"}') }],
    ['whose body has not been read', { headers: { 'wechatpay-signature': 'AAAA' }, body: Buffer.alloc(0) }],
  ]
  for (const [name, message] of messages) {
    t.throws(
      () => pay.readNotification(message),
      { name: 'NotificationError', fault: 'unreadable', message: /is in API v3/ },
      name,
    )
    t.strictSame(
      pay.reply(message, 'unreadable'),
      {
        status: 400,
        contentType: 'application/json; charset=utf-8',
        body: '{"code":"FAIL","message":"unreadable"}',
      },
      name,
    )
  }
})

t.test('no error shows the key', async (t) => {
  const errors: unknown[] = [
    await failure(CALLS.unifiedorder!(merchant(xml(SUCCESS)).pay)),
    await failure(CALLS.orderquery!(merchant(signed(REFUSAL)).pay)),
    await failure(CALLS.closeorder!(merchant('<xml>').pay)),
  ]
  try {
    merchant().pay.readNotification(notification(xml(PAID)))
  } catch (error) {
    t.ok(error instanceof NotificationError)
    errors.push(error)
  }
  for (const error of errors) {
    t.notMatch(inspect(error, { depth: Infinity, showHidden: true }) + JSON.stringify(error), API_KEY)
  }
  t.notMatch(inspect(merchant().pay, { depth: Infinity, showHidden: true }), API_KEY, 'nor does the object itself')
})

t.test('over real HTTP, a call with a lost answer is repeated with exactly the same message', async (t) => {
  const bodies: string[] = []
  const origin = await serve(t, (request, response) => {
    let body = ''
    request
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        body += chunk
      })
      .on('end', () => {
        if (bodies.push(body) === 1) request.socket.destroy()
        else response.end(signed(ORDERED))
      })
  })
  const http = createHttp({ hosts: [origin], timeoutMs: 5000, now: () => new Date(), pause: async () => {} })
  t.teardown(() => http.close())
  let nonces = 0
  const pay = createPayV2({
    http,
    certHttp: http,
    appids: [APPID],
    mchId: MCH_ID,
    apiKeys: new KeyRing([new Secret(API_KEY)]),
    signType: 'HMAC-SHA256',
    notifyUrl: NOTIFY_URL,
    nonce: () => `nonce${++nonces}`,
  })
  t.equal(await pay.prepay(ORDER), ORDERED.prepay_id)
  t.equal(bodies.length, 2)
  t.equal(bodies[1], bodies[0], 'same number, same parameters, same nonce')
})

t.test('several apps: a call and a notification are of the app of the order', async (t) => {
  const SECOND = 'wx00000000000000c0'
  const appids = [APPID, SECOND]
  const appidOf = (request: HttpRequest) => /<appid>(?:<!\[CDATA\[)?(wx\w+)/.exec(String(request.body))?.[1]
  const calls: [name: string, call: (pay: PayApi, of?: { appid: string }) => Promise<unknown>][] = [
    ['query', (pay, of) => pay.query(OUT_TRADE_NO, of)],
    ['close', (pay, of) => pay.close(OUT_TRADE_NO, of)],
    ['queryRefund', (pay, of) => pay.queryRefund('1', of)],
    ['listRefunds', (pay, of) => pay.listRefunds!(OUT_TRADE_NO, of)],
    ['prepay', (pay, of = { appid: APPID }) => pay.prepay({ ...ORDER, ...of })],
  ]
  for (const [name, call] of calls) {
    for (const [of, appid] of [
      [undefined, APPID],
      [{ appid: APPID }, APPID],
      [{ appid: SECOND }, SECOND],
    ] as const) {
      const { pay, requests } = merchant('', { appids })
      await call(pay, of).catch(() => {})
      t.strictSame(requests.map(appidOf), [appid], name)
    }
    const { pay, requests } = merchant('', { appids })
    const foreign = { appid: 'wx00000000000000ff' }
    await t.rejects(call(pay, foreign), { code: 'WECHAT_INPUT_INVALID', sent: false }, name)
    t.strictSame(requests, [])
  }
  const paid = { ...PAID, trade_state: 'SUCCESS' }
  t.match(await merchant(signed({ ...paid, appid: SECOND }), { appids }).pay.query(OUT_TRADE_NO, { appid: SECOND }), {
    payment: { appid: SECOND },
  })
  await t.rejects(merchant(signed(paid), { appids }).pay.query(OUT_TRADE_NO, { appid: SECOND }), {
    message: /for another appid or merchant/,
  })
  for (const appid of appids) {
    t.match(merchant('', { appids }).pay.readNotification(notification(signed({ ...PAID, appid }))), {
      payment: { appid },
    })
  }
})
