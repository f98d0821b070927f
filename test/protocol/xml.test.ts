import { deepStrictEqual } from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import t from 'tap'
import { WechatError } from '../../src/errors.ts'
import { MAX_XML_BYTES, readXml, writeXml } from '../../src/protocol/xml.ts'
import { sample } from '../fixtures.ts'
import { damagedDocument, document, message } from './messages.ts'
import type { Entries } from './messages.ts'

const read = (input: Buffer | string): Entries => [...readXml(input)]

/** A second opinion: fast-xml-parser, set to decode references and not to trim. */
const parser = new XMLParser({ parseTagValue: false, trimValues: false, htmlEntities: true, ignoreDeclaration: true })
function secondOpinion(text: string, root = 'xml'): Entries {
  const valid = XMLValidator.validate(text)
  if (valid !== true) throw new Error(valid.err.msg)
  const content = parser.parse(text)[root] as string | Record<string, string>
  return typeof content === 'string' ? [] : Object.entries(content).filter(([name]) => name !== '#text')
}

t.test('recorded and published messages', async (t) => {
  const names = readdirSync(new URL('../samples', import.meta.url)).filter((name) => name.endsWith('.xml'))
  t.ok(names.length >= 25, 'there are samples')
  for (const name of names) {
    const bytes = sample(name)
    const root = name === '21-notify.refund.req_info-plain.xml' ? 'root' : 'xml'
    if (name === '25-attack.xxe-probe.xml') {
      t.throws(() => readXml(bytes), { code: 'WECHAT_XML_INVALID' }, `${name} is refused`)
    } else t.strictSame([...readXml(bytes, root)], secondOpinion(bytes.toString(), root), name)
  }
})

t.test('accepted documents', async (t) => {
  const cases: [string, string, Entries][] = [
    [
      'text and CDATA',
      '<xml><a>1</a><b><![CDATA[支付]]></b></xml>',
      [
        ['a', '1'],
        ['b', '支付'],
      ],
    ],
    ['no field', '<xml></xml>', []],
    [
      'three ways to write an empty element',
      '<xml><a></a><b/><c><![CDATA[]]></c></xml>',
      [
        ['a', ''],
        ['b', ''],
        ['c', ''],
      ],
    ],
    ['a declaration', '<?xml version="1.0" encoding="UTF-8"?>\n<xml><a>1</a></xml>', [['a', '1']]],
    ['a declaration in single quotes', "<?xml version='1.0' encoding='utf-8' ?><xml></xml>", []],
    [
      'a declaration in full, with space wherever XML has it',
      '<?xml\tversion = "1.0"  encoding\r\n=\'UTF-8\' standalone="no" ?><xml></xml>',
      [],
    ],
    [
      'space before the end of a tag',
      '<xml >\n<a />\n<b\t>1</b ><c\r\n><![CDATA[2]]></c\n></xml  >',
      [
        ['a', ''],
        ['b', '1'],
        ['c', '2'],
      ],
    ],
    ['space around the elements', ' \n\t<xml>\r\n  <a>1</a>\n\n</xml>\n', [['a', '1']]],
    [
      'values are not trimmed',
      '<xml><a> 1 </a><b>\n</b><c><![CDATA[ \t]]></c></xml>',
      [
        ['a', ' 1 '],
        ['b', '\n'],
        ['c', ' \t'],
      ],
    ],
    ['the five entities', '<xml><a>&amp;&lt;&gt;&quot;&apos;</a></xml>', [['a', '&<>"\'']]],
    [
      'numeric references',
      '<xml><a>&#9;&#65;&#x41;&#x6a;&#x6A;&#0065;&#20013;&#x1F600;&#1114111;</a></xml>',
      [['a', '\tAAjjA中😀\u{10ffff}']],
    ],
    ['a reference is decoded once', '<xml><a>&amp;lt;&amp;#65;</a></xml>', [['a', '&lt;&#65;']]],
    ['no reference in CDATA', '<xml><a><![CDATA[&amp;&lt;&#65;&x]]></a></xml>', [['a', '&amp;&lt;&#65;&x']]],
    ['markup in CDATA is text', '<xml><a><![CDATA[<b>1</b><!DOCTYPE x>]]></a></xml>', [['a', '<b>1</b><!DOCTYPE x>']]],
    ['CDATA split around ]]>', '<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a></xml>', [['a', 'x]]>y']]],
    ['CDATA within text', '<xml><a> p <![CDATA[ q ]]>&amp;<![CDATA[r]]></a></xml>', [['a', ' p  q &r']]],
    [
      'brackets that close nothing',
      '<xml><a>]] ]></a><b>]]&gt;</b><c>></c></xml>',
      [
        ['a', ']] ]>'],
        ['b', ']]>'],
        ['c', '>'],
      ],
    ],
    [
      'line ends as in XML 1.0 §2.11',
      '<xml><a>1\r\n2\r3\n4</a><b><![CDATA[1\r\n2\r3]]></b></xml>',
      [
        ['a', '1\n2\n3\n4'],
        ['b', '1\n2\n3'],
      ],
    ],
    ['a carriage return as a reference stays one', '<xml><a>1&#13;2&#xD;&#10;</a></xml>', [['a', '1\r2\r\n']]],
    [
      'names are case-sensitive',
      '<xml><appid>1</appid><appId>2</appId></xml>',
      [
        ['appid', '1'],
        ['appId', '2'],
      ],
    ],
    ['a field named as the root', '<xml><xml>1</xml></xml>', [['xml', '1']]],
    [
      'a name that is a prefix of the next',
      '<xml><a>1</a><ab>2</ab></xml>',
      [
        ['a', '1'],
        ['ab', '2'],
      ],
    ],
    [
      'names that every object has',
      '<xml><toString>1</toString><valueOf>2</valueOf></xml>',
      [
        ['toString', '1'],
        ['valueOf', '2'],
      ],
    ],
  ]
  for (const [name, text, entries] of cases) {
    t.strictSame(read(text), entries, name)
    t.strictSame(read(Buffer.from(text)), entries, `${name}, from bytes`)
  }
  t.strictSame([...readXml('<root><a>1</a></root>', 'root')], [['a', '1']], 'another root, where the caller expects it')
})

t.test('refused documents', async (t) => {
  const bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><xml><v>&b;</v></xml>'
  const cases: [string, string | Buffer, RegExp][] = [
    ['nothing', '', /does not start with <xml>/],
    ['space', ' \n', /does not start with <xml>/],
    ['plain text', 'success', /does not start with <xml>/],
    ['JSON', '{"return_code":"SUCCESS"}', /does not start with <xml>/],
    ['a form', 'return_code=SUCCESS', /does not start with <xml>/],
    ['HTML', '<!doctype html><html></html>', /does not start with <xml>/],
    ['another root', '<root><a>1</a></root>', /does not start with <xml>/],
    ['the root in upper case', '<XML></XML>', /does not start with <xml>/],
    ['an empty root tag', '<xml/>', /does not start with <xml>/],
    ['a root with an attribute', '<xml a="1"></xml>', /does not start with <xml>/],
    ['a root with an attribute after much space', '<xml \n a="1" ></xml>', /does not start with <xml>/],
    ['a root whose name goes on', '<xmls></xmls>', /does not start with <xml>/],
    ['a root with a space before its name', '< xml></xml>', /does not start with <xml>/],
    ['an empty root tag with a space', '<xml />', /does not start with <xml>/],
    ['a byte order mark', '\ufeff<xml></xml>', /does not start with <xml>/],
    ['text before the root', 'x<xml></xml>', /does not start with <xml>/],
    ['DOCTYPE', '<!DOCTYPE xml><xml></xml>', /does not start with <xml>/],
    [
      'DOCTYPE after the declaration',
      '<?xml version="1.0"?><!DOCTYPE xml SYSTEM "http://x/"><xml></xml>',
      /does not start with <xml>/,
    ],
    ['an entity bomb', bomb, /does not start with <xml>/],
    ['a comment before the root', '<!-- --><xml></xml>', /does not start with <xml>/],
    ['an instruction before the root', '<?php ?><xml></xml>', /does not start with <xml>/],
    ['a declaration with another name', '<?xml-stylesheet href="x"?><xml></xml>', /does not start with <xml>/],
    ['a declaration of nothing', '<?xml ?><xml></xml>', /does not start with <xml>/],
    ['a declaration of another version', '<?xml version="1.1"?><xml></xml>', /does not start with <xml>/],
    [
      'a declaration of another encoding',
      '<?xml version="1.0" encoding="GBK"?><xml></xml>',
      /does not start with <xml>/,
    ],
    [
      'a declaration of its encoding and version in the wrong order',
      '<?xml encoding="UTF-8" version="1.0"?><xml></xml>',
      /does not start with <xml>/,
    ],
    ['a declaration without space', '<?xmlversion="1.0"?><xml></xml>', /does not start with <xml>/],
    [
      'a declaration with an invalid standalone',
      '<?xml version="1.0" standalone="maybe"?><xml></xml>',
      /does not start with <xml>/,
    ],
    ['a broken declaration', '<?xml version="1.0\'?><xml></xml>', /does not start with <xml>/],
    ['two declarations', '<?xml version="1.0"?><?xml version="1.0"?><xml></xml>', /does not start with <xml>/],
    ['a declaration after a space', ' <?xml version="1.0"?><xml></xml>', /does not start with <xml>/],
    ['UTF-16', Buffer.from('<xml></xml>', 'utf16le'), /character that XML does not allow/],
    ['DOCTYPE in the root', '<xml><!DOCTYPE x><a>1</a></xml>', /no acceptable name/],
    ['a comment in the root', '<xml><!-- --><a>1</a></xml>', /no acceptable name/],
    ['an instruction in the root', '<xml><?x ?><a>1</a></xml>', /no acceptable name/],
    ['CDATA in the root', '<xml><![CDATA[x]]><a>1</a></xml>', /no acceptable name/],
    ['one closing tag too many', '<xml></a></xml>', /no acceptable name/],
    ['a name with a digit first', '<xml><1>1</1></xml>', /no acceptable name/],
    ['a Chinese name', '<xml><价>1</价></xml>', /no acceptable name/],
    ['a name after a space', '<xml>< a>1</a></xml>', /no acceptable name/],
    ['__proto__', '<xml><__proto__>1</__proto__></xml>', /no acceptable name/],
    ['constructor', '<xml><constructor>1</constructor></xml>', /no acceptable name/],
    ['prototype', '<xml><prototype>1</prototype></xml>', /no acceptable name/],
    ['text in the root', '<xml>x<a>1</a></xml>', /text between the elements/],
    ['text between elements', '<xml><a>1</a>\\n<b>2</b></xml>', /text between the elements/],
    ['a reference between elements', '<xml><a>1</a>&#32;<b>2</b></xml>', /text between the elements/],
    ['a no-break space between elements', '<xml><a>1</a>\u00a0<b>2</b></xml>', /text between the elements/],
    ['an attribute', '<xml><a b="1">1</a></xml>', /element a has attributes or a broken tag/],
    ['a namespace', '<xml><a:b>1</a:b></xml>', /element a has attributes or a broken tag/],
    ['a name with a hyphen', '<xml><a-b>1</a-b></xml>', /element a has attributes or a broken tag/],
    ['a tag that does not end', '<xml><a<b>1</b></xml>', /element a has attributes or a broken tag/],
    ['an attribute after much space', '<xml><a \n b="1" >1</a></xml>', /element a has attributes or a broken tag/],
    ['an attribute of an empty tag', '<xml><a b="1" /></xml>', /element a has attributes or a broken tag/],
    ['an attribute without a value', '<xml><a b></a></xml>', /element a has attributes or a broken tag/],
    ['a space within the end of an empty tag', '<xml><a / ></xml>', /element a has attributes or a broken tag/],
    ['a no-break space in a tag', '<xml><a\u00a0>1</a></xml>', /element a has attributes or a broken tag/],
    ['a long name is truncated', `<xml><${'n'.repeat(99)} x></xml>`, /element n{32}… has attributes/],
    ['a duplicate', '<xml><a>1</a><a>1</a></xml>', /element a appears twice/],
    ['an empty duplicate', '<xml><a>1</a><a/></xml>', /element a appears twice/],
    ['a duplicate with a space in its tag', '<xml><a>1</a><a >1</a ></xml>', /element a appears twice/],
    ['an empty duplicate with a space in its tag', '<xml><a>1</a><a /></xml>', /element a appears twice/],
    ['nesting behind a space', '<xml><a ><b >1</b ></a ></xml>', /element a contains another element or is not closed/],
    ['nesting', '<xml><a><b>1</b></a></xml>', /element a contains another element or is not closed/],
    ['nesting after text', '<xml><a>x<b/></a></xml>', /element a contains another element or is not closed/],
    ['a comment in a value', '<xml><a>1<!-- --></a></xml>', /element a contains another element or is not closed/],
    ['an instruction in a value', '<xml><a>1<?x ?></a></xml>', /element a contains another element or is not closed/],
    ['cdata in lower case', '<xml><a><![cdata[1]]></a></xml>', /element a contains another element or is not closed/],
    ['another closing tag', '<xml><a>1</b></xml>', /element a contains another element or is not closed/],
    ['a closing tag with an attribute', '<xml><a>1</a b="1"></xml>', /element a contains another element or is not/],
    ['a closing tag whose name goes on', '<xml><a>1</ab></xml>', /element a contains another element or is not closed/],
    ['a closing tag with a space before its name', '<xml><a>1</ a></xml>', /element a contains another element or is/],
    ['a closing tag that does not end', '<xml><a>1</a </xml>', /element a contains another element or is not closed/],
    ['a closing root tag with an attribute', '<xml><a>1</a></xml b="1">', /no acceptable name/],
    ['a closing root tag that does not end', '<xml><a>1</a></xml ', /no acceptable name/],
    ['a root closed inside a value', '<xml><a>1</xml>', /element a contains another element or is not closed/],
    ['an end after the root tag', '<xml>', /ends too early/],
    ['an end in a value', '<xml><a>1', /ends too early/],
    ['an end in CDATA', '<xml><a><![CDATA[1]]</a></xml>', /ends too early/],
    ['an end before the root closes', '<xml><a>1</a>', /ends too early/],
    ['two roots', '<xml></xml><xml></xml>', /something follows <\/xml>/],
    ['text after the root', '<xml></xml>ok', /something follows <\/xml>/],
    ['a comment after the root', '<xml></xml><!-- -->', /something follows <\/xml>/],
    [']]> in text', '<xml><a>1]]>2</a></xml>', /stray ]]>/],
    ['an unknown entity', '<xml><a>&nbsp;</a></xml>', /unknown entity/],
    ['an entity named like a property of every object', '<xml><a>&constructor;</a></xml>', /unknown entity/],
    ['an entity named like a getter of every object', '<xml><a>&__proto__;</a></xml>', /unknown entity/],
    ['an entity in upper case', '<xml><a>&AMP;</a></xml>', /unknown entity/],
    ['an entity without its end', '<xml><a>&amp</a></xml>', /unknown entity/],
    ['a bare ampersand', '<xml><a>1 & 2</a></xml>', /unknown entity/],
    ['a bare ampersand before a semicolon', '<xml><a>1 &; 2</a></xml>', /unknown entity/],
    ['a reference to nothing', '<xml><a>&#;</a></xml>', /unknown entity/],
    ['a hexadecimal reference to nothing', '<xml><a>&#x;</a></xml>', /unknown entity/],
    ['a reference with X', '<xml><a>&#X41;</a></xml>', /unknown entity/],
    ['a reference with a sign', '<xml><a>&#+65;</a></xml>', /unknown entity/],
    ['a decimal reference with letters', '<xml><a>&#4a;</a></xml>', /unknown entity/],
    ['a reference to NUL', '<xml><a>&#0;</a></xml>', /unknown entity/],
    ['a reference to a control character', '<xml><a>&#x1b;</a></xml>', /unknown entity/],
    ['a reference to U+FFFE', '<xml><a>&#xfffe;</a></xml>', /unknown entity/],
    ['a reference to a high surrogate', '<xml><a>&#xd800;</a></xml>', /unknown entity/],
    ['a reference to a low surrogate', '<xml><a>&#57343;</a></xml>', /unknown entity/],
    ['two references to one astral character', '<xml><a>&#xd83d;&#xde00;</a></xml>', /unknown entity/],
    ['a reference beyond Unicode', '<xml><a>&#x110000;</a></xml>', /unknown entity/],
    ['a reference far beyond Unicode', `<xml><a>&#${'9'.repeat(400)};</a></xml>`, /unknown entity/],
    ['NUL', '<xml><a>\0</a></xml>', /character that XML does not allow/],
    ['a control character', '<xml><a>\x1b[31m</a></xml>', /character that XML does not allow/],
    ['a control character in CDATA', '<xml><a><![CDATA[\b]]></a></xml>', /character that XML does not allow/],
    ['a vertical tab between elements', '<xml>\v</xml>', /character that XML does not allow/],
    ['U+FFFF', '<xml><a>\uffff</a></xml>', /character that XML does not allow/],
    ['a lone surrogate', '<xml><a>\ud83d</a></xml>', /not UTF-8/],
    ['invalid UTF-8', Buffer.from('<xml><a>\xff</a></xml>', 'latin1'), /not UTF-8/],
    ['UTF-8 cut short', Buffer.from('<xml><a>\xe4\xb8</a></xml>', 'latin1'), /not UTF-8/],
    ['UTF-8 longer than needed', Buffer.from('<xml><a>\xc0\xbc</a></xml>', 'latin1'), /not UTF-8/],
    ['a surrogate in UTF-8', Buffer.from('<xml><a>\xed\xa0\xbd</a></xml>', 'latin1'), /not UTF-8/],
    ['GBK', Buffer.from('<xml><a>\xd6\xa7\xb8\xb6</a></xml>', 'latin1'), /not UTF-8/],
  ]
  for (const [name, input, message] of cases) {
    t.throws(() => readXml(input), { name: 'WechatError', code: 'WECHAT_XML_INVALID', statusCode: 400, message }, name)
  }
})

t.test('the limit of 64 KiB is in bytes', async (t) => {
  const ofBytes = (size: number) => `<xml><a>${'x'.repeat(size - 18)}</a></xml>`.replace('xxx', '支')
  const tooLong = { code: 'WECHAT_XML_INVALID', message: /has 65537 bytes, more than 65536/ }
  t.equal(MAX_XML_BYTES, 65536)
  t.equal(Buffer.byteLength(ofBytes(65536)), 65536)
  t.equal(read(ofBytes(65536)).length, 1, 'as long as allowed')
  t.equal(read(Buffer.from(ofBytes(65536))).length, 1, 'as long as allowed, from bytes')
  t.throws(() => readXml(ofBytes(65537)), tooLong, 'one byte longer')
  t.throws(() => readXml(Buffer.from(ofBytes(65537))), tooLong, 'one byte longer, from bytes')
})

t.test('written documents', async (t) => {
  const cases: [string, Entries, string][] = [
    ['nothing', [], '<xml></xml>'],
    [
      'fields keep their order',
      [
        ['b', '1'],
        ['a', '支付'],
      ],
      '<xml><b><![CDATA[1]]></b><a><![CDATA[支付]]></a></xml>',
    ],
    ['markup is text', [['a', '</a><b>&amp;']], '<xml><a><![CDATA[</a><b>&amp;]]></a></xml>'],
    [']]> cannot end the value', [['a', 'x]]>y']], '<xml><a><![CDATA[x]]]]><![CDATA[>y]]></a></xml>'],
    ['a carriage return survives', [['a', '1\r2']], '<xml><a><![CDATA[1]]>&#13;<![CDATA[2]]></a></xml>'],
  ]
  for (const [name, entries, text] of cases) {
    t.equal(writeXml(entries), text, name)
    t.equal(writeXml(new Map(entries)), text, `${name}, from a map`)
    t.strictSame(read(text), entries, `${name}, and read again`)
    t.strictSame(secondOpinion(text), entries, `${name}, and read by another parser`)
  }
  for (const value of ['\0', '\b', '\x1f', '\ufffe', '\uffff', '\ud83d', '\ude00\ud83d']) {
    t.throws(
      () => writeXml([['body', value]]),
      { code: 'WECHAT_XML_INVALID', message: /field body contains a character that XML does not allow/ },
      `${JSON.stringify(value)} cannot be written`,
    )
  }
})

t.test('everything written is read back', async () => {
  fc.assert(
    fc.property(message, (entries) => {
      deepStrictEqual(read(writeXml(entries)), entries)
    }),
    { numRuns: 500 },
  )
})

t.test('a valid document means the sum of its parts, to this parser and to another', async () => {
  fc.assert(
    fc.property(document, ({ text, entries }) => {
      deepStrictEqual(read(text), entries)
      deepStrictEqual(secondOpinion(text), entries)
    }),
    { numRuns: 500 },
  )
})

/** The entries, or `undefined` for a refusal; any other error is passed on. */
function readOrRefuse(input: Buffer | string): Entries | undefined {
  try {
    return read(input)
  } catch (error) {
    if (error instanceof WechatError && error.code === 'WECHAT_XML_INVALID') return undefined
    throw error
  }
}

t.test('a damaged document that is accepted is read the same by another parser', async (t) => {
  let accepted = 0
  let refused = 0
  fc.assert(
    fc.property(damagedDocument, (text) => {
      const entries = readOrRefuse(text)
      if (entries === undefined) {
        refused += 1
      } else {
        accepted += 1
        deepStrictEqual(secondOpinion(text), entries)
      }
    }),
    { numRuns: 5000 },
  )
  t.ok(
    accepted > 100 && refused > 1000,
    `the damage is neither too light nor too heavy: ${accepted} accepted, ${refused} refused`,
  )
})

t.test('any bytes are either read or refused', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, framed) => {
      readOrRefuse(
        framed ? Buffer.concat([Buffer.from('<xml><a>'), bytes, Buffer.from('</a></xml>')]) : Buffer.from(bytes),
      )
    }),
    { numRuns: 2000 },
  )
  t.pass('no other error')
})
