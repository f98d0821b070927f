import t from 'tap'
import { ACTIONS } from '../../../mock-server/pages/actions.ts'
import { TEXTS } from '../../../mock-server/pages/frame/words.ts'
import { LISTS, THINGS } from '../../../mock-server/pages/index.ts'
import { casesOf, SUITES } from '../../../mock-server/report/suites.ts'
import { ACK, deferred, placeOrder, startShop } from '../helpers.ts'
import { tellCalls, tellDeliveries, tellOrders } from './plenty.ts'
import { attack, endOfRun, startScene } from './scene.ts'
import { post, visit } from './visit.ts'

const ZH = { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' }

/** Names that stay as they are. */
const PERMITTED = ['wechat-mock', 'English', 'state:unpaid fee:1250 attempt:>3']

/** What is data: bytes, code, numbers and addresses, and what WeChat itself says. */
const DATA = /^(?:code|pre|script|style|kbd|option)\b|translate="no"|class="(?:[^"]* )?(?:mono|id|payer|h)[ "]/
const VOID = /^(?:input|br|meta|link|img|!doctype)\b/
const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&#34;': '"',
  '&#39;': "'",
  '&amp;': '&',
}
const decoded = (text: string) => text.replace(/&(?:lt|gt|amp|#34|#39);/g, (entity) => ENTITIES[entity]!)

/** The texts that a reader of the page sees, or hears, which are not data. */
function textsOf(page: string): string[] {
  const texts: string[] = []
  const open: string[] = []
  const isData = () => open.some((tag) => DATA.test(tag))
  for (const [, tag, text = ''] of page.matchAll(/<([^>]+)>|([^<]+)/g)) {
    if (tag === undefined) {
      if (!isData()) texts.push(decoded(text).trim())
    } else if (tag.startsWith('/')) open.pop()
    else {
      if (!DATA.test(tag) && !isData()) {
        for (const [, value] of tag.matchAll(/ (?:title|placeholder|aria-label)="([^"]*)"/g)) {
          texts.push(decoded(value!))
        }
      }
      if (!VOID.test(tag) && !tag.endsWith('/')) open.push(tag)
    }
  }
  return texts
}

/** Words that follow each other; what is quoted, an address or an option of a command is a value. */
const wordsOf = (text: string) =>
  text
    // An error of the system.
    .replace(/（E[A-Z]{4,} (?:connect|socket|write) .*?）/g, '（）')
    .replace(/"[^"]*"|'[^']*'|wechat-mock [\w ]+|https?:\/\/\S+|--[\w-]+( \S+)?/g, '"')
    .match(/[A-Za-z]{2,}(?: [A-Za-z]{2,})+/g)
    ?.map((run) => run.split(' ').length) ?? []

/** Whether a text is English: two words without any Chinese, or a sentence of them within. */
function isEnglish(text: string): boolean {
  const runs = wordsOf(text)
  return runs.length > 0 && (!/\p{Script=Han}/u.test(text) || Math.max(...runs) > 2) && !PERMITTED.includes(text)
}

const english = (page: string) => textsOf(page).filter(isEnglish)

t.test('English texts are found', async (t) => {
  t.strictSame(english('<p title="not so"><b>the text</b><input placeholder="of it"></p><code>some code</code> ok'), [
    'not so',
    'the text',
    'of it',
  ])
  t.strictSame(english('<p>应答 "no answer" 为空：HTTP status</p><p>订单 it was not paid</p>'), [
    '订单 it was not paid',
  ])
})

t.test('every text of the pages is in Chinese, but for names', async (t) => {
  const names = ['openid', 'unionid', 'session_key', 'appid', 'curl', 'state:unpaid fee:1250 attempt:>3']
  for (const [word, [english, chinese]] of Object.entries(TEXTS)) {
    t.ok(/[\p{Script=Han}，：]/u.test(chinese) || (names.includes(chinese) && chinese === english), word)
    const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    t.strictSame(values(chinese), values(english), `${word}: the same values`)
  }
})

/** The pages that a page leads to: those of each item once, and not every tab of every exchange. */
const linksOf = (html: string) =>
  [...html.matchAll(/href="\/__mock\/ui\/default\/([^"#]*)"/g)]
    .map(([, link]) => decoded(link!))
    .filter(
      (link) =>
        !/[?&](?:lang|theme|page|q|e)=/.test(link) && (/tab=(?:sign|lint)/.test(link) || !link.includes('tab=')),
    )

/** How verdicts, findings, signatures and refused calls read. */
const SHOWN = [
  '商户拒绝了通知，return_msg 为 "not now"',
  'return_code 为 "success"；只有大写的 SUCCESS 表示成功',
  '300 毫秒内没有完整的应答；请先应答，再做耗时的工作',
  'HTTP 500；只有 200 表示成功，与响应体无关（"oops"）',
  '应答为空；应返回 <xml>',
  '应答 "success" 不是要求的 XML（不应出现字符 \'s\'）；应返回 <xml>',
  '应答经过压缩（Content-Encoding: gzip），但通知没有 Accept-Encoding',
  '应答是 JSON（"{\\"code\\":\\"SUCCESS\\"}"）；API v2 应返回 <xml>',
  '应答是网页：可能是错误页、登录页或其他路由，而不是回调接口',
  '</xml> 之后还有输出："ok"；应在此结束响应',
  '<xml> 之前有输出："ok"',
  '应答以 BOM 开头；请将输出它的文件保存为无 BOM 格式',
  '中元素之间有文字，例如写成了 \\n 两个字符而不是换行',
  '应答没有 return_code，只有 "code"；应返回 <xml>',
  '根元素是 <root>，而不是 <xml>；应返回 <xml>',
  '商户返回重定向（HTTP 302，/other）；微信不跟随重定向，请提供最终的 URL',
  '）；应用是否在监听 notify_url？',
  '收到完整应答之前连接中断（',
  '）；微信要求公共 CA 签发的完整证书链',
  '商户应答成功',
  '应答声明了 Content-Encoding: deflate，实际却是明文；按声明解码的客户端无法读取',
  '应答的 Content-Type 声明为 gb2312；API v2 的报文使用 UTF-8',
  '应答的 XML 声明为 GBK；API v2 的报文使用 UTF-8',
  '应答中有注释',
  '应答中有处理指令 <?php',
  '应答的元素带有属性 a',
  'return_code 中 SUCCESS 的前后有空白：" SUCCESS "',
  '根元素是 <root>，文档规定为 <xml>；没有记录表明微信会拒绝其他根元素',
  '手机浏览器订单的此字段是 JSON，其中 h5_info 有 type，例如 {"h5_info":',
  '20260115120200 距现在不到五分钟，微信会拒绝较早入驻商户的这类请求',
  'call-4 创建不到五分钟，文档规定此时不能关单（小程序文档 9_3）',
  '同一订单的退款 r-1 发起不到一分钟；同一订单的两次退款须间隔一分钟',
  '🍰 的 UTF-8 编码为四字节；微信仅支持一至三字节的字符',
  '签名错误：空值也参与了签名',
  '第一处不同在 attach',
  '：空值也参与了签名；第一处不同在 attach（应为：无；实际为：attach=）；sign 不是 appid=',
  '：out_trade_no 为 "?"',
  '：body 有 600 字节，最多允许 127 字节',
  '：缺少：body',
  '：该商户不是服务商',
  '：不允许 DOCTYPE 声明',
  '：time_expire 为 20260115120010，环境的时间为 20260115120000（均为 GMT+8）',
  '（Authorization 的认证类型不正确）',
  '（没有商户 19）',
  '；此处签名的时间为 2026-01-15T04:00:00.000Z，按本机时间 ',
  '未执行；故障 before-1：reset',
  '；故障 after-1：reset',
  'GET /pay/nothing 不存在；可用的微信接口：',
  '（第 3 次）',
]

t.test('a Chinese browser sees no English on any page', { timeout: 60_000 }, async (t) => {
  const scene = await startScene(t, { ackTimeoutMs: 300 })
  const {
    mock,
    shop: { notifyUrl },
  } = scene
  const found = new Map<string, string>()
  const shown = new Set<string>()
  const crawl = async (...paths: string[]) => {
    const seen = new Set(paths)
    for (const path of seen) {
      const { html } = await visit(mock, path, ZH)
      for (const text of textsOf(html)) {
        shown.add(text)
        if (isEnglish(text)) found.set(text, path)
      }
      for (const link of linksOf(html)) seen.add(link)
    }
    return [...seen].map((path) => path.split(/[/?]/))
  }
  await crawl('orders')
  await tellDeliveries(t, scene)
  await tellCalls(scene)
  await tellOrders(scene)
  await attack(scene, { notifyUrl, only: ['N-101', 'N-201', 'N-307'] })
  const cases = SUITES.flatMap(casesOf).map(({ id }) => `card/${id}`)
  const tabs = ['fields', 'curl'].map((tab) => `journal/1?tab=${tab}`)
  const missing = [
    'orders/none',
    'deliveries/d99',
    'notifications/none',
    'journal/0',
    'card/N-0',
    'phone/none',
    'none',
    'orders?q=none',
  ]
  const kinds = await crawl('orders', ...cases, ...tabs, ...missing)
  t.strictSame(Object.fromEntries(found), {})
  for (const text of SHOWN) {
    t.ok(
      [...shown].some((other) => other.includes(text)),
      text,
    )
  }
  const opened = (kind: string, isThing: boolean) =>
    kinds.some(([list, name]) => list === kind && isThing === (name !== undefined))
  for (const kind of Object.keys(LISTS)) t.ok(opened(kind, false), kind)
  for (const kind of Object.keys(THINGS)) t.ok(opened(kind, true), `one of ${kind}`)
})

type Refused = readonly [action: string, fields: Record<string, string>, told: string]

const long = 'x'.repeat(129)

t.test('what a form is refused for is said in Chinese', async (t) => {
  const {
    mock,
    world,
    shop: { notifyUrl },
  } = await startScene(t)
  const { appid, mchId } = world.credentials
  for (const no of ['paid-1', 'open-1']) await placeOrder(world, notifyUrl, { out_trade_no: no })
  await world.pay('paid-1')
  world.setMerchant('1900000001', { apiKey: 'k'.repeat(32) })
  const duration = "by：必须是整数毫秒，或 '24h4m'、'15s'、'1d' 这样的时长，且不到 8000 年；实际为"
  const one = { api: 'orderquery', kind: 'http' }
  const held = deferred<string>()
  const slow = await startShop(t, () => held.promise)
  const run = { version: 'v2', notifyUrl: slow.notifyUrl }
  const refusals: readonly Refused[] = [
    ['pay', {}, `环境 default 没有订单 ；调用 unifiedorder 时使用的 mch_id 是否为 ${mchId} 或 1900000001？`],
    ['pay', { no: 'paid-1' }, '订单 paid-1 不能支付：状态为 SUCCESS'],
    ['pay', { no: 'paid-1', mchId: '19' }, `环境 default 没有商户 19，只有 ${mchId}, 1900000001`],
    ['pay', { no: 'open-1', coupon: 'x' }, 'coupons.0.fee：必须是不小于 1 的整数；实际为 null'],
    ['pay', { no: 'open-1', coupon: '9999' }, 'coupons：代金券共 9999 分，而订单金额为 1250 分'],
    ['fail', { no: 'paid-1' }, '订单 paid-1 不能支付：状态为 SUCCESS'],
    ['close', { no: 'paid-1' }, '订单 paid-1 不能过期：状态为 SUCCESS'],
    ['refund', { no: 'open-1' }, '订单 open-1 不能退款：ORDERNOTEXIST 订单不存在'],
    ['settle', { no: 'r1' }, 'status：必须是 SUCCESS, CHANGE, REFUNDCLOSE 之一；实际为 undefined'],
    [
      'settle',
      { no: 'r1', status: 'SUCCESS', mchId },
      `环境 default 没有退款 r1；调用 refund 时使用的 mch_id 是否为 ${mchId}？`,
    ],
    ['deliver', { id: 'open-1' }, '环境 default 没有通知 open-1；订单 open-1 支付后才有支付通知'],
    ['deliver', { id: 'paid-1', count: '0' }, 'count：必须是 1 至 1000 的整数；实际为 0'],
    ...['hold', 'release', 'cancel'].map((name): Refused => [
      name,
      {},
      '环境 default 没有通知 ；订单  支付后才有支付通知',
    ]),
    ['advance', {}, `${duration} ""`],
    ['advance', { by: 'soon' }, `${duration} "soon"`],
    ['advance', { next: '0' }, 'next：必须是事件数，至少为 1；实际为 0'],
    ['clock', { mode: 'real' }, '时间正常流动；重试会按时发送。'],
    ['advance', { by: '1s' }, "此环境使用真实时间，不能前进；请以 clock: 'virtual'（--clock virtual）创建"],
    ['fault', {}, 'api：必须是 unifiedorder, '],
    [
      'fault',
      { api: 'notify', kind: 'gbk' },
      'effect.kind：notify 只能是 delay, reset, bad_sign, probe, skew 之一；实际为 "gbk"',
    ],
    ['fault', one, 'effect.status：未填写'],
    ['fault', { ...one, value: '999' }, 'effect.status：必须是 200 至 599 的整数；实际为 999'],
    ['fault', { ...one, kind: 'gbk', value: 'x' }, 'effect.value：未知的名称；可用：kind'],
    ['fault', { ...one, kind: 'hang', when: 'soon' }, 'effect.when：必须是 before, after 之一；实际为 "soon"'],
    ['fault', { ...one, kind: 'result_code_fail', value: 'NONE' }, 'effect.err_code：orderquery 只能是 SYSTEMERROR, '],
    ['fault', { ...one, kind: 'reset', times: 'x' }, 'times：必须是不小于 1 的整数，或 "always"；实际为 null'],
    ['fault', { ...one, kind: 'reset', no: long }, 'outTradeNo：必须是 1 至 32 个字符的文字；实际为 "x'],
    ['gate', {}, 'hold：必须是 unifiedorder.request, '],
    ['gate', { hold: 'notify.request', until: 'never' }, 'until：必须是 unifiedorder.request, '],
    ['opengate', { name: 'g-1' }, '环境 default 没有闸门 g-1'],
    ['ungate', { name: 'g-1' }, '环境 default 没有闸门 g-1'],
    ['login', { openid: long }, 'openid：必须是 1 至 128 个字符的文字；实际为 "x'],
    ['user', { openid: 'o-lee', nickName: long }, 'nickName：必须是 1 至 128 个字符的文字；实际为 "x'],
    ['rotate', { openid: 'o-lee', appid: 'wx1' }, `环境 default 没有应用 wx1，只有 ${appid}`],
    ['world', { id: 'a b' }, 'id：必须是 1 至 64 个字母、数字、点、连字符或下划线；实际为 "a b"'],
    ['world', { id: 'default' }, '已有环境 default，但选项不同：'],
    ['world', { clock: 'fast' }, 'clock：必须是 virtual, real 之一；实际为 "fast"'],
    ['run', { version: 'v9' }, 'version：必须是 v2, v3, login 之一'],
    ['run', { version: 'login' }, 'loginUrl：未填写；测试集 login@1 需要它'],
    ['run', { ...run, notifyUrl: 'x' }, 'notifyUrl：必须是完整的 http(s) URL；实际为 x'],
    [
      'run',
      { ...run, notifyUrl: 'https://shop.example.com/' },
      'notifyUrl：不在本机，也不在内网（shop.example.com）；',
    ],
    ['run', { ...run, only: 'N-0' }, 'only：notify@1 中没有 N-0；可用 wechat-mock card list 查看'],
    ['run', { ...run, settleMs: 'x' }, 'settleMs：必须是整数毫秒，最多 60000'],
    ['run', { ...run, only: 'N-101' }, '体检已开始，共 1 项。'],
    ['run', run, '环境 default 的体检正在进行，请等待结束'],
    ['nothing', {}, '页面没有操作 nothing'],
  ]
  for (const [action, fields, told] of refusals) {
    const { location } = await post(mock, action, fields, { ...ZH, origin: mock.url })
    const { html } = await visit(mock, location!, ZH)
    const [notice] = /<p id="notice".*?<\/p>/s.exec(html)!
    t.strictSame(english(notice), [], `${action} ${JSON.stringify(fields)}`)
    t.match(decoded(notice), `>${told}`)
  }
  held.resolve(ACK)
  await endOfRun(world)
  const refused = new Set(refusals.map(([action]) => action))
  const others = Object.keys(ACTIONS).filter((action) => !refused.has(action))
  t.strictSame(others, ['preset', 'unfault', 'untwice', 'reset'], 'the others refuse nothing')
})
