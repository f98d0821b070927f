const api = require('../../utils/api')
const { yuan } = require('../../utils/format')
const pay = require('../../utils/pay')
const { isPassing } = require('../../utils/request')
const words = require('../../utils/words')

Page({
  data: { words: {}, products: [], orders: [], busy: false, error: '' },

  onLoad() {
    this.setData({ words: words() })
    this.load()
  },

  onShow() {
    this.setData({ orders: wx.getStorageSync('orders') || [] })
  },

  async load() {
    try {
      const { language } = wx.getAppBaseInfo()
      const products = await api.products()
      this.setData({
        products: products.map(({ item, zh, en, totalFee }) => ({
          item,
          name: /^zh/.test(language) ? zh : en,
          price: yuan(totalFee),
        })),
      })
    } catch (error) {
      this.setData({ error: error.message })
    }
  },

  async buy(event) {
    const { item } = event.currentTarget.dataset
    if (this.data.busy) return
    this.setData({ busy: true, error: '' })
    try {
      // A cart is ordered once, however often it is sent: after a lost answer the same cart gives the same order.
      const cart = wx.getStorageSync(`cart:${item}`) || String(Date.now())
      wx.setStorageSync(`cart:${item}`, cart)
      const { outTradeNo, ...params } = await api.order(item, cart)
      wx.removeStorageSync(`cart:${item}`)
      const { name, price } = this.data.products.find((product) => product.item === item)
      const orders = [{ outTradeNo, item, cart, name, price }, ...this.data.orders].slice(0, 5)
      wx.setStorageSync('orders', orders)
      this.setData({ orders })
      await pay(outTradeNo, params)
      wx.navigateTo({ url: `/pages/order/order?no=${outTradeNo}` })
    } catch (error) {
      wx.showToast({ title: isPassing(error) ? this.data.words.busy : error.message, icon: 'none', duration: 4000 })
    } finally {
      this.setData({ busy: false })
    }
  },

  open(event) {
    wx.navigateTo({ url: `/pages/order/order?no=${event.currentTarget.dataset.no}` })
  },
})
