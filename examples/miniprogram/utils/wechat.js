const { mockUrl } = require('./config')
const request = require('./request')

const control = (path, data) =>
  request(`${mockUrl()}/__mock/v1/worlds/default/${path}`, { method: 'POST', data: data || {} })

/** A login code: WeChat's, or the mock's while developing. */
exports.code = async () => {
  if (mockUrl() === '') return (await wx.login()).code
  const { code, openid } = await control('login-codes', { openid: wx.getStorageSync('openid') || undefined })
  wx.setStorageSync('openid', openid)
  return code
}

/** Opens the cashier with the five values as the server gave them. With the mock, whose cashier is a page, the order is paid at once. */
exports.pay = async (outTradeNo, params) => {
  if (mockUrl() === '') return await wx.requestPayment(params)
  await control('request-payment', params)
  return await control(`orders/${outTradeNo}/pay`)
}
