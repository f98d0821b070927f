import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { CHINESE, entryOf } from '../../../mock-server/report/zh/index.ts'

// The pages translate the mock's messages by their English texts. This test takes those texts from the sources, so that a new one cannot be forgotten.

const ROOT = fileURLToPath(new URL('../../../mock-server/', import.meta.url))

/** Whose texts no page shows: other faces of the mock, and what only a test calls. Those of the card's cases are in zh.test.ts. */
const NOT_SHOWN =
  /^(?:bills|cli|control|index|server|report\/(?:zh|output|notify|login|gate|in-process|index|summary)|pages\/(?:assets|frame\/words)|wechat\/phone|world\/(?:assertions|craft|options|settle-url|signing|state)|wire\/pki|journal|ledger\/keys|base\/listeners)/

/** Texts of WeChat itself, which stay as they are. */
const OF_WECHAT = /^(?:wire\/error-codes|wechat\/pay-v2\/bills|users)/

/** Texts that are no messages, or that no page shows. */
const OTHERS = [
  // Sent on the wire, or a seed.
  /^<!DOCTYPE html>/,
  /^(?:invalid notify_url|invalid refund_fee|invalid spbill_create_ip|{} and {} not match|sign not match)$/,
  /^, view more at/,
  /nonce(?: length)?$|^bill token$|^newest key$|^plain lines$/,
  /^sub (?:mchId|appid|appSecret)$|^same user$/,
  // Commands, results of wx.requestPayment, and an answer to programs.
  /wechat-mock |^{} order --|^requestPayment:|^only forms are posted\s*$/,
  /^frame-ancestors {}$|; charset=utf-8$|^ --(?:world|version) {}/,
  // The pages put it into words; a line of the log; names and values.
  /^{}; fault {}: {}$|^{} notify {} attempt {}:|^amount\.from: {}/,
  // An attack, and requirements that are whole in zh.test.ts.
  /^<!ENTITY leak/,
  // In parentheses stands since when, and why.
  /^the backend is dead \({}\);/,
  /^The backend acknowledges {} and books nothing/,
  // Joined to a list of names.
  /_or_|^(?:transaction_id|refund_id).* or out_trade_no$/,
  /^too many$|^(?:own|notify) host$/,
  // The control API only: a page has no field for it.
  /^world {} (?:has no run|answers calls that belong to no world)/,
  /^must be (?:a function|created by createSharedClock)$|^the application$|^must match the value this world has/,
  // A signature of API v3 is explained without this line; `fail` alone has it, in the log.
  /^signature is not SHA256 with RSA$/,
]

const isText = (text: string) =>
  /[A-Za-z]{2,} [A-Za-z]{2,}|\{\}\W* [a-z]{2,}|[a-z]{2,} \W*\{\}/.test(text) && !/\p{Script=Han}/u.test(text)
const marked = (text: string) => text.replace(/\{\w*\}/g, '{}').replace(/(?:\{\})+/g, '{}')

const KEYS = Object.keys(CHINESE).map(marked)

/** Whether a translation contains the text: a source may have a message in parts. */
function isPart(text: string): boolean {
  const part = text.replace(/^[\s;{}]+|[\s{}]+$/g, '')
  return KEYS.some((key) => key.includes(part))
}

/** Whether a pattern matches, other than that of two texts. */
function hasPattern(text: string): boolean {
  const key = entryOf(text.replaceAll('{}', '7'))?.key
  return key !== undefined && key !== '{one}; {two}'
}

/** The texts of a source file, with {} for each value. */
function textsIn(path: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return
    // A programmer's mistake, not the user's.
    if (ts.isNewExpression(node) && ['Error', 'TypeError'].includes(node.expression.getText())) return
    if (ts.isTaggedTemplateExpression(node)) {
      // HTML: the page test reads it.
      if (ts.isTemplateExpression(node.template)) {
        node.template.templateSpans.forEach(({ expression }) => visit(expression))
      }
      return
    }
    if (ts.isStringLiteralLike(node)) found.push(node.text)
    if (ts.isTemplateExpression(node)) {
      found.push([node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('{}'))
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true))
  return found
}

t.test('every message that a page may show has a translation', async (t) => {
  const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const shown = files.filter((name) => !NOT_SHOWN.test(name) && !OF_WECHAT.test(name))
  t.ok(shown.length > 60)
  const others = new Set(OTHERS)
  for (const file of shown) {
    for (const text of new Set(textsIn(file).map(marked))) {
      if (!isText(text)) continue
      const other = OTHERS.find((pattern) => pattern.test(text))
      if (other) others.delete(other)
      else t.ok(isPart(text) || (file.startsWith('report/') && hasPattern(text)), `${file}: ${text}`)
    }
  }
  t.strictSame([...others], [], 'no exception is left over')
})

t.test('no translation is hidden by one that matches more', async (t) => {
  for (const key of Object.keys(CHINESE)) t.equal(entryOf(key.replace(/\{(\w+)\}/g, '‹$1›'))!.key, key)
})
