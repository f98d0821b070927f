const api = require('./api')
const wechat = require('./wechat')

const WAITS = [0, 1000, 2000, 3000, 5000]
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Opens the cashier for an order, and resolves with what the shop then knows of it. Neither outcome of wx.requestPayment is final: after "ok"
 * WeChat's books may need a moment, and after "cancel" the payer may have paid all the same, or on another phone. So the shop is asked, until the
 * order is paid or a few seconds are over; its page goes on watching.
 */
module.exports = async (outTradeNo, params) => {
  let told = 'ok'
  try {
    await wechat.pay(outTradeNo, params)
  } catch (error) {
    told = /cancel/.test(error.errMsg) ? 'cancel' : error.errMsg || error.message
  }
  let order
  // After a cancel it is enough to ask once.
  for (const wait of told === 'ok' ? WAITS : [0]) {
    await sleep(wait)
    order = await api.ask(outTradeNo)
    if (order.paid) break
  }
  return { told, order }
}
