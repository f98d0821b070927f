/** Why the pages did not do what a form asked for. A pattern stands before those that match more. */
export const REFUSALS: Readonly<Record<string, string>> = {
  // Orders and refunds
  'order {no} cannot be paid: {why}': '订单 {no} 不能支付：{why}',
  'it is {state}': '状态为 {state}',
  'its time_expire has passed': '已超过 time_expire',
  'its prepay_id is older than 2 h; the merchant must order again with the same number':
    'prepay_id 已超过 2 小时；商户须用同一订单号重新下单',
  'order {no} cannot be refunded: {said}': '订单 {no} 不能退款：{said}',
  'order {no} cannot expire: it is {state}': '订单 {no} 不能过期：状态为 {state}',
  'refund {no} cannot become {status}: it is already {state}': '退款 {no} 不能变为 {status}：状态已是 {state}',
  "refund {no} has no notification: it is {status} and its notify_url is '{url}'":
    "退款 {no} 没有通知：状态为 {status}，notify_url 为 '{url}'",
  'no notification: the refund has no notify_url, and the merchant platform has no URL for refunds (refundNotifyUrl of the world)':
    '没有通知：退款没有 notify_url，商户平台也没有配置退款通知地址（环境的 refundNotifyUrl）',
  '{field}: {sum} fen of coupons for an order of {fee} fen': '{field}：代金券共 {sum} 分，而订单金额为 {fee} 分',
  '{field}: must not be set for an order of API v3: it has no notification of failed payments':
    '{field}：API v3 的订单不能设置，因为没有支付失败通知',

  // What is not there
  'world {world} has no notification {no}; that of a payment is created when the order {same} is paid':
    '环境 {world} 没有通知 {no}；订单 {same} 支付后才有支付通知',
  'world {world} has no delivery {id}; it remembers the newest ones only':
    '环境 {world} 没有通知记录 {id}；仅保留最新的记录',
  'world {world} has no gate {name}': '环境 {world} 没有闸门 {name}',
  'world {world} has no app {appid}; it has {appids}': '环境 {world} 没有应用 {appid}，只有 {appids}',
  'world {world} has no merchant {mchId}; it has {mchIds}': '环境 {world} 没有商户 {mchId}，只有 {mchIds}',
  'world {world} has no {what}; was {call} called with mch_id {one} or {two}?':
    '环境 {world} 没有{what}；调用 {call} 时使用的 mch_id 是否为 {one} 或 {two}？',
  'world {world} has no {what}; was {call} called with mch_id {mchIds}?':
    '环境 {world} 没有{what}；调用 {call} 时使用的 mch_id 是否为 {mchIds}？',
  'order {no}': '订单 {no}',
  'refund {no}': '退款 {no}',
  'the journal of world {world} no longer holds entry {id}': '环境 {world} 的日志中已没有记录 {id}',
  'there is no case {id}': '没有测试项 {id}',
  'the pages have no action {name}': '页面没有操作 {name}',

  // The clock
  'the clock is already being advanced; await that advance first (a notify handler cannot advance the clock that is delivering to it)':
    '时钟正在前进，请等待完成（在处理通知期间，应用不能让发送通知的时钟前进）',
  '{call} is still in flight: await it before advancing the clock (a notify handler cannot advance the clock that is delivering to it)':
    '{call} 尚未完成，请等待完成后再让时钟前进（在处理通知期间，应用不能让发送通知的时钟前进）',
  "this world runs on the real clock, which cannot be advanced; start it with clock: 'virtual' (--clock virtual)":
    "此环境使用真实时间，不能前进；请以 clock: 'virtual'（--clock virtual）创建",
  'world {world} runs on a shared virtual clock and cannot switch to real time alone':
    '环境 {world} 使用共享的虚拟时钟，不能单独切换为真实时间',
  "the advance took longer than {ms} real ms and stopped at {time}; a request, a settle hook or the application's work did not finish, or realTimeoutMs is too small":
    '时钟前进超过 {ms} 毫秒（真实时间），停在 {time}；有请求、settle 钩子或应用的工作没有完成，或 realTimeoutMs 太小',
  'settleUrl {url} answered with HTTP {status}; it must answer 2xx once the background work is done':
    'settleUrl {url} 返回 HTTP {status}；后台工作完成后，它必须返回 2xx',
  'settleUrl {url} did not answer; it must answer 2xx once the background work is done':
    'settleUrl {url} 没有应答；后台工作完成后，它必须返回 2xx',
  'settleUrl {url} failed: {error}; it must answer 2xx once the background work is done':
    'settleUrl {url} 失败：{error}；后台工作完成后，它必须返回 2xx',
  "{field}: must be whole milliseconds or a duration such as '24h4m', '15s' or '1d', and less than 8000 years; got {value}":
    "{field}：必须是整数毫秒，或 '24h4m'、'15s'、'1d' 这样的时长，且不到 8000 年；实际为 {value}",
  '{field}: must be a moment of the years 1970 to 9999': '{field}：必须是 1970 至 9999 年之间的时刻',
  '{field}: must be a number of events of at least 1; got {value}': '{field}：必须是事件数，至少为 1；实际为 {value}',
  '{field}: must not be past; got {value}, and the clock stands at {time}':
    '{field}：不能是过去的时刻；实际为 {value}，当前时间为 {time}',

  // Worlds and runs
  'there is already a world {id}, made with another {names}': '已有环境 {id}，但选项不同：{names}',
  'there is already a world with the appid {appid} or the mchId {mchId}': '已有环境使用 appid {appid} 或 mchId {mchId}',
  'there is already a world {id}': '已有环境 {id}',
  'the {kind} {name} belongs to world {world}; choose another one': '{kind} {name} 属于环境 {world}；请换一个',
  'world {world} has ended': '环境 {world} 已结束',
  'there is no world {id}; known: {known}': '没有环境 {id}；现有：{known}',
  '{field}: all worlds of this mock run on its shared clock; omit {same}':
    '{field}：此模拟器的所有环境使用同一个时钟，请去掉 {same}',
  'a run of world {world} is still going; wait until it ends': '环境 {world} 的体检正在进行，请等待结束',
  '{field}: is missing: the suite {suite} attacks it': '{field}：未填写；测试集 {suite} 需要它',
  '{field}: no case of {suite} is called {name}; see: wechat-mock card list':
    '{field}：{suite} 中没有 {name}；可用 wechat-mock card list 查看',
  '{field}: must be whole milliseconds, at most {most}': '{field}：必须是整数毫秒，最多 {most}',
  '{field}: is neither on this machine nor in a private network ({host}); attack only what is yours, and say so: --i-own-this-host (ownHost)':
    '{field}：不在本机，也不在内网（{host}）；只能测试自己的服务，并须声明：--i-own-this-host（ownHost）',
  '{field}: is not allowed: {why}': '{field}：不允许：{why}',
  'the mock sends to {hosts} only, not to {host}; allow it with --allow-notify-host {same} (notifyHosts)':
    '模拟器只发往 {hosts}，不发往 {host}；可用 --allow-notify-host {same}（notifyHosts）允许',

  // Bad input
  '{field}: must be an absolute http(s) URL with a path and without a query string; got {url}':
    '{field}：必须是完整的 http(s) URL，带路径，不带查询参数；实际为 {url}',
  '{field}: must be an absolute http(s) URL; got {url}': '{field}：必须是完整的 http(s) URL；实际为 {url}',
  '{field}: must be one of {values} for {api}; got {value}': '{field}：{api} 只能是 {values} 之一；实际为 {value}',
  '{field}: must not be given for {api}: only downloadbill answers with one':
    '{field}：{api} 不能填写，只有 downloadbill 的应答有此字段',
  '{field}: must have at least {n} of {names}': '{field}：{names} 中至少填写 {n} 项',
  '{field}: must be a number of seconds from 0 to {most}; got {value}':
    '{field}：必须是 0 至 {most} 的秒数；实际为 {value}',
  '{field}: must be exactly 32 bytes, as the merchant platform requires; got {n}':
    '{field}：必须恰好 32 字节，与商户平台的要求一致；实际为 {n}',
  '{field}: required needs a mock with TLS, so that clients can present a certificate; start it with tls (--cert and --key)':
    '{field}：required 要求模拟器使用 TLS，客户端才能出示证书；请以 tls 启动',
  '{field}: must be one of {values}; got {value}': '{field}：必须是 {values} 之一；实际为 {value}',
  '{field}: must be {what}; got {value}': '{field}：必须是{what}；实际为 {value}',
  '{field}: must be {what}': '{field}：必须是{what}',
  '{field}: is missing': '{field}：未填写',
  '{field}: no input is expected here': '{field}：此处不接受任何输入',
  '{field}: unknown name; known: {names}': '{field}：未知的名称；可用：{names}',

  // What it must be
  "a duration such as '20m', milliseconds, or 'never'": " '20m' 这样的时长、毫秒数或 'never'",
  "a duration such as '20m', or milliseconds": " '20m' 这样的时长或毫秒数",
  '1 to 64 letters, digits, dots, dashes and underscores': ' 1 至 64 个字母、数字、点、连字符或下划线',
  '1 to 32 letters and digits': ' 1 至 32 个字母或数字',
  '32 letters and digits': ' 32 个字母或数字',
  '1 to 32 digits': ' 1 至 32 位数字',
  '1 to 64 of 0-9 A-Z a-z _ - | * @': ' 1 至 64 个 0-9 A-Z a-z _ - | * @ 字符',
  'a date with a time zone, such as 2026-01-15T12:00:00+08:00': '带时区的时间，例如 2026-01-15T12:00:00+08:00',
  'a whole number from {least} or "always"': '不小于 {least} 的整数，或 "always"',
  'a whole number from {least} to {most}': ' {least} 至 {most} 的整数',
  'a whole number from {least}': '不小于 {least} 的整数',
  'a whole number': '整数',
  'a number from {least} to {most}': ' {least} 至 {most} 的数',
  'a number or a text': '数或文字',
  'a number': '数',
  'a text of {least} to {most} characters': ' {least} 至 {most} 个字符的文字',
  'a text': '文字',
  'true or false': ' true 或 false',
  'an object of gaps and immediate': '含 gaps 和 immediate 的对象',
  'at least one gap if the first send is not immediate': '非空的间隔列表，因为首次通知不立即发送',
  '{names} or gaps in seconds': ' {names} 或以秒计的间隔',
  'an object': '对象',
  'a list': '列表',
  'one of {values}': ' {values} 之一',
}
