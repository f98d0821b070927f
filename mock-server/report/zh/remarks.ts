/** The mock's remarks on its pages: what production might refuse, and why an action was refused. */
export const REMARKS: Readonly<Record<string, string>> = {
  'strict: {reason}': '严格模式：{reason}',

  // What production might refuse about a call
  "{url} cannot be reached from WeChat's servers": '微信服务器无法访问 {url}',
  '{url} has a port; no recording shows whether WeChat calls such a URL':
    '{url} 带有端口；没有记录表明微信会不会回调这样的地址',
  '{url} must be https on the public internet (doc/v2/partner/4011984734)':
    '在公网上，{url} 必须使用 https（doc/v2/partner/4011984734）',
  '{nonce} was used before; each request needs its own random one': '{nonce} 已使用过；每个请求都要使用新的随机串',
  '{openid} does not begin with o, unlike every recorded one': '{openid} 不以 o 开头，与所有已知的 openid 不同',
  '{ip} is not the address of a payer on the public internet': '{ip} 不是公网用户的地址',
  'refund {no} of the same order is less than a minute old; two refunds of one order must be a minute apart':
    '同一订单的退款 {no} 发起不到一分钟；同一订单的两次退款须间隔一分钟',
  '{time} is less than five minutes away, which WeChat refuses for older merchants':
    '{time} 距现在不到五分钟，微信会拒绝较早入驻商户的这类请求',
  '{no} is less than five minutes old; the documentation forbids closing it yet (wxa chapter 9_3)':
    '{no} 创建不到五分钟，文档规定此时不能关单（小程序文档 9_3）',
  '{character} has four bytes in UTF-8; WeChat supports characters of one to three':
    '{character} 的 UTF-8 编码为四字节；微信仅支持一至三字节的字符',

  // About an answer
  'the reply has bytes that are not UTF-8': '应答中有不是 UTF-8 的字节',
  'the Content-Type of the reply says {charset}; V2 messages are UTF-8':
    '应答的 Content-Type 声明为 {charset}；API v2 的报文使用 UTF-8',
  'the XML declaration of the reply says {charset}; V2 messages are UTF-8':
    '应答的 XML 声明为 {charset}；API v2 的报文使用 UTF-8',
  'the reply has a comment': '应答中有注释',
  'the reply has a processing instruction, {target}': '应答中有处理指令 {target}',
  'an element of the reply has the attribute {name}': '应答的元素带有属性 {name}',
  'there is white space around SUCCESS in return_code: {text}': 'return_code 中 SUCCESS 的前后有空白：{text}',
  'HTTP {status} acknowledges whatever the body says, and it says {body}; answer 4xx or 5xx to refuse':
    'HTTP {status} 即表示成功，与响应体无关，而响应体是 {body}；拒绝时应返回 4xx 或 5xx',

  // Why an action was refused
  'order {no} cannot be paid: {said}': '订单 {no} 不能支付：{said}',
  'order {no} cannot be refunded: {said}': '订单 {no} 不能退款：{said}',
  'order {no} cannot expire: it is {state}': '订单 {no} 不能过期：状态为 {state}',
  'refund {no} cannot become {status}: it is already {state}': '退款 {no} 不能变为 {status}：状态已是 {state}',
  'world {world} has no order {no}': '环境 {world} 没有订单 {no}',
  'world {world} has no notification {no}; that of a payment is created when the order {same} is paid':
    '环境 {world} 没有通知 {no}；订单 {same} 支付后才有支付通知',
  'world {world} has no delivery {id}; it remembers the newest ones only':
    '环境 {world} 没有通知记录 {id}；仅保留最新的记录',
  'world {world} has no gate {name}': '环境 {world} 没有闸门 {name}',
  'world {world} has no app {appid}; it has {appids}': '环境 {world} 没有应用 {appid}，只有 {appids}',
  'the journal of world {world} no longer holds entry {id}': '环境 {world} 的日志中已没有记录 {id}',
  'a run of world {world} is still going; wait until it ends': '环境 {world} 的体检正在进行，请等待结束',
  'there is already a world with the id {id}, the appid {appid} or the mchId {mchId}':
    '已有环境使用 id {id}、appid {appid} 或 mchId {mchId}',
  'there is no case {id}': '没有测试项 {id}',
  'the pages have no action {name}': '页面没有操作 {name}',
  '{field}: must be an absolute http(s) URL; got {url}': '{field}：必须是完整的 http(s) URL；实际为 {url}',
  '{field}: is missing: the suite {suite} attacks it': '{field}：未填写；测试集 {suite} 需要它',
  '{field}: no case of {suite} is called {name}; see: wechat-mock card list':
    '{field}：{suite} 中没有 {name}；可用 wechat-mock card list 查看',
  '{field}: must be whole milliseconds, at most {most}': '{field}：必须是整数毫秒，最多 {most}',
}
