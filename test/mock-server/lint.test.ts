import t from 'tap'
import type { World } from '../../mock-server/index.ts'
import { createNonces } from '../../mock-server/lint.ts'
import { ACK, callPay, orderFields, placeOrder, REFUSAL, startMock, startShop, type Values } from './helpers.ts'

const PUBLIC = 'https://shop.example.com/wechat/notify'
let nonces = 0
const fresh = () => ({ nonce_str: `nonce-${++nonces}` })
const rules = (world: World) => world.lint().map(({ rule, level }) => `${level} ${rule}`)
const order = (world: World, values: Values = {}) =>
  callPay(world, 'unifiedorder', orderFields(PUBLIC, { ...fresh(), ...values }))

t.test('what production may not like is told, and accepted', async (t) => {
  const cases: [values: Values, ...rules: string[]][] = [
    [{}],
    [{ notify_url: 'http://shop.example.com/n' }, 'warning notify-url-http'],
    ...[
      'http://127.0.0.1:3000/n',
      'http://localhost/n',
      'https://10.1.2.3/n',
      'http://172.20.0.1/n',
      'http://192.168.1.1/n',
      'http://[::1]/n',
      'http://app.local/n',
    ].map((url): [Values, string] => [{ notify_url: url }, 'info notify-url-local']),
    [{ time_expire: '20260115120300' }, 'warning time-expire-short'],
    [{ time_expire: '20260115120500' }],
    [{ spbill_create_ip: '127.0.0.1' }, 'info client-ip-local'],
    [
      { spbill_create_ip: '192.168.0.7', notify_url: 'http://shop.example.com/n' },
      'warning notify-url-http',
      'info client-ip-local',
    ],
  ]
  for (const [values, ...found] of cases) {
    const { default: world } = await startMock(t)
    t.match((await order(world, values)).fields, { result_code: 'SUCCESS' }, JSON.stringify(values))
    t.same(rules(world), found, JSON.stringify(values))
  }
})

t.test('a nonce is for one request', async (t) => {
  const { default: world } = await startMock(t)
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  await callPay(world, 'orderquery', { out_trade_no: 'tea-0001' })
  t.match(world.journal.entries(), [
    { lint: undefined },
    {
      lint: [
        {
          rule: 'nonce-repeated',
          level: 'warning',
          field: 'nonce_str',
          message: /5K8264ILTKCH16CQ2502SI8ZNMTM67VS was used before/,
        },
      ],
    },
  ])
  const seen = createNonces()
  t.same(['a', 'b', 'a'].map(seen.isFresh), [true, true, false])
  for (let n = 0; n < 10_000; n++) seen.isFresh(String(n))
  t.equal(seen.isFresh('a'), true, 'only the last ones are remembered')
})

t.test('closing too early, refunding too fast', async (t) => {
  const { default: world } = await startMock(t)
  await order(world)
  await callPay(world, 'closeorder', { ...fresh(), out_trade_no: 'tea-0009' })
  await callPay(world, 'closeorder', { ...fresh(), out_trade_no: 'tea-0001' })
  t.same(rules(world), ['warning close-early'])
  world.journal.delete()

  await order(world, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002', { deliver: 'hold' })
  const back = (number: string) => world.refund('tea-0002', { outRefundNo: number, refundFee: 1 })
  const refund = (number: string) =>
    callPay(world, 'refund', {
      ...fresh(),
      out_trade_no: 'tea-0002',
      out_refund_no: number,
      total_fee: 1250,
      refund_fee: 1,
    })
  back('r-1')
  await refund('r-1')
  t.same(rules(world), [], 'the same refund again')
  await refund('r-2')
  await world.advance('1m')
  await refund('r-3')
  t.same(rules(world), ['warning refund-repeated'])
  t.equal(world.refunds().length, 3)
})

t.test('a strict world refuses warnings, not hints', async (t) => {
  const refusals: [values: Values, message: string | undefined][] = [
    [{ notify_url: 'http://127.0.0.1/n' }, undefined],
    [{ notify_url: 'http://shop.example.com/n' }, 'notify_url参数格式错误'],
    [{ time_expire: '20260115120300' }, 'time_expire时间过短，刷卡至少1分钟，其他5分钟'],
  ]
  for (const [values, message] of refusals) {
    const { default: world } = await startMock(t, { world: { strict: true } })
    const { fields } = await order(world, values)
    t.equal(fields.return_msg, message ?? 'OK')
    t.equal(world.orders().length, message === undefined ? 1 : 0)
    if (message) t.match(world.journal.entries(), [{ note: /: strict: /, lint: [{ level: 'warning' }] }])
  }
})

t.test('the log tells each, an advance reports those of its time', async (t) => {
  const lines: string[] = []
  const { default: world } = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  const shop = await startShop(t, async () => {
    await callPay(world, 'orderquery', { out_trade_no: 'tea-0001', nonce_str: 'always' })
    return REFUSAL
  })
  await placeOrder(world, shop.notifyUrl)
  t.equal(lines.length, 1, 'a hint is not logged')
  await world.pay('tea-0001')
  t.match(await world.advance('15s'), { lint: [{ rule: 'nonce-repeated' }] })
  t.match(
    lines.filter((line) => line.includes('nonce')),
    ['default orderquery tea-0001: nonce-repeated: always was used before; each request needs a random one of its own'],
  )
  t.match(await world.advance('1s'), { lint: [] })
})

t.test(
  'an answer to a notification that production may not take is told, and does not count in a strict world',
  async (t) => {
    for (const [strict, verdict] of [
      [false, 'acked'],
      [true, 'stray_characters'],
    ] as const) {
      const { default: world } = await startMock(t, { world: { strict } })
      const shop = await startShop(t, () => ACK.replace('<xml>', '<xml><!-- done -->'))
      await placeOrder(world, shop.notifyUrl)
      const lint = [{ rule: 'reply-comment', level: 'warning', field: 'body' }]
      t.match(await world.pay('tea-0001'), { verdict, lint })
      t.match(world.journal.find({ api: 'notify' }), [{ lint, verdict }])
      t.match((await world.advance('15s')).lint, strict ? lint : [])
      t.equal(world.notification('tea-0001').state, strict ? 'pending' : 'acked')
    }
  },
)
