import type { Verdict } from '../../wire/names.ts'
import type { TradeState } from '../../ledger/orders.ts'
import type { NotificationState } from '../../notify/notification.ts'
import { CARD } from './words-card.ts'
import { SETUP } from './words-setup.ts'

export type Language = 'en' | 'zh'

type Entry = readonly [en: string, zh: string]

/** All texts of the pages, in English and in Chinese, with the terms of WeChat's own console. `{name}` stands for a value. */
const WORDS = {
  // The frame
  orders: ['Orders', '订单'],
  deliveries: ['Deliveries', '通知'],
  phone: ['Phone', '手机'],
  users: ['Users', '用户'],
  faults: ['Faults', '故障'],
  clock: ['Clock', '时钟'],
  journal: ['Journal', '日志'],
  setup: ['Setup', '接入'],
  card: ['Report card', '体检报告'],
  world: ['World', '环境'],
  search: ['Search', '搜索'],
  searchHint: ['state:unpaid fee:1250 attempt:>3', 'state:unpaid fee:1250 attempt:>3'],
  skip: ['Skip to the content', '跳到内容'],
  keys: ['Keys', '快捷键'],
  'key/': ['search', '搜索'],
  keyj: ['next row', '下一行'],
  keyk: ['row before', '上一行'],
  keyp: ['pay', '支付'],
  keyn: ['next retry', '下一次重试'],
  'key?': ['these keys', '显示快捷键'],
  dark: ['Dark', '深色'],
  light: ['Light', '浅色'],
  copy: ['Copy', '复制'],
  copyBytes: ['Copy the bytes', '复制原文'],
  next: ['To next retry', '到下一次重试'],
  nextIn: ['To next retry (in {span})', '到下一次重试（{span}后）'],
  nothingDue: ['Nothing is due', '没有待执行的事件'],
  plus15s: ['+15 s', '+15 秒'],
  plus24h4m: ['+24 h 4 m', '+24 小时 4 分'],
  fen: ['{n} fen', '{n} 分'],
  realClock: ['real time', '真实时间'],
  now: ['now', '刚刚'],
  in: ['in {span}', '{span}后'],
  ago: ['{span} ago', '{span}前'],
  days: ['{n} d', '{n} 天'],
  hours: ['{n} h', '{n} 小时'],
  minutes: ['{n} min', '{n} 分钟'],
  seconds: ['{n} s', '{n} 秒'],
  page: ['{from}–{to} of {n}', '第 {from}–{to} 条，共 {n} 条'],
  newer: ['Newer', '较新'],
  older: ['Older', '较旧'],
  notFound: ['Nothing here', '找不到'],
  back: ['Back', '返回'],
  done: ['Done', '完成'],
  comma: [', ', '，'],
  colon: [': ', '：'],
  none: ['none', '无'],
  forgets: [
    'The mock keeps its data in memory: after a restart, earlier orders, users and codes are gone.',
    '模拟器的数据只保存在内存中：重启后，之前的订单、用户和 code 都不再存在。',
  ],

  // States of an order
  NOTPAY: ['Waiting for payment', '待支付'],
  SUCCESS: ['Paid', '支付成功'],
  REFUND: ['Refunded', '转入退款'],
  CLOSED: ['Closed', '已关闭'],
  REVOKED: ['Revoked', '已撤销'],
  USERPAYING: ['The user is paying', '用户支付中'],
  PAYERROR: ['The payment failed', '支付失败'],
  ACCEPT: ['Accepted, waiting for the deduction', '已接收，等待扣款'],

  // Of a notification
  acked: ['your app has acknowledged', '商户已确认'],
  pending: ['WeChat tries again in {span} (attempt {n} of {all})', '{span}后重试（第 {n} 次，共 {all} 次）'],
  underWay: ['WeChat is notifying your app (attempt {n} of {all})', '正在通知商户（第 {n} 次，共 {all} 次）'],
  exhausted: ['WeChat has given up after {n} attempts', '已通知 {n} 次，微信不再重试'],
  held: ['the notification is held', '通知已暂停'],
  cancelled: ['the notification is cancelled', '通知已取消'],
  kindpay: ['Payment', '支付'],
  kindrefund: ['Refund', '退款'],
  kindfail: ['Failed payment', '支付失败'],
  kindevent: ['Event', '事件'],
  kindcrafted: ['Crafted', '手工构造'],

  // Verdicts on an answer
  'verdict.acked': ['Taken', '已确认'],
  'verdict.fail_xml': ['Your app refused it', '商户返回 FAIL'],
  'verdict.timeout_5s': ['Your answer came too late', '应答超时'],
  'verdict.http_status': ['The HTTP status is not 200', 'HTTP 状态码不是 200'],
  'verdict.empty_body': ['Your answer is empty', '应答为空'],
  'verdict.not_xml': ['Your answer is not XML', '应答不是 XML'],
  'verdict.json_body': ['Your answer is JSON', '应答是 JSON'],
  'verdict.html_page': ['Your answer is a web page', '应答是网页'],
  'verdict.stray_characters': ['Your answer has text around the XML', '应答的 XML 前后有多余字符'],
  'verdict.wrong_field_name': ['Your answer has no return_code', '应答缺少 return_code'],
  'verdict.redirect': ['Your app redirected', '商户返回了重定向'],
  'verdict.connection_refused': ['Nothing listens at notify_url', '无法连接 notify_url'],
  'verdict.reset': ['The connection broke', '连接中断'],
  'verdict.tls': ['TLS failed', 'TLS 失败'],

  // Orders
  emptyOrders: ['No order yet', '还没有订单'],
  emptyOrdersHint: [
    'Give your app the base URL and the credentials of Setup, then place an order through it.',
    '请在应用中填写“接入”页的地址和凭据，然后通过应用下单。',
  ],
  nothingFound: ['Nothing matches {q}', '没有与 {q} 匹配的内容'],
  searchHelp: [
    'Words, or state:unpaid, state:paid, state:waiting, fee:1250, fee:>100, attempt:>3, verdict:not_xml, payer:…',
    '可输入文字，或 state:unpaid、state:paid、state:waiting、fee:1250、fee:>100、attempt:>3、verdict:not_xml、payer:…',
  ],
  all: ['All', '全部'],
  unpaid: ['Unpaid', '待支付'],
  waiting: ['Not acknowledged', '未确认'],
  paid: ['Paid', '已支付'],
  closed: ['Closed', '已关闭'],

  // One order
  description: ['Description', '商品描述'],
  amount: ['Amount', '金额'],
  payer: ['Payer', '支付者'],
  anybody: ['anybody', '任何人'],
  merchant: ['Merchant', '商户'],
  subMerchant: ['Sub-merchant', '特约商户'],
  transaction: ['Transaction', '微信支付单号'],
  coupons: ['Coupons', '代金券'],
  timeline: ['What happened', '经过'],
  isPaid: ['The user paid {fee}', '用户支付了 {fee}'],
  isClosed: ['The order is closed', '订单已关闭'],
  isRefunded: ['Refund {no} of {fee}: {status}', '退款 {no}，{fee}：{status}'],
  isDue: ['Attempt {n} of {all} is due', '第 {n} 次通知（共 {all} 次）待发送'],
  attempt: ['attempt {n}', '第 {n} 次'],
  wire: ['Wire', '报文'],
  fields: ['Fields', '字段'],
  sign: ['Sign', '签名'],
  lint: ['Lint', '检查'],
  curl: ['curl', 'curl'],
  pay: ['Pay', '支付'],
  payCoupon: ['Pay with coupon', '使用代金券支付'],
  couponFen: ['Coupon in fen', '代金券金额（分）'],
  failPay: ['Fail', '支付失败'],
  close: ['Close', '关闭'],
  refund: ['Refund', '退款'],
  again: ['Deliver again', '再次通知'],
  twenty: ['Deliver ×20 at once', '同时通知 20 次'],
  hold: ['Hold', '暂停通知'],
  openGate: ['Release', '放行'],
  release: ['Release', '恢复通知'],
  openPhone: ['Open the cashier', '打开收银台'],
  settle: ['Refund succeeds', '退款成功'],
  noEntry: ['Choose a line on the left to see its bytes', '选择左侧的一行查看报文'],
  noneKept: ['The journal no longer holds calls about this order.', '日志中已没有该订单的记录。'],
} as const satisfies Readonly<Record<string, Entry>> & Readonly<Record<TradeState | NotificationState, Entry>>

/** The words of single pages. */
const MORE = {
  request: ['Request', '请求'],
  reply: ['Answer', '应答'],
  noReply: ['No complete answer arrived.', '没有收到完整的应答。'],
  fold: ['{n} more lines', '还有 {n} 行'],
  field: ['Field', '字段'],
  value: ['Value', '值'],
  noFields: ['It has no fields.', '没有字段。'],
  signOurs: ['The text to sign', '签名原文'],
  signTheirs: ['What your app seems to have signed', '应用的签名原文'],
  signRight: ['The signature is right ({type}).', '签名正确（{type}）。'],
  signWrong: ['The signature is wrong', '签名错误'],
  signUnknown: [
    'It matches no common mistake: was another key used, or were values changed after signing?',
    '不符合任何常见错误：是否使用了其他密钥，或签名后修改了字段？',
  ],
  signFirst: ['The first difference is at {field}', '第一处不同在 {field}'],
  signNone: ['This message has no signature.', '该报文没有签名。'],
  keyMasked: ['The key is masked.', '密钥已隐藏。'],
  lintNone: ['Nothing that production might refuse.', '没有可能被正式环境拒绝的内容。'],
  noteFault: ['; fault {name}: {kind}', '；故障 {name}：{kind}'],
  fault: ['Fault {name} struck', '故障 {name} 已触发'],
  took: ['{ms} ms', '{ms} 毫秒'],
  emptyDeliveries: ['No notification yet', '还没有通知'],
  emptyDeliveriesHint: ['A notification is sent when an order is paid:', '订单支付后会发送通知：'],
  replay: ['Send the same bytes again', '重新发送相同的报文'],
  payTitle: ['Pay', '支付'],
  choosePhone: ['Choose an order to pay', '选择要支付的订单'],
  emptyPhone: ['No order is waiting for payment', '没有待支付的订单'],
  scan: ['Open it on a phone', '用手机打开'],
  scanHint: [
    'A phone can reach the mock only if it listens on the network: --host 0.0.0.0.',
    '手机只能访问监听在局域网上的模拟器：--host 0.0.0.0。',
  ],
  method: ['Payment method', '支付方式'],
  balance: ['Balance', '零钱'],
  payNow: ['Pay {fee}', '立即支付 {fee}'],
  cancel: ['Cancel', '取消'],
  payDone: ['Payment successful', '支付成功'],
  payCancelled: ['The payer cancelled', '用户已取消支付'],
  payCallback: ['The mini program gets', '小程序收到'],
  checks: ['What WeChat checks', '微信的检查'],
  checkKnown: ['An order has this prepay_id', '存在使用该 prepay_id 的订单'],
  checkAge: ['It is younger than two hours', '未超过两小时'],
  checkOpen: ['The order is open', '订单未关闭'],
  checkUnpaid: ['The order is not paid yet', '订单未支付'],
  checkSign: [
    'paySign: checked when the mini program calls wx.requestPayment',
    'paySign：小程序调用 wx.requestPayment 时检查',
  ],
  noPrepay: ['No order has the prepay_id {id}.', '没有使用 prepay_id {id} 的订单。'],
  openid: ['openid', 'openid'],
  unionid: ['unionid', 'unionid'],
  nickname: ['Nickname', '昵称'],
  sessionKey: ['session_key', 'session_key'],
  appid: ['appid', 'appid'],
  rotate: ['New session_key', '更换 session_key'],
  loginCode: ['Login code', '登录 code'],
  makeCode: ['Make a login code', '生成登录 code'],
  codeHint: [
    'The code that wx.login returns: send it to your login route. It works once, within 5 minutes.',
    'wx.login 的结果：发送到登录接口。5 分钟内使用一次有效。',
  ],
  newUser: ['a new user', '新用户'],
  setUser: ['Save the user', '保存用户'],
  emptyUsers: ['No user yet', '还没有用户'],
  emptyUsersHint: ['Users appear with their first login code.', '首次生成登录 code 后会出现用户。'],
  noFaults: ['No faults are set', '没有设置故障'],
  presets: ['Make the next notification go wrong', '让下一次通知出错'],
  presetLost: ['Your answer is lost', '应答丢失'],
  presetLate: ['Your answer arrives 5 s late', '应答晚 5 秒'],
  presetTwice: ['It arrives twice at once', '同时通知两次'],
  presetLostHint: ['WeChat never gets it and sends again.', '微信收不到应答，会重新通知。'],
  presetLateHint: ['After the time limit it counts as no answer.', '超过时限视为没有应答。'],
  presetTwiceHint: ['Two requests arrive at the same time.', '两个请求同时到达。'],
  hits: ['Struck', '触发'],
  seen: ['Seen', '经过'],
  times: ['Times', '次数'],
  api: ['Call', '接口'],
  effect: ['Effect', '效果'],
  when: ['When', '时机'],
  before: ['before the effect', '生效之前'],
  after: ['after the effect', '生效之后'],
  orderNo: ['Order', '订单号'],
  valueHint: ['ms, status or code', '毫秒、状态码等'],
  setFault: ['Set the fault', '设置故障'],
  remove: ['Remove', '移除'],
  gates: ['Gates', '闸门'],
  setGate: ['Set the gate', '设置闸门'],
  point: ['Holds', '拦截'],
  until: ['Until', '直到'],
  released: ['it is released', '手动放行'],
  noGates: ['No gate holds anything', '没有闸门'],
  state: ['State', '状态'],
  'gate.waiting': ['waiting', '等待中'],
  'gate.holding': ['holding {n}', '已拦截 {n} 个'],
  'gate.open': ['open', '已放行'],
  timers: ['What is due', '待执行'],
  inFlight: ['Under way', '进行中'],
  advance: ['Advance', '前进'],
  advanceHint: ['A duration such as 15s, 3m, 24h4m', '时长，例如 15s、3m、24h4m'],
  toVirtual: ['Stop the clock', '停止时间'],
  toReal: ['Run in real time', '让时间流动'],
  clockvirtual: ['Time stands still until it is advanced.', '时间静止，直到手动前进。'],
  clockreal: ['Time is real; retries are sent when due.', '时间正常流动；重试会按时发送。'],
  emptyJournal: ['Nothing was sent or received yet', '还没有任何报文'],
  emptyJournalHint: ['Your app reaches the mock at this address:', '应用通过此地址访问模拟器：'],
  toWechat: ['to WeChat', '发往微信'],
  fromWechat: ['from WeChat', '来自微信'],

  // What an action says
  didPay: ['Paid. First notification: {verdict} in {ms} ms.', '已支付。首次通知：{verdict}，{ms} 毫秒。'],
  didPayLater: ['Paid. The notification is being sent.', '已支付。通知正在发送。'],
  didFail: ['The payment failed: {code}. The order stays open.', '支付失败：{code}。订单仍可支付。'],
  didClose: ['Closed. It can no longer be paid.', '已关闭，不能再支付。'],
  didRefund: ['Refund {no} of {fee} is PROCESSING.', '退款 {no}（{fee}）处理中。'],
  didSettle: ['Refund {no}: {status}.', '退款 {no}：{status}。'],
  didDeliver: ['Delivered ×{n}: {verdicts}.', '已通知 {n} 次：{verdicts}。'],
  didDeliverLater: ['Delivering; answers arrive below.', '正在通知，应答会显示在下方。'],
  didHold: ['Held. Nothing is sent until it is released.', '已暂停，恢复前不再发送。'],
  didRelease: ['Released.', '已恢复。'],
  didAdvance: ['It is {time}. Sent: {n}.', '现在是 {time}。已发送 {n} 次。'],
  didFault: ['Set. It applies {times}.', '已设置。触发 {times} 次。'],
  didRemove: ['Removed.', '已移除。'],
  didPreset: ['Set for the next notification.', '已对下一次通知生效。'],
  didGate: ['Set.', '已设置。'],
  didCode: ['Login code of {openid}: {code}', '{openid} 的登录 code：{code}'],
  didUser: ['Saved.', '已保存。'],
  didRotate: ['The session_key is new; the old one is invalid.', 'session_key 已更换，旧的已失效。'],
  didWorld: ['World {id} was created.', '环境 {id} 已创建。'],
  didReset: ['Empty.', '已清空。'],
} as const satisfies Readonly<Record<string, Entry>>

export type Word = keyof typeof WORDS | keyof typeof MORE | keyof typeof CARD | keyof typeof SETUP
/** Returns a text in the language of the browser. */
export type Say = (word: Word, values?: Readonly<Record<string, string | number>>) => string

export const TEXTS: Readonly<Record<Word, Entry>> = { ...WORDS, ...MORE, ...CARD, ...SETUP }

export function sayIn(language: Language): Say {
  const column = language === 'zh' ? 1 : 0
  return (word, values = {}) => TEXTS[word][column].replace(/\{(\w+)\}/g, (_all, name: string) => String(values[name]))
}

export const verdictWord = (verdict: Verdict): Word => `verdict.${verdict}`

/** Which of the two languages the browser prefers. */
export function languageOf(accepted: string | undefined): Language {
  const wanted = (accepted ?? '')
    .split(',')
    .map((part, n) => {
      const [tag = '', quality = ''] = part.trim().split(/\s*;\s*q=/)
      return { tag: tag.toLowerCase().slice(0, 2), quality: quality === '' ? 1 : Number(quality), n }
    })
    .filter(({ tag, quality }) => (tag === 'zh' || tag === 'en') && quality > 0)
    .sort((a, b) => b.quality - a.quality || a.n - b.n)
  return wanted[0]?.tag === 'zh' ? 'zh' : 'en'
}
