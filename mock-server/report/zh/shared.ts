/** Both versions of the API: outcomes, repeats, transport, refunds. */
export const SHARED: Readonly<Record<string, string>> = {
  Baseline: '基础',
  'Duplicates and order': '重复与顺序',
  Transport: '传输',
  'Nothing to do.': '无需处理。',
  'Validly signed: {what}': '签名正确：{what}',
  'Other formatting: {what}': '其他写法：{what}',

  // Outcomes
  'the answer is one that WeChat accepts; at level L2, the order is fulfilled once':
    '应答被微信认可；在 L2 级别，订单恰好发货一次',
  'the backend refuses it, or does not answer within 5 s: WeChat retries for a day, then the payment is lost':
    '后端拒绝，或 5 秒内没有应答：微信重试一天后放弃，这笔支付丢失',
  'the backend accepts it but fulfils the order not at all, or more than once': '后端接受通知，但没有发货，或多次发货',
  'the backend refuses it: {why}': '后端拒绝：{why}',
  'the backend accepts it': '后端接受',
  'the backend refuses it': '后端拒绝',
  'the backend fulfils nothing': '后端没有发货',
  'the backend accepts it without fulfilling the order (level L2): it keeps it for manual review':
    '后端接受但不发货（L2 级别）：记录下来等待人工处理',
  'the backend accepts it without fulfilling the order (level L2)': '后端接受但不发货（L2 级别）',
  'the backend refuses it within 5 s (XML with FAIL, HTTP 4xx or 5xx, or a closed connection) and fulfils nothing':
    '后端在 5 秒内拒绝（返回 FAIL 的 XML、HTTP 4xx 或 5xx，或断开连接），且不发货',
  'goods go out, or no answer comes': '已发货，或没有应答',
  'goods go out': '已发货',
  'goods go out again': '再次发货',
  'no answer comes': '没有应答',
  'the backend refuses the genuine notification that follows: the order awaits manual review':
    '后端拒绝随后的真实通知：订单等待人工处理',
  'the backend does not accept the genuine notification that follows': '后端不接受随后的真实通知',
  'within {n} s the backend refuses it or closes the connection, and it fulfils nothing':
    '后端在 {n} 秒内拒绝或断开连接，且不发货',
  'the backend fetches a URL from the message, reveals a file, or does not answer in time':
    '后端访问了报文中的 URL、泄露了文件内容，或未及时应答',
  'the backend dies or hangs: it does not serve the next order within 5 s': '后端崩溃或卡住：5 秒内无法处理下一个订单',
  'accepting and refusing are both sound': '接受或拒绝都可以',
  'the backend answers HTTP 5xx': '后端返回 HTTP 5xx',
  'the backend refuses it: WeChat repeats it, and the order may be known by then':
    '后端拒绝：微信会重发，届时订单可能已经存在',
  'the backend accepts it: sound only if it keeps it for manual review, which this case cannot see':
    '后端接受：只有留待人工处理才算正确，此项无法看到',
  'another order counts as paid, or the answer is HTTP 500 with a page or a stack trace':
    '另一个订单被视为已支付，或返回带网页或调用栈的 HTTP 500',
  'It shows a choice. Neither is wrong.': '仅展示后端的选择，两者都不算错。',

  // Repeats and order
  'The same bytes twice': '相同报文发送两次',
  'The backend acknowledges a repeated notification and changes nothing.': '后端对重复通知应答成功，且不做任何改动。',
  'Lock the order row (or update it where state = unpaid). Fulfil only if the update changed the row. Acknowledge either way.':
    '锁定订单行（或用 where state = unpaid 更新），只有更新成功才发货；无论如何都应答成功。',
  'goods go out exactly once, and the backend accepts the last notification': '恰好发货一次，且后端接受最后一次通知',
  'goods go out twice, or not at all': '发货两次，或没有发货',
  'The same payment, with a new nonce': '同一笔支付，新的随机串',
  'The transaction_id identifies a payment, not the bytes of a message.':
    '标识一笔支付的是 transaction_id，不是报文内容。',
  'Two at once': '两个通知同时到达',
  'Two notifications arrive at the same moment. One fulfils the order; the backend may accept or refuse the other.':
    '两个通知同时到达，只有一个触发发货；另一个可以接受，也可以拒绝。',
  'the backend answers several with HTTP 5xx: WeChat repeats those': '后端对其中几个返回 HTTP 5xx：微信会重发',
  'Twenty at once': '二十个通知同时到达',
  'Goods go out once, however many notifications arrive together.': '无论同时收到多少通知，只发货一次。',
  'The acknowledgement is lost': '成功应答丢失',
  'The backend has done its work, but WeChat does not know. The backend acknowledges the repeat.':
    '后端已处理完成，但微信没有收到应答；后端应对重发的通知应答成功。',
  'The notification overtakes the reply to unifiedorder': '通知先于统一下单的应答到达',
  'A notification arrives before the reply to unifiedorder. The backend accepts it at once, or refuses it and accepts the repeat. It never loses the payment.':
    '统一下单尚未返回，通知已经到达。后端可以立即接受，也可以先拒绝再接受重发的通知，但不能丢失这笔支付。',
  'Store the order, under the number you send, before you call unifiedorder.':
    '调用统一下单之前，先用将要提交的订单号保存订单。',
  'the backend accepts it at once, or refuses it and accepts the repeat': '后端立即接受，或先拒绝、再接受重发的通知',
  'the payment is lost: the backend refuses the repeat, or does not fulfil the order':
    '支付丢失：后端拒绝重发的通知，或没有发货',
  'The acknowledgement is lost, and the repeat arrives during the first': '成功应答丢失，首次通知处理期间又收到重发',
  'The backend may still be working on the first notification when the repeat arrives.':
    '重发的通知到达时，后端可能仍在处理第一次通知。',
  'Two notifications while the backend queries WeChat': '后端查单期间收到两个通知',
  'A backend that calls orderquery before it fulfils must not fulfil twice when a second notification arrives meanwhile.':
    '后端在发货前查单时，若又收到一个通知，也不能发货两次。',
  'Paid after the backend closed the order': '后端关单之后支付成功',
  'The backend records the money, then refunds it or revives the order. It must not drop the payment silently.':
    '后端应记录这笔款项，然后退款或恢复订单，不能悄悄丢弃。',
  'When a closed order is paid, store the payment and acknowledge it. Then refund it or revive the order, by a rule you have chosen.':
    '已关闭的订单收到支付时，先保存并应答成功，再按既定规则退款或恢复订单。',
  'the backend accepts it and revives the order': '后端接受并恢复订单',
  'the backend accepts it without fulfilling the order: it may have recorded a refund, which this case cannot see':
    '后端接受但不发货：可能已登记退款，此项无法看到',
  'the backend keeps refusing: WeChat gives up, and nobody knows about the money':
    '后端一直拒绝：微信放弃重试，无人知道这笔款项',
  'A repeat with its fields in another order': '重复通知，字段顺序不同',
  'A repeat may have different bytes.': '重复通知的报文可以不同。',
  'An old notification after a refund': '退款之后收到旧通知',
  'The backend acknowledges a genuine notification that is replayed later, and fulfils nothing.':
    '后端对之后重放的真实通知应答成功，且不发货。',
  'Paid twice': '重复支付',
  'A second transaction for the same order is not a duplicate: the money has to go back.':
    '同一订单的第二笔交易不是重复通知：这笔钱必须退还。',
  'Compare transaction_id on a repeat. If it differs, store the payment, raise an alarm and refund it.':
    '收到重复通知时比较 transaction_id；若不同，保存这笔支付、告警并退款。',
  'goods go out once; this case cannot see whether the backend flags or refunds the second payment':
    '只发货一次；此项无法看到后端是否标记或退还第二笔支付',
  'goods go out for both, or the second payment replaces the first': '两笔都发货，或第二笔支付覆盖了第一笔',
  'Twenty, 5 ms apart': '二十个通知，间隔 5 毫秒',
  'Goods go out once, whatever the interval.': '无论间隔多久，只发货一次。',
  'Only the last of 16 attempts arrives': '16 次通知中只有最后一次到达',
  'A notification that arrives 24 h after the payment is still valid: a backend that was down accepts it then.':
    '支付 24 小时后到达的通知仍然有效：恢复后的后端应当接受。',
  'Do not refuse a notification because its time_end is old: API v2 has no time window.':
    '不要因为 time_end 较早而拒绝通知：API v2 没有时间窗口。',
  'Repeats for two orders, interleaved': '两个订单的重复通知交替到达',
  'The backend fulfils each order once. A lock on one order must not lose the other.':
    '每个订单各发货一次；锁定一个订单时不能丢失另一个。',
  'A failure after the success': '成功之后收到失败通知',
  'result_code FAIL does not undo a payment.': 'result_code 为 FAIL 不能撤销已成功的支付。',
  'Move an order forward only, from unpaid to paid. A late message changes nothing.':
    '订单状态只能从未支付变为已支付；迟到的通知不改变任何状态。',
  'A failure before the success': '成功之前收到失败通知',
  'The user fails to pay once, then succeeds.': '用户第一次支付失败，第二次成功。',
  'Keep the order payable on result_code FAIL.': 'result_code 为 FAIL 时，订单仍应可以支付。',
  'The genuine one after a forgery': '伪造通知之后收到真实通知',
  'A refused message leaves no trace: the backend must not treat the genuine one as its repeat.':
    '被拒绝的报文不留痕迹：真实通知不能被当作它的重复。',
  'Mark a message as seen only once its work is committed.': '处理结果提交之后，才能把通知标记为已处理。',
  'Cut off halfway, then repeated': '中途断开，然后重发',
  'Half a message counts for nothing. The repeat is complete.': '半个报文不算数；重发的报文是完整的。',
  'Do nothing until the body is complete and verified.': '请求体接收完整并验签之前，不做任何处理。',
}

export const TRANSPORT: Readonly<Record<string, string>> = {
  'One byte per second': '每秒一个字节',
  'A slow client must not hold up others.': '慢速客户端不能拖住其他请求。',
  'Set a time limit for request bodies. Read them without blocking a worker.':
    '为接收请求体设置超时，读取时不要阻塞工作线程。',
  'the backend serves other notifications meanwhile': '后端同时处理其他通知',
  'a slow client holds up the others': '慢速客户端拖住其他请求',
  'Cut off halfway through the body': '请求体中途断开',
  'Half a message has no effect.': '半个报文不产生任何影响。',
  'Read the raw body yourself, whatever its Content-Type. Verify before you parse.':
    '无论 Content-Type 是什么，都自行读取原始请求体；先验签，再解析。',
  'the backend refuses it or closes the connection, and fulfils nothing; then it accepts the genuine one':
    '后端拒绝或断开连接，且不发货；随后接受真实通知',
  'goods go out for half a message, or the backend dies': '收到半个报文就发货，或后端崩溃',
  'A Content-Length that is too short': 'Content-Length 偏小',
  'A Content-Length that is too long': 'Content-Length 偏大',
  'An incomplete message has no effect and blocks nobody.': '不完整的报文不产生影响，也不阻塞其他请求。',
  GET: 'GET 请求',
  'Only a POST is a notification.': '只有 POST 才是通知。',
  'Answer 405 to other methods.': '对其他方法返回 405。',
  'the backend answers HTTP 4xx or 5xx and fulfils nothing': '后端返回 HTTP 4xx 或 5xx，且不发货',
  'the backend answers HTTP 2xx or 3xx and fulfils nothing': '后端返回 HTTP 2xx 或 3xx，且不发货',
  'PUT with the genuine message': '用 PUT 发送真实报文',
  'No session, no cookie, no token': '没有会话、Cookie 和令牌',
  'WeChat cannot log in. The route is public, and the signature proves the sender.':
    '微信无法登录：回调接口必须公开，由签名证明发送方。',
  'Exempt the route from login and CSRF checks.': '让回调接口跳过登录和 CSRF 检查。',
  '200 orders at once': '200 个订单同时支付',
  'Many different orders are paid at once. The backend accepts every notification.':
    '大量订单同时支付，后端接受每一个通知。',
  'Do slow work after the answer. Let the connection pool queue requests instead of refusing them.':
    '耗时的工作放到应答之后；连接池应让请求排队，而不是拒绝。',
  'the backend accepts and fulfils all of them': '后端全部接受并发货',
  'the backend refuses some and accepts their repeats': '后端拒绝其中一些，并接受其重发',
  'a payment is lost': '有支付丢失',
  'What a refusal reveals': '拒绝应答泄露的信息',
  'A refusal contains no stack trace, SQL, path or key.': '拒绝应答中没有调用栈、SQL、路径和密钥。',
  'Answer FAIL with a short text. Log the rest.': '返回 FAIL 和简短的说明，其余内容写入日志。',
  'no answer reveals anything internal': '应答没有泄露内部信息',
  'an answer contains a stack trace, SQL, a path or a key': '应答中有调用栈、SQL、路径或密钥',
  'Chunked transfer encoding': '分块传输编码',
  'The backend reads a body without Content-Length to its end.': '没有 Content-Length 时，后端也应读完整个请求体。',
  'WeChat sends a Content-Length': '微信会发送 Content-Length',
  'No Content-Type': '没有 Content-Type',
  'The body decides, whatever the header says.': '以请求体为准，与请求头无关。',
  'WeChat sends text/xml': '微信发送 text/xml',
  'WeChat sends application/json': '微信发送 application/json',
  'Content-Type application/xml': 'Content-Type 为 application/xml',
  'Content-Type text/plain': 'Content-Type 为 text/plain',
  'Content-Type with a charset': 'Content-Type 带字符集',
  'A charset in the Content-Type changes nothing.': 'Content-Type 中的字符集不产生影响。',
  'Content-Type of a form': 'Content-Type 为表单',
  'A form parser must not consume the body.': '请求体不能被表单解析器读走。',
  'In small pieces': '分成小段发送',
  'Many small pieces make one body.': '多个小段组成一个请求体。',
  'Two notifications on one connection': '同一连接上的两个通知',
  'WeChat may reuse a connection.': '微信可能复用连接。',
  'Read each request to its end before you answer the next one.': '读完一个请求，再处理下一个。',
  'Thirty clients that send headers but no body': '三十个只发请求头、不发请求体的客户端',
  'Idle connections must not hold up others.': '空闲连接不能拖住其他请求。',
  'Set time limits for headers and bodies.': '为请求头和请求体设置超时。',
  'Another Host header': '不同的 Host 请求头',
  'The route must not depend on the host name, which changes behind a proxy.':
    '接口不能依赖域名：经过代理后域名会改变。',
  'a server may answer only to its own names': '服务器可以只响应自己的域名',
  "A stranger's address in X-Forwarded-For": 'X-Forwarded-For 中是陌生地址',
  'An address in a header proves nothing, for or against the sender.': '请求头中的地址不能证明发送方是真是假。',
  'Trust the signature, not addresses.': '信任签名，不要信任地址。',
  'the backend refuses it: an allow-list of addresses is optional': '后端拒绝：地址白名单是可选的',
}
