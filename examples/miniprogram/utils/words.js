const WORDS = {
  buy: ['Buy', '购买'],
  orders: ['Your orders', '我的订单'],
  noOrders: ['Nothing yet. What costs what is the server’s word.', '还没有订单。价格由服务器决定。'],
  pay: ['Pay', '去支付'],
  cancel: ['Cancel the order', '取消订单'],
  refund: ['Refund', '申请退款'],
  back: ['Back to the shop', '返回店铺'],
  number: ['Order', '订单号'],
  transaction: ['WeChat’s number', '微信支付单号'],
  source: ['The shop knows it from', '店铺得知自'],
  notify: ['WeChat’s notification', '微信支付通知'],
  query: ['asking WeChat', '主动查单'],
  close: ['asking WeChat', '主动查单'],
  created: ['Ordering', '下单中'],
  unknown: ['Ordering', '下单中'],
  prepaid: ['To be paid', '待支付'],
  closing: ['Being cancelled', '取消中'],
  paid: ['Paid', '已支付'],
  shipped: ['Paid, tea is on its way', '已支付，已发货'],
  closed: ['Cancelled', '已取消'],
  failed: ['Not possible', '下单失败'],
  refunding: ['Refund under way', '退款中'],
  refunded: ['Refunded', '已退款'],
  cancelled: ['Not paid. You can still pay.', '未支付，可继续支付'],
  busy: ['Please try again in a moment.', '请稍后再试'],
  waiting: ['The shop waits for WeChat’s word.', '等待微信支付确认'],
}

/** Every word in the user's language. */
module.exports = () => {
  const n = /^zh/.test(wx.getAppBaseInfo().language) ? 1 : 0
  const words = {}
  for (const key of Object.keys(WORDS)) words[key] = WORDS[key][n]
  return words
}
