const api = require('../../utils/api')
const { yuan } = require('../../utils/format')
const pay = require('../../utils/pay')
const { isPassing } = require('../../utils/request')
const words = require('../../utils/words')

const TONES = { shipped: 'good', paid: 'good', refunded: 'off', closed: 'off', failed: 'off' }

/** What the order's page says, by what the shop knows: the refund first, then the delivery, then the state of the order. */
function stateOf({ state, isShipped, refund }) {
  if (refund === 'success') return 'refunded'
  if (refund !== null) return 'refunding'
  return isShipped ? 'shipped' : state
}

Page({
  data: { words: {}, order: {}, stateText: '', tone: 'wait', price: '', source: '', hint: '', busy: false },

  onLoad({ no }) {
    this.setData({ words: words() })
    this.no = no
    this.isOpen = true
    this.watch()
  },

  onUnload() {
    this.isOpen = false
  },

  /** The shop answers when something has changed: a notification of WeChat's shows here as it comes. */
  async watch() {
    let seen
    while (this.isOpen) {
      try {
        const order = await api.watch(this.no, seen)
        seen = order.version
        if (this.isOpen) this.show(order)
      } catch (error) {
        if (error.statusCode === 404) {
          this.setData({ stateText: error.message })
          return
        }
        // The shop is restarting, or the phone is in a lift.
        await new Promise((resolve) => setTimeout(resolve, 2000))
      }
    }
  },

  show(order) {
    const { words } = this.data
    const state = stateOf(order)
    const canPay = order.state === 'prepaid'
    this.setData({
      order,
      stateText: words[state],
      tone: TONES[state] || 'wait',
      price: yuan(order.totalFee),
      source: order.source === null ? '' : words[order.source],
      canPay,
      canRefund: order.state === 'paid' && order.refund === null,
      ...(!canPay && { hint: '' }),
    })
  },

  /** Does one thing at a time, and says why it failed. */
  async act(work) {
    if (this.data.busy) return
    this.setData({ busy: true })
    try {
      await work()
    } catch (error) {
      wx.showToast({ title: isPassing(error) ? this.data.words.busy : error.message, icon: 'none', duration: 4000 })
    } finally {
      this.setData({ busy: false })
    }
  },

  pay() {
    return this.act(async () => {
      const { item, cart } = (wx.getStorageSync('orders') || []).find(({ outTradeNo }) => outTradeNo === this.no)
      // The same cart: the same order, signed anew.
      const { outTradeNo, ...params } = await api.order(item, cart)
      const { told } = await pay(outTradeNo, params)
      this.setData({ hint: told === 'ok' ? this.data.words.waiting : this.data.words.cancelled })
    })
  },

  cancel() {
    return this.act(async () => {
      await api.cancel(this.no)
    })
  },

  refund() {
    return this.act(async () => {
      await api.refund(this.no)
    })
  },

  back() {
    wx.navigateBack()
  },
})
