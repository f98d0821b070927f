import t from 'tap'
import type { FastifyInstance } from 'fastify'
import formbody from '@fastify/formbody'
import { memoryStore } from '../../src/index.ts'
import { accepted, both, merchant, resigned, sample } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

t.test('a bad notification gets a failure, changes nothing, and the next genuine one is served', async (t) => {
  const shop = await merchant(t)
  const { world, notify } = shop
  const { apiKey } = world.credentials
  const outTradeNo = await shop.order()
  await world.pay(outTradeNo, { deliver: 'hold' })
  const genuine = world.notification(outTradeNo).body
  const sign = /<sign>.*?\[([0-9A-F]{64})\]/s.exec(genuine)![1]!
  const altered = (changes: Record<string, string | undefined>, key = apiKey) => resigned(genuine, changes, key)
  const inserted = (text: string) => genuine.replace('</xml>', `${text}</xml>`)

  const bad: Record<string, string | Buffer> = {
    'sign: wrong': altered({ sign: sign.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) }),
    'sign: missing': altered({ sign: undefined }),
    'sign: empty': altered({ sign: '' }),
    'sign: lower case': altered({ sign: sign.toLowerCase() }),
    'sign: cut short': altered({ sign: sign.slice(0, 63) }),
    'sign: repeated': inserted(`<sign>${sign}</sign>`),
    'sign: MD5 where HMAC-SHA256 is configured': resigned(genuine, { sign_type: undefined }, apiKey, 'MD5'),
    'sign: MD5, and says so': resigned(genuine, { sign_type: 'MD5' }, apiKey, 'MD5'),
    'sign: another sign_type, signed': altered({ sign_type: 'MD5' }),
    'key: another': altered({}, '0'.repeat(32)),
    'key: empty': altered({}, ''),
    'appid: another': altered({ appid: 'wx0123456789abcdef' }),
    'appid: missing': altered({ appid: undefined }),
    'mch_id: another': altered({ mch_id: '1900000109' }),
    'out_trade_no: unknown': altered({ out_trade_no: '20260101000000unknown' }),
    'out_trade_no: missing': altered({ out_trade_no: undefined }),
    'transaction_id: missing': altered({ transaction_id: undefined }),
    'openid: another payer': altered({ openid: 'oMallory' }),
    'openid: missing': altered({ openid: undefined }),
    'fee_type: another currency': altered({ fee_type: 'USD' }),
    'total_fee: one fen less': altered({ total_fee: '1249' }),
    'total_fee: 1.0': altered({ total_fee: '1250.0' }),
    'total_fee: 1e2': altered({ total_fee: '125e1' }),
    'total_fee: hexadecimal': altered({ total_fee: '0x4e2' }),
    'total_fee: leading zero': altered({ total_fee: '01250' }),
    'total_fee: negative': altered({ total_fee: '-1250' }),
    'total_fee: zero': altered({ total_fee: '0' }),
    'total_fee: with a space': altered({ total_fee: ' 1250' }),
    'total_fee: full-width digits': altered({ total_fee: '１２５０' }),
    'total_fee: beyond 2^53': altered({ total_fee: '9007199254740993' }),
    'total_fee: missing': altered({ total_fee: undefined }),
    'total_fee: only cash_fee is right': altered({ total_fee: '1', cash_fee: '1250' }),
    'time_end: not a real date': altered({ time_end: '20260231000000' }),
    'time_end: missing': altered({ time_end: undefined }),
    'return_code: FAIL': altered({ return_code: 'FAIL' }),
    'return_code: missing': altered({ return_code: undefined }),
    'result_code: missing': altered({ result_code: undefined }),
    'result_code: FAIL, unsigned': altered({ result_code: 'FAIL', sign: undefined }),
    'XML: DOCTYPE': genuine.replace('<xml>', '<!DOCTYPE xml><xml>'),
    'XML: external entity': sample('25-attack.xxe-probe.xml'),
    'XML: entity bomb':
      '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><xml><sign>&b;</sign></xml>',
    'XML: unknown entity': inserted('<attach2>&xxe;</attach2>'),
    'XML: nested element': inserted('<a><b>1</b></a>'),
    'XML: duplicate element': inserted('<total_fee>1250</total_fee>'),
    'XML: __proto__': inserted('<__proto__>1</__proto__>'),
    'XML: two roots': genuine + genuine,
    'XML: trailing text': `${genuine}ok`,
    'XML: leading text': `ok${genuine}`,
    'XML: text between elements': inserted('text'),
    'XML: attribute': genuine.replace('<total_fee>', '<total_fee a="1">'),
    'XML: attribute of the root': genuine.replace('<xml>', '<xml a="1">'),
    'XML: comment': inserted('<!-- -->'),
    'XML: another root': genuine.replace(/xml>/g, 'root>'),
    'XML: cut off': genuine.slice(0, -7),
    'bytes: byte order mark': `\ufeff${genuine}`,
    'bytes: invalid UTF-8': Buffer.concat([
      Buffer.from(genuine.slice(0, -6)),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('</xml>'),
    ]),
    'bytes: NUL': inserted('<z>\0</z>'),
    'bytes: UTF-16': Buffer.from(genuine, 'utf16le'),
    'bytes: none': '',
    'bytes: blank': ' \n ',
    'bytes: 1 MB': `<xml><a>${'a'.repeat(1 << 20)}</a></xml>`,
    'bytes: just over 64 KiB': `<xml><a>${'a'.repeat(64 * 1024)}</a></xml>`,
    'form: URL-encoded': 'return_code=SUCCESS&result_code=SUCCESS',
    'form: HTML': '<html><body>SUCCESS</body></html>',
  }
  t.ok(Object.keys(bad).length >= 40, `${Object.keys(bad).length} bad notifications`)

  const before = await shop.app.wechat.orders.get(outTradeNo)
  for (const [name, body] of Object.entries(bad)) {
    for (const type of ['text/xml', 'application/json']) {
      const { status, text, contentType } = await notify(body, { 'content-type': type })
      t.ok(status === 200 || (status >= 400 && status < 500), `${name} as ${type}: ${status}`)
      t.match(
        text,
        /^<xml><return_code><!\[CDATA\[FAIL\]\]><\/return_code><return_msg><!\[CDATA\[[a-z-]+\]\]><\/return_msg><\/xml>$/,
        name,
      )
      t.match(contentType, 'text/xml')
    }
    t.same(await shop.app.wechat.orders.get(outTradeNo), before, `${name}: the order is unchanged`)
  }
  const json = await notify('{"id":"1"}', { 'content-type': 'application/json', 'wechatpay-signature': 'AAAA' })
  t.match(json, { status: 400, text: '{"code":"FAIL","message":"unreadable"}' }, 'API v3, which reads the status')
  const without = await fetch(`${shop.url}/wechat/notify`, { method: 'POST' })
  t.match([without.status, await without.text()], [200, /FAIL.*unreadable/], 'no body and no type')
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
    const { status } = await fetch(`${shop.url}/wechat/notify`, {
      method,
      ...(method !== 'GET' && { body: genuine, headers: { 'content-type': 'text/xml' } }),
    })
    t.ok(status >= 400 && status < 500, `${method}: ${status}`)
  }
  t.same(shop.paid, [])

  t.ok(accepted((await notify(genuine)).text), 'the genuine notification')
  await shop.app.wechat.sweep()
  t.same(shop.paid, [outTradeNo])
  const kinds = (await shop.app.wechat.anomalies.list()).map(({ kind }) => kind)
  t.same(
    new Set(kinds),
    new Set(['mismatch', 'unknown-order']),
    'a validly signed but wrong payment is stored with its evidence',
  )
})

t.test('genuine notifications in all their forms are accepted', async (t) => {
  const forms: [string, (body: string) => string | Buffer, Record<string, string>][] = [
    ['as sent', (body) => body, { 'content-type': 'text/xml' }],
    ['without Content-Type', (body) => Buffer.from(body), {}],
    ['with the Content-Type of JSON', (body) => body, { 'content-type': 'application/json' }],
    ['with the Content-Type of a form', (body) => body, { 'content-type': 'application/x-www-form-urlencoded' }],
    [
      'with an XML declaration',
      (body) => `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
      { 'content-type': 'text/xml' },
    ],
    [
      'without CDATA',
      (body) =>
        body.replace(/<!\[CDATA\[(.*?)\]\]>/g, (_, value: string) =>
          value.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;'),
        ),
      { 'content-type': 'application/xml' },
    ],
    [
      'with space before the end of each tag',
      (body) => body.replace(/<(\/?\w+)>/g, '<$1 >').replace('</xml >', '<empty /></xml >'),
      { 'content-type': 'text/xml' },
    ],
    [
      'with numeric references',
      (body) => body.replace('<![CDATA[JSAPI]]>', '&#74;&#x53;API'),
      { 'content-type': 'text/xml' },
    ],
  ]
  for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
    for (const [name, form, headers] of forms) {
      const shop = await merchant(t, { signType })
      const outTradeNo = await shop.order()
      await shop.world.pay(outTradeNo, { deliver: 'hold', coupons: [{ fee: 58 }] })
      const { text } = await shop.notify(form(shop.world.notification(outTradeNo).body), headers)
      t.ok(accepted(text), `${signType}, ${name}: ${text}`)
      t.equal((await shop.app.wechat.orders.get(outTradeNo))?.state, 'paid')
    }
  }
})

t.test('sign_type is optional and unknown fields are accepted, as they are signed too', async (t) => {
  const shop = await merchant(t)
  const { apiKey } = shop.world.credentials
  for (const [key, changes] of Object.entries({
    a: { sign_type: 'HMAC-SHA256' },
    b: { sign_type: undefined },
    c: { new_field: '新', coupon_fee_0: '1', coupon_id_0: '7', coupon_count: '1', fee_type: undefined, attach: '' },
  })) {
    const outTradeNo = await shop.order({ price: { key } })
    await shop.world.pay(outTradeNo, { deliver: 'hold' })
    t.ok(accepted((await shop.notify(resigned(shop.world.notification(outTradeNo).body, changes, apiKey))).text), key)
  }
})

t.test('a validly signed failure is acknowledged and recorded', async (t) => {
  const shop = await merchant(t)
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo, { deliver: 'hold' })
  const genuine = shop.world.notification(outTradeNo).body
  const failed = {
    result_code: 'FAIL',
    err_code: 'NOTENOUGH',
    err_code_des: '余额不足',
    transaction_id: undefined,
    total_fee: undefined,
    time_end: undefined,
    openid: undefined,
  }
  for (const changes of [
    failed,
    { ...failed, out_trade_no: undefined },
    { ...failed, out_trade_no: 'unknown-number' },
  ]) {
    t.ok(accepted((await shop.notify(resigned(genuine, changes, shop.world.credentials.apiKey))).text))
  }
  t.match(await shop.app.wechat.orders.history(outTradeNo), [
    {},
    {},
    { source: 'notify', seen: 'payment-failed: NOTENOUGH 余额不足', from: 'prepaid', to: 'prepaid' },
  ])
  t.same(shop.paid, [])
  t.ok(accepted((await shop.notify(genuine)).text), 'the order can still be paid')
})

t.test('the Content-Type does not matter', async (t) => {
  for (const type of ['', 'xml', 'text', 'application/json', 'multipart/form-data', 'text/xml; charset=gbk']) {
    const shop = await merchant(t)
    const outTradeNo = await shop.order()
    await shop.world.pay(outTradeNo, { deliver: 'hold' })
    t.ok(accepted((await shop.notify(shop.world.notification(outTradeNo).body, { 'content-type': type })).text), type)
  }
})

const REFUSED = {
  v2: { verdict: 'fail_xml', response: { status: 200, body: /not-stored/ } },
  v3: { verdict: 'http_status', response: { status: 503, body: '{"code":"FAIL","message":"not-stored"}' } },
}

both('a payment that cannot be stored is not acknowledged', async (t, open, version) => {
  const store = memoryStore()
  const outage = { on: false }
  const shop = await open(t, {
    store: {
      ...store,
      async updateOrder(outTradeNo, decide) {
        if (outage.on) throw new Error('the database is down')
        return await store.updateOrder(outTradeNo, decide)
      },
    },
  })
  const outTradeNo = await shop.order()
  outage.on = true
  t.match((await shop.world.pay(outTradeNo)).delivery!, REFUSED[version])
  t.match(await shop.world.advance('15s'), { deliveries: [REFUSED[version]] })
  outage.on = false
  t.match(await shop.world.advance('15s'), { deliveries: [{ verdict: 'acked' }] })
  await shop.app.wechat.sweep()
  t.same(shop.paid, [outTradeNo])
})

t.test('WeChat gets our reply whatever the host app does', async (t) => {
  /** `genuine`: whether the genuine notification still gets through. */
  const hosts: Record<string, { genuine: boolean; setup: (app: FastifyInstance) => void }> = {
    'an error handler that answers 200': {
      genuine: true,
      setup: (app) => {
        app.setErrorHandler((_error, _request, reply) => reply.code(200).send({ ok: true }))
      },
    },
    'an onSend that wraps every body': {
      genuine: true,
      setup: (app) => {
        app.addHook('onSend', async (_request, _reply, payload) => JSON.stringify({ data: payload }))
      },
    },
    'an onSend that throws': {
      genuine: true,
      setup: (app) => {
        app.addHook('onSend', async () => {
          throw new Error('onSend')
        })
      },
    },
    'a preSerialization': {
      genuine: true,
      setup: (app) => {
        app.addHook('preSerialization', async (_request, _reply, payload) => ({ data: payload }))
      },
    },
    'a reply serializer': {
      genuine: true,
      setup: (app) => {
        app.setReplySerializer((payload) => JSON.stringify({ data: payload }))
      },
    },
    'a parser for everything': {
      genuine: true,
      setup: (app) => {
        app.addContentTypeParser('*', (_request, _payload, done) => {
          done(null, {})
        })
      },
    },
    'a parser for text/xml': {
      genuine: true,
      setup: (app) => {
        app.addContentTypeParser('text/xml', { parseAs: 'string' }, (_request, _body, done) => {
          done(null, { xml: {} })
        })
      },
    },
    'headers for every reply': {
      genuine: true,
      setup: (app) => {
        app.addHook('onRequest', async (_request, reply) => {
          reply.raw.setHeader('content-encoding', 'gzip')
        })
      },
    },
    formbody: {
      genuine: true,
      setup: (app) => {
        app.register(formbody)
      },
    },
    'a hook that throws': {
      genuine: false,
      setup: (app) => {
        app.addHook('preHandler', async () => {
          throw Object.assign(new Error('no session'), { statusCode: 401 })
        })
      },
    },
    'a hook that throws without a status': {
      genuine: false,
      setup: (app) => {
        app.addHook('onRequest', async () => {
          throw new Error('host')
        })
      },
    },
    'a hook that answers in our place': {
      genuine: false,
      setup: (app) => {
        app.addHook('preHandler', async (_request, reply) => await reply.code(200).send('<html>log in</html>'))
      },
    },
    'a hook that answers with an error in our place': {
      genuine: false,
      setup: (app) => {
        app.addHook('onRequest', async (_request, reply) => await reply.code(403).send({ error: 'no' }))
      },
    },
  }
  for (const [name, { genuine, setup }] of Object.entries(hosts)) {
    await t.test(name, async (t) => {
      const shop: Merchant = await merchant(t, { before: setup })
      const order = {
        key: 'k',
        openid: 'oAlice',
        description: 'tea',
        totalFee: 1250,
        clientIp: '127.0.0.1',
        expiresAt: new Date(shop.world.clock.now().getTime() + 3_600_000),
      }
      const {
        order: { outTradeNo },
      } = await shop.app.wechat.orders.create(order)
      const first = (await shop.world.pay(outTradeNo)).delivery!
      t.equal(first.verdict === 'acked', genuine, first.reason)
      t.equal(
        (await shop.app.wechat.orders.get(outTradeNo))?.state,
        genuine ? 'paid' : 'prepaid',
        'acknowledged means stored',
      )
      t.equal(accepted(first.response!.body), genuine)
      t.match(first.response!.headers['content-type'], 'text/xml')

      const forged = await shop.notify('<xml><return_code>SUCCESS</return_code></xml>')
      t.match(forged.text, /^<xml><return_code><!\[CDATA\[FAIL\]\]>/)
      t.match(forged.contentType, 'text/xml')
    })
  }
})
