const { baseUrl } = require('./config')
const request = require('./request')
const wechat = require('./wechat')

const KEY = 'token'
let login

async function newToken() {
  const { token } = await request(`${baseUrl()}/wechat/login`, { method: 'POST', data: { code: await wechat.code() } })
  wx.setStorageSync(KEY, token)
  return token
}

/** The shop's token of this user. However many calls need one at once, there is one login: a code is good for one. */
exports.token = async () => {
  const stored = wx.getStorageSync(KEY)
  if (stored !== '') return stored
  login = login || newToken().finally(() => (login = undefined))
  return await login
}

/** Forgets a token that the shop has refused, and no newer one. */
exports.forget = (token) => {
  if (wx.getStorageSync(KEY) === token) wx.removeStorageSync(KEY)
}
