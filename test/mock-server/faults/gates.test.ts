import t from 'tap'
import { createActivity } from '../../../mock-server/base/activity.ts'
import { createGates, type GateOptions, type GatePoint, type GateSignal } from '../../../mock-server/faults/gates.ts'
import type { NotifyDraft, World } from '../../../mock-server/index.ts'
import { signV2 } from '../../../mock-server/wire/sign-v2.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import { placeOrder, REFUSAL, startMock, startShop } from '../helpers.ts'

function setup() {
  const told: string[] = []
  const gates = createGates(({ name, state, holding }) => {
    told.push(`${name} ${state} ${JSON.stringify(holding)}`)
  })
  const activity = createActivity()
  const passed: string[] = []
  /** Something arrives at a point, and records in `passed` when it may continue. */
  function come(point: GatePoint, outTradeNo?: string) {
    const presence = activity.enter(`${point} ${outTradeNo}`)
    const held = gates.pass(point, outTradeNo, presence)
    const goOn = () => {
      passed.push(`${point} ${outTradeNo}`)
    }
    if (held) return held.then(goOn)
    goOn()
    return undefined
  }
  return { gates, told, activity, passed, come }
}

t.test('a gate holds what arrives until it is released, and nothing after that', async (t) => {
  const { gates, told, passed, come } = setup()
  const gate = gates.set('unifiedorder.response')
  t.match(gate, {
    name: 'unifiedorder.response-1',
    hold: 'unifiedorder.response',
    state: 'waiting',
    used: false,
    holding: [],
  })
  t.equal(come('unifiedorder.request', 'tea-1'), undefined, 'another point')
  const held = [
    come('unifiedorder.response', 'tea-1'),
    come('unifiedorder.response'),
    come('unifiedorder.response', 'tea-2'),
  ]
  await gate.reached
  t.match(gate, { state: 'holding', used: true, holding: ['tea-1', null, 'tea-2'] })
  t.same(passed, ['unifiedorder.request tea-1'])
  gate.release()
  gate.release()
  await Promise.all(held)
  t.same(passed.slice(1), [
    'unifiedorder.response tea-1',
    'unifiedorder.response undefined',
    'unifiedorder.response tea-2',
  ])
  t.match(gate, { state: 'open', holding: [] })
  await come('unifiedorder.response', 'tea-3')
  t.equal(passed.at(-1), 'unifiedorder.response tea-3', 'an open gate holds nothing')
  t.same(told, [
    'unifiedorder.response-1 holding ["tea-1"]',
    'unifiedorder.response-1 holding ["tea-1",null]',
    'unifiedorder.response-1 holding ["tea-1",null,"tea-2"]',
    'unifiedorder.response-1 open []',
  ])
})

t.test('one order only', async (t) => {
  const { gates, come } = setup()
  const gate = gates.set('orderquery.request', { outTradeNo: 'tea-1', until: 'order.paid' })
  t.equal(come('orderquery.request', 'tea-2'), undefined)
  const held = come('orderquery.request', 'tea-1')
  gates.signal('order.paid', 'tea-2')
  t.equal(gate.state, 'holding', 'another order was paid')
  gates.signal('order.paid', 'tea-1')
  t.equal(gate.state, 'open')
  await held
})

t.test('until: the first such event after it was set', async (t) => {
  const cases: [options: GateOptions, ...signals: GateSignal[]][] = [
    [{ until: 'delivery.completed' }, 'delivery.completed'],
    [{ until: 'closeorder.request' }, 'order.paid', 'closeorder.request'],
    [{ until: 'notify.response' }, 'notify.request', 'notify.response'],
  ]
  for (const [options, ...signals] of cases) {
    const { gates, come } = setup()
    const gate = gates.set('orderquery.request', options)
    const held = come('orderquery.request', 'tea-1')
    for (const signal of signals) {
      t.equal(gate.state, 'holding')
      gates.signal(signal, 'tea-1')
    }
    t.equal(gate.state, 'open', JSON.stringify(options))
    await held
  }

  const { gates, come } = setup()
  const early = gates.set('orderquery.request', { until: 'order.paid' })
  gates.signal('order.paid', 'tea-1')
  t.match(early, { state: 'open', used: false }, 'earlier events are not waited for')
  await come('orderquery.request', 'tea-1')
  t.equal(early.used, true, 'it was still reached')
})

t.test('a held exchange does not stop the clock; it is in flight again at the moment of release', async (t) => {
  const { gates, activity, come } = setup()
  const gate = gates.set('orderquery.response')
  const held = come('orderquery.response', 'tea-1')
  t.equal(activity.busy(), false)
  gate.release()
  t.same(activity.list(), ['orderquery.response tea-1'])
  await held
})

t.test('several gates at one point are passed one after the other', async (t) => {
  const { gates, passed, come } = setup()
  const [first, second] = [gates.set('refund.request'), gates.set('refund.request')]
  const held = come('refund.request', 'tea-1')
  t.same([first.state, second.state], ['holding', 'waiting'])
  first.release()
  await second.reached
  t.same(passed, [])
  second.release()
  await held
  t.same(gates.list(), [first, second])
})

t.test('a name stands for one gate; replacing or removing it releases what it holds', async (t) => {
  const { gates, come } = setup()
  const old = gates.set('refund.request', { name: 'slow' })
  const held = [come('refund.request', 'tea-1')]
  const fresh = gates.set('refund.response', { name: 'slow' })
  t.equal(old.state, 'open')
  t.same(gates.list(), [fresh])
  held.push(come('refund.response', 'tea-1'))
  fresh.remove()
  const last = gates.set('refund.request')
  held.push(come('refund.request', 'tea-2'))
  gates.clear()
  t.equal(last.state, 'open')
  t.same(gates.list(), [])
  await Promise.all(held)
})

t.test('unknown points and events are named in the error', async (t) => {
  const { gates } = setup()
  t.throws(() => gates.set('unifiedorder.reply' as GatePoint), {
    code: 'BAD_INPUT',
    details: { field: 'hold', rule: 'enum' },
    message: /unifiedorder.response.*notify.request.*; got "unifiedorder.reply"/,
  })
  t.throws(() => gates.set('refund.request', { until: 'delivery.done' as GateSignal }), {
    code: 'BAD_INPUT',
    details: { field: 'until', rule: 'enum' },
    message: /delivery.completed, order.paid; got "delivery.done"/,
  })
  t.throws(() => gates.set('refund.request', { out_trade_no: 'tea-1' } as object), {
    code: 'BAD_INPUT',
    details: { field: 'out_trade_no', rule: 'additionalProperties' },
  })
})

const isSigned = ({ credentials }: World, xml: string) => {
  const fields = readXml(xml)
  return fields.get('sign') === signV2(fields, credentials.apiKey, 'MD5')
}

async function setupHooks(t: Parameters<typeof startMock>[0]) {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  /** Pays, and retries once: what the merchant received both times. */
  async function sent(hook: (draft: NotifyDraft) => void) {
    world.once('beforeNotify', hook)
    await world.pay('tea-0001')
    await world.advance('15s')
    return shop.received
  }
  return { world, shop, sent }
}

t.test('a changed field is signed again; the next send is the real one', async (t) => {
  const { world, sent } = await setupHooks(t)
  const [changed, real] = await sent((draft) => {
    t.match(draft, {
      id: 'tea-0001',
      kind: 'pay',
      outTradeNo: 'tea-0001',
      attempt: 0,
      fields: { total_fee: '1250' },
      resign: true,
    })
    draft.fields.total_fee = '1'
    delete draft.fields.attach
    draft.fields.extra = 'new'
    draft.headers['x-test'] = 'yes'
  })
  const fields = readXml(changed!.body)
  t.match(Object.fromEntries(fields), { total_fee: '1', extra: 'new', attach: undefined, out_trade_no: 'tea-0001' })
  t.ok(isSigned(world, changed!.body))
  t.equal(changed!.headers['x-test'], 'yes')
  t.equal(readXml(real!.body).get('total_fee'), '1250')
  t.equal(world.deliveries()[0]!.request.body, changed!.body)
})

t.test('a hook without a notification stays, until a reset', async (t) => {
  const { world, sent } = await setupHooks(t)
  await sent(() => {})
  world.assertDrained()
  const name = world.snapshot()
  for (const clear of [() => world.reset('faults'), () => world.restore(name)]) {
    world.once('beforeNotify', () => {})
    t.throws(() => world.assertDrained(), {
      code: 'NOT_DRAINED',
      message: 'unused: 1 of the hooks beforeNotify did not run',
      details: { hooks: 1 },
    })
    clear()
    world.assertDrained()
  }
})

t.test('or it keeps its old signature, or another', async (t) => {
  const hooks: ((draft: NotifyDraft) => void)[] = [
    (draft) => {
      draft.fields.total_fee = '1'
      draft.resign = false
    },
    (draft) => {
      draft.fields.total_fee = '1'
      draft.fields.sign = 'F'.repeat(32)
    },
    (draft) => {
      delete draft.fields.sign
    },
  ]
  for (const hook of hooks) {
    const { world, sent } = await setupHooks(t)
    t.notOk(isSigned(world, (await sent(hook))[0]!.body), String(hook))
  }
})

t.test('a hook that throws, or makes a notification unsendable, fails one send only', async (t) => {
  const cases: [hook: (draft: NotifyDraft) => void, reason: RegExp][] = [
    [
      () => {
        throw new Error('oh')
      },
      /could not be sent \(ERR_HOOK beforeNotify: Error: oh\)/,
    ],
    [
      (draft) => {
        draft.url = 'nonsense'
      },
      /could not be sent \(ERR_INVALID_URL/,
    ],
    [
      (draft) => {
        draft.headers['x-test'] = '\n'
      },
      /could not be sent \(ERR_INVALID_CHAR/,
    ],
    [
      (draft) => {
        draft.fields['a b<'] = '1'
      },
      /could not be sent \(ERR_HOOK beforeNotify: /,
    ],
  ]
  for (const [hook, reason] of cases) {
    const { world, shop, sent } = await setupHooks(t)
    await sent(hook)
    t.match(world.deliveries(), [
      { attempt: 0, verdict: 'connection_refused', reason, request: { body: /^<xml>/ } },
      { attempt: 1, verdict: 'fail_xml' },
    ])
    t.equal(shop.received.length, 1)
  }
})

t.test('nor does it stop a world on the real clock', async (t) => {
  const { default: world } = await startMock(t, { world: { clock: 'real', schedule: [0.01, 0.01] } })
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  world.once('beforeNotify', () => {
    throw new Error('oh')
  })
  await world.journal.wait({ api: 'notify' }, { count: 3 })
  t.equal(world.notification('tea-0001').state, 'exhausted')
})

t.test('a custom body, another address, nothing at all', async (t) => {
  const { sent } = await setupHooks(t)
  t.equal(
    (
      await sent((draft) => {
        draft.body = 'nonsense'
      })
    )[0]!.body,
    'nonsense',
  )

  const other = await startShop(t, () => REFUSAL)
  const elsewhere = await setupHooks(t)
  await elsewhere.sent((draft) => {
    draft.url = other.notifyUrl
  })
  t.equal(other.received.length, 1)
  t.equal(elsewhere.shop.received.length, 1)

  const untouched = await setupHooks(t)
  const [first, second] = await untouched.sent(() => {})
  t.equal(first!.body, second!.body)
})
