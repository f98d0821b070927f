import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { testUnless } from '../fixtures.ts'
import type { Shown, Wanted } from './simulate.ts'

// The mini program's order page in WeChat's own simulator (miniprogram-simulate), with both of its compilers: what the browser's renderer shows in
// shop-browser.test.ts must not be its own invention. The simulator brings compiled programs, so it is no dependency: .ci/run installs simulator/package.json in a folder of its own.

const folder = process.env.MINIPROGRAM_SIMULATE
const test = testUnless(
  folder === undefined
    ? 'SKIPPED: miniprogram-simulate is not installed; MINIPROGRAM_SIMULATE names its folder'
    : undefined,
  t,
)

const ORDER = { outTradeNo: 'n1', description: 'tea', totalFee: 1250, refund: null, source: null, isShipped: false }
const PAID = { ...ORDER, state: 'paid', source: 'notify', transactionId: '42' }
const PATHS = {
  pay: 'POST /wechat/orders',
  cancel: 'POST /wechat/orders/n1/cancel',
  refund: 'POST /shop/orders/n1/refund',
}

const STATES: [order: object, states: [english: string, chinese: string], buttons: (keyof typeof PATHS)[]][] = [
  [{ ...ORDER, state: 'prepaid' }, ['To be paid', '待支付'], ['pay', 'cancel']],
  [{ ...ORDER, state: 'closing' }, ['Being cancelled', '取消中'], []],
  [{ ...ORDER, state: 'closed' }, ['Cancelled', '已取消'], []],
  [PAID, ['Paid', '已支付'], ['refund']],
  [{ ...PAID, isShipped: true }, ['Paid, tea is on its way', '已支付，已发货'], ['refund']],
  [{ ...PAID, refund: 'processing' }, ['Refund under way', '退款中'], []],
  [{ ...PAID, refund: 'success' }, ['Refunded', '已退款'], []],
]
const BUTTONS = {
  en: {
    pay: 'Pay ¥12.50',
    cancel: 'Cancel the order',
    refund: 'Refund ¥12.50',
    back: 'Back to the shop',
    notify: 'WeChat’s notification',
  },
  zh_CN: {
    pay: '去支付 ¥12.50',
    cancel: '取消订单',
    refund: '申请退款 ¥12.50',
    back: '返回店铺',
    notify: '微信支付通知',
  },
}

test('every state of an order, in both languages, from both compilers', async (t) => {
  const cases = (['official', 'simulate'] as const).flatMap((compiler) =>
    (['en', 'zh_CN'] as const).flatMap((language, n) =>
      STATES.map(([order, states, buttons]) => ({ wanted: { compiler, language, order }, state: states[n]!, buttons })),
    ),
  )
  const script = fileURLToPath(new URL('simulate.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, script, folder!], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill())
  child.stdin.end(JSON.stringify(cases.map(({ wanted }): Wanted => wanted)))
  const [shown] = await Promise.all([json(child.stdout) as Promise<Shown[]>, once(child, 'exit')])
  t.equal(shown.length, cases.length)
  for (const [n, { wanted, state, buttons }] of cases.entries()) {
    const its = BUTTONS[wanted.language]
    const { text, tapped } = shown[n]!
    const lines = text.split('\n')
    t.strictSame(lines.slice(0, 3), [state, '¥12.50', 'tea'], `${wanted.compiler}, ${wanted.language}: ${state}`)
    t.strictSame(lines.slice(-1 - buttons.length), [...buttons.map((name) => its[name]), its.back])
    t.equal(lines.includes(its.notify), 'transactionId' in wanted.order)
    t.strictSame(tapped, [...buttons.map((name) => PATHS[name]), 'back'])
  }
})
