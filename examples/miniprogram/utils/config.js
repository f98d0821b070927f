// Where the shop is. In the console of WeChat's developer tools: wx.setStorageSync('baseUrl', 'https://shop.example.com')
exports.baseUrl = () => wx.getStorageSync('baseUrl') || 'http://127.0.0.1:3000'

// Only while developing, in WeChat's developer tools: the mock that stands for WeChat, such as 'http://127.0.0.1:8090'. Never in a release.
exports.mockUrl = () => wx.getStorageSync('mockUrl') || ''
