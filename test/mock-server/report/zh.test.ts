import t from 'tap'
import { casesOf, explained, inChinese, listed, SUITES } from '../../../mock-server/report/index.ts'
import { CHINESE, entryOf } from '../../../mock-server/report/zh/index.ts'
import { REFUSALS } from '../../../mock-server/report/zh/refusals.ts'
import { REMARKS } from '../../../mock-server/report/zh/remarks.ts'
import { SAID } from '../../../mock-server/report/zh/said.ts'
import { SIGNATURES } from '../../../mock-server/report/zh/signatures.ts'

const isChinese = (text: string) => /\p{Script=Han}/u.test(text)

t.test('every text of every case is in Chinese, and no translation is left over', async (t) => {
  const used = new Set<string>()
  const use = (text: string, where: string) => {
    const entry = entryOf(text)
    if (!entry) return t.fail(`${where} has no translation: ${text}`)
    used.add(entry.key)
    // A name of the wire or of a program stays as it is.
    for (const [name, value] of Object.entries(entry.values)) if (name === 'what' || name === 'why') use(value, where)
  }
  const names = ['XXE: XInclude']
  for (const suite of SUITES) {
    for (const { name, cases } of suite.chapters) {
      use(name, suite.id)
      for (const { id, title, must, fix, why, play } of cases) {
        const texts = [title, must, fix, ...(why === undefined ? [] : [why]), ...play.outcomes.map(([, when]) => when)]
        for (const text of texts) if (!names.includes(text)) use(text, id)
      }
    }
  }
  // Those of messages are held by zh-messages.test.ts.
  const messages = { ...SAID, ...REMARKS, ...REFUSALS, ...SIGNATURES }
  const unused = Object.keys(CHINESE).filter((key) => !used.has(key) && !Object.hasOwn(messages, key))
  t.strictSame(unused, [])
})

t.test('a translation is Chinese, and has only values of its text', async (t) => {
  const names = ['code', 'AppSecret', 'session_key', 'XXE：{what}', 'errcode {code}：{what}', '{one}；{two}']
  const namesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  for (const [english, chinese] of Object.entries(CHINESE)) {
    t.ok(isChinese(chinese) || names.includes(chinese.trim()), english)
    for (const name of namesIn(chinese)) t.ok(namesIn(english).includes(name), `${english}: ${name}`)
  }
})

t.test('values stay as they are, texts in texts are translated', async (t) => {
  const texts: [string, string][] = [
    ['Money-safe: no (2 cases)', '资金安全：否（2 项）'],
    [
      'the backend accepted it; the order counts as paid (fulfilled 2 times)',
      '后端接受了；订单被视为已支付（发货 2 次）',
    ],
    ['the backend answered HTTP 500: the order is new; x', '后端返回 HTTP 500：the order is new; x'],
    ['Validly signed: an element called constructor', '签名正确：名为 constructor 的元素'],
    [
      'it was not sent: the mock sends to a, b only, not to c; allow it with --allow-notify-host c (notifyHosts)',
      '没有发出：模拟器只发往 a, b，不发往 c；可用 --allow-notify-host c（notifyHosts）允许',
    ],
    [
      'the connection broke before a complete reply had arrived (ECONNRESET fault lost)',
      '收到完整应答之前连接中断（故障 lost）',
    ],
    ['empty values were signed too; it is not in upper case', '空值也参与了签名；没有转换为大写'],
    ['rate.per: must be a number or a text; got true', 'rate.per：必须是数或文字；实际为 true'],
    ['constructor', 'constructor'],
    ['no such text', 'no such text'],
  ]
  for (const [english, chinese] of texts) t.equal(inChinese(english), chinese)
})

t.test('card explain and card list in Chinese', async (t) => {
  for (const suite of SUITES) {
    const list = listed(suite, inChinese)
    for (const one of casesOf(suite)) {
      t.match(
        explained(suite, one, inChinese),
        /依据: [^]*结果:\n {2}\w+[^]*修复: \S[^]*重现: wechat-mock card run/,
        one.id,
      )
      t.ok(list.includes(inChinese(one.title)), one.id)
    }
  }
})
