const auth = require('./auth')
const { baseUrl } = require('./config')
const request = require('./request')

/** A call to the shop as its user. A token that has expired is replaced once. */
async function call(path, options = {}, isAgain = false) {
  const token = await auth.token()
  try {
    return await request(baseUrl() + path, { ...options, header: { Authorization: `Bearer ${token}` } })
  } catch (error) {
    if (error.statusCode !== 401 || isAgain) throw error
    auth.forget(token)
    return await call(path, options, true)
  }
}

exports.products = () => request(`${baseUrl()}/shop/products`)
/** `{ outTradeNo, timeStamp, nonceStr, package, signType, paySign }`: the shop looks up what the item costs. */
exports.order = (item, cart) => call('/wechat/orders', { method: 'POST', data: { item, cart } })
/** Asks the shop, and the shop asks WeChat if no notification has come. */
exports.ask = (outTradeNo) => call(`/wechat/orders/${outTradeNo}`)
exports.cancel = (outTradeNo) => call(`/wechat/orders/${outTradeNo}/cancel`, { method: 'POST' })
/** What the shop knows of the order: at once, or with `seen` as soon as it differs, after 20 s at the latest. */
exports.watch = (outTradeNo, seen) => call(`/shop/orders/${outTradeNo}`, { data: seen === undefined ? {} : { seen } })
exports.refund = (outTradeNo) => call(`/shop/orders/${outTradeNo}/refund`, { method: 'POST' })
