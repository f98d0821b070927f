/** The mock's remarks on its pages: what production might refuse about a call or an answer, and what is due. */
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
  'an order for a mobile browser has JSON with h5_info and its type here, such as {"h5_info":{"type":"Wap","wap_url":"https://…","wap_name":"…"}} (H5 chapter 9_20)':
    '手机浏览器订单的此字段是 JSON，其中 h5_info 有 type，例如 {"h5_info":{"type":"Wap","wap_url":"https://…","wap_name":"…"}}（H5 支付文档 9_20）',
  'the root element is <{root}> instead of the documented <xml>; no refusal of another one is on record':
    '根元素是 <{root}>，文档规定为 <xml>；没有记录表明微信会拒绝其他根元素',
  'refund {no} of the same order is less than a minute old; two refunds of one order must be a minute apart':
    '同一订单的退款 {no} 发起不到一分钟；同一订单的两次退款须间隔一分钟',
  '{time} is less than five minutes away, which WeChat refuses for older merchants':
    '{time} 距现在不到五分钟，微信会拒绝较早入驻商户的这类请求',
  '{no} is less than five minutes old; the documentation forbids closing it yet (wxa chapter 9_3)':
    '{no} 创建不到五分钟，文档规定此时不能关单（小程序文档 9_3）',
  '{character} has four bytes in UTF-8; WeChat supports characters of one to three':
    '{character} 的 UTF-8 编码为四字节；微信仅支持一至三字节的字符',

  // About an answer
  'the reply says Content-Encoding: {coding} but is plain text; a client that trusts the header cannot read it':
    '应答声明了 Content-Encoding: {coding}，实际却是明文；按声明解码的客户端无法读取',
  'the reply has bytes that are not UTF-8': '应答中有不是 UTF-8 的字节',
  'the Content-Type of the reply says {charset}; V2 messages are UTF-8':
    '应答的 Content-Type 声明为 {charset}；API v2 的报文使用 UTF-8',
  'the XML declaration of the reply says {charset}; V2 messages are UTF-8':
    '应答的 XML 声明为 {charset}；API v2 的报文使用 UTF-8',
  'the reply has a comment': '应答中有注释',
  'the reply has a processing instruction, <?{target}': '应答中有处理指令 <?{target}',
  'an element of the reply has the attribute {name}': '应答的元素带有属性 {name}',
  'there is white space around SUCCESS in return_code: {text}': 'return_code 中 SUCCESS 的前后有空白：{text}',
  'HTTP {status} acknowledges whatever the body says, and it says {body}; answer 4xx or 5xx to refuse':
    'HTTP {status} 即表示成功，与响应体无关，而响应体是 {body}；拒绝时应返回 4xx 或 5xx',

  // What is due or under way
  'notify {id} attempt {n}': '通知 {id}（第 {n} 次）',
  'order {no} is paid': '订单 {no} 自动支付',
  'refund {no} succeeds': '退款 {no} 成功',
}
