import { readFileSync } from 'node:fs'
import t from 'tap'
import { lintReply } from '../../mock-server/reply-lint.ts'
import type { Reply } from '../../mock-server/sender.ts'
import { judge, type Verdict } from '../../mock-server/verdict.ts'
import { ACK, sample } from './helpers.ts'

const reply = (body: string | Buffer, headers: Reply['headers'] = {}): Reply => ({
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
  'answers of which nobody knows how WeChat takes them: taken and told, and refused by a strict world',
  async (t) => {
    const cases: [what: string, reply: Reply, rule: string, message: RegExp, verdict: Verdict][] = [
      [
        'a header that says gzip over plain text',
        reply(ACK, { 'content-encoding': 'gzip' }),
        'reply-content-encoding',
        /Content-Encoding: gzip/,
        'not_xml',
      ],
      [
        'the same of Brotli',
        reply(ACK, { 'content-encoding': 'br' }),
        'reply-content-encoding',
        /Content-Encoding: br/,
        'not_xml',
      ],
      ['bytes of GBK in return_msg', reply(gbk), 'reply-not-utf8', /not UTF-8/, 'not_xml'],
      [
        'another charset in the header',
        reply(ACK, { 'content-type': 'text/xml; charset="GBK"' }),
        'reply-charset',
        /Content-Type of the reply says GBK;/,
        'not_xml',
      ],
      [
        'another encoding in the declaration',
        reply(`<?xml version="1.0" encoding='GB2312'?>${ACK}`),
        'reply-encoding',
        /declaration of the reply says GB2312;/,
        'not_xml',
      ],
      ['a comment', reply(`<xml><!-- done -->${SUCCESS}</xml>`), 'reply-comment', /comment/, 'stray_characters'],
      [
        'a comment with an example in it',
        reply(`<xml><!-- <a b="1"> -->${SUCCESS}</xml>`),
        'reply-comment',
        /comment/,
        'stray_characters',
      ],
      [
        'a processing instruction',
        reply(`<xml><?php echo 1 ?>${SUCCESS}</xml>`),
        'reply-instruction',
        /<\?php$/,
        'stray_characters',
      ],
      [
        'a style sheet',
        reply(`<?xml version="1.0"?><?xml-stylesheet href="a"?><xml>${SUCCESS}</xml>`),
        'reply-instruction',
        /<\?xml-stylesheet$/,
        'stray_characters',
      ],
      ['an attribute of the root', reply(`<xml x="1">${SUCCESS}</xml>`), 'reply-attribute', /attribute x$/, 'not_xml'],
      [
        'a name space',
        reply(`<xml\n  xmlns:w = 'urn:w'>${SUCCESS}</xml>`),
        'reply-attribute',
        /attribute xmlns:w$/,
        'not_xml',
      ],
      [
        'an attribute of return_code',
        reply('<xml><return_code type="text">SUCCESS</return_code></xml>'),
        'reply-attribute',
        /attribute type$/,
        'not_xml',
      ],
      [
        'spaces around the word',
        reply('<xml><return_code> SUCCESS </return_code></xml>'),
        'reply-spaces',
        /" SUCCESS "$/,
        'fail_xml',
      ],
      [
        'spaces inside of CDATA',
        reply('<xml><return_code><![CDATA[SUCCESS ]]></return_code></xml>'),
        'reply-spaces',
        /"SUCCESS "$/,
        'fail_xml',
      ],
      [
        'spaces outside of CDATA',
        reply('<xml><return_code>\n<![CDATA[SUCCESS]]></return_code></xml>'),
        'reply-spaces',
        /"\\nSUCCESS"$/,
        'fail_xml',
      ],
    ]
    const documented = readFileSync(new URL('../../mock-server/README.md', import.meta.url), 'utf8').split('\n')
    for (const [what, reply, rule, message, verdict] of cases) {
      t.ok(
        documented.some((line) => line.includes(`\`${rule}\``) && line.includes(`| \`${verdict}\``)),
        `${rule} is in the README`,
      )
      const lint = [{ rule, level: 'warning', message }]
      t.match(judge({ durationMs: 1, reply }, 150), { verdict: 'acked', reason: /acknowledged/, lint }, what)
      t.match(judge({ durationMs: 1, reply }, 150, true), { verdict, reason: /^strict: /, lint }, `${what}, strict`)
      t.equal(lintReply(reply).length, 1, `${what}: nothing else`)
    }
  },
)

t.test('answers that are beyond doubt', async (t) => {
  const cases: [what: string, reply: Reply][] = [
    ['the documented one', reply(ACK)],
    ['the recorded one', reply(sample('26-notify.reply.success.xml'))],
    ['a declaration', reply(`<?xml version="1.0" encoding="utf-8"?>\n${ACK}`)],
    ['lines, as in official samples', reply(`\n<xml>\n  ${SUCCESS}\n</xml>\n`)],
    ['a charset that has been said', reply(ACK, { 'content-type': 'text/xml; charset=UTF-8' })],
    ['the same in single quotes', reply(ACK, { 'content-type': "text/xml; charset='utf-8'" })],
    ['a Content-Type without one', reply(ACK, { 'content-type': 'text/html' })],
    ['nothing encoded', reply(ACK, { 'content-encoding': 'identity' })],
    ['the same in capitals', reply(ACK, { 'content-encoding': 'Identity' })],
    [
      'markup that is text',
      reply(`<xml>${SUCCESS}<return_msg><![CDATA[<!-- a --> <b c="1"> <?php ?>]]></return_msg></xml>`),
    ],
  ]
  for (const [what, reply] of cases) {
    t.strictSame(
      judge({ durationMs: 1, reply }, 150, true),
      { verdict: 'acked', reason: 'the merchant acknowledged the notification' },
      what,
    )
  }
})

t.test('two doubts are told both', async (t) => {
  t.match(judge({ durationMs: 1, reply: reply(`<xml x="1">${SUCCESS}</xml>`, { 'content-encoding': 'gzip' }) }, 150), {
    lint: [{ rule: 'reply-content-encoding' }, { rule: 'reply-attribute' }],
  })
})
