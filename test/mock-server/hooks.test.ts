import t from 'tap'
import { signV2 } from '../../mock-server/sign-v2.ts'
import type { NotifyDraft, World } from '../../mock-server/index.ts'
import { readXml } from '../../mock-server/wire.ts'
import { placeOrder, REFUSAL, startMock, startShop } from './helpers.ts'

const isSigned = ({ credentials }: World, xml: string) => {
  const fields = readXml(xml)
  return fields.get('sign') === signV2(fields, credentials.apiKey, 'MD5')
}

async function setup(t: Parameters<typeof startMock>[0]) {
  const { default: world } = await startMock(t)
  const shop = await startShop(t, () => REFUSAL)
  await placeOrder(world, shop.notifyUrl)
  /** Pays, and retries once: what the merchant got both times. */
  async function sent(hook: (draft: NotifyDraft) => void) {
    world.once('beforeNotify', hook)
    await world.pay('tea-0001')
    await world.advance('15s')
    return shop.received
  }
  return { world, shop, sent }
}

t.test('a changed field is signed again; the next send is the real one', async (t) => {
  const { world, sent } = await setup(t)
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

t.test('one that met no notification is left over, until a reset', async (t) => {
  const { world, sent } = await setup(t)
  await sent(() => {})
  world.assertDrained()
  const name = world.snapshot()
  for (const clear of [() => world.reset('faults'), () => world.restore(name)]) {
    world.once('beforeNotify', () => {})
    t.throws(() => world.assertDrained(), {
      code: 'NOT_DRAINED',
      message: 'left over: 1 of the hooks beforeNotify met no notification',
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
    const { world, sent } = await setup(t)
    t.notOk(isSigned(world, (await sent(hook))[0]!.body), String(hook))
  }
})

t.test('a hook that throws, or makes what cannot be sent, costs one send, not the rest', async (t) => {
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
    const { world, shop, sent } = await setup(t)
    await sent(hook)
    t.match(world.deliveries(), [
      { attempt: 0, verdict: 'connection_refused', reason, request: { body: /^<xml>/ } },
      { attempt: 1, verdict: 'fail_xml' },
    ])
    t.equal(shop.received.length, 1)
  }
})

t.test('nor does it end a world on the real clock', async (t) => {
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

t.test('a body of its own, another address, nothing at all', async (t) => {
  const { sent } = await setup(t)
  t.equal(
    (
      await sent((draft) => {
        draft.body = 'nonsense'
      })
    )[0]!.body,
    'nonsense',
  )

  const other = await startShop(t, () => REFUSAL)
  const elsewhere = await setup(t)
  await elsewhere.sent((draft) => {
    draft.url = other.notifyUrl
  })
  t.equal(other.received.length, 1)
  t.equal(elsewhere.shop.received.length, 1)

  const untouched = await setup(t)
  const [first, second] = await untouched.sent(() => {})
  t.equal(first!.body, second!.body)
})
