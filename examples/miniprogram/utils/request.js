/** wx.request as a promise that rejects unless the answer is a success: with `message`, `code` and `statusCode`. */
module.exports = (url, { method = 'GET', data, header = {}, timeout = 30000 } = {}) =>
  new Promise((resolve, reject) => {
    wx.request({
      url,
      method,
      data,
      header,
      timeout,
      success: ({ statusCode, data }) => {
        if (statusCode < 400) return resolve(data)
        const { message = `HTTP ${statusCode}`, code = '' } = data || {}
        reject(Object.assign(new Error(message), { statusCode, code }))
      },
      fail: ({ errMsg }) => reject(Object.assign(new Error(errMsg), { code: 'NETWORK' })),
    })
  })

/** Whether the same call may succeed in a moment: the network, the shop or WeChat is to blame, and not what was asked. */
module.exports.isPassing = ({ code, statusCode }) => code === 'NETWORK' || statusCode === 429 || statusCode >= 500
