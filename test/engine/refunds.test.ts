import { createRefunds } from '../../src/engine/refunds.ts'
import { WechatError } from '../../src/errors.ts'
import type { Refund, RefundReport } from '../../src/model.ts'
import { at, errors, MINUTE, ordered, paymentOf, scenario, SECOND } from './helpers.ts'
import type { Rig } from './helpers.ts'

const number = 'order-1-1'
const reported = (part: Partial<RefundReport> = {}): RefundReport => ({
  outRefundNo: number,
  outTradeNo: 'order-1',
  refundId: '5000',
  refundFee: 300,
  state: 'processing',
  ...part,
})
const wanted = { key: 'return-1', refundFee: 300, reason: '退货' }

/** A paid and fulfilled order. */
async function paid(rig: Rig): Promise<string> {
  const { outTradeNo, ...order } = await ordered(rig)
  await rig.orders.observePayment('notify', paymentOf({ outTradeNo, ...order }))
  await rig.work.sweep()
  return outTradeNo
}

const stateOf = async ({ refunds }: Rig, outRefundNo = number) => (await refunds.get('order-1', outRefundNo))?.state

scenario(
  'an accepted refund is polled every minute until the money is back, and onRefunded runs once',
  async (t, rig) => {
    const outTradeNo = await paid(rig)
    rig.pay.expect(['refund', '5000'])
    t.hasStrict(await rig.refunds.create(outTradeNo, wanted), {
      outRefundNo: number,
      state: 'processing',
      refundId: '5000',
      refundFee: 300,
      reason: '退货',
      origin: 'local',
    })
    for (const minutes of [1, 1, 1, 1, 1, 5, 10, 20, 30, 30]) {
      rig.advance(minutes * MINUTE - SECOND)
      t.equal(await rig.work.sweep(), 0, `not queried before ${minutes} min`)
      rig.advance(SECOND)
      rig.pay.expect(['queryRefund', reported()])
      t.equal(await rig.work.sweep(), 1)
    }
    rig.advance(30 * MINUTE)
    rig.pay.expect(['queryRefund', reported({ state: 'success', succeededAt: rig.now() })])
    t.equal(await rig.work.sweep(), 2, 'queried, then onRefunded')
    t.hasStrict(await rig.refunds.list(outTradeNo), [
      { state: 'success', fulfilment: 'done', dueAt: null, succeededAt: rig.now() },
    ])
    t.strictSame(told.splice(0), [number])
    rig.advance(24 * 60 * MINUTE)
    t.equal(await rig.work.sweep(), 0)
  },
  {
    onRefunded: (_order, { outRefundNo }) => {
      told.push(outRefundNo)
    },
  },
)

const told: string[] = []

scenario('one key is refunded once', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', '5000'])
  const first = await rig.refunds.create(outTradeNo, wanted)
  t.strictSame(await rig.refunds.create(outTradeNo, wanted), first)
  await t.rejects(rig.refunds.create(outTradeNo, { ...wanted, refundFee: 301 }), {
    code: 'WECHAT_ORDER_CONFLICT',
    message: /stands for a refund of 300 fen, not 301/,
  })
})

scenario('after a lost answer the same number is sent again, after growing waits', async (t, rig) => {
  const outTradeNo = await paid(rig)
  const again = [
    errors.timeout(),
    new WechatError('WECHAT_UNAVAILABLE', 'SYSTEMERROR', { wechatCode: 'SYSTEMERROR', advice: 'repeat' }),
    new WechatError('WECHAT_UNAVAILABLE', 'BIZERR_NEED_RETRY', { advice: 'repeat' }),
  ]
  rig.pay.expect(['refund', again[0]!])
  t.hasStrict(await rig.refunds.create(outTradeNo, wanted), { state: 'unknown', attempts: 1 })
  for (const [error, wait] of [
    [again[1]!, 5],
    [again[2]!, 10],
  ] as const) {
    rig.advance(wait * SECOND - 1)
    t.equal(await rig.work.sweep(), 0)
    rig.advance(1)
    rig.pay.expect(['refund', error])
    await rig.work.sweep()
  }
  rig.advance(20 * SECOND)
  rig.pay.expect(['refund', '5000'])
  await rig.work.sweep()
  t.equal(await stateOf(rig), 'processing')
  t.strictSame(
    rig.pay.asked.filter((call) => call.startsWith('refund')),
    Array(4).fill(`refund ${number}`),
  )
})

scenario('a refusal is final only if a query shows that WeChat does not know the number', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', errors.refused()], ['queryRefund', undefined])
  await t.rejects(rig.refunds.create(outTradeNo, wanted), { code: 'WECHAT_ACCOUNT_REFUSED' })
  t.equal(await stateOf(rig), 'failed')
  t.hasStrict(rig.anomalies, [{ kind: 'refund-refused' }])

  rig.pay.expect(
    ['refund', errors.refused()],
    ['queryRefund', reported({ outRefundNo: 'order-1-2', refundFee: 1250, state: 'success' })],
  )
  t.hasStrict(
    await rig.refunds.create(outTradeNo, { key: 'all', refundFee: 1250 }),
    { state: 'success' },
    'the failed refund freed its amount, and this one had been accepted before',
  )
})

scenario('a refusal that cannot be checked by a query is not believed', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', errors.refused()], ['queryRefund', errors.timeout()])
  t.hasStrict(await rig.refunds.create(outTradeNo, wanted), { state: 'unknown' })
})

scenario('if a process dies after the row is committed, another sends the same number', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', new Error('killed')])
  await t.rejects(rig.refunds.create(outTradeNo, wanted), { message: 'killed' })
  t.equal(await stateOf(rig), 'created')
  rig.advance(29 * SECOND)
  t.equal(await rig.work.sweep(), 0, 'the call may still be in progress')
  rig.advance(SECOND)
  rig.pay.expect(['refund', '5000'])
  await rig.work.sweep()
  t.equal(await stateOf(rig), 'processing')
})

scenario('a refund repeated while the first call hangs uses the same number', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(
    [
      'refund',
      async () => {
        await rig.refunds.create(outTradeNo, wanted)
        return '5000'
      },
    ],
    ['refund', '5000'],
  )
  t.hasStrict(await rig.refunds.create(outTradeNo, wanted), { outRefundNo: number, state: 'processing' })
})

scenario('50 refunds at once never exceed the payment', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(...Array.from({ length: 12 }, (_, n): ['refund', string] => ['refund', `500${n}`]))
  const results = await Promise.allSettled(
    Array.from({ length: 50 }, async (_, n) => await rig.refunds.create(outTradeNo, { key: `k${n}`, refundFee: 100 })),
  )
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 12)
  t.equal(
    (await rig.refunds.list(outTradeNo)).reduce((sum, { refundFee }) => sum + refundFee, 0),
    1200,
  )
  await t.rejects(rig.refunds.create(outTradeNo, { key: 'rest', refundFee: 51 }), {
    message: /51 fen are more than the 50 fen that can still be refunded/,
  })
})

scenario('an order has at most 50 refunds', async (t, rig) => {
  const outTradeNo = await paid(rig)
  for (let n = 0; n < 50; n++) {
    rig.pay.expect(['refund', '5000'])
    await rig.refunds.create(outTradeNo, { key: `k${n}`, refundFee: 1 })
  }
  await t.rejects(rig.refunds.create(outTradeNo, { key: 'k50', refundFee: 1 }), {
    code: 'WECHAT_ORDER_CONFLICT',
    message: /50 refunds/,
  })
})

scenario('without the merchant certificate nothing is sent and nothing is written', async (t, rig) => {
  const outTradeNo = await paid(rig)
  const before = await rig.orders.history(outTradeNo)
  const refunds = createRefunds({ orders: rig.orders, pay: { ...rig.pay, canRefund: false } })
  await t.rejects(refunds.create(outTradeNo, wanted), { code: 'WECHAT_OPTIONS_INVALID', message: /merchant\.cert/ })
  t.strictSame(await refunds.list(outTradeNo), [])
  t.strictSame(await rig.orders.history(outTradeNo), before)
})

scenario('invalid refunds are rejected', async (t, rig) => {
  const { outTradeNo } = await ordered(rig)
  await t.rejects(rig.refunds.create(outTradeNo, wanted), { code: 'WECHAT_ORDER_CONFLICT', message: /not paid/ })
  await t.rejects(rig.refunds.create('unknown', wanted), { code: 'WECHAT_ORDER_NOT_FOUND' })
  const bad: unknown[] = [
    undefined,
    {},
    { ...wanted, key: '' },
    { ...wanted, key: 'k'.repeat(129) },
    { ...wanted, key: 1 },
    { ...wanted, key: 'half a \ud83c' },
    { ...wanted, key: 'a\0b' },
    ...[0, -1, 1.5, '300', 2 ** 53, NaN].map((refundFee) => ({ ...wanted, refundFee })),
    { ...wanted, reason: '退'.repeat(27) },
    { ...wanted, reason: 'a\0' },
    { ...wanted, reason: '\ud83c' },
    { ...wanted, reason: 1 },
  ]
  for (const request of bad) {
    await t.rejects(
      rig.refunds.create(outTradeNo, request as never),
      { code: 'WECHAT_INPUT_INVALID' },
      JSON.stringify(request),
    )
  }
  const faults: [request: unknown, fault: RegExp][] = [
    [undefined, /it must be an object with key, refundFee, reason, refundAccount, not undefined/],
    [{ ...wanted, refundFee: 1.5 }, /refundFee must be an integer number of fen .* not 1\.5/],
    [{ ...wanted, reason: 'a\nb' }, /reason must have no line breaks .* character 2 is U\+000A/],
    [{ ...wanted, reason: '退'.repeat(27) }, /reason must be a string of at most 80 bytes of UTF-8, not of 81/],
    [{ ...wanted, key: 'k'.repeat(129) }, /key must be at most 128 characters/],
    [{ ...wanted, amount: 300 }, /'amount' is none of key, refundFee, reason/],
  ]
  for (const [request, message] of faults) {
    await t.rejects(rig.refunds.create(outTradeNo, request as never), { code: 'WECHAT_INPUT_INVALID', message })
  }
  const textFault = (text: string) => `it holds ${text}`
  const refunds = createRefunds({ orders: rig.orders, pay: { ...rig.pay, textFault } })
  await t.rejects(refunds.create(outTradeNo, wanted), {
    code: 'WECHAT_INPUT_INVALID',
    message: 'The reason of a refund cannot be sent: it holds 退货.',
  })
  t.strictSame(await rig.refunds.list('unknown'), [])
  t.equal(await rig.refunds.get('unknown', number), undefined)
  t.equal(await rig.refunds.refresh('unknown', number), undefined)
  t.equal(await rig.refunds.refresh(outTradeNo, number), undefined)
})

scenario('a hint leads to a query and is never believed', async (t, rig) => {
  const outTradeNo = await paid(rig)
  const hint = async (outRefundNo: string) =>
    (await rig.orders.observe(outTradeNo, { seen: 'refund-hinted', source: 'notify', outRefundNo, refundFee: 300 }))
      ?.outcome
  rig.pay.expect(['refund', '5000'])
  await rig.refunds.create(outTradeNo, wanted)
  t.equal(await hint(number), 'changed')
  t.equal(await stateOf(rig), 'processing')
  rig.pay.expect(['queryRefund', reported({ state: 'success' })])
  await rig.work.sweep()
  t.equal(await stateOf(rig), 'success')
  t.equal(await hint(number), 'repeated')

  t.equal(await hint('console-1'), 'changed')
  rig.pay.expect(['queryRefund', reported({ outRefundNo: 'console-1', refundFee: 200, state: 'success' })])
  await rig.work.sweep()
  t.hasStrict(await rig.refunds.get(outTradeNo, 'console-1'), {
    origin: 'external',
    refundFee: 200,
    state: 'success',
    fulfilment: 'done',
    key: 'external:console-1',
  })

  t.equal(await hint('forged-1'), 'changed')
  await t.rejects(
    rig.refunds.create(outTradeNo, { key: 'rest', refundFee: 751 }),
    { message: /the 750 fen/ },
    'a hint does not reduce what can be refunded',
  )
})

const hinted = async ({ orders }: Rig, outRefundNo: string) =>
  (await orders.observe('order-1', { seen: 'refund-hinted', source: 'notify', outRefundNo, refundFee: 300 }))?.outcome

scenario('a hinted refund that WeChat does not know is queried after growing waits, then dropped', async (t, rig) => {
  const outTradeNo = await paid(rig)
  await hinted(rig, 'forged-1')
  for (const seconds of [0, 5, 10, 20, 40, 80, 160, 320]) {
    t.hasStrict(await rig.refunds.list(outTradeNo), [{ outRefundNo: 'forged-1', state: 'processing' }])
    rig.advance(seconds * SECOND - 1)
    t.equal(await rig.work.sweep(), 0, `not before ${seconds} s`)
    rig.advance(1)
    rig.pay.expect(['queryRefund', undefined])
    t.equal(await rig.work.sweep(), 1)
  }
  t.strictSame(await rig.refunds.list(outTradeNo), [])
  t.hasStrict(await rig.orders.get(outTradeNo), { dueAt: null })
  t.hasStrict((await rig.orders.history(outTradeNo)).at(-1), {
    seen: 'refund-not-exist forged-1',
    outcome: 'not known to WeChat, so there is no such refund',
  })
})

scenario(
  'a refund made elsewhere that WeChat does not know at first is still found, and errors in between do not count',
  async (t, rig) => {
    const outTradeNo = await paid(rig)
    await hinted(rig, 'console-1')
    for (let time = 0; time < 20; time++) {
      rig.pay.expect(['queryRefund', time % 3 === 0 ? undefined : errors.timeout()])
      await rig.work.sweep()
      rig.advance(10 * MINUTE)
    }
    rig.pay.expect(['queryRefund', reported({ outRefundNo: 'console-1', state: 'success' })])
    await rig.work.sweep()
    t.hasStrict(await rig.refunds.list(outTradeNo), [
      { outRefundNo: 'console-1', state: 'success', fulfilment: 'done' },
    ])
  },
)

scenario('repeated refreshes neither delay a refund nor drop it', async (t, rig) => {
  const outTradeNo = await paid(rig)
  await hinted(rig, 'console-1')
  rig.pay.expect(['queryRefund', undefined], ['refund', errors.timeout()])
  await rig.work.sweep()
  await rig.refunds.create(outTradeNo, wanted)
  const before = await rig.refunds.list(outTradeNo)
  t.hasStrict(before, [
    { outRefundNo: 'console-1', attempts: 1, dueAt: at(5 * SECOND) },
    { state: 'unknown', attempts: 1, dueAt: at(5 * SECOND) },
  ])
  for (let times = 0; times < 20; times++) {
    rig.pay.expect(['queryRefund', undefined], ['queryRefund', undefined], ['queryRefund', errors.timeout()])
    await rig.refunds.refresh(outTradeNo, 'console-1')
    t.equal(await hinted(rig, 'console-1'), 'repeated')
    await rig.refunds.refresh(outTradeNo, 'order-1-2')
    await t.rejects(rig.refunds.refresh(outTradeNo, 'order-1-2'))
  }
  t.strictSame(await rig.refunds.list(outTradeNo), before)
})

scenario("a hint that names another order's refund is dropped once WeChat says whose it is", async (t, rig) => {
  const outTradeNo = await paid(rig)
  await hinted(rig, 'order-2-1')
  rig.pay.expect(['queryRefund', reported({ outRefundNo: 'order-2-1', outTradeNo: 'order-2', refundFee: 1250 })])
  t.equal(await rig.refunds.refresh(outTradeNo, 'order-2-1'), undefined)
  t.strictSame(await rig.refunds.list(outTradeNo), [])
  t.hasStrict(
    await rig.orders.observe(outTradeNo, {
      seen: 'refund-reported',
      source: 'query',
      report: reported({ outRefundNo: 'order-2-1', outTradeNo: 'order-2' }),
    }),
    { outcome: 'ignored' },
  )
  t.hasStrict(rig.anomalies, [])
})

scenario('hints use up neither refunds nor numbers, and only a limited number is followed at once', async (t, rig) => {
  const outTradeNo = await paid(rig)
  for (let n = 1; n <= 50; n++) t.equal(await hinted(rig, `order-1-${n}`), 'changed')
  t.equal(await hinted(rig, 'order-1-51'), 'refused')
  rig.pay.expect(['refund', '5000'])
  t.hasStrict(await rig.refunds.create(outTradeNo, { key: 'all', refundFee: 1250 }), { outRefundNo: 'order-1-51' })
})

/** What WeChat reports about a refund made in the merchant platform. */
const elsewhere = async (
  { orders }: Rig,
  outRefundNo: string,
  refundFee: number,
  state: RefundReport['state'] = 'processing',
) =>
  (await orders.observe('order-1', {
    seen: 'refund-reported',
    source: 'query',
    report: reported({ outRefundNo, refundId: `50${outRefundNo}`, refundFee, state }),
  }))!.outcome

scenario('refunds made elsewhere beyond the payment are not booked, but reported and queried', async (t, rig) => {
  const outTradeNo = await paid(rig)
  t.equal(await elsewhere(rig, 'console-1', 416), 'changed')
  t.equal(await elsewhere(rig, 'console-2', 416), 'changed')
  t.equal(await elsewhere(rig, 'console-3', 1250), 'refused')
  t.equal(await elsewhere(rig, 'console-2', 835), 'refused', 'an amount that grows is not booked either')
  t.hasStrict(await rig.refunds.list(outTradeNo), [
    { outRefundNo: 'console-1', refundFee: 416, refundId: '50console-1' },
    { outRefundNo: 'console-2', refundFee: 416, refundId: '50console-2' },
    { outRefundNo: 'console-3', state: 'processing', refundId: undefined, dueAt: at(5 * SECOND) },
  ])
  t.match(
    rig.anomalies.map(({ id, reason }) => [id, reason]),
    [
      [
        `refund-mismatch:${outTradeNo}:console-3`,
        'WeChat reports 1250 fen for console-3; together with the 832 fen already being refunded, that exceeds the 1250 fen paid',
      ],
      [`refund-mismatch:${outTradeNo}:console-2`, /835 fen for console-2; together with the 416 fen/],
    ],
  )
  await t.rejects(rig.refunds.create(outTradeNo, { ...wanted, refundFee: 419 }), { message: /the 418 fen/ })

  const third = reported({ outRefundNo: 'console-3', refundFee: 1250, state: 'success' })
  for (const outRefundNo of ['console-2', 'console-1']) {
    rig.pay.expect(['queryRefund', third])
    t.hasStrict(await rig.refunds.refresh(outTradeNo, 'console-3'), { state: 'processing', refundId: undefined })
    rig.pay.expect(['queryRefund', reported({ outRefundNo, refundFee: 416, state: 'closed' })])
    await rig.refunds.refresh(outTradeNo, outRefundNo)
  }
  rig.advance(MINUTE)
  rig.pay.expect(['queryRefund', third])
  await rig.work.sweep()
  t.hasStrict(
    await rig.refunds.get(outTradeNo, 'console-3'),
    { state: 'success', refundFee: 1250, fulfilment: 'done' },
    'it is booked as soon as it fits',
  )
})

scenario('a refund of ours that WeChat never accepted does not block a real one', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', errors.timeout()])
  t.hasStrict(await rig.refunds.create(outTradeNo, { ...wanted, refundFee: 1000 }), { state: 'unknown' })
  t.equal(await elsewhere(rig, 'console-1', 1250, 'success'), 'changed')
  t.strictSame(rig.anomalies, [])
  await t.rejects(rig.refunds.create(outTradeNo, { key: 'more', refundFee: 1 }), { message: /the 0 fen/ })

  rig.advance(MINUTE)
  rig.pay.expect(['refund', '5000'])
  await rig.work.sweep()
  t.hasStrict(await rig.refunds.get(outTradeNo, number), { state: 'unknown', refundId: undefined, attempts: 2 })
  t.match(
    rig.anomalies,
    [{ kind: 'refund-mismatch', id: `refund-mismatch:${number}` }],
    'there is not enough money for both',
  )
  rig.advance(MINUTE)
  rig.pay.expect(['refund', errors.refused()], ['queryRefund', reported({ refundFee: 1000 })])
  await rig.work.sweep()
  t.hasStrict(await rig.refunds.get(outTradeNo, number), { state: 'unknown', refundId: undefined })
})

scenario('a refund is not recorded before its payment is known', async (t, rig) => {
  const { outTradeNo } = await ordered(rig)
  t.hasStrict(
    await rig.orders.observe(outTradeNo, {
      seen: 'refund-hinted',
      source: 'notify',
      outRefundNo: 'console-1',
      refundFee: 1,
    }),
    { outcome: 'refused' },
  )
})

scenario('news of a refund may arrive in any order', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', '5000'])
  await rig.refunds.create(outTradeNo, wanted)
  const steps: [RefundReport['state'], Refund['state'], string?][] = [
    ['abnormal', 'abnormal', 'refund-abnormal'],
    ['abnormal', 'abnormal'],
    ['processing', 'processing'],
    ['closed', 'closed', 'refund-refused'],
    ['processing', 'processing'],
    ['success', 'success'],
    ['closed', 'success'],
    ['processing', 'success'],
    ['abnormal', 'success'],
    ['success', 'success'],
  ]
  for (const [state, expected, anomaly] of steps) {
    rig.anomalies.length = 0
    rig.pay.expect(['queryRefund', reported({ state })])
    t.hasStrict(await rig.refunds.refresh(outTradeNo, number), { state: expected }, `${state} → ${expected}`)
    t.strictSame(
      rig.anomalies.map(({ kind }) => kind),
      anomaly === undefined ? [] : [anomaly],
    )
  }
  for (const late of [
    { seen: 'refund-accepted', outRefundNo: number, refundId: '1' },
    { seen: 'refund-unsure', outRefundNo: number, reason: 'x' },
    { seen: 'refund-refused', outRefundNo: number, reason: 'x' },
  ] as const) {
    t.hasStrict(await rig.orders.observe(outTradeNo, late), { outcome: 'ignored' }, late.seen)
  }
  t.hasStrict(await rig.orders.observe(outTradeNo, { seen: 'refund-accepted', outRefundNo: 'nobody', refundId: '1' }), {
    outcome: 'ignored',
  })
})

scenario('WeChat reports another amount, or a refund of another order', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', '5000'], ['queryRefund', reported({ refundFee: 299 })])
  await rig.refunds.create(outTradeNo, wanted)
  t.hasStrict(await rig.refunds.refresh(outTradeNo, number), { refundFee: 300, attempts: 1 })
  t.hasStrict(rig.anomalies, [
    {
      kind: 'refund-mismatch',
      reason: 'WeChat reports 299 fen of order-1 for order-1-1, requested were 300 of order-1',
    },
  ])
  rig.pay.expect(['queryRefund', reported({ outTradeNo: 'another' })])
  t.hasStrict(await rig.refunds.refresh(outTradeNo, number), { state: 'processing', attempts: 2 })
  t.equal(rig.anomalies.length, 1, 'a refund of another order: the same finding')
  t.hasStrict(
    await rig.orders.observe(outTradeNo, {
      seen: 'refund-reported',
      source: 'query',
      report: reported({ outRefundNo: 'console-1', refundFee: 7 }),
    }),
    { outcome: 'changed' },
  )
  t.hasStrict(await rig.refunds.get(outTradeNo, 'console-1'), { origin: 'external', refundFee: 7, state: 'processing' })
})

scenario('WeChat does not answer, or does not know the number yet', async (t, rig) => {
  const outTradeNo = await paid(rig)
  rig.pay.expect(['refund', '5000'], ['queryRefund', errors.timeout()], ['queryRefund', undefined])
  await rig.refunds.create(outTradeNo, wanted)
  await t.rejects(rig.refunds.refresh(outTradeNo, number), { code: 'WECHAT_TIMEOUT' })
  t.hasStrict(await rig.refunds.refresh(outTradeNo, number), { state: 'processing', attempts: 2 })
})

const runs: string[] = []
let during = async () => {}
scenario(
  'refunds that are reported while onRefunded runs wait for it: one claim runs the hook of each, once',
  async (t, rig) => {
    const outTradeNo = await paid(rig)
    const report = (n: number) =>
      rig.orders.observe(outTradeNo, {
        seen: 'refund-reported',
        source: 'query',
        report: reported({ outRefundNo: `console-${n}`, refundId: `500${n}`, state: 'success' }),
      })
    during = async () => {
      during = async () => {}
      await report(2)
      await report(3)
      t.equal(await rig.work.sweep(), 0, 'the order is claimed')
    }
    await report(1)
    t.equal(await rig.work.sweep(), 1)
    t.same(runs, ['console-1', 'console-2', 'console-3'])
    const done = { fulfilment: 'done', dueAt: null }
    t.hasStrict(await rig.orders.get(outTradeNo), { refunds: [done, done, done], dueAt: null, claims: 2 })
    t.same(rig.logged, [])
  },
  {
    onRefunded: async (_order, { outRefundNo }) => {
      runs.push(outRefundNo)
      await during()
    },
  },
)

let failing = 1
scenario(
  'an onRefunded that throws runs again',
  async (t, rig) => {
    const outTradeNo = await paid(rig)
    rig.pay.expect(['refund', '5000'], ['queryRefund', reported({ state: 'success' })])
    await rig.refunds.create(outTradeNo, wanted)
    await rig.refunds.refresh(outTradeNo, number)
    await rig.work.sweep()
    t.hasStrict(await rig.refunds.get(outTradeNo, number), { fulfilment: 'due', attempts: 1 })
    t.hasStrict(
      await rig.orders.observe(outTradeNo, {
        seen: 'refund-fulfil-failed',
        outRefundNo: number,
        claims: 0,
        reason: 'overtaken',
      }),
      { outcome: 'ignored' },
    )
    rig.advance(5 * SECOND)
    await rig.work.sweep()
    t.hasStrict(await rig.refunds.get(outTradeNo, number), { fulfilment: 'done', dueAt: null })
  },
  {
    onRefunded: () => {
      if (failing-- > 0) throw new Error('ledger is closed')
    },
  },
)

scenario(
  'policy refund: a late payment is refunded without an operator',
  async (t, rig) => {
    const { outTradeNo, ...order } = await ordered(rig)
    rig.pay.expect(['query', { tradeState: 'NOTPAY' }], ['close', 'closed'])
    await rig.orders.cancel(outTradeNo)
    t.hasStrict(await rig.orders.observePayment('notify', paymentOf({ outTradeNo, ...order })), {
      outcome: 'late',
      order: { state: 'closed', fulfilment: 'dismissed' },
    })
    rig.advance(30 * SECOND)
    rig.pay.expect(['refund', '5000'])
    await rig.work.sweep()
    t.hasStrict(await rig.refunds.list(outTradeNo), [{ refundFee: 1250, state: 'processing', key: 'order-1:all-1' }])
  },
  { latePayment: 'refund' },
)
