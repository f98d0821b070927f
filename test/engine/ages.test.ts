import t from 'tap'
import { createAges } from '../../src/engine/ages.ts'
import { at, HOUR, MINUTE, newOrder, SECOND, T0 } from './helpers.ts'

const WEEK = 7 * 24 * HOUR

t.test(
  'a prepay id is handed out until five minutes before it expires, and never if a fast clock recorded it',
  async (t) => {
    const { isPayable } = createAges(
      () => T0,
      () => at(WEEK),
    )
    for (const [left, expected] of [
      [5 * MINUTE, false],
      [5 * MINUTE + 1, true],
      [2 * HOUR, true],
      [2 * HOUR + 90 * SECOND, true],
      [2 * HOUR + 5 * MINUTE + 1, false],
      [3 * HOUR, false],
    ] as const) {
      const order = newOrder({ state: 'prepaid', prepayId: 'wx1', prepayExpiresAt: at(left) })
      t.equal(isPayable(order), expected, `${left} ms left`)
    }
    for (const [left, expected] of [
      [MINUTE, false],
      [MINUTE + 1, true],
      [5 * MINUTE, true],
      [5 * MINUTE + 6 * MINUTE, false],
    ] as const) {
      const payable = { state: 'prepaid', prepayExpiresAt: at(left), payUrl: 'https://wx.tenpay.com/x' } as const
      t.equal(isPayable(newOrder({ ...payable, tradeType: 'H5' })), expected, `${left} ms of a page are left`)
      t.equal(isPayable(newOrder({ ...payable, tradeType: 'NATIVE' })), left > 5 * MINUTE, `${left} ms of a QR code`)
    }
    for (const part of [
      {},
      { prepayId: 'wx1' },
      { state: 'closing', prepayId: 'wx1', prepayExpiresAt: at(HOUR) },
    ] as const) {
      t.notOk(isPayable(newOrder({ state: 'prepaid', ...part })))
    }
  },
)

t.test("an order's age is measured by WeChat's clock, not by ours", async (t) => {
  for (const ours of [-WEEK, -HOUR, 0, HOUR, WEEK]) {
    for (const [wechat, ...expected] of [
      [0, true, false, false],
      [30 * SECOND - 1, true, false, false],
      [30 * SECOND, false, false, false],
      [2 * HOUR - MINUTE, false, false, false],
      [2 * HOUR - MINUTE + 1, false, true, false],
      [2 * HOUR, false, true, true],
      // Recorded by a clock that was ahead.
      [-5 * MINUTE + 1, true, false, false],
      [-5 * MINUTE, false, false, false],
    ] as const) {
      const { isBeingMade, isEnding, isExpired } = createAges(
        () => at(ours),
        () => at(wechat),
      )
      const order = newOrder({ state: 'created' })
      t.same([isBeingMade(order), isEnding(order), isExpired(order)], expected, `${wechat} ms old`)
    }
  }
})
