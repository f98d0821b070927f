import { constants, createHash, createPublicKey, privateDecrypt, verify } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { signV2 as signWire } from '../../../mock-server/wire/sign-v2.ts'
import { writeXml as writeWire } from '../../../mock-server/wire/xml.ts'
import type { HttpReply } from '../../../src/client/http.ts'
import { createPayV2 } from '../../../src/client/pay-v2/pay-v2.ts'
import type { NotificationError, PayApi } from '../../../src/client/pay.ts'
import { WechatError } from '../../../src/errors.ts'
import type { Order, Refund } from '../../../src/model.ts'
import { KeyRing } from '../../../src/client/key-ring.ts'
import { Secret } from '../../../src/base/secret.ts'
import { httpReply, unstreamed, v3 } from '../../fixtures.ts'
import {
  answer,
  API_V3_KEY,
  APPID,
  CERTIFICATE,
  CERTIFICATE_PEM,
  encrypted,
  MCH_ID,
  merchant,
  NONCE,
  NOTIFY_URL,
  NOW,
  PUBLIC_KEY,
  SECONDS,
} from './wechat.ts'
import type { PlatformKey } from '../../../src/client/pay-v3/platform-keys.ts'
import type { SealOptions } from './wechat.ts'

const OUT_TRADE_NO = 'T2026|*010100001'
const ORDER = {
  outTradeNo: OUT_TRADE_NO,
  appid: APPID,
  mchId: MCH_ID,
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  description: '龙井茶 & "茶"',
  attach: 'a=b&c="0"',
  totalFee: 1250,
  currency: 'CNY',
  clientIp: '101.226.125.108',
  createdAt: NOW,
  expiresAt: new Date('2026-01-01T02:00:00Z'),
  tradeType: 'JSAPI',
} as Order & { openid: string }
const REFUND = { outRefundNo: `${OUT_TRADE_NO}-1`, refundFee: 250, reason: '退货' } as Refund

const TRADE = {
  amount: { currency: 'CNY', payer_currency: 'CNY', payer_total: 1200, total: 1250 },
  appid: APPID,
  attach: '',
  bank_type: 'OTHERS',
  mchid: MCH_ID,
  out_trade_no: OUT_TRADE_NO,
  payer: { openid: ORDER.openid },
  promotion_detail: [],
  success_time: '2026-01-01T08:00:01+08:00',
  trade_state: 'SUCCESS',
  trade_state_desc: '支付成功',
  trade_type: 'JSAPI',
  transaction_id: '4200000001202601011234567890',
}
const PAYMENT = {
  transactionId: TRADE.transaction_id,
  outTradeNo: OUT_TRADE_NO,
  appid: APPID,
  mchId: MCH_ID,
  openid: ORDER.openid,
  totalFee: 1250,
  currency: 'CNY',
  paidAt: new Date('2026-01-01T00:00:01Z'),
  bankType: 'OTHERS',
  attach: undefined,
}
/** As in three captures. */
const UNPAID = {
  amount: { payer_currency: 'CNY', total: 1250 },
  appid: APPID,
  mchid: MCH_ID,
  out_trade_no: OUT_TRADE_NO,
  promotion_detail: [],
  scene_info: { device_id: '' },
  trade_state: 'NOTPAY',
  trade_state_desc: '订单未支付',
}
const REFUNDED = {
  amount: {
    currency: 'CNY',
    discount_refund: 0,
    from: [],
    payer_refund: 250,
    payer_total: 1250,
    refund: 250,
    refund_fee: 0,
    settlement_refund: 250,
    settlement_total: 1250,
    total: 1250,
  },
  channel: 'ORIGINAL',
  create_time: '2026-01-01T08:00:02+08:00',
  funds_account: 'AVAILABLE',
  out_refund_no: REFUND.outRefundNo,
  out_trade_no: OUT_TRADE_NO,
  promotion_detail: [],
  refund_id: '50300000012026010112345678901',
  status: 'PROCESSING',
  transaction_id: TRADE.transaction_id,
  user_received_account: '支付用户零钱',
}
const refusal = (code: string, message = 'why', detail?: unknown) => ({
  code,
  ...(detail !== undefined && { detail }),
  message,
})

t.test('an order', async (t) => {
  const { pay, asked } = merchant([answer({ prepay_id: 'wx01' })])
  t.equal(await pay.prepay(ORDER), 'wx01')
  t.strictSame(
    asked.map(({ headers: { authorization: _, ...headers }, ...rest }) => ({ ...rest, headers })),
    [
      {
        method: 'POST',
        target: '/v3/pay/transactions/jsapi',
        body: {
          appid: APPID,
          mchid: MCH_ID,
          description: ORDER.description,
          out_trade_no: OUT_TRADE_NO,
          time_expire: '2026-01-01T10:00:00+08:00',
          attach: ORDER.attach,
          notify_url: NOTIFY_URL,
          amount: { total: 1250, currency: 'CNY' },
          payer: { openid: ORDER.openid },
          scene_info: { payer_client_ip: ORDER.clientIp },
        },
        headers: {
          accept: 'application/json',
          'user-agent': 'fastify-wechat-pay',
          'wechatpay-serial': PUBLIC_KEY.serial,
          'content-type': 'application/json',
        },
      },
    ],
  )
  const { attach: _, ...plain } = ORDER
  const without = merchant([answer({ prepay_id: 'wx01' })])
  await without.pay.prepay(plain as Order)
  t.notOk('attach' in without.asked[0]!.body, 'without attach')
  await t.rejects(merchant([answer({ prepay_id: '' })]).pay.prepay(ORDER), {
    code: 'WECHAT_REPLY_INVALID',
    advice: 'repeat',
  })
})

t.test('the parameters of wx.requestPayment', async (t) => {
  const params = merchant().pay.payParams('wx01', NOW)
  const { paySign, ...rest } = params
  t.strictSame(rest, { timeStamp: SECONDS, nonceStr: NONCE, package: 'prepay_id=wx01', signType: 'RSA' })
  const message = Buffer.from(`${APPID}\n${SECONDS}\n${NONCE}\nprepay_id=wx01\n`)
  t.ok(
    verify(
      'sha256',
      message,
      createPublicKey(v3().keys.mock_merchant!.public_key_pem!),
      Buffer.from(paySign, 'base64'),
    ),
  )
})

t.test('a query', async (t) => {
  const target = `/v3/pay/transactions/out-trade-no/T2026%7C*010100001?mchid=${MCH_ID}`
  const cases: [name: string, reply: HttpReply, expected: object][] = [
    ['paid', answer(TRADE), { tradeState: 'SUCCESS', payment: PAYMENT }],
    ['refunded', answer({ ...TRADE, trade_state: 'REFUND' }), { tradeState: 'REFUND', payment: PAYMENT }],
    ['with attach', answer({ ...TRADE, attach: 'x' }), { tradeState: 'SUCCESS', payment: { ...PAYMENT, attach: 'x' } }],
    ['without a currency', answer({ ...TRADE, amount: { total: 1250 } }), { tradeState: 'SUCCESS', payment: PAYMENT }],
    ['not paid', answer(UNPAID), { tradeState: 'NOTPAY' }],
    ['closed', answer({ ...UNPAID, trade_state: 'CLOSED' }), { tradeState: 'CLOSED' }],
    ['not there', answer(refusal('ORDER_NOT_EXIST'), { status: 404 }), { tradeState: 'NOT_EXIST' }],
    [
      'does not exist, in the other spelling',
      answer(refusal('ORDERNOTEXIST'), { status: 404 }),
      { tradeState: 'NOT_EXIST' },
    ],
  ]
  for (const [name, reply, expected] of cases) {
    const { pay, asked } = merchant([reply])
    t.strictSame(await pay.query(OUT_TRADE_NO), expected, name)
    t.match(asked, [{ method: 'GET', target, body: undefined }])
    t.notOk('content-type' in asked[0]!.headers)
  }
  const bad: [string, object, RegExp][] = [
    ['another order', { ...TRADE, out_trade_no: 'other' }, /another order/],
    ['another app', { ...TRADE, appid: 'wx0' }, /appid/],
    ['another merchant', { ...TRADE, mchid: '1' }, /merchant/],
    ['no number', { ...TRADE, out_trade_no: undefined }, /another order/],
    ['no transaction', { ...TRADE, transaction_id: '' }, /transaction_id/],
    ['no payer', { ...TRADE, payer: null }, /payer\.openid/],
    ['no amount', { ...TRADE, amount: [] }, /amount\.total/],
    ['an amount that is a string', { ...TRADE, amount: { total: '1250' } }, /amount\.total/],
    ['no time', { ...TRADE, success_time: 1 }, /success_time/],
    ['an unknown state', { ...TRADE, trade_state: 'NEW' }, /trade_state/],
    ['no object', [], /another order/],
  ]
  for (const [name, body, message] of bad) {
    await t.rejects(
      merchant([answer(body)]).pay.query(OUT_TRADE_NO),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query', message },
      name,
    )
  }
  await t.rejects(
    merchant([answer(refusal('ORDER_NOT_EXIST'), { status: 404, seal: false })]).pay.query(OUT_TRADE_NO),
    { code: 'WECHAT_REPLY_INVALID' },
    'an unsigned "does not exist" is not believed',
  )
})

t.test('a close', async (t) => {
  const cases: [name: string, replies: HttpReply[], expected: string][] = [
    ['closed', [answer(undefined, { status: 204 })], 'closed'],
    ['paid', [answer(refusal('ORDERPAID'), { status: 400 })], 'paid'],
    ['paid, in the other spelling', [answer(refusal('ORDER_PAID'), { status: 400 })], 'paid'],
    ['not there', [answer(refusal('ORDER_NOT_EXIST'), { status: 404 })], 'not-exist'],
    [
      'closed before',
      [answer(refusal('ORDER_CLOSED'), { status: 400 }), answer({ ...UNPAID, trade_state: 'CLOSED' })],
      'closed',
    ],
    [
      'already closed according to the reply, but paid',
      [answer(refusal('ORDER_CLOSED'), { status: 400 }), answer(TRADE)],
      'paid',
    ],
  ]
  for (const [name, replies, expected] of cases) {
    const { pay, asked } = merchant(replies)
    t.equal(await pay.close(OUT_TRADE_NO), expected, name)
    t.match(asked[0], {
      method: 'POST',
      target: '/v3/pay/transactions/out-trade-no/T2026%7C*010100001/close',
      body: { mchid: MCH_ID },
    })
  }
  await t.rejects(
    merchant([answer(undefined, { status: 204, seal: false })]).pay.close(OUT_TRADE_NO),
    { code: 'WECHAT_REPLY_INVALID', advice: 'query' },
    'an unsigned 204',
  )
  await t.rejects(merchant([answer(refusal('SYSTEM_ERROR'), { status: 500 })]).pay.close(OUT_TRADE_NO), {
    code: 'WECHAT_UNAVAILABLE',
  })
})

t.test('a refund', async (t) => {
  const { pay, asked } = merchant([answer(REFUNDED)])
  t.equal(pay.canRefund, true, 'without a client certificate')
  t.equal(await pay.refund({ ...ORDER, payment: { ...PAYMENT, totalFee: 1250 } }, REFUND), REFUNDED.refund_id)
  t.match(asked, [
    {
      method: 'POST',
      target: '/v3/refund/domestic/refunds',
      body: {
        transaction_id: TRADE.transaction_id,
        out_refund_no: REFUND.outRefundNo,
        reason: '退货',
        notify_url: NOTIFY_URL,
        amount: { refund: 250, total: 1250, currency: 'CNY' },
      },
    },
  ])
  const { reason: _, ...plain } = REFUND
  const without = merchant([answer(REFUNDED)])
  await without.pay.refund(ORDER, plain as Refund)
  t.notOk('reason' in without.asked[0]!.body)
  for (const part of [{ out_refund_no: 'x' }, { out_trade_no: 'x' }, { amount: { refund: 1 } }, { status: 'NEW' }]) {
    await t.rejects(
      merchant([answer({ ...REFUNDED, ...part })]).pay.refund(ORDER, REFUND),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query' },
      JSON.stringify(part),
    )
  }
})

t.test('a query of a refund', async (t) => {
  const report = {
    outRefundNo: REFUND.outRefundNo,
    outTradeNo: OUT_TRADE_NO,
    refundId: REFUNDED.refund_id,
    refundFee: 250,
  }
  const cases: [name: string, body: object, expected: object][] = [
    ['under way', REFUNDED, { ...report, state: 'processing', succeededAt: undefined }],
    [
      'done',
      { ...REFUNDED, status: 'SUCCESS', success_time: '2026-01-01T09:00:00+08:00' },
      { ...report, state: 'success', succeededAt: new Date('2026-01-01T01:00:00Z') },
    ],
    ['closed', { ...REFUNDED, status: 'CLOSED' }, { ...report, state: 'closed', succeededAt: undefined }],
    ['abnormal', { ...REFUNDED, status: 'ABNORMAL' }, { ...report, state: 'abnormal', succeededAt: undefined }],
  ]
  for (const [name, body, expected] of cases) {
    const { pay, asked } = merchant([answer(body)])
    t.strictSame(await pay.queryRefund(REFUND.outRefundNo), expected, name)
    t.equal(asked[0]!.target, '/v3/refund/domestic/refunds/T2026%7C*010100001-1')
  }
  t.equal(await merchant([answer(refusal('RESOURCE_NOT_EXISTS'), { status: 404 })]).pay.queryRefund('x'), undefined)
  const bad: [object, RegExp][] = [
    [{ ...REFUNDED, out_refund_no: 'other' }, /another/],
    [{ ...REFUNDED, out_refund_no: 'x'.repeat(65) }, /out_refund_no/],
    [{ ...REFUNDED, out_trade_no: null }, /out_trade_no/],
    [{ ...REFUNDED, refund_id: '' }, /refund_id/],
    [{ ...REFUNDED, amount: { refund: 0 } }, /amount\.refund/],
    [{ ...REFUNDED, status: undefined, refund_status: 'SUCCESS' }, /status/],
  ]
  for (const [body, message] of bad) {
    await t.rejects(merchant([answer(body)]).pay.queryRefund(REFUND.outRefundNo), {
      code: 'WECHAT_REPLY_INVALID',
      message,
    })
  }
  await t.rejects(merchant([answer(refusal('SYSTEM_ERROR'), { status: 500 })]).pay.queryRefund('x'), {
    code: 'WECHAT_UNAVAILABLE',
  })
})

t.test('replies that are rejected', async (t) => {
  const foreign: [name: string, seal: SealOptions | false, message: RegExp][] = [
    ['no signature', false, /lacks Wechatpay-Timestamp/],
    ['another signature', { signature: 'AAAA' }, /does not match the key PUB_KEY_ID_/],
    [
      'the signature of another key',
      { by: 'certificate', serial: PUBLIC_KEY.serial },
      /does not match the key PUB_KEY_ID_/,
    ],
    ['an unknown key', { serial: 'PUB_KEY_ID_1' }, /names the key PUB_KEY_ID_1, .*merchant\.publicKeyId/],
    ['301 s old', { timestamp: String(Number(SECONDS) - 301) }, /five minutes/],
    ['301 s ahead', { timestamp: String(Number(SECONDS) + 301) }, /five minutes/],
  ]
  for (const [name, seal, message] of foreign) {
    for (const status of [200, 404]) {
      await t.rejects(
        merchant([answer({ prepay_id: 'wx01' }, { seal, status })]).pay.prepay(ORDER),
        { code: 'WECHAT_REPLY_INVALID', advice: 'query', sent: true, message },
        `${name}, HTTP ${status}`,
      )
    }
  }
  for (const seconds of [-300, 300]) {
    t.equal(
      await merchant([
        answer({ prepay_id: 'wx01' }, { seal: { timestamp: String(Number(SECONDS) + seconds) } }),
      ]).pay.prepay(ORDER),
      'wx01',
      `${seconds} s`,
    )
  }
  const changed = { ...answer({ prepay_id: 'wx01' }), body: Buffer.from('{"prepay_id":"wx02"}') }
  await t.rejects(merchant([changed]).pay.prepay(ORDER), { code: 'WECHAT_REPLY_INVALID' }, 'another body')
  await t.rejects(
    merchant([answer('<html>')]).pay.prepay(ORDER),
    { code: 'WECHAT_REPLY_INVALID', message: /not JSON/ },
    'signed, but not JSON',
  )
})

t.test('an unsigned code says nothing about an order or a refund, whatever the status', async (t) => {
  for (const status of [202, 400, 404, 429, 500, 502]) {
    const calls: [code: string, call: (pay: PayApi) => Promise<unknown>][] = [
      ['ORDER_NOT_EXIST', (pay) => pay.query(OUT_TRADE_NO)],
      ['RESOURCE_NOT_EXISTS', (pay) => pay.queryRefund(REFUND.outRefundNo)],
      ...['ORDERPAID', 'ORDER_CLOSED', 'ORDER_NOT_EXIST'].map((code): (typeof calls)[number] => [
        code,
        (pay) => pay.close(OUT_TRADE_NO),
      ]),
    ]
    for (const [code, call] of calls) {
      const { pay } = merchant([answer(refusal(code), { status, seal: false })])
      await t.rejects(call(pay), { name: 'WechatError', wechatCode: undefined }, `${status} ${code}`)
    }
  }
})

t.test('a signed reply to another call closes nothing', async (t) => {
  for (const [name, reply] of [
    ['an order', { prepay_id: 'wx01' }],
    ['a query', UNPAID],
    ['a query, paid', TRADE],
    ['a refund', REFUNDED],
    ['nothing', {}],
  ] as const) {
    await t.rejects(
      merchant([answer(reply)]).pay.close(OUT_TRADE_NO),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query', message: /answered something else/ },
      name,
    )
  }
})

t.test('an empty reply, signed for a close, is not accepted for an order or a refund', async (t) => {
  const calls: [name: string, call: (pay: ReturnType<typeof merchant>['pay']) => Promise<unknown>][] = [
    ['query', (pay) => pay.query(OUT_TRADE_NO)],
    ['queryTransaction', (pay) => pay.queryTransaction(TRADE.transaction_id)],
    ['queryRefund', (pay) => pay.queryRefund(REFUND.outRefundNo)],
    ['refund', (pay) => pay.refund(ORDER, REFUND)],
    ['prepay', (pay) => pay.prepay(ORDER)],
  ]
  for (const status of [200, 204]) {
    for (const [name, call] of calls) {
      await t.rejects(
        call(merchant([answer(undefined, { status })]).pay),
        { code: 'WECHAT_REPLY_INVALID', wechatCode: undefined },
        `${name}, HTTP ${status}`,
      )
    }
  }
})

t.test('probes are refused, and the request is repeated', async (t) => {
  const [vector] = v3().ofKind('probe-signature')
  const probe = () => answer({ prepay_id: 'forged' }, { seal: { signature: vector!.signature } })
  const { pay, asked, probes } = merchant([probe(), answer({ prepay_id: 'wx01' })])
  t.equal(await pay.prepay(ORDER), 'wx01')
  t.equal(asked.length, 2)
  t.strictSame(probes, ['reply'])
  await t.rejects(
    merchant([probe(), probe()]).pay.prepay(ORDER),
    { code: 'WECHAT_REPLY_INVALID', advice: 'query' },
    'a second probe in a row fails the call',
  )
})

t.test('refusals', async (t) => {
  const detail = { location: 'body', value: [1] }
  const cases: [name: string, reply: HttpReply, expected: Partial<WechatError>][] = [
    [
      'a violated rule',
      answer(refusal('PARAM_ERROR', '参数错误', detail), { status: 400 }),
      {
        code: 'WECHAT_REFUSED',
        advice: 'stop',
        wechatCode: 'PARAM_ERROR',
        wechatText: '参数错误',
        wechatDetail: detail,
      },
    ],
    [
      'other terms under the same number',
      answer(refusal('INVALID_REQUEST'), { status: 400 }),
      { code: 'WECHAT_ORDER_CONFLICT', advice: 'query' },
    ],
    [
      'a used number',
      answer(refusal('OUT_TRADE_NO_USED'), { status: 403 }),
      { code: 'WECHAT_ORDER_CONFLICT', advice: 'new-number' },
    ],
    ['paid', answer(refusal('ORDERPAID'), { status: 400 }), { code: 'WECHAT_ORDER_PAID', advice: 'query' }],
    [
      'no product',
      answer(refusal('NO_AUTH'), { status: 403 }),
      { code: 'WECHAT_ACCOUNT_REFUSED', advice: 'configure' },
    ],
    ['no funds', answer(refusal('NOT_ENOUGH'), { status: 403 }), { code: 'WECHAT_REFUSED', advice: 'repeat' }],
    [
      'something new',
      answer(refusal('NEW_CODE'), { status: 403 }),
      { code: 'WECHAT_REFUSED', advice: 'stop', wechatCode: 'NEW_CODE' },
    ],
    [
      'too fast',
      answer(refusal('FREQUENCY_LIMITED'), { status: 429 }),
      { code: 'WECHAT_RATE_LIMITED', advice: 'repeat' },
    ],
    [
      'too fast, whatever the code says',
      answer(refusal('ORDERPAID'), { status: 429 }),
      { code: 'WECHAT_RATE_LIMITED', advice: 'repeat' },
    ],
    ['too fast, unsigned', answer('', { status: 429, seal: false }), { code: 'WECHAT_RATE_LIMITED', advice: 'repeat' }],
    ['busy', answer(refusal('SYSTEM_ERROR'), { status: 500 }), { code: 'WECHAT_UNAVAILABLE', advice: 'repeat' }],
    [
      'a 5xx that is final',
      answer(refusal('OPENID_MISMATCH'), { status: 500 }),
      { code: 'WECHAT_REFUSED', advice: 'stop' },
    ],
    [
      'a 5xx with a final code, but unsigned',
      answer(refusal('OPENID_MISMATCH'), { status: 500, seal: false }),
      { code: 'WECHAT_UNAVAILABLE', advice: 'repeat' },
    ],
    [
      'an unknown 5xx',
      answer(refusal('SERVICE_UNAVAILABLE'), { status: 503 }),
      { code: 'WECHAT_UNAVAILABLE', advice: 'repeat' },
    ],
    ["a proxy's error page", httpReply('<html>', { status: 502 }), { code: 'WECHAT_UNAVAILABLE', advice: 'repeat' }],
    ['received, but not done', answer('', { status: 202 }), { code: 'WECHAT_UNAVAILABLE', advice: 'repeat' }],
    [
      'our signature',
      answer(refusal('SIGN_ERROR', '签名错误'), { status: 401, seal: false }),
      {
        code: 'WECHAT_ACCOUNT_REFUSED',
        advice: 'repeat',
        wechatText: 'SIGN_ERROR 签名错误: check mchId, serialNo, privateKey and the clock',
      },
    ],
    [
      'an unsigned code',
      answer(refusal('ORDERPAID'), { status: 400, seal: false }),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query' },
    ],
    ['no such path', answer('', { status: 404, seal: false }), { code: 'WECHAT_REPLY_INVALID', advice: 'query' }],
    [
      'a body that is not an object',
      answer('null', { status: 403 }),
      { code: 'WECHAT_REFUSED', advice: 'stop', wechatCode: '' },
    ],
    [
      'fields that are not strings',
      answer({ code: 1, message: [] }, { status: 403 }),
      { code: 'WECHAT_REFUSED', wechatCode: '', wechatText: '' },
    ],
    ['a redirect', answer('', { status: 302, seal: false }), { code: 'WECHAT_REPLY_INVALID', advice: 'query' }],
    ['a signed redirect', answer('', { status: 302 }), { code: 'WECHAT_REPLY_INVALID', advice: 'query' }],
    ['an undocumented success status', answer({}, { status: 201 }), { code: 'WECHAT_REPLY_INVALID', advice: 'query' }],
  ]
  for (const [name, reply, expected] of cases) {
    const error = await merchant([reply])
      .pay.prepay(ORDER)
      .catch((error: WechatError) => error)
    t.match(error, expected, name)
    t.ok(error instanceof WechatError)
  }
})

t.test('platform certificates', async (t) => {
  const list = {
    data: [
      { serial_no: CERTIFICATE.serial, encrypt_certificate: encrypted(CERTIFICATE_PEM, { associated: 'certificate' }) },
    ],
  }
  const options = { platformKeys: [], downloadCertificates: true }
  const { pay, asked } = merchant(
    [answer({ prepay_id: 'wx01' }, { seal: { by: 'certificate' } }), answer(list, { seal: { by: 'certificate' } })],
    options,
  )
  t.equal(await pay.prepay(ORDER), 'wx01', 'the reply waits for the certificate it was signed with')
  t.strictSame(
    asked.map(({ target }) => target),
    ['/v3/pay/transactions/jsapi', '/v3/certificates'],
  )
  t.notOk('wechatpay-serial' in asked[0]!.headers, 'nothing is requested for a public key')

  for (const [status, code] of [
    [404, 'RESOURCE_NOT_EXISTS'],
    [403, 'NO_AUTH'],
    [500, 'SYSTEM_ERROR'],
  ] as const) {
    const changing = merchant([answer({ prepay_id: 'wx01' })], { downloadCertificates: true })
    t.equal(await changing.pay.prepay(ORDER), 'wx01', `a public key needs no list, which is ${code}`)
    const refused = merchant(
      [answer({ prepay_id: 'wx01' }, { seal: { by: 'certificate' } }), answer(refusal(code), { status, seal: false })],
      options,
    )
    await t.rejects(
      refused.pay.prepay(ORDER),
      { code: 'WECHAT_REPLY_INVALID', advice: 'query', wechatCode: undefined, message: /names the key .*certificates/ },
      'and without one the reply cannot be verified',
    )
  }
  const away = merchant(
    [
      answer({ prepay_id: 'wx01' }, { seal: { by: 'certificate' } }),
      new WechatError('WECHAT_NETWORK', 'The connection failed. It had no effect: repeat it.', { sent: false }),
    ],
    options,
  )
  await t.rejects(
    away.pay.prepay(ORDER),
    { code: 'WECHAT_REPLY_INVALID', advice: 'query', sent: true },
    'the order was sent, although the request for the certificates was not',
  )
  const broken = merchant(
    [answer({ prepay_id: 'wx01' }, { seal: { by: 'certificate' } }), new TypeError('a bug of ours')],
    options,
  )
  await t.rejects(broken.pay.prepay(ORDER), { name: 'TypeError' })
})

t.test('the list of certificates is signed with one of them or with a known key', async (t) => {
  const list = (seal: SealOptions | false) =>
    answer({ data: [{ encrypt_certificate: encrypted(CERTIFICATE_PEM, { associated: 'certificate' }) }] }, { seal })
  const ordered = () => answer({ prepay_id: 'wx01' }, { seal: { by: 'certificate' } })
  const [vector] = v3().ofKind('probe-signature')
  const probe = { by: 'certificate', signature: vector!.signature } as const
  const good: [name: string, known: PlatformKey[], replies: HttpReply[]][] = [
    ['the first list', [], [list({ by: 'certificate' })]],
    ['during a change to a public key', [PUBLIC_KEY], [list({ by: 'public' })]],
    ['after a probe', [], [list(probe), list({ by: 'certificate' })]],
  ]
  for (const [name, platformKeys, replies] of good) {
    const { pay } = merchant([ordered(), ...replies], { platformKeys, downloadCertificates: true })
    t.equal(await pay.prepay(ORDER), 'wx01', name)
  }
  const bad: [name: string, replies: HttpReply[], message: RegExp][] = [
    ['no signature', [list(false)], /list of platform certificates lacks Wechatpay-/],
    ['a key that is not in it', [list({ by: 'public' })], /list .* names the key PUB_KEY_ID/],
    ['a recorded list', [list({ by: 'certificate', timestamp: String(Number(SECONDS) - 301) })], /five minutes/],
    ['another signature', [list({ by: 'certificate', signature: 'AAAA' })], /does not match/],
    ['probes only', [list(probe), list(probe)], /tests whether we refuse it/],
  ]
  for (const [name, replies, message] of bad) {
    const { pay } = merchant([ordered(), ...replies], { platformKeys: [], downloadCertificates: true })
    await t.rejects(pay.prepay(ORDER), { code: 'WECHAT_REPLY_INVALID', message }, name)
  }
})

t.test('a query by transaction', async (t) => {
  const { pay, asked } = merchant([answer(TRADE)])
  t.strictSame(await pay.queryTransaction(TRADE.transaction_id), { tradeState: 'SUCCESS', payment: PAYMENT })
  t.equal(asked[0]!.target, `/v3/pay/transactions/id/${TRADE.transaction_id}?mchid=${MCH_ID}`)
  await t.rejects(merchant([answer(TRADE)]).pay.queryTransaction('other'), { code: 'WECHAT_REPLY_INVALID' })
})

t.test('the values for an app', async (t) => {
  const { sign, ...params } = merchant().pay.appParams('wx01', NOW)
  t.strictSame(params, {
    appid: APPID,
    partnerid: MCH_ID,
    prepayid: 'wx01',
    package: 'Sign=WXPay',
    timestamp: SECONDS,
    noncestr: NONCE,
  })
  const message = Buffer.from(`${APPID}\n${SECONDS}\n${NONCE}\nwx01\n`)
  t.ok(
    verify('sha256', message, createPublicKey(v3().keys.mock_merchant!.public_key_pem!), Buffer.from(sign, 'base64')),
    'the bare id is signed',
  )
})

t.test('a refund from specified accounts', async (t) => {
  const { pay, asked } = merchant([answer(REFUNDED)])
  await pay.refund(ORDER, { ...REFUND, refundAccount: 'AVAILABLE', from: [{ account: 'AVAILABLE', amount: 250 }] })
  t.match(asked[0]!.body, {
    funds_account: 'AVAILABLE',
    amount: { refund: 250, from: [{ account: 'AVAILABLE', amount: 250 }] },
  })
})

t.test('an abnormal refund', async (t) => {
  const own = merchant([answer(REFUNDED)])
  t.match(
    await own.pay.applyAbnormalRefund(REFUNDED.refund_id, { outRefundNo: REFUND.outRefundNo, account: 'merchant' }),
    { state: 'processing' },
  )
  t.match(own.asked, [
    {
      target: `/v3/refund/domestic/refunds/${REFUNDED.refund_id}/apply-abnormal-refund`,
      body: { out_refund_no: REFUND.outRefundNo, type: 'MERCHANT_BANK_CARD' },
    },
  ])
  const card = { bankType: 'ICBC_DEBIT', bankAccount: '6222020000000000', realName: '张三' }
  const payers = merchant([answer(REFUNDED)])
  await payers.pay.applyAbnormalRefund('1', { outRefundNo: REFUND.outRefundNo, account: card })
  const { body, headers } = payers.asked[0]!
  t.match(body, { type: 'USER_BANK_CARD', bank_type: 'ICBC_DEBIT' })
  const open = (text: string) =>
    privateDecrypt(
      {
        key: v3().keys.mock_wechatpay_public_key!.private_key_pem!,
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha1',
      },
      Buffer.from(text, 'base64'),
    ).toString()
  t.strictSame([open(body.bank_account), open(body.real_name)], [card.bankAccount, card.realName])
  t.equal(headers['wechatpay-serial'], PUBLIC_KEY.serial, 'the key is named')

  const old = merchant([answer(REFUNDED, { seal: { by: 'certificate' } })], { platformKeys: [CERTIFICATE] })
  await old.pay.applyAbnormalRefund('1', { outRefundNo: REFUND.outRefundNo, account: card })
  t.equal(old.asked[0]!.headers['wechatpay-serial'], CERTIFICATE.serial)
})

t.test('bills', async (t) => {
  const csv = `\ufeff交易时间,公众账号ID\r\n${'`2026-01-01 08:00:01,`wx1\r\n'.repeat(5000)}`
  const [packed, sum] = [gzipSync(csv), createHash('sha1').update(csv).digest('hex')]
  const found = (part = {}) =>
    answer({
      hash_type: 'SHA1',
      hash_value: sum,
      download_url: 'https://api.mch.weixin.qq.com/v3/billdownload/file?token=abc&tartype=gzip',
      ...part,
    })
  const file = (body: Buffer, status = 200): HttpReply => ({ status, headers: {}, body })
  const read = async (bill: AsyncIterable<Buffer>) => {
    const chunks: Buffer[] = []
    for await (const chunk of bill) chunks.push(chunk)
    return Buffer.concat(chunks).toString()
  }

  const { pay, asked } = merchant([found(), file(packed), found({ hash_value: sum.toUpperCase() }), file(packed)])
  t.equal(await read(pay.tradeBill('2026-01-01')), csv)
  t.equal(await read(pay.fundFlowBill('2026-01-01', { account: 'FEES' })), csv)
  t.strictSame(
    asked.map(({ target }) => target),
    [
      '/v3/bill/tradebill?bill_date=2026-01-01&bill_type=ALL&tar_type=GZIP',
      '/v3/billdownload/file?token=abc&tartype=gzip',
      '/v3/bill/fundflowbill?bill_date=2026-01-01&account_type=FEES&tar_type=GZIP',
      '/v3/billdownload/file?token=abc&tartype=gzip',
    ],
  )

  const bad: [name: string, replies: HttpReply[], expected: any][] = [
    [
      'another file',
      [found(), file(gzipSync('other'))],
      { code: 'WECHAT_REPLY_INVALID', message: /does not have the hash/ },
    ],
    [
      'a truncated file',
      [found(), file(packed.subarray(0, -20))],
      { code: 'WECHAT_REPLY_INVALID', message: /cannot be unpacked/ },
    ],
    [
      'a file that is not compressed',
      [found(), file(Buffer.from(csv))],
      { code: 'WECHAT_REPLY_INVALID', message: /cannot be unpacked/ },
    ],
    ['a refused file', [found(), file(Buffer.from('x'.repeat(200_000)), 404)], { code: 'WECHAT_REPLY_INVALID' }],
    ['a missing file', [found(), file(Buffer.from('{"code":"SYSTEM_ERROR"}'), 500)], { code: 'WECHAT_UNAVAILABLE' }],
    ['another hash', [found({ hash_type: 'MD5' })], { code: 'WECHAT_REPLY_INVALID', message: /no valid address/ }],
    ['no address', [found({ download_url: 'x' })], { code: 'WECHAT_REPLY_INVALID', message: /no valid address/ }],
    [
      'no bill',
      [answer(refusal('NO_STATEMENT_EXIST'), { status: 400 })],
      { code: 'WECHAT_REFUSED', wechatCode: 'NO_STATEMENT_EXIST' },
    ],
  ]
  for (const [name, replies, expected] of bad) {
    await t.rejects(read(merchant(replies).pay.tradeBill('2026-01-01', { type: 'REFUND' })), expected, name)
  }
  const left = merchant([found(), file(packed)]).pay.tradeBill('2026-01-01')
  t.ok((await left.next()).value!.length > 0)
  t.strictSame(await left.return(), { value: undefined, done: true }, 'a bill that is not read to its end')
})

t.test('texts that API v3 does not accept', async (t) => {
  const { pay } = merchant()
  t.equal(pay.textFault!('龙井茶 & <茶>'), undefined)
  t.match(pay.textFault!('茶🍵'), /emoji/)
})

t.test('messages in API v2 for a merchant of API v3', async (t) => {
  const apiKey = 'Te9WiW64ofvJeP0i7lvJFEmlJjHiZwZv'
  const v2 = createPayV2({
    http: { send: async () => httpReply(''), stream: unstreamed, async close() {} },
    appids: [APPID],
    mchId: MCH_ID,
    apiKeys: new KeyRing([new Secret(apiKey)]),
    signType: 'HMAC-SHA256',
    notifyUrl: NOTIFY_URL,
    nonce: () => NONCE,
  })
  const xml = { headers: {}, body: Buffer.from(' \n<xml><return_code>FAIL</return_code></xml>') }
  const faultOf = async (pay: PayApi) => {
    try {
      return await pay.readNotification(xml)
    } catch (error) {
      return (error as NotificationError).fault
    }
  }
  t.equal(await faultOf(merchant().pay), 'no-v2-key')
  t.equal(await faultOf(merchant([], { v2 }).pay), 'incomplete', 'is read with the v2 key')
  t.equal(merchant().pay.listRefunds, undefined)
  t.equal(merchant([], { v2 }).pay.listRefunds, v2.listRefunds)
  const sent = {
    ...{
      return_code: 'SUCCESS',
      result_code: 'SUCCESS',
      appid: APPID,
      mch_id: MCH_ID,
      nonce_str: 'n',
      total_fee: '1250',
    },
    ...{ out_trade_no: 'order-1', transaction_id: '4200', openid: ORDER.openid, time_end: '20260101080001' },
  }
  const fields = new Map(Object.entries(sent))
  fields.set('sign', signWire(fields, apiKey, 'HMAC-SHA256'))
  t.strictSame(
    await merchant([], { v2 }).pay.readNotification({ headers: {}, body: Buffer.from(writeWire([...fields])) }),
    { kind: 'payment-hint', subMchId: undefined, outTradeNo: 'order-1', transactionId: '4200' },
    'a payment signed with the old key leads to a query by API v3',
  )
  const { pay } = merchant()
  t.match(pay.reply(xml, 'no-v2-key'), { status: 200, contentType: /xml/, body: /FAIL.*no-v2-key/ })
  t.match(pay.reply(xml), { status: 200, body: /SUCCESS/ })
  const json = { headers: {}, body: Buffer.from('{}') }
  t.strictSame(pay.reply(json), {
    status: 200,
    contentType: 'application/json; charset=utf-8',
    body: '{"code":"SUCCESS"}',
  })
  t.match(pay.reply(json, 'bad-signature'), { status: 401, body: '{"code":"FAIL","message":"bad-signature"}' })
  t.match(pay.reply({ headers: {}, body: Buffer.alloc(0) }, 'blocked'), { status: 503 })
  t.equal(pay.version, 'v3' satisfies PayApi['version'])
  t.equal(API_V3_KEY.length, 32)
})
