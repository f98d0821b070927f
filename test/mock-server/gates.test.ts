import t from 'tap'
import { createActivity } from '../../mock-server/activity.ts'
import { createGates, type GateOptions, type GatePoint, type GateSignal } from '../../mock-server/gates.ts'

function setup() {
  const told: string[] = []
  const gates = createGates(({ name, state, holding }) => {
    told.push(`${name} ${state} ${JSON.stringify(holding)}`)
  })
  const activity = createActivity()
  const passed: string[] = []
  /** Something comes to a point, and notes in `passed` when it may go on. */
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

t.test('it holds what comes until it is released, and nothing from then on', async (t) => {
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
  const gate = gates.set('orderquery.request', { out_trade_no: 'tea-1', until: 'order.paid' })
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
  t.match(early, { state: 'open', used: false }, 'what has happened already is not waited for')
  await come('orderquery.request', 'tea-1')
  t.equal(early.used, true, 'something came to it all the same')
})

t.test('what is held does not hold the clock; it is back in flight in the moment of its release', async (t) => {
  const { gates, activity, come } = setup()
  const gate = gates.set('orderquery.response')
  const held = come('orderquery.response', 'tea-1')
  t.equal(activity.busy(), false)
  gate.release()
  t.same(activity.list(), ['orderquery.response tea-1'])
  await held
})

t.test('several gates at one point are passed one by one', async (t) => {
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

t.test('a name is one gate; what is replaced or removed lets go', async (t) => {
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

t.test('points and events that do not exist are named', async (t) => {
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
  t.throws(() => gates.set('refund.request', { outTradeNo: 'tea-1' } as object), {
    code: 'BAD_INPUT',
    details: { field: 'outTradeNo', rule: 'additionalProperties' },
  })
})
