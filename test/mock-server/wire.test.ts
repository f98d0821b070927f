import { readdirSync } from 'node:fs'
import t from 'tap'
import { signV2 } from '../../mock-server/sign-v2.ts'
import { readXml, WireError, writeXml } from '../../mock-server/wire.ts'
import { sample } from './helpers.ts'

const readable: [string, Record<string, string>][] = [
  ['<xml><a>1</a></xml>', { a: '1' }],
  ['<?xml version="1.0" encoding="UTF-8"?>\n<xml>\n <a> 1 </a>\n</xml>\n', { a: ' 1 ' }],
  ['<xml><a><![CDATA[]]></a><b/><c></c></xml>', { a: '', b: '', c: '' }],
  ['<xml><a>x<![CDATA[<y>&amp;]]>z</a></xml>', { a: 'x<y>&amp;z' }],
  ['<xml><a>&lt;&gt;&amp;&quot;&apos;&#33590;&#x8336;</a></xml>', { a: '<>&"\'茶茶' }],
  ['<xml><a>&#xd7ff;&#xe000;&#x1f600;</a></xml>', { a: '\ud7ff\ue000😀' }],
  ['\n <!-- note --> <xml><!-- note --><a>1</a></xml> <!-- note -->\n', { a: '1' }],
  ['<xml><a><![CDATA[<!DOCTYPE html> said the customer]]></a></xml>', { a: '<!DOCTYPE html> said the customer' }],
  ['<xml></xml>', {}],
]
for (const [text, fields] of readable) t.same(Object.fromEntries(readXml(text)), fields, text)

const refused: [string, WireError['kind'], RegExp][] = [
  ['', 'not_xml', /./],
  ['success', 'not_xml', /./],
  ['{"return_code":"SUCCESS"}', 'not_xml', /./],
  ['<xml><a>1</a>', 'not_xml', /Unclosed/],
  ['<xml><a>1</b></xml>', 'not_xml', /./],
  ['<xml><a>1</a></xml><xml></xml>', 'not_xml', /possible root/],
  ['<xml><a>1</a></xml>\\n', 'not_xml', /Extra text/],
  ['<xml><a>1</a><a>1</a></xml>', 'not_xml', /<a> occurs twice/],
  ['<xml><a><b>1</b></a></xml>', 'not_xml', /<a> holds another element/],
  ['<xml><a>&nbsp;</a></xml>', 'not_xml', /unknown reference &nbsp;/],
  ['<xml><a>fish & chips</a></xml>', 'not_xml', /&/],
  ['<xml><a>&#x110000;</a></xml>', 'not_xml', /unknown reference &#x110000;/],
  ['<xml><a>&#0;</a></xml>', 'not_xml', /unknown reference &#0;/],
  ['<xml><a>&#xZZ;</a></xml>', 'not_xml', /./],
  ['<xml><a>&constructor;</a></xml>', 'not_xml', /unknown reference &constructor;/],
  ['<xml><a>&toString;</a></xml>', 'not_xml', /unknown reference &toString;/],
  ['<xml><a>&#xd800;</a></xml>', 'not_xml', /unknown reference &#xd800;/],
  ['<xml><a>&#57343;</a></xml>', 'not_xml', /unknown reference &#57343;/],
  ['<xml><__proto__>1</__proto__></xml>', 'not_xml', /__proto__/],
  ['<!DOCTYPE xml><xml><a>1</a></xml>', 'not_xml', /document type/],
  ['<xml><!ENTITY a "b"></xml>', 'not_xml', /document type/],
  ['<root><a>1</a></root>', 'root', /<root>/],
  ['<xml>\\n<a>1</a></xml>', 'stray', /between the elements/],
  ['<xml><![CDATA[x]]><a>1</a></xml>', 'stray', /between the elements/],
]
for (const [text, kind, message] of refused) t.throws(() => readXml(text), { name: 'WireError', kind, message }, text)

t.test('recorded messages', async (t) => {
  const names = readdirSync(new URL('../samples/', import.meta.url)).filter((name) => name.endsWith('.xml'))
  t.ok(names.length > 20)
  for (const name of names) {
    if (name.startsWith('25-attack')) t.throws(() => readXml(sample(name)), { name: 'WireError' }, name)
    else if (name.startsWith('21-')) t.throws(() => readXml(sample(name)), { name: 'WireError', kind: 'root' }, name)
    else t.ok(readXml(sample(name)).get('return_code') ?? readXml(sample(name)).get('appid'), name)
  }
})

t.test('what was read from a recorded message carries its sign', async (t) => {
  const cases = [
    ['06-orderquery.response.success.xml', '8934e7d15453e97507ef794cf7b0519d', 'MD5'],
    ['12-refund.response.success.xml', '8934e7d15453e97507ef794cf7b0519d', 'MD5'],
    ['18-notify.pay.hmac-no-sign_type.recorded-masked.xml', '0123456789abcdef0123456789abcdef', 'HMAC-SHA256'],
  ] as const
  for (const [name, key, type] of cases) {
    const fields = readXml(sample(name))
    t.equal(signV2(fields, key, type), fields.get('sign'), name)
  }
})

t.test('writing: text in CDATA, numbers bare, and reading gives it back', async (t) => {
  t.equal(
    writeXml([
      ['a', '茶'],
      ['total_fee', 1],
    ]),
    '<xml><a><![CDATA[茶]]></a>\n<total_fee>1</total_fee></xml>',
  )
  t.equal(
    writeXml(
      [
        ['a', ''],
        ['b', 2],
      ],
      '',
    ),
    '<xml><a><![CDATA[]]></a><b>2</b></xml>',
  )
  for (const value of [']]>', 'a]]>b]]>c', ']]', '<x>&amp;', '  ', '\n']) {
    t.equal(readXml(writeXml([['attach', value]])).get('attach'), value, JSON.stringify(value))
  }
})
