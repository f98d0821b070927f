import { createHash, createHmac } from 'node:crypto'
import t from 'tap'
import { encodeGbk } from '../../mock-server/gbk.ts'
import { explainMessage, explainSign, toldSign } from '../../mock-server/sign-explanation.ts'
import { signV2, stringToSign } from '../../mock-server/sign-v2.ts'
import { callPay, entriesOf, orderFields, postRaw, signedXml, startMock, type Values } from './helpers.ts'

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
    ['it is the HMAC-SHA256 where MD5 was asked for', hmac(SIGNED + key), undefined],
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
    ['the key was not appended', md5(SIGNED), 'key'],
    ['the AppSecret was used instead of the API key', md5(`${SIGNED}&key=app-secret`), 'key'],
    ['the text was signed in GBK instead of UTF-8', md5(encodeGbk(SIGNED + key)), undefined],
    ['the text was signed in ISO-8859-1 instead of UTF-8', md5(SIGNED.replace(/[^\0-\xff]/g, '?') + key), undefined],
    [
      'each character was cut to one byte (latin1, binary) instead of written in UTF-8',
      md5(Buffer.from(SIGNED + key, 'latin1')),
      undefined,
    ],
    [
      'the key was not appended; it is the HMAC-SHA256 where MD5 was asked for; it is not in upper case',
      hmac(SIGNED).toLowerCase(),
      'key',
    ],
  ]
  for (const [mistake, sign, field] of cases) {
    const explanation = explained(sign)
    t.match(explanation, { received: sign, type: 'MD5', ours: OURS, mistake }, mistake)
    if (field !== undefined) t.equal(explanation.difference?.field, field, mistake)
    t.notMatch(JSON.stringify(explanation), /192006250b4c|app-secret/, 'no secret is told')
    t.match(toldSign(explanation), mistake)
  }
  t.match(explained(md5(SIGNED + key).toLowerCase()), { theirs: OURS, difference: undefined })
  t.match(explained(md5(SIGNED)), {
    theirs: SIGNED,
    difference: { field: 'key', ours: 'key=<apiKey>', theirs: undefined },
  })
})

t.test('what cannot be found out is not guessed', async (t) => {
  const explanation = explained('F'.repeat(32))
  t.same(explanation, { received: 'F'.repeat(32), type: 'MD5', ours: OURS })
  t.equal(
    toldSign(explanation),
    `sign is not the upper-case MD5 of ${OURS}; another key, or other values than were sent?`,
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
  t.match(toldSign(told(SIGNED)), /other values/)
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
  const other = { ...world.credentials, ...world.app('wx0123456789abcdef') }
  for (const app of [world.credentials, other]) {
    const xml = signedXml({ credentials: { ...app, apiKey: app.appSecret } }, { out_trade_no: 'tea-0001' })
    t.match(world.explainSign(xml), { mistake: 'the AppSecret was used instead of the API key' }, app.appid)
  }
})

t.test('a refused request says in log and journal where the texts part', async (t) => {
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
