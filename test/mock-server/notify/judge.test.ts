import { readFileSync } from 'node:fs'
import t from 'tap'
import { judge } from '../../../mock-server/notify/judge.ts'
import { lintReply } from '../../../mock-server/notify/reply-lint.ts'
import type { Exchange, Reply } from '../../../mock-server/notify/sender.ts'
import type { Verdict } from '../../../mock-server/wire/names.ts'
import { ACK, sample } from '../helpers.ts'

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
  ['a refusal without a text', reply('<xml><return_code>FAIL</return_code></xml>'), 'fail_xml', /refused/],
  [
    'lower case',
    reply('<xml><return_code>success</return_code></xml>'),
    'fail_xml',
    /"success"; only SUCCESS, in capitals/,
  ],
  ['an empty code', reply('<xml><return_code></return_code></xml>'), 'fail_xml', /""; only SUCCESS/],

  ['nothing', reply(''), 'empty_body', /no body/],
  ['white space', reply(' \r\n'), 'empty_body', /no body/],
  ['the word success', reply('success'), 'not_xml', /"success" is not the expected XML/],
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
  ['a redirect without a target', reply('', { status: 307 }), 'redirect', /nowhere/],
  ['created', reply(ACK, { status: 201 }), 'http_status', /HTTP 201; only 200/],
  [
    'compressed without a request for it',
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
    'a host that the mock may not reach',
    failure('ERR_HOST_NOT_ALLOWED'),
    'connection_refused',
    /^it was not sent: it broke$/,
  ],
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

t.test('the replies of one merchant do not affect those of another', async (t) => {
  for (const body of [ACK, 'success', ACK, ACK, '', 'success']) {
    t.equal(judge(reply(body), 150).verdict, body === ACK ? 'acked' : body === '' ? 'empty_body' : 'not_xml')
  }
})

const lintedReply = (body: string | Buffer, headers: Reply['headers'] = {}): Reply => ({
  status: 200,
  headers,
  body: body.toString(),
  ...(typeof body !== 'string' && { raw: body }),
})

const SUCCESS = '<return_code>SUCCESS</return_code>'
const gbk = Buffer.concat([
  Buffer.from(`<xml>${SUCCESS}<return_msg>`),
  Buffer.from([0xb2, 0xe8]),
  Buffer.from('</return_msg></xml>'),
])

t.test(
  'answers whose treatment by WeChat is unknown are accepted with a finding, and rejected by a strict world',
  async (t) => {
    const cases: [what: string, reply: Reply, rule: string, message: RegExp, verdict: Verdict][] = [
      [
        'a header that says gzip over plain text',
        lintedReply(ACK, { 'content-encoding': 'gzip' }),
        'reply-content-encoding',
        /Content-Encoding: gzip/,
        'not_xml',
      ],
      [
        'the same of Brotli',
        lintedReply(ACK, { 'content-encoding': 'br' }),
        'reply-content-encoding',
        /Content-Encoding: br/,
        'not_xml',
      ],
      ['bytes of GBK in return_msg', lintedReply(gbk), 'reply-not-utf8', /not UTF-8/, 'not_xml'],
      [
        'another charset in the header',
        lintedReply(ACK, { 'content-type': 'text/xml; charset="GBK"' }),
        'reply-charset',
        /Content-Type of the reply says GBK;/,
        'not_xml',
      ],
      [
        'another encoding in the declaration',
        lintedReply(`<?xml version="1.0" encoding='GB2312'?>${ACK}`),
        'reply-encoding',
        /declaration of the reply says GB2312;/,
        'not_xml',
      ],
      ['a comment', lintedReply(`<xml><!-- done -->${SUCCESS}</xml>`), 'reply-comment', /comment/, 'stray_characters'],
      [
        'a comment with an example in it',
        lintedReply(`<xml><!-- <a b="1"> -->${SUCCESS}</xml>`),
        'reply-comment',
        /comment/,
        'stray_characters',
      ],
      [
        'a processing instruction',
        lintedReply(`<xml><?php echo 1 ?>${SUCCESS}</xml>`),
        'reply-instruction',
        /<\?php$/,
        'stray_characters',
      ],
      [
        'a style sheet',
        lintedReply(`<?xml version="1.0"?><?xml-stylesheet href="a"?><xml>${SUCCESS}</xml>`),
        'reply-instruction',
        /<\?xml-stylesheet$/,
        'stray_characters',
      ],
      [
        'an attribute of the root',
        lintedReply(`<xml x="1">${SUCCESS}</xml>`),
        'reply-attribute',
        /attribute x$/,
        'not_xml',
      ],
      [
        'a name space',
        lintedReply(`<xml\n  xmlns:w = 'urn:w'>${SUCCESS}</xml>`),
        'reply-attribute',
        /attribute xmlns:w$/,
        'not_xml',
      ],
      [
        'an attribute of return_code',
        lintedReply('<xml><return_code type="text">SUCCESS</return_code></xml>'),
        'reply-attribute',
        /attribute type$/,
        'not_xml',
      ],
      [
        'spaces around SUCCESS',
        lintedReply('<xml><return_code> SUCCESS </return_code></xml>'),
        'reply-spaces',
        /" SUCCESS "$/,
        'fail_xml',
      ],
      [
        'spaces inside CDATA',
        lintedReply('<xml><return_code><![CDATA[SUCCESS ]]></return_code></xml>'),
        'reply-spaces',
        /"SUCCESS "$/,
        'fail_xml',
      ],
      [
        'spaces outside CDATA',
        lintedReply('<xml><return_code>\n<![CDATA[SUCCESS]]></return_code></xml>'),
        'reply-spaces',
        /"\\nSUCCESS"$/,
        'fail_xml',
      ],
    ]
    const documented = readFileSync(new URL('../../../mock-server/README.md', import.meta.url), 'utf8').split('\n')
    for (const [what, reply, rule, message, verdict] of cases) {
      t.ok(
        documented.some((line) => line.includes(`\`${rule}\``) && line.includes(`| \`${verdict}\``)),
        `${rule} is in the README`,
      )
      const lint = [{ rule, level: 'warning', message }]
      t.match(judge({ durationMs: 1, reply }, 150), { verdict: 'acked', reason: /acknowledged/, lint }, what)
      t.match(
        judge({ durationMs: 1, reply }, 150, { strict: true }),
        { verdict, reason: /^strict: /, lint },
        `${what}, strict`,
      )
      t.equal(lintReply(reply).length, 1, `${what}: nothing else`)
    }
  },
)

t.test('answers without findings', async (t) => {
  const cases: [what: string, reply: Reply][] = [
    ['the documented one', lintedReply(ACK)],
    ['the recorded one', lintedReply(sample('26-notify.reply.success.xml'))],
    ['a declaration', lintedReply(`<?xml version="1.0" encoding="utf-8"?>\n${ACK}`)],
    ['lines, as in official samples', lintedReply(`\n<xml>\n  ${SUCCESS}\n</xml>\n`)],
    ['a stated charset', lintedReply(ACK, { 'content-type': 'text/xml; charset=UTF-8' })],
    ['the same in single quotes', lintedReply(ACK, { 'content-type': "text/xml; charset='utf-8'" })],
    ['a Content-Type without one', lintedReply(ACK, { 'content-type': 'text/html' })],
    ['nothing encoded', lintedReply(ACK, { 'content-encoding': 'identity' })],
    ['the same in capitals', lintedReply(ACK, { 'content-encoding': 'Identity' })],
    [
      'markup that is text',
      lintedReply(`<xml>${SUCCESS}<return_msg><![CDATA[<!-- a --> <b c="1"> <?php ?>]]></return_msg></xml>`),
    ],
  ]
  for (const [what, reply] of cases) {
    t.strictSame(
      judge({ durationMs: 1, reply }, 150, { strict: true }),
      { verdict: 'acked', reason: 'the merchant acknowledged the notification' },
      what,
    )
  }
})

t.test('two findings are both reported', async (t) => {
  t.match(
    judge({ durationMs: 1, reply: lintedReply(`<xml x="1">${SUCCESS}</xml>`, { 'content-encoding': 'gzip' }) }, 150),
    {
      lint: [{ rule: 'reply-content-encoding' }, { rule: 'reply-attribute' }],
    },
  )
})
