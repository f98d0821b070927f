import t from 'tap'
import { signV2 } from '../../../mock-server/sign-v2.ts'
import { changeFields, signAgain } from '../../../mock-server/wechat/mutate.ts'
import { readXml } from '../../../mock-server/wire.ts'
import { sample } from '../helpers.ts'

t.test('fields are changed, added and taken out; the rest stays to the byte', async (t) => {
  const xml = '<xml>\n<a><![CDATA[1]]></a>\n<b>2</b>\n<c></c>\n<d><![CDATA[x]]]]><![CDATA[>y]]></d></xml>'
  const cases: [changes: Parameters<typeof changeFields>[1], result: string][] = [
    [{}, xml],
    [{ a: '9' }, xml.replace('[1]', '[9]')],
    [{ b: '9' }, xml.replace('<b>2</b>', '<b><![CDATA[9]]></b>')],
    [{ c: '$&' }, xml.replace('<c></c>', () => '<c><![CDATA[$&]]></c>')],
    [{ d: null }, xml.replace(/<d>.*<\/d>/, '')],
    [{ e: ']]>' }, xml.replace('</xml>', '<e><![CDATA[]]]]><![CDATA[>]]></e></xml>')],
    [{ f: null }, xml],
  ]
  for (const [changes, result] of cases) t.equal(changeFields(xml, changes), result, JSON.stringify(changes))
  t.equal(readXml(changeFields(xml, { e: ']]>' })).get('e'), ']]>')
})

t.test('signed again by the algorithm it was signed with', async (t) => {
  const key = '192006250b4c09247ec02edce69f6a2d'
  for (const [name, type] of [
    ['17-notify.pay.md5.xml', 'MD5'],
    ['18-notify.pay.hmac-no-sign_type.recorded-masked.xml', 'HMAC-SHA256'],
  ] as const) {
    const xml = sample(name).replace(/<sign>.*<\/sign>/, `<sign>${'F'.repeat(type === 'MD5' ? 32 : 64)}</sign>`)
    const fields = readXml(signAgain(xml, key))
    t.equal(fields.get('sign'), signV2(fields, key, type), name)
  }
  t.match(readXml(signAgain('<xml><a>1</a></xml>', key)).get('sign'), /^[0-9A-F]{32}$/, 'one that had none')
})
