import { readFileSync } from 'node:fs'
import t from 'tap'
import type { FulfilContext, Log, LogLevels } from '../../src/index.ts'
import { both, merchant, resigned } from '../helpers.ts'
import type { LogLine, Merchant } from '../helpers.ts'

// What a shop's log says about its money: read from the lines that pino writes.

const DEBUG = 20
const INFO = 30
const WARN = 40
const ERROR = 50

/** The properties of the lines that the documents show. */
const [PAID, REFUNDED] = Array.from(
  readFileSync(new URL('../../docs/app.md', import.meta.url), 'utf8').matchAll(/^\{ "level": 30.*\}$/gm),
  ([line]) => Object.keys(JSON.parse(line) as object),
) as [string[], string[]]

/** The lines since the last call, without those that Fastify writes about each request. */
function taken({ logs }: Merchant): LogLine[] {
  return logs.splice(0).filter(({ msg }) => msg !== 'incoming request' && msg !== 'request completed')
}

/** The last request to the notify route, and the lines since the last call. */
function ofNotification(shop: Merchant): { reqId: unknown; lines: LogLine[] } {
  const request = shop.logs.findLast(({ req }) => (req as { url?: string } | undefined)?.url === '/wechat/notify')!
  return { reqId: request.reqId, lines: taken(shop) }
}

/** A shop whose hooks write a line each. */
async function talking(
  t: Parameters<typeof merchant>[0],
  open: typeof merchant,
  options: Parameters<typeof merchant>[1] = {},
): Promise<Merchant> {
  const shop = await open(t, {
    ...options,
    options: {
      onPaid: (_order, { log }: FulfilContext<unknown>) => {
        log.info({}, 'onPaid')
      },
      onRefunded: (_order, _refund, { log }: FulfilContext<unknown>) => {
        log.info({}, 'onRefunded')
      },
      onAnomaly: (_anomaly, { log }: { log: Log }) => {
        log.info({}, 'onAnomaly')
      },
      ...options.options,
    },
  })
  return shop
}

/** Orders, and forgets the lines about it. */
async function ordered(shop: Merchant, price: object = {}): Promise<string> {
  const outTradeNo = await shop.order({ price })
  shop.logs.length = 0
  return outTradeNo
}

both('one line for a payment and one for a refund, with the reqId of the notification', async (t, open, version) => {
  const shop = await talking(t, open)
  const { world, app } = shop
  const outTradeNo = await ordered(shop)
  await world.pay(outTradeNo, { deliver: 'hold' })
  await world.advance('3s')
  await world.notification(outTradeNo).deliver()
  await app.wechat.idle()
  const { transactionId } = (await app.wechat.orders.get(outTradeNo))!.payment!
  const paid = ofNotification(shop)
  t.match(paid.lines, [{ msg: 'Paid' }, { msg: 'onPaid' }])
  const [{ time: _time, pid: _pid, hostname: _hostname, ...line }] = paid.lines as [LogLine]
  t.strictSame(line, {
    level: INFO,
    reqId: paid.reqId,
    outTradeNo,
    totalFee: 1250,
    transactionId,
    source: 'notify',
    ms: 3000,
    msg: 'Paid',
  })
  t.strictSame(Object.keys(line), PAID, 'as documented')

  await world.notification(outTradeNo).deliver({ count: 5 })
  await app.wechat.orders.refresh(outTradeNo)
  t.strictSame(taken(shop), [], 'duplicates leave no line')

  const { outRefundNo } = await app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  t.strictSame(taken(shop), [], 'the money is not back yet')
  await world.advance('5s')
  await world.settleRefund(outRefundNo, 'SUCCESS')
  await app.wechat.idle()
  const refunded = ofNotification(shop)
  t.match(refunded.lines, [{ msg: 'Refunded' }, { msg: 'onRefunded' }])
  const [{ time: _t, pid: _p, hostname: _h, refundId, ...refund }] = refunded.lines as [LogLine]
  t.match(refundId, /^50/)
  t.match(refund, { ms: /^\d+$/ })
  t.ok((refund.ms as unknown as number) >= 5000)
  t.strictSame(
    { ...refund, ms: 0 },
    {
      level: INFO,
      reqId: refunded.reqId,
      outTradeNo,
      outRefundNo,
      refundFee: 250,
      transactionId,
      // A notification of API v2 is not signed, and only leads to a query.
      source: version === 'v2' ? 'query' : 'notify',
      ms: 0,
      msg: 'Refunded',
    },
  )
  t.strictSame(new Set(Object.keys({ ...refund, refundId })), new Set(REFUNDED), 'as documented')
  for (const { reqId, lines } of [paid, refunded]) {
    t.type(reqId, 'string')
    for (const each of lines) t.equal(each.reqId, reqId, each.msg)
    t.notMatch(JSON.stringify(lines), 'oAlice')
  }
  await world.settleRefund(outRefundNo, 'SUCCESS').catch(() => {})
  await app.wechat.refunds.refresh(outTradeNo, outRefundNo)
  await app.wechat.orders.refresh(outTradeNo)
  t.strictSame(taken(shop), [], 'known refunds leave no line')
})

both('every line of a notification has its reqId, whatever goes wrong', async (t, open, version) => {
  let fails = true
  const shop = await talking(t, open, {
    options: {
      onPaid: () => {
        if (fails) throw new Error('the warehouse is closed')
      },
    },
  })
  const { world, app } = shop
  const check = (name: string, expected: object[]) => {
    const { reqId, lines } = ofNotification(shop)
    t.match(lines, expected, name)
    t.equal(lines.length, expected.length, name)
    for (const line of lines) t.equal(line.reqId, reqId, `${name}: ${line.msg}`)
  }
  const anomaly = [{ level: ERROR, msg: /^A problem with a payment/ }, { msg: 'onAnomaly' }]

  const failing = await ordered(shop)
  await world.pay(failing)
  await app.wechat.idle()
  check('onPaid throws', [{ msg: 'Paid' }, { level: ERROR, msg: 'onPaid failed; it will be run again' }])
  fails = false

  const stranger = await ordered(shop, { key: 'stranger' })
  await world.pay(stranger, { openid: 'oMallory' })
  const refused = /^A verified notification was not accepted/
  check('another payer', [anomaly[0]!, anomaly[1]!, { level: WARN, fault: 'mismatch', msg: refused }])

  const late = await ordered(shop, { key: 'late' })
  await world.pay(late, { deliver: 'hold' })
  await shop.store.updateOrder(late, (order) => ({
    order: { ...order, state: 'closed', liveKey: null, dueAt: null },
    history: [],
    anomalies: [],
  }))
  await world.notification(late).deliver()
  check('paid too late', [{ level: INFO, msg: 'Paid', late: true, totalFee: 1250 }, ...anomaly])

  await shop.notify(version === 'v2' ? '<xml><sign>x</sign></xml>' : '{}', { 'wechatpay-nonce': 'x' })
  check('garbage', [{ level: WARN, msg: 'A notification was refused' }])

  shop.store.updateOrder = async () => {
    throw new Error('the disk is full')
  }
  const lost = await ordered(shop, { key: 'lost' }).catch(() => undefined)
  t.equal(lost, undefined)
  shop.logs.length = 0
  await world.notification(failing).deliver()
  check('a store that fails', [{ level: ERROR, msg: /could not be stored/ }])
})

both('a payment that a query finds is logged too, once', async (t, open) => {
  const shop = await talking(t, open)
  const outTradeNo = await ordered(shop)
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  await shop.app.wechat.orders.refresh(outTradeNo)
  await shop.world.notification(outTradeNo).deliver()
  await shop.app.wechat.idle()
  t.match(taken(shop), [{ level: INFO, msg: 'Paid', source: 'query' }, { msg: 'onPaid' }])
})

both('a payment that the operator accepts is logged, and a refund that somebody made elsewhere', async (t, open) => {
  const shop = await talking(t, open)
  const { world, app } = shop
  const outTradeNo = await ordered(shop)
  await world.pay(outTradeNo, { openid: 'oMallory' })
  const { id } = (await app.wechat.anomalies.list())[0]!
  taken(shop)
  await app.wechat.anomalies.resolve(id, 'fulfil', 'her husband paid')
  await app.wechat.idle()
  t.match(taken(shop), [{ msg: 'Paid', source: 'operator' }, { msg: 'onPaid' }])
  const { outRefundNo } = world.refundFromConsole(outTradeNo, { refundFee: 100, notifyUrl: null })
  await world.settleRefund(outRefundNo, 'SUCCESS')
  await app.wechat.orders.refresh(outTradeNo)
  await app.wechat.idle()
  t.match(
    taken(shop).filter(({ msg }) => msg === 'Refunded'),
    [{ refundFee: 100, level: INFO }],
  )
})

const LEVELS: [name: string, levels: LogLevels, expected: (number | undefined)[]][] = [
  ['by default', {}, [INFO, INFO, WARN]],
  ['of one line', { paid: 'debug' }, [DEBUG, INFO, WARN]],
  ['of each line', { paid: 'warn', refunded: 'error', refused: 'info' }, [WARN, ERROR, INFO]],
  ['of a silent log', { paid: 'silent', refunded: 'silent', refused: 'silent' }, [undefined, undefined, undefined]],
]

both('the levels of the lines', async (t, open, version) => {
  for (const [name, logLevels, expected] of LEVELS) {
    const shop = await talking(t, open, { options: { logLevels } })
    const outTradeNo = await ordered(shop)
    await shop.world.pay(outTradeNo)
    await shop.app.wechat.idle()
    const { outRefundNo } = await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
    await shop.world.settleRefund(outRefundNo, 'SUCCESS')
    await shop.app.wechat.idle()
    await shop.notify(version === 'v2' ? '<xml><sign>x</sign></xml>' : '{}')
    const lines = taken(shop)
    const levels = ['Paid', 'Refunded', 'A notification was refused'].map(
      (msg) => lines.find((line) => line.msg === msg)?.level,
    )
    t.strictSame(levels, expected, name)
  }
})

t.test('the level of an event without a hook', async (t) => {
  for (const [event, level] of [
    [undefined, INFO],
    ['debug', DEBUG],
    ['silent', undefined],
  ] as const) {
    const shop = await merchant(t, { version: 'v3', options: { logLevels: { event } } })
    const { url, world } = shop
    const crafted = world.craftEvent({
      eventType: 'COMPLAINT.CREATE',
      originalType: 'complaint',
      resource: { complaint_id: '1' },
      url: `${url}/wechat/notify`,
    })
    t.match(await crafted.deliver(), [{ verdict: 'acked' }])
    t.equal(taken(shop)[0]?.level, level)
    shop.logs.length = 0
    await crafted.deliver({ count: 30 })
    t.equal(taken(shop).length, level === undefined ? 0 : 9, 'who sends it again and again fills no log')
  }
})

both('news that anybody can send again leaves ten lines a minute', async (t, open, version) => {
  const shop = await talking(t, open)
  const { world } = shop
  const stranger = await ordered(shop)
  await world.pay(stranger, { openid: 'oMallory' })
  shop.logs.length = 0
  await world.notification(stranger).deliver({ count: 30 })
  t.equal(taken(shop).length, 9, 'a payment that was set aside')

  if (version === 'v2') {
    const outTradeNo = await ordered(shop, { key: 'another' })
    await world.pay(outTradeNo, { deliver: 'hold' })
    const failed = resigned(
      world.notification(outTradeNo).body,
      { result_code: 'FAIL', err_code: 'NOTENOUGH', transaction_id: undefined },
      world.credentials.apiKey,
    )
    shop.logs.length = 0
    for (let n = 0; n < 30; n++) await shop.notify(failed)
    t.equal(taken(shop).length, 10, 'a payment that failed')
  }
})

both(
  'an app that answers in our place gets a log line ten times a minute, each time with the reqId',
  async (t, open) => {
    const shop = await open(t, {
      before: (app) => {
        app.addHook('onRequest', async (request, reply) => {
          if (request.url === '/wechat/notify') await reply.code(429).send()
        })
      },
    })
    for (let n = 0; n < 30; n++) await shop.notify('x')
    const lines = taken(shop)
    t.match(lines[0], { level: ERROR, fault: 'blocked', status: 429 })
    t.equal(lines.length, 10)
    t.equal(new Set(lines.map(({ reqId }) => reqId)).size, 10)
  },
)

t.test("the app's own childLoggerFactory makes the log of a notification", async (t) => {
  const shop = await merchant(t, {
    before: (app) => {
      app.setChildLoggerFactory((logger, bindings, options) => logger.child({ ...bindings, shop: 'tea' }, options))
    },
  })
  await shop.notify('x')
  t.match(taken(shop), [{ shop: 'tea', reqId: String }])
  await shop.app.inject({ method: 'POST', url: '/wechat/notify', body: 'x' })
  t.match(taken(shop), [{ shop: 'tea', reqId: String }], 'without a network')
})
