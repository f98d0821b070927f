import { createCipheriv, createHash } from 'node:crypto'
import t from 'tap'
import { accepted, both, HANG_MS, merchant, SIGNATURES } from '../helpers.ts'
import type { Merchant } from '../helpers.ts'

/** A paid and fulfilled order. */
async function paid(shop: Merchant): Promise<string> {
  const outTradeNo = await shop.order()
  await shop.world.pay(outTradeNo)
  await shop.settle()
  return outTradeNo
}

/** The refunds that `onRefunded` ran for. */
function refundedShop(
  t: Parameters<typeof merchant>[0],
  open: typeof merchant,
  options: Parameters<typeof merchant>[1] = {},
) {
  const refunded: string[] = []
  return open(t, {
    ...options,
    options: {
      onRefunded: (_order, { outRefundNo }) => {
        refunded.push(outRefundNo)
      },
      ...options.options,
    },
  }).then((shop) => ({ shop, refunded }))
}

for (const [name, signing] of SIGNATURES) {
  t.test(`${name}: a refund is notified and confirmed by a query, and onRefunded runs once`, async (t) => {
    const { shop, refunded } = await refundedShop(t, merchant, signing)
    const outTradeNo = await paid(shop)
    const { outRefundNo, ...refund } = await shop.app.wechat.refunds.create(outTradeNo, {
      key: 'r1',
      refundFee: 250,
      reason: '退货 & <部分>',
    })
    t.match(refund, { state: 'processing', refundId: /^50/ })
    t.match((await shop.world.settleRefund(outRefundNo, 'SUCCESS')).delivery, { verdict: 'acked' })
    await shop.settle()
    t.match(await shop.app.wechat.refunds.get(outTradeNo, outRefundNo), { state: 'success', fulfilment: 'done' })
    t.strictSame(refunded, [outRefundNo])
    t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid', dueAt: null })
  })
}

both('a refund whose notification never comes is found by a query', async (t, open) => {
  const { shop, refunded } = await refundedShop(t, open)
  const outTradeNo = await paid(shop)
  const { outRefundNo } = await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 1250 })
  await shop.world.settleRefund(outRefundNo, 'SUCCESS', { deliver: 'hold' })
  await shop.world.advance('61s')
  await shop.settle()
  t.strictSame(refunded, [outRefundNo])
})

both('lost answers and a busy WeChat still lead to one refund with one number', async (t, open, version) => {
  const effects = [
    { kind: 'reset', when: 'after' },
    { kind: 'hang', when: 'after' },
    { kind: 'http', status: 500, when: 'after' },
    { kind: 'http', status: 500 },
    { kind: 'bad_sign' },
    { kind: 'result_code_fail', err_code: 'SYSTEMERROR' },
    { kind: 'result_code_fail', err_code: 'SYSTEMERROR', when: 'after' },
    { kind: 'result_code_fail', err_code: 'BIZERR_NEED_RETRY' },
    // API v3 has no code for it.
    ...(version === 'v2' ? [{ kind: 'result_code_fail', err_code: 'ORDER_NOT_READY' } as const] : []),
    { kind: 'result_code_fail', err_code: 'NOTENOUGH' },
  ] as const
  for (const effect of effects) {
    const { shop } = await refundedShop(t, open, {
      options: effect.kind === 'hang' ? { timeoutMs: HANG_MS } : {},
    })
    const outTradeNo = await paid(shop)
    shop.world.fault('refund', effect, { times: 2 })
    await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 1250 })
    for (let n = 0; n < 4; n++) {
      await shop.world.advance('1m')
      await shop.settle()
    }
    t.match(shop.world.refunds(), [{ refundFee: 1250 }], JSON.stringify(effect))
    t.equal(shop.world.refunds().length, 1)
    t.match(await shop.app.wechat.refunds.list(outTradeNo), [{ state: 'processing' }])
  }
})

both('a refusal frees the amount and is reported', async (t, open) => {
  const { shop } = await refundedShop(t, open)
  const outTradeNo = await paid(shop)
  shop.world.fault('refund', { kind: 'result_code_fail', err_code: 'TRADE_OVERDUE' })
  await t.rejects(shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 1250 }), {
    code: 'WECHAT_REFUSED',
    wechatCode: 'TRADE_OVERDUE',
  })
  t.match(await shop.app.wechat.anomalies.list(), [{ kind: 'refund-refused' }])
  t.match(await shop.app.wechat.refunds.create(outTradeNo, { key: 'r2', refundFee: 1250 }), { state: 'processing' })
})

both('50 partial refunds at once never exceed the payment, here and at WeChat', async (t, open) => {
  const { shop } = await refundedShop(t, open)
  const outTradeNo = await paid(shop)
  const results = await Promise.allSettled(
    Array.from(
      { length: 50 },
      async (_, n) => await shop.app.wechat.refunds.create(outTradeNo, { key: `r${n}`, refundFee: 100 }),
    ),
  )
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 12)
  t.equal(
    shop.world.refunds().reduce((sum, { refundFee }) => sum + refundFee, 0),
    1200,
  )
})

both('a refund made in the merchant platform is discovered from its notification', async (t, open) => {
  const { shop, refunded } = await refundedShop(t, open)
  const outTradeNo = await paid(shop)
  const { outRefundNo } = shop.world.refundFromConsole(outTradeNo, {
    refundFee: 300,
    notifyUrl: `${shop.url}/wechat/notify`,
  })
  t.match((await shop.world.settleRefund(outRefundNo, 'SUCCESS')).delivery, { verdict: 'acked' })
  await shop.settle()
  t.match(await shop.app.wechat.refunds.list(outTradeNo), [
    { outRefundNo, origin: 'external', refundFee: 300, state: 'success' },
  ])
  t.strictSame(refunded, [outRefundNo])
})

both(
  'a payment refunded in the merchant platform before either was known is recorded and not fulfilled',
  async (t, open) => {
    const { shop, refunded } = await refundedShop(t, open)
    const outTradeNo = await shop.order()
    await shop.world.pay(outTradeNo, { deliver: 'hold' })
    const { outRefundNo } = shop.world.refundFromConsole(outTradeNo, {
      refundFee: 1250,
      notifyUrl: `${shop.url}/wechat/notify`,
    })
    t.match(
      (await shop.world.settleRefund(outRefundNo, 'SUCCESS')).delivery,
      { verdict: 'fail_xml' },
      'WeChat has to send it again',
    )
    await shop.settle()
    t.match(
      await shop.app.wechat.orders.get(outTradeNo),
      {
        state: 'paid',
        fulfilment: 'dismissed',
        payment: { totalFee: 1250 },
        refunds: [{ outRefundNo, origin: 'external', refundFee: 1250, state: 'success' }],
      },
      'meanwhile WeChat is queried about both',
    )
    t.match(await shop.app.wechat.anomalies.list(), [{ kind: 'refunded' }])
    await shop.world.advance('1m')
    await shop.settle()
    t.strictSame([shop.paid, refunded], [[], [outRefundNo]])
  },
)

both('abnormal and closed refunds', async (t, open) => {
  for (const [status, state, kind] of [
    ['CHANGE', 'abnormal', 'refund-abnormal'],
    ['REFUNDCLOSE', 'closed', 'refund-refused'],
  ] as const) {
    const { shop, refunded } = await refundedShop(t, open)
    const outTradeNo = await paid(shop)
    const { outRefundNo } = await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 1250 })
    t.match((await shop.world.settleRefund(outRefundNo, status)).delivery, { verdict: 'acked' })
    await shop.settle()
    t.match(await shop.app.wechat.refunds.get(outTradeNo, outRefundNo), { state })
    t.match(await shop.app.wechat.anomalies.list(), [{ kind }])
    t.strictSame(refunded, [])
  }
})

both('forged, rearranged and foreign refund notifications are not believed', async (t, open) => {
  const { shop } = await refundedShop(t, open)
  const { apiKey, appid, mchId } = shop.world.credentials
  const outTradeNo = await paid(shop)
  const { outRefundNo } = await shop.app.wechat.refunds.create(outTradeNo, { key: 'r1', refundFee: 250 })
  const encrypt = (plain: string, key = apiKey) => {
    const cipher = createCipheriv('aes-256-ecb', createHash('md5').update(key).digest('hex'), null)
    return Buffer.concat([cipher.update(plain), cipher.final()])
  }
  const outer = (reqInfo: Buffer | string, id = appid) =>
    `<xml><return_code>SUCCESS</return_code><appid><![CDATA[${id}]]></appid><mch_id>${mchId}</mch_id><nonce_str>n</nonce_str><req_info><![CDATA[${typeof reqInfo === 'string' ? reqInfo : reqInfo.toString('base64')}]]></req_info></xml>`
  const inner = (number: string, fee = '250', order = outTradeNo) =>
    `<root><out_refund_no><![CDATA[${number}]]></out_refund_no><out_trade_no><![CDATA[${order}]]></out_trade_no><refund_fee>${fee}</refund_fee><refund_status>SUCCESS</refund_status></root>`
  const blocks = encrypt(inner(outRefundNo))
  const swapped = Buffer.concat([blocks.subarray(16, 32), blocks.subarray(0, 16), blocks.subarray(32)])

  const refused: [string, string][] = [
    ['another key', outer(encrypt(inner(outRefundNo), '0'.repeat(32)))],
    ['blocks swapped', outer(swapped)],
    ['cut', outer(blocks.subarray(0, 16))],
    ['not base64', outer('***')],
    ['empty', outer('')],
    ['another appid', outer(encrypt(inner(outRefundNo)), 'wx0123456789abcdef')],
    ['an invalid amount', outer(encrypt(inner(outRefundNo, '1.5')))],
    ['no number', outer(encrypt('<root><a>1</a></root>'))],
    ['a number that is too long', outer(encrypt(inner('r'.repeat(65))))],
    ['another root', outer(encrypt(inner(outRefundNo).replaceAll('root>', 'xml>')))],
    ['an unknown order', outer(encrypt(inner('x', '1', 'unknown-number')))],
  ]
  for (const [name, body] of refused) t.notOk(accepted((await shop.notify(body)).text), name)

  t.ok(accepted((await shop.notify(outer(encrypt(inner(outRefundNo))))).text), 'it says success and can be decrypted')
  t.ok(accepted((await shop.notify(outer(encrypt(inner('never-made'))))).text))
  await shop.settle()
  t.match(
    await shop.app.wechat.refunds.list(outTradeNo),
    [
      { outRefundNo, state: 'processing' },
      { outRefundNo: 'never-made', state: 'processing' },
    ],
    'but only a query is believed',
  )
  for (let n = 0; n < 8; n++) {
    await shop.world.advance('10m')
    await shop.settle()
  }
  const known = await shop.app.wechat.refunds.list(outTradeNo)
  t.match(known, [{ outRefundNo, state: 'processing' }])
  t.equal(known.length, 1, 'a refund that WeChat keeps not knowing is dropped')
})
