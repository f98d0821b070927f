/** What is wrong with a signature, and why the emulated WeChat refused a call. A pattern stands before those that match more. */
export const SIGNATURES: Readonly<Record<string, string>> = {
  // API v2
  'empty values were signed too': '空值也参与了签名',
  'the fields were signed in the order of the message instead of sorted by name':
    '字段按报文中的顺序签名，没有按名称排序',
  '{field} was not signed, but sent': '{field} 已发送，但没有参与签名',
  'the values were URL-encoded before they were signed': '签名前对值做了 URL 编码',
  'the values were escaped for XML before they were signed': '签名前对值做了 XML 转义',
  'the values were trimmed before they were signed': '签名前去掉了值首尾的空白',
  'the API key was not appended': '没有在末尾拼接 API 密钥',
  'the AppSecret was used instead of the API key': '使用了 AppSecret，而不是 API 密钥',
  'the text was signed in GBK instead of UTF-8': '签名原文使用了 GBK 编码，而不是 UTF-8',
  'the text was signed in ISO-8859-1 instead of UTF-8': '签名原文使用了 ISO-8859-1 编码，而不是 UTF-8',
  'each character was truncated to one byte (latin1, binary) instead of encoded in UTF-8':
    '每个字符被截断为一个字节（latin1、binary），没有编码为 UTF-8',
  'it is {made} instead of {type}': '使用了 {made}，而不是 {type}',
  'it is not in upper case': '没有转换为大写',
  'sign is not the upper-case {type} of {text}&key=<apiKey>: {mistake}; first difference at {field}: nothing here, {theirs} there':
    '{mistake}；第一处不同在 {field}（应为：无；实际为：{theirs}）；sign 不是 {text}&key=<apiKey> 的大写 {type}',
  'sign is not the upper-case {type} of {text}&key=<apiKey>: {mistake}; first difference at {field}: {ours} here, nothing there':
    '{mistake}；第一处不同在 {field}（应为：{ours}；实际为：无）；sign 不是 {text}&key=<apiKey> 的大写 {type}',
  'sign is not the upper-case {type} of {text}&key=<apiKey>: {mistake}; first difference at {field}: {ours} here, {theirs} there':
    '{mistake}；第一处不同在 {field}（应为：{ours}；实际为：{theirs}）；sign 不是 {text}&key=<apiKey> 的大写 {type}',
  'sign is not the upper-case {type} of {text}&key=<apiKey>; was another key used, or were the values changed after signing?':
    '是否使用了其他密钥，或签名后修改了字段？sign 不是 {text}&key=<apiKey> 的大写 {type}',
  'sign is not the upper-case {type} of {text}&key=<apiKey>: {mistake}':
    '{mistake}；sign 不是 {text}&key=<apiKey> 的大写 {type}',

  // API v3
  'the query was not signed': '查询参数没有参与签名',
  'the URL was signed decoded instead of as on the wire': '签名用的是解码后的 URL，而不是实际发送的 URL',
  'the body was not signed': '请求体没有参与签名',
  'the body was signed without white space, but sent with it': '签名用的请求体没有空白，发送的请求体有空白',
  'the body was signed with white space, but sent without it': '签名用的请求体有空白，发送的请求体没有空白',
  'the method was not signed in upper case': '签名时请求方法没有大写',
  'the timestamp was signed in milliseconds': '签名用的时间戳以毫秒为单位',
  'the last line has no line feed': '最后一行缺少换行符',
  'the two characters \\n were signed instead of line feeds': '签名用的是 \\n 两个字符，而不是换行符',
  'the lines end with CR LF instead of LF': '换行使用了 CR LF，而不是 LF',
  'it was signed with the key of certificate {serial}': '使用了证书 {serial} 的密钥签名',

  // Why a call was refused
  'missing: {names}': '缺少：{names}',
  'signed with {type}, but this merchant is bound to {bound}': '使用了 {type} 签名，但此商户限定为 {bound}',
  '{name} has {n} bytes, at most {most} are allowed': '{name} 有 {n} 字节，最多允许 {most} 字节',
  'refund_fee {refund} is more than total_fee {total}': 'refund_fee {refund} 大于 total_fee {total}',
  "time_expire is {time}, the world's time is {now} (both GMT+8)":
    'time_expire 为 {time}，环境的时间为 {now}（均为 GMT+8）',
  'the merchant is not a service provider': '该商户不是服务商',
  'sub_mch_id is {mchId}, the provider acts for {known}': 'sub_mch_id 为 {mchId}，该服务商的特约商户为 {known}',
  'sub_mchid is {mchId}, the provider acts for {known}': 'sub_mchid 为 {mchId}，该服务商的特约商户为 {known}',
  'sub_appid is {appid}, bound to {mchId}: {appids}': 'sub_appid 为 {appid}，与 {mchId} 绑定的是：{appids}',
  'signed by {mchId}, but mchid is {told}': '签名者为 {mchId}，但 mchid 为 {told}',
  'timestamp {timestamp} is {n} s from {time}; {hint}': 'timestamp {timestamp} 与 {time} 相差 {n} 秒；{hint}',
  'timestamp {timestamp} is {n} s from {time}': 'timestamp {timestamp} 与 {time} 相差 {n} 秒',
  "signatures are dated {time} here, and an application that uses the world's time, {now}, refuses them: set signTime to {option}":
    '此处签名的时间为 {time}，按环境时间 {now} 运行的应用会拒绝：请将 signTime 设为 {option}',
  "signatures are dated {time} here, and an application that uses the machine's time, {now}, refuses them: set signTime to {option}":
    '此处签名的时间为 {time}，按本机时间 {now} 运行的应用会拒绝：请将 signTime 设为 {option}',
  "serial_no is {serial}, the merchant's is {own}": 'serial_no 为 {serial}，商户证书的为 {own}',
  'there is no merchant {mchId}': '没有商户 {mchId}',
  'Authorization: missing': '没有 Authorization',
  'Authorization: scheme': 'Authorization 的认证类型不正确',
  'Authorization: form': 'Authorization 的格式不正确',
  '{date} is not over': '{date} 尚未结束',
  'the token belongs to another merchant': 'token 属于其他商户',
  'the download_url is older than five minutes': 'download_url 已超过五分钟',
  'the {place} is not a JSON object': '{place} 不是 JSON 对象',
  'Wechatpay-Serial is {serial}': 'Wechatpay-Serial 为 {serial}',
  '{name} is not encrypted for {serial} (RSA-OAEP with SHA-1)': '{name} 没有用 {serial} 加密（RSA-OAEP，SHA-1）',
  'detail has more than {n} bytes': 'detail 超过 {n} 字节',
  'openid is {openid}': 'openid 为 {openid}',
  '{field} is "{value}"': '{field} 为 "{value}"',
  'not carried out': '未执行',
  'no client certificate, so no connection': '没有客户端证书，不建立连接',
  "{call} is not emulated: its path contains //; remove the slash at the end of the base URL; WeChat's paths here: {paths}; control: {url}":
    '{call} 不存在：路径中有 //，请去掉接口地址末尾的斜杠；可用的微信接口：{paths}；控制接口：{url}',
  "{call} is not emulated; WeChat's paths here: {paths}; control: {url}":
    '{call} 不存在；可用的微信接口：{paths}；控制接口：{url}',

  // Why a text is not a message of API v2
  'unknown reference {reference}': '未知的引用 {reference}',
  '<{name}> contains another element; the message must be one flat level': '<{name}> 含有其他元素；报文只能有一层',
  'a document type declaration is not allowed': '不允许 DOCTYPE 声明',
  'there is text between the elements': '元素之间有文字',
  '<{name}> occurs twice': '<{name}> 出现了两次',
  'the root element is <{root}>, not <xml>': '根元素是 <{root}>，而不是 <xml>',
  // The parser's words.
  'Start tag expected.': '缺少起始标签',
  'Extra text at the end': '末尾有多余的文字',
  'Multiple possible root nodes found.': '有多个根元素',
  'Unclosed tag {tag}.': '标签 {tag} 没有结束',
  'Invalid {tags} found.': '标签没有结束：{tags}',
  'Expected closing tag {tag} (opened in {place}) instead of closing tag {other}.':
    '应为结束标签 {tag}（起始于 {place}），而不是 {other}',
  'Closing tag {tag} has not been opened.': '结束标签 {tag} 没有对应的起始标签',
  'char {char} is not expected.': '不应出现字符 {char}',
}
