import fc from 'fast-check'
import t from 'tap'
import type { NotificationError, NotificationFault, NotificationMessage } from '../../../src/client/pay.ts'
import { Secret } from '../../../src/base/secret.ts'
import { WechatError } from '../../../src/errors.ts'
import { v3 } from '../../fixtures.ts'
import { size } from '../../sizes.ts'
import { BAD, notification, REFUND, TRADE } from './messages.ts'
import { API_V3_KEY, APPID, CERTIFICATE, encrypted, MCH_ID, merchant, NOW, PUBLIC_KEY, SECONDS } from './wechat.ts'

const read = async (message: NotificationMessage, options = {}) =>
  await merchant([], options).pay.readNotification(message)
const faultOf = async (message: NotificationMessage, options = {}): Promise<NotificationFault | 'none'> => {
  try {
    await read(message, options)
    return 'none'
  } catch (error) {
    return (error as NotificationError).fault
  }
}

t.test('a payment', async (t) => {
  const payment = {
    transactionId: TRADE.transaction_id,
    outTradeNo: TRADE.out_trade_no,
    appid: APPID,
    mchId: MCH_ID,
    openid: TRADE.payer.openid,
    totalFee: 1250,
    currency: 'CNY',
    paidAt: new Date('2026-01-01T00:00:01Z'),
    bankType: 'OTHERS',
    attach: undefined,
  }
  t.strictSame(await read(notification()), { kind: 'payment', subMchId: undefined, payment })
  t.strictSame(
    await read(notification({ cipher: { associated: '' } })),
    { kind: 'payment', subMchId: undefined, payment },
    'associated data may be empty',
  )
  t.strictSame(
    await read(
      notification({
        envelope: { resource: { ...encrypted(JSON.stringify(TRADE), { associated: '' }), associated_data: null } },
      }),
    ),
    { kind: 'payment', subMchId: undefined, payment },
    'or null',
  )
  for (const seconds of [-300, -299, 299, 300]) {
    t.strictSame(
      await read(notification({ seal: { timestamp: String(Number(SECONDS) + seconds) } })),
      { kind: 'payment', subMchId: undefined, payment },
      `${seconds} s`,
    )
  }
  t.strictSame(
    await read(notification({ seal: { nonce: 'abcdefghijkl' } })),
    { kind: 'payment', subMchId: undefined, payment },
    'a nonce of 12',
  )
  t.strictSame(
    await read(notification({ seal: { by: 'certificate' } }), { platformKeys: [PUBLIC_KEY, CERTIFICATE] }),
    { kind: 'payment', subMchId: undefined, payment },
    'under the certificate, during a change',
  )
  t.strictSame(
    await read(notification({ cipher: { key: 'N'.repeat(32) } }), {
      apiV3Keys: [new Secret(API_V3_KEY), new Secret('N'.repeat(32))],
    }),
    { kind: 'payment', subMchId: undefined, payment },
    'under the next APIv3 key',
  )
  t.strictSame(await read(notification({ resource: { ...TRADE, trade_state: 'PAYERROR' } })), {
    kind: 'payment-failed',
    subMchId: undefined,
    outTradeNo: TRADE.out_trade_no,
    reason: 'the trade is PAYERROR',
  })
  t.strictSame(
    await read(notification({ resource: { ...TRADE, trade_state: 'REFUND' } })),
    { kind: 'payment-hint', subMchId: undefined, outTradeNo: TRADE.out_trade_no, transactionId: TRADE.transaction_id },
    'money was taken and partly refunded: WeChat is queried for the amount',
  )
})

t.test('a refund', async (t) => {
  const report = {
    outRefundNo: REFUND.out_refund_no,
    outTradeNo: REFUND.out_trade_no,
    refundId: REFUND.refund_id,
    refundFee: 250,
  }
  const cases: [status: string, expected: object][] = [
    ['SUCCESS', { ...report, state: 'success', succeededAt: new Date('2026-01-01T01:00:00Z') }],
    ['CLOSED', { ...report, state: 'closed', succeededAt: new Date('2026-01-01T01:00:00Z') }],
    ['ABNORMAL', { ...report, state: 'abnormal', succeededAt: new Date('2026-01-01T01:00:00Z') }],
  ]
  for (const [status, expected] of cases) {
    const message = notification({
      type: `REFUND.${status}`,
      resource: { ...REFUND, refund_status: status },
      cipher: { associated: 'refund' },
    })
    t.strictSame(await read(message), { kind: 'refund', subMchId: undefined, report: expected }, status)
  }
})

t.test('other events', async (t) => {
  const message = notification({
    type: 'COMPLAINT.CREATE',
    resource: { complaint_id: '1', action_type: 'CREATE_COMPLAINT' },
    cipher: { associated: 'complaint' },
  })
  t.strictSame(await read(message), {
    kind: 'event',
    event: {
      id: '0c5f9c1e-6d3b-5a1e-9c0f-2b7d8a4e6f10',
      type: 'COMPLAINT.CREATE',
      resourceType: 'complaint',
      resource: { complaint_id: '1', action_type: 'CREATE_COMPLAINT' },
    },
  })
})

t.test('the published notifications', async (t) => {
  const { ofKind } = v3()
  for (const { id, body, headers, key } of ofKind('notification')) {
    if (headers === undefined || key !== 'mock_platform_cert') continue
    const lower = Object.fromEntries(
      Object.entries(headers as Record<string, string>).map(([name, value]) => [name.toLowerCase(), value]),
    )
    const found = await read(
      { headers: lower, body: Buffer.from(body) },
      {
        appids: ['wxd678efh567hg6787'],
        platformKeys: [CERTIFICATE],
        now: () => new Date(Number(lower['wechatpay-timestamp']) * 1000),
      },
    )
    t.match(found.kind, /^(payment|refund)$/, id)
  }
})

t.test('bad notifications', async (t) => {
  for (const [name, message, expected] of BAD) t.equal(await faultOf(message), expected, name)
  t.ok(BAD.length > 60)
})

t.test('if the list of certificates cannot be fetched, only the key is unknown', async (t) => {
  const stranger = notification({ seal: { serial: 'BAD' } })
  const replies = [new WechatError('WECHAT_TIMEOUT', 'the host did not answer')]
  const { pay } = merchant(replies, { downloadCertificates: true })
  const { fault, message } = await (pay.readNotification(stranger) as Promise<never>).catch(
    (error: NotificationError) => error,
  )
  t.equal(fault, 'unknown-key')
  t.match(message, /names the key BAD, .*the host did not answer/)
})

t.test('the messages of errors', async (t) => {
  const stranger = notification({ seal: { serial: 'X'.repeat(500) } })
  const error = await read(stranger).catch((error: NotificationError) => error)
  t.ok((error as Error).message.length < 250, "the sender's serial number is truncated")
  const unread = await read(notification({ cipher: { key: 'x'.repeat(32) } })).catch(
    (error: NotificationError) => error,
  )
  t.notMatch((unread as Error).message, API_V3_KEY)
  t.equal(NOW.getTime(), Number(SECONDS) * 1000)
})

const NAMES = ['timestamp', 'nonce', 'serial', 'signature'].map((name) => `wechatpay-${name}`)

t.test('a message that differs from a genuine one in any bit of body or seal is rejected', async (t) => {
  const genuine = [notification(), notification({ resource: { ...TRADE, out_trade_no: 'T2026010100002' } })]
  const faults = new Set<string>()
  const damage = fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), text: fc.string({ minLength: 1, maxLength: 8 }) }),
    fc.record({ kind: fc.constant('header' as const), at: fc.nat(), text: fc.string({ maxLength: 400 }) }),
    fc.record({
      kind: fc.constant('letter' as const),
      at: fc.nat(),
      letter: fc.nat(),
      text: fc.string({ minLength: 1, maxLength: 1 }),
    }),
    fc.record({ kind: fc.constant('mix' as const), at: fc.nat() }),
  )
  await fc.assert(
    fc.asyncProperty(damage, async (damage) => {
      const [message, other] = genuine as [NotificationMessage, NotificationMessage]
      let { body } = message
      const headers = { ...message.headers }
      const name = NAMES[damage.at % NAMES.length]!
      const at = damage.at % body.length
      if (damage.kind === 'bit') {
        body = Buffer.from(body)
        body[at]! ^= 1 << (damage.at % 8)
      } else if (damage.kind === 'cut') body = body.subarray(0, at)
      else if (damage.kind === 'insert') {
        body = Buffer.concat([body.subarray(0, at), Buffer.from(damage.text), body.subarray(at)])
      } else if (damage.kind === 'header') headers[name] = damage.text
      else if (damage.kind === 'letter') {
        const value = headers[name] as string
        const letter = damage.letter % value.length
        headers[name] = value.slice(0, letter) + damage.text + value.slice(letter + 1)
      } else if (damage.at % 2 === 0) body = other.body
      else headers['wechatpay-signature'] = other.headers['wechatpay-signature']
      // The last letter of base64 has unused bits.
      const valueOf = (name: string, value: string) =>
        name === 'wechatpay-signature' ? Buffer.from(value, 'base64').toString('hex') : value
      const isSame =
        body.equals(message.body) &&
        NAMES.every((name) => valueOf(name, headers[name] as string) === valueOf(name, message.headers[name] as string))
      const fault = await faultOf({ headers, body })
      faults.add(fault)
      // A serial number names the key and is not signed: the same number can be written differently.
      if (!isSame && name !== 'wechatpay-serial' && fault === 'none') throw new Error('it was accepted')
    }),
    { numRuns: size(2000, 100_000) },
  )
  for (const fault of ['incomplete', 'stale', 'unknown-key', 'bad-signature']) t.ok(faults.has(fault), fault)
})

t.test('several apps: the payment is of the app that the message names', async (t) => {
  const appids = [APPID, 'wx00000000000000c0']
  for (const appid of appids) {
    t.match(await read(notification({ resource: { ...TRADE, appid } }), { appids }), { payment: { appid } })
  }
  t.equal(
    await faultOf(notification({ resource: { ...TRADE, appid: 'wx00000000000000ff' } }), { appids }),
    'wrong-account',
  )
})
