import { createHash, createHmac } from 'node:crypto'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { judge } from '../../mock-server/notify/judge.ts'
import { lintReply } from '../../mock-server/notify/reply-lint.ts'
import { ERR_CODES, ERRCODES } from '../../mock-server/wire/error-codes.ts'
import { explainMessage, explainSign, toldSign } from '../../mock-server/wire/explain-sign.ts'
import { encodeGbk } from '../../mock-server/wire/gbk.ts'
import { APIS, isLoginApi, isNotice, isPayApi, LOGIN_APIS } from '../../mock-server/wire/names.ts'
import { checkNotifyUrl, isNotifyUrl } from '../../mock-server/wire/notify-url.ts'
import { element, integer, oid } from '../../mock-server/wire/pki/der.ts'
import { type SignType, signV2, stringToSign } from '../../mock-server/wire/sign-v2.ts'
import { changeFields, signAgain, withBadSign } from '../../mock-server/wire/tamper.ts'
import { parseWechatTime, wechatDateTime, wechatTime } from '../../mock-server/wire/time.ts'
import { readXml, WireError, without, writeXml } from '../../mock-server/wire/xml.ts'
import {
  callPay,
  entriesOf,
  orderFields,
  postRaw,
  sample,
  signedXml,
  startMock,
  type Values,
  vectors,
} from './helpers.ts'

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
  ['<xml><a><b>1</b></a></xml>', 'not_xml', /<a> contains another element/],
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

t.test('the fields of a recorded message match its sign', async (t) => {
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

interface Vector {
  name: string
  key: string
  signType: SignType
  fields: Record<string, string>
  sign: string
}

t.test('published vectors', async (t) => {
  const all = vectors<Vector[]>('sign-v2')
  t.ok(all.length > 10)
  for (const { name, key, signType, fields, sign } of all) {
    t.equal(signV2(Object.entries(fields), key, signType), sign, name)
  }
})

t.test('the string: no sign, no empty value, names in ASCII order, values raw', async (t) => {
  const fields = {
    sign: 'x',
    b: '0',
    a_b: '1',
    aB: '2',
    a: '',
    coupon_fee_2: ' 3 ',
    coupon_fee_10: 'a&b=<c>',
    龙: '茶',
  }
  t.equal(stringToSign(Object.entries(fields)), 'aB=2&a_b=1&b=0&coupon_fee_10=a&b=<c>&coupon_fee_2= 3 &龙=茶')
})

t.test('text in GBK', async (t) => {
  t.same(encodeGbk('茶'), Buffer.from([0xb2, 0xe8]))
  for (const text of ['plain <xml> & 0', '订单未支付', '龙井茶 & 点心', '，。《》']) {
    t.equal(new TextDecoder('gbk').decode(encodeGbk(text)), text)
  }
  t.equal(encodeGbk('a😀é').toString('latin1').slice(0, 2), 'a?', 'characters that GBK does not have')
})

t.test('times are written in GMT+8 without a zone', async (t) => {
  t.equal(wechatTime(new Date('2026-01-15T04:05:06.789Z')), '20260115120506')
  t.equal(wechatTime(new Date('2025-12-31T16:00:00Z')), '20260101000000', 'a new year begins eight hours before UTC')
  t.equal(wechatDateTime(new Date('2025-12-31T16:05:06.789Z')), '2026-01-01 00:05:06')
})

t.test('and read in the same way', async (t) => {
  t.same(parseWechatTime('20260115120506'), new Date('2026-01-15T04:05:06Z'))
  t.same(parseWechatTime('20240229000000'), new Date('2024-02-28T16:00:00Z'))
  for (const text of [
    '',
    '2026011512050',
    '202601151205060',
    '20261315120506',
    '20260230120506',
    '20250229000000',
    '20260115240000',
    '20260115126000',
    '2026-01-15 12:0',
  ]) {
    t.equal(parseWechatTime(text), undefined, `'${text}' is not a time`)
  }
})

t.test('valid notify URLs', async (t) => {
  for (const url of ['https://shop.example.com/notify', 'http://127.0.0.1:3000/', 'http://[::1]:80/a/b']) {
    t.ok(isNotifyUrl(url), url)
    checkNotifyUrl('notifyUrl', url)
  }
  for (const url of [
    '',
    '/notify',
    'shop.example.com/notify',
    'ftp://shop.example.com/notify',
    'https://shop.example.com',
    'https://shop.example.com/notify?a=1',
    'https://shop.example.com/notify#a',
    'http://:80/notify',
  ]) {
    t.notOk(isNotifyUrl(url), url)
    t.throws(
      () => checkNotifyUrl('notifyUrl', url),
      { code: 'BAD_INPUT', message: /^notifyUrl: must be an absolute http\(s\) URL/, details: { field: 'notifyUrl' } },
      url,
    )
  }
})

t.test('every exchange belongs to one side', async (t) => {
  t.equal(new Set(APIS).size, APIS.length)
  for (const api of APIS) t.equal([isPayApi(api), isLoginApi(api), isNotice(api)].filter(Boolean).length, 1, api)
})

t.test('every call has the system error, and every code a text', async (t) => {
  t.same(Object.keys(ERRCODES), LOGIN_APIS)
  for (const [api, table] of Object.entries({ ...ERR_CODES, ...ERRCODES })) {
    if (Object.keys(table).length > 0) t.ok('SYSTEMERROR' in table || '-1' in table, api)
    for (const [code, text] of Object.entries(table)) t.match(text, /\S/, `${api} ${code}`)
  }
})

t.test('fields are changed, added and removed; the rest stays byte for byte', async (t) => {
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

t.test('every digit of the signature changes, and nothing else', async (t) => {
  const xml = '<xml><a><![CDATA[1]]></a><sign><![CDATA[0123456789ABCDEF]]></sign><b>0</b></xml>'
  t.equal(withBadSign(xml), '<xml><a><![CDATA[1]]></a><sign><![CDATA[FEDCBA9876543210]]></sign><b>0</b></xml>')
})

t.test('a message without a signature gets a wrong one', async (t) => {
  t.match(
    withBadSign(sample('03-unifiedorder.response.return-fail-sign.xml')),
    /<sign><!\[CDATA\[0{32}\]\]><\/sign><\/xml>/,
  )
})

const secrets = { apiKey: '192006250b4c09247ec02edce69f6a2d', appSecret: 'app-secret' }
const values = {
  body: '龙井 & 点心 ',
  attach: '',
  out_trade_no: 'tea-1',
  total_fee: '1',
  sign_type: 'MD5',
  appid: 'wx1',
}
const md5 = (text: string | Buffer) => createHash('md5').update(text).digest('hex').toUpperCase()
const hmac = (text: string) => createHmac('sha256', secrets.apiKey).update(text).digest('hex').toUpperCase()
const key = `&key=${secrets.apiKey}`

const explained = (sign: string) => explainSign(new Map(Object.entries({ ...values, sign })), 'MD5', secrets)
const SIGNED = 'appid=wx1&body=龙井 & 点心 &out_trade_no=tea-1&sign_type=MD5&total_fee=1'
const OURS = `${SIGNED}&key=<apiKey>`

t.test('the usual mistakes are recognised by the signature they give', async (t) => {
  t.equal(stringToSign(Object.entries(values)), SIGNED)
  const cases: [mistake: string, sign: string, field: string | undefined][] = [
    ['it is not in upper case', md5(SIGNED + key).toLowerCase(), undefined],
    ['it is HMAC-SHA256 instead of MD5', hmac(SIGNED + key), undefined],
    ['empty values were signed too', md5(SIGNED.replace('&body', '&attach=&body') + key), 'attach'],
    [
      'the fields were signed in the order of the message instead of sorted by name',
      md5(`body=龙井 & 点心 &out_trade_no=tea-1&total_fee=1&sign_type=MD5&appid=wx1${key}`),
      'appid',
    ],
    ['sign_type was not signed, but sent', md5(SIGNED.replace('&sign_type=MD5', '') + key), 'sign_type'],
    [
      'the values were URL-encoded before they were signed',
      md5(SIGNED.replace('龙井 & 点心 ', encodeURIComponent('龙井 & 点心 ')) + key),
      'body',
    ],
    ['the values were escaped for XML before they were signed', md5(SIGNED.replace(' & ', ' &amp; ') + key), 'body'],
    ['the values were trimmed before they were signed', md5(SIGNED.replace('点心 ', '点心') + key), 'body'],
    ['the API key was not appended', md5(SIGNED), 'key'],
    ['the AppSecret was used instead of the API key', md5(`${SIGNED}&key=app-secret`), 'key'],
    ['the text was signed in GBK instead of UTF-8', md5(encodeGbk(SIGNED + key)), undefined],
    ['the text was signed in ISO-8859-1 instead of UTF-8', md5(SIGNED.replace(/[^\0-\xff]/g, '?') + key), undefined],
    [
      'each character was truncated to one byte (latin1, binary) instead of encoded in UTF-8',
      md5(Buffer.from(SIGNED + key, 'latin1')),
      undefined,
    ],
    [
      'the API key was not appended; it is HMAC-SHA256 instead of MD5; it is not in upper case',
      hmac(SIGNED).toLowerCase(),
      'key',
    ],
  ]
  for (const [mistake, sign, field] of cases) {
    const explanation = explained(sign)
    t.match(explanation, { received: sign, type: 'MD5', ours: OURS, mistake }, mistake)
    if (field !== undefined) t.equal(explanation.difference?.field, field, mistake)
    t.notMatch(JSON.stringify(explanation), /192006250b4c|app-secret/, 'no secret is shown')
    t.match(toldSign(explanation), mistake)
  }
  t.match(explained(md5(SIGNED + key).toLowerCase()), { theirs: OURS, difference: undefined })
  t.match(explained(md5(SIGNED)), {
    theirs: SIGNED,
    difference: { field: 'key', ours: 'key=<apiKey>', theirs: undefined },
  })
})

t.test('unknown mistakes are not guessed', async (t) => {
  const explanation = explained('F'.repeat(32))
  t.same(explanation, { received: 'F'.repeat(32), type: 'MD5', ours: OURS })
  t.equal(
    toldSign(explanation),
    `sign is not the upper-case MD5 of ${OURS}; was another key used, or were the values changed after signing?`,
  )
})

t.test("the caller's own text is compared piece by piece", async (t) => {
  const told = (theirs: string) => explainSign(new Map(Object.entries(values)), 'MD5', secrets, theirs)
  t.match(told(`${SIGNED.replace('total_fee=1', 'total_fee=100')}${key}`), {
    received: '',
    theirs: /total_fee=100&key=<apiKey>$/,
    difference: { field: 'total_fee', ours: 'total_fee=1', theirs: 'total_fee=100' },
  })
  t.match(told(`${SIGNED}&key=app-secret`), { theirs: /<appSecret>/, difference: { field: 'key' } })
  t.match(told(`${OURS}&more=1`), { difference: { field: 'more', ours: undefined, theirs: 'more=1' } })
  t.equal(told(`${SIGNED}${key}`).difference, undefined)
  t.match(toldSign(told(SIGNED)), /was another key used/)
})

t.test('a whole message, by its own sign_type', async (t) => {
  t.match(
    explainMessage('<xml><a>1</a><sign_type>HMAC-SHA256</sign_type><sign>0</sign></xml>', () => secrets),
    { type: 'HMAC-SHA256', ours: 'a=1&sign_type=HMAC-SHA256&key=<apiKey>' },
  )
  t.match(
    explainMessage('<xml><a>1</a></xml>', () => secrets, 'a=2'),
    { type: 'MD5', difference: { field: 'a', ours: 'a=1', theirs: 'a=2' } },
  )
  t.throws(() => explainMessage('<xml>', () => secrets), { code: 'BAD_INPUT' })
})

t.test('the secret is that of the app of the message', async (t) => {
  const { default: world } = await startMock(t)
  const other = { ...world.credentials, ...world.setApp('wx0123456789abcdef') }
  for (const app of [world.credentials, other]) {
    const xml = signedXml({ credentials: { ...app, apiKey: app.appSecret } }, { out_trade_no: 'tea-0001' })
    t.match(world.explainSign(xml), { mistake: 'the AppSecret was used instead of the API key' }, app.appid)
  }
})

t.test('log and journal show where the texts of a refused request diverge', async (t) => {
  const lines: string[] = []
  const { default: world } = await startMock(t, {
    log: (line) => {
      lines.push(line)
    },
  })
  const fields = entriesOf({
    appid: world.credentials.appid,
    mch_id: world.credentials.mchId,
    nonce_str: 'n',
    out_trade_no: 'tea-0001',
    sign_type: 'MD5',
  } satisfies Values)
  const without = fields.filter(([name]) => name !== 'sign_type')
  const xml = `<xml>${fields.map(([name, value]) => `<${name}>${value}</${name}>`).join('')}<sign>${signV2(without, world.credentials.apiKey, 'MD5')}</sign></xml>`
  t.match((await postRaw(`${world.baseUrl}/pay/orderquery`, xml)).fields, { return_msg: '签名错误' })
  t.match(world.journal.entries(), [
    {
      note: /^签名错误: .*: sign_type was not signed, but sent; first difference at sign_type: sign_type=MD5 here, nothing there$/,
      sign: { mistake: 'sign_type was not signed, but sent' },
    },
  ])
  t.match(lines[0], /sign_type was not signed, but sent/)
  t.match(world.explainSign(xml), { mistake: 'sign_type was not signed, but sent' })
  t.match(world.explainSign(signedXml(world, { a: '1' }), 'a=2'), { difference: { field: 'a' } }, 'whatever was signed')
  await callPay(world, 'unifiedorder', orderFields('http://127.0.0.1/notify'))
  t.equal(world.journal.entries().at(-1)!.sign, undefined)
})

t.test('an unclosed part is searched for once: a message of 1 MiB takes linear time', async (t) => {
  for (const part of ['<![CDATA[', '<!--', '<![CDATA[<!--']) {
    const text = `<xml><a>${part.repeat(Math.ceil(2 ** 20 / part.length))}</a></xml>`
    const started = performance.now()
    t.throws(() => readXml(text), { name: 'WireError' })
    judge({ durationMs: 1, reply: { status: 200, headers: {}, body: text } }, 5000)
    lintReply({ status: 200, headers: {}, body: text })
    t.ok(performance.now() - started < 2000, `${part}: ${Math.round(performance.now() - started)} ms`)
  }
  t.equal(without('a<b>c</b>d<b>e', '<b>', '</b>'), 'ad<b>e')
})

t.test('DER: lengths and numbers of every size', async (t) => {
  const lengths = [0, 1, 127, 128, 255, 256, 65_535, 65_536]
  const headOf = (length: number) =>
    element(0x04, Buffer.alloc(length))
      .subarray(0, -length || undefined)
      .toString('hex')
  t.same(lengths.map(headOf), ['0400', '0401', '047f', '048180', '0481ff', '04820100', '0482ffff', '0483010000'])
  t.same(
    [0, 127, 128, 255, 256, 2048].map((value) => integer(value).toString('hex')),
    ['020100', '02017f', '02020080', '020200ff', '02020100', '02020800'],
  )
  t.equal(oid('1.2.840.113549').toString('hex'), '06062a864886f70d')
})
