import type { Test } from 'tap'
import type { WechatPayOptions } from '../../src/index.ts'
import { both } from '../helpers.ts'
import type { Merchant, merchant } from '../helpers.ts'
import { NASTY, NO_ANSWERS } from '../nonsense.ts'
import { size } from '../sizes.ts'

// Hooks are user code: they may throw anything and return anything. The engine handles all of it and reports it at
// bounded length.

type Options = Partial<WechatPayOptions<any>>

/** A shop whose hook does one thing after another, with a check for each. Everything it logs is short. */
async function doing(
  t: Test,
  open: typeof merchant,
  things: Record<string, () => unknown>,
  options: (hook: () => any) => Options,
  run: (t: Test, shop: Merchant, name: string) => Promise<void>,
): Promise<void> {
  let does: () => unknown = () => undefined
  const shop = await open(t, { options: options(() => does()) })
  // The hooks do not know which API is spoken: for the other one samples are enough.
  const every = t.name.startsWith('v3') ? size(4, 1) : 1
  for (const [name, thing] of Object.entries(things).filter((_, n) => n % every === 0)) {
    await t.test(name, async (t) => {
      does = thing
      shop.logs.length = 0
      await run(t, shop, name)
      t.ok(JSON.stringify(shop.logs).length < 60_000, 'the log is short')
    })
  }
}

const throwing = Object.fromEntries(
  Object.entries(NASTY).map(([name, make]) => [
    name,
    () => {
      throw make()
    },
  ]),
)

both('when onPaid throws anything, the run fails and is repeated after a wait', async (t, open) => {
  await doing(
    t,
    open,
    throwing,
    (onPaid) => ({ onPaid }),
    async (t, { app, logs, order, settle, world }, name) => {
      const outTradeNo = await order({ price: { key: name } })
      t.match((await world.pay(outTradeNo)).delivery!, { verdict: 'acked' })
      await settle()
      t.match(await app.wechat.orders.get(outTradeNo), { state: 'paid', fulfilment: 'due', attempts: 1 })
      const { dueAt } = (await app.wechat.orders.get(outTradeNo))!
      t.equal(Number(dueAt) - Number(world.clock.now()), 5000)
      t.match((await app.wechat.orders.history(outTradeNo)).at(-1), { seen: /^fulfil-failed: [^]{1,500}$/ })
      t.equal(logs.filter(({ msg }) => msg === 'onPaid failed; it will be run again').length, 1)
    },
  )
})

both('when onRefunded throws anything, the run fails and is repeated after a wait', async (t, open) => {
  await doing(
    t,
    open,
    throwing,
    (onRefunded) => ({ onRefunded }),
    async (t, { app, logs, order, settle, world }, name) => {
      const outTradeNo = await order({ price: { key: name } })
      await world.pay(outTradeNo)
      const { outRefundNo } = await app.wechat.refunds.create(outTradeNo, { key: 'return', refundFee: 1 })
      await world.settleRefund(outRefundNo, 'SUCCESS')
      await settle()
      t.match(await app.wechat.refunds.get(outTradeNo, outRefundNo), {
        state: 'success',
        fulfilment: 'due',
        attempts: 1,
      })
      t.equal(logs.filter(({ msg }) => msg === 'onRefunded failed; it will be run again').length, 1)
    },
  )
})

both('when onAnomaly throws anything, the error is logged and the finding stays', async (t, open) => {
  await doing(
    t,
    open,
    throwing,
    (onAnomaly) => ({ onAnomaly }),
    async (t, { app, logs, order, settle, world }, name) => {
      const outTradeNo = await order({ price: { key: name } })
      await world.pay(outTradeNo, { openid: 'oMallory' })
      await settle()
      t.ok((await app.wechat.anomalies.list()).some((anomaly) => anomaly.outTradeNo === outTradeNo))
      t.equal(logs.filter(({ msg }) => msg === 'onAnomaly failed').length, 1)
    },
  )
})

/** Checks that an answer is a failure of ours, described at bounded length. */
function failed(t: Test, { status, body }: { status: number; body: any }, code?: string): void {
  t.ok(status >= 400 && status <= 599, `HTTP ${status}`)
  t.ok(JSON.stringify(body).length < 8000, 'the answer is short')
  if (code !== undefined) t.match(body, { code })
}

const login = async ({ post, world }: Merchant) => await post('/wechat/login', { code: world.loginCode().code })
const order = async ({ post }: Merchant, headers: Record<string, string>) => await post('/wechat/orders', {}, headers)
/** The hooks that come in pairs. */
const authenticate = () => ({ openid: 'oAlice' })
const issueToken = () => ({ token: 'mine' })

const REQUESTS: Record<
  string,
  {
    options: (hook: () => any) => Options
    send: (shop: Merchant) => Promise<{ status: number; body: any }>
    /** What the error calls its nonsense. */
    code: string
  }
> = {
  price: {
    options: (price) => ({ price, authenticate, issueToken }),
    send: async (shop) => await order(shop, {}),
    code: 'WECHAT_PRICE_INVALID',
  },
  authenticate: {
    options: (authenticate) => ({ authenticate, issueToken }),
    send: async (shop) => await order(shop, {}),
    code: 'WECHAT_HOOK_INVALID',
  },
  issueToken: {
    options: (issueToken) => ({ issueToken, authenticate }),
    send: login,
    code: 'WECHAT_HOOK_INVALID',
  },
}

for (const [hook, { options, send, code }] of Object.entries(REQUESTS)) {
  both(`when ${hook} throws anything, the request fails`, async (t, open) => {
    await doing(t, open, throwing, options, async (t, shop) => {
      failed(t, await send(shop))
      t.strictSame(shop.world.orders(), [])
    })
  })

  both(`when ${hook} returns nonsense, the request fails and the error names the hook`, async (t, open) => {
    await doing(t, open, NO_ANSWERS, options, async (t, shop, name) => {
      const answer = await send(shop)
      const nobody = hook === 'authenticate' && /^nothing|^null|of nothing$/.test(name)
      // Awaiting these throws.
      const throws = ['a proxy that throws', 'a revoked proxy', 'a thenable that throws'].includes(name)
      failed(t, answer, throws ? undefined : nobody ? 'WECHAT_UNAUTHENTICATED' : code)
      if (!throws && !nobody) t.match(answer.body.message, `The hook ${hook} returned an invalid value`)
      t.strictSame(shop.world.orders(), [])
    })
  })
}

both('when onLogin throws anything, the login fails', async (t, open) => {
  await doing(
    t,
    open,
    throwing,
    (onLogin) => ({ onLogin }),
    async (t, shop) => {
      failed(t, await login(shop))
    },
  )
})

both('the return values of observing hooks are ignored', async (t, open) => {
  const harmless = Object.fromEntries(
    Object.entries(NO_ANSWERS).filter(([name]) => !/proxy|thenable that throws/.test(name)),
  )
  await doing(
    t,
    open,
    harmless,
    (hook) => ({ onLogin: hook, onAnomaly: hook, onPaid: hook }),
    async (t, shop, name) => {
      t.match(await login(shop), { status: 200, body: { token: /./ } })
      const outTradeNo = await shop.order({ price: { key: name } })
      await shop.world.pay(outTradeNo)
      await shop.settle()
      t.match(await shop.app.wechat.orders.get(outTradeNo), { state: 'paid', fulfilment: 'done' })
    },
  )
})
