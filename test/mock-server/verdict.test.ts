import t from 'tap'
import type { Exchange, Reply } from '../../mock-server/sender.ts'
import { judge, type Verdict } from '../../mock-server/verdict.ts'
import { ACK, sample } from './helpers.ts'

const reply = (body: string, rest: Partial<Reply> = {}): Exchange => ({
  durationMs: 1,
  reply: { status: 200, headers: {}, body, ...rest },
})
const failure = (code: string): Exchange => ({ durationMs: 1, error: Object.assign(new Error('it broke'), { code }) })

const cases: [string, Exchange, Verdict, RegExp][] = [
  ['the documented reply', reply(ACK), 'acked', /acknowledged/],
  ['the recorded reply', reply(sample('26-notify.reply.success.xml')), 'acked', /./],
  ['without CDATA and return_msg', reply('<xml><return_code>SUCCESS</return_code></xml>'), 'acked', /./],
  ['with a declaration', reply(`<?xml version="1.0" encoding="UTF-8"?>\n${ACK}`), 'acked', /./],
  [
    'with white space, as in official samples',
    reply('\n<xml>\n  <return_code> SUCCESS </return_code>\n</xml>\n'),
    'acked',
    /./,
  ],

  [
    'a refusal',
    reply('<xml><return_code>FAIL</return_code><return_msg>签名失败</return_msg></xml>'),
    'fail_xml',
    /refused .*签名失败/,
  ],
  ['a refusal without a word', reply('<xml><return_code>FAIL</return_code></xml>'), 'fail_xml', /refused/],
  [
    'lower case',
    reply('<xml><return_code>success</return_code></xml>'),
    'fail_xml',
    /"success"; only SUCCESS, in capitals/,
  ],
  ['an empty code', reply('<xml><return_code></return_code></xml>'), 'fail_xml', /""; only SUCCESS/],

  ['nothing', reply(''), 'empty_body', /no body/],
  ['white space', reply(' \r\n'), 'empty_body', /no body/],
  ['the word success', reply('success'), 'not_xml', /"success" is not the XML/],
  ['a broken element', reply('<xml><return_code>SUCCESS</xml>'), 'not_xml', /./],
  [
    'return_code twice',
    reply('<xml><return_code>SUCCESS</return_code><return_code>FAIL</return_code></xml>'),
    'not_xml',
    /occurs twice/,
  ],
  ['a document type', reply(`<!DOCTYPE xml>${ACK}`), 'not_xml', /document type/],
  ['a long text', reply('x'.repeat(500)), 'not_xml', /"x{60}…"/],
  ['the reply of V3', reply('{"code":"SUCCESS"}'), 'json_body', /JSON/],
  ['the XML as a JSON string in an array', reply('["<xml></xml>"]'), 'json_body', /JSON/],
  ['a page', reply('<!DOCTYPE html><html lang="zh"></html>'), 'html_page', /HTML page/],
  ['a page without a doctype', reply('\n<html><body>404</body></html>'), 'html_page', /HTML page/],
  ['a byte order mark', reply(`\uFEFF${ACK}`), 'stray_characters', /byte order mark/],
  [
    'a literal backslash n between elements',
    reply('<xml>\\n<return_code>SUCCESS</return_code></xml>'),
    'stray_characters',
    /two characters \\n/,
  ],
  ['output after it', reply(`${ACK}null`), 'stray_characters', /follows <\/xml>: "null"/],
  ['output before it', reply(`Notice: undefined index ${ACK}`), 'stray_characters', /before <xml>: "Notice/],
  ['other names', reply('<xml><returnCode>SUCCESS</returnCode></xml>'), 'wrong_field_name', /only "returnCode"/],
  [
    'another root',
    reply('<response><return_code>SUCCESS</return_code></response>'),
    'wrong_field_name',
    /root element is <response>/,
  ],

  ['a redirect', reply('', { status: 302, headers: { location: '/login' } }), 'redirect', /HTTP 302 to \/login/],
  ['a redirect to nowhere', reply('', { status: 307 }), 'redirect', /nowhere/],
  ['created', reply(ACK, { status: 201 }), 'http_status', /HTTP 201; only 200/],
  [
    'compressed, which nobody asked for',
    reply('\u001F\uFFFD\b', { headers: { 'content-encoding': 'gzip' }, raw: Buffer.from([0x1f, 0x8b, 8]) }),
    'not_xml',
    /compressed \(Content-Encoding: gzip\).*no Accept-Encoding/,
  ],
  [
    'a page that says it is compressed',
    reply('<html></html>', { headers: { 'content-encoding': 'gzip' } }),
    'html_page',
    /./,
  ],
  ['no content', reply('', { status: 204 }), 'http_status', /HTTP 204/],
  ['an error with the right body', reply(ACK, { status: 500 }), 'http_status', /HTTP 500; .*<xml>/],

  ['nobody listens', failure('ECONNREFUSED'), 'connection_refused', /ECONNREFUSED it broke/],
  ['no such host', failure('ENOTFOUND'), 'connection_refused', /listening at the notify_url/],
  [
    'no address',
    failure('ERR_INVALID_URL'),
    'connection_refused',
    /^it could not be sent \(ERR_INVALID_URL it broke\)/,
  ],
  ['an unknown authority', failure('DEPTH_ZERO_SELF_SIGNED_CERT'), 'tls', /public authority/],
  ['plain HTTP behind https', failure('EPROTO'), 'tls', /./],
  ['hung up', failure('ECONNRESET'), 'reset', /ECONNRESET/],
  ['an error without a code', { durationMs: 1, error: new Error('it broke') }, 'reset', /\(it broke\)/],
  ['too slow', { durationMs: 150, timedOut: true }, 'timeout_5s', /within 150 ms/],
]

for (const [name, exchange, verdict, reason] of cases) {
  const judgement = judge(exchange, 150)
  t.equal(judgement.verdict, verdict, name)
  t.match(judgement.reason, reason, `${name}: the reason`)
}

t.test('the replies of one merchant do not colour those of another', async (t) => {
  for (const body of [ACK, 'success', ACK, ACK, '', 'success']) {
    t.equal(judge(reply(body), 150).verdict, body === ACK ? 'acked' : body === '' ? 'empty_body' : 'not_xml')
  }
})
