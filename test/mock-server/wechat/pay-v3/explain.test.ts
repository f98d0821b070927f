import t from 'tap'
import { explainRequest } from '../../../../mock-server/wire/explain-sign-v3.ts'
import { toldSign } from '../../../../mock-server/wire/explain-sign.ts'
import { MERCHANT_KEYS, STRANGER_KEY } from '../../../../mock-server/wire/pki/key-pool.ts'
import { rsaKey } from '../../../../mock-server/wire/pki/rsa-key.ts'
import { requestText, signRsa } from '../../../../mock-server/wire/sign-v3.ts'
import { control, startMock } from '../../helpers.ts'
import { authorization, order, paymentParams, sign, startV3 } from '../../v3.ts'

const right = rsaKey(MERCHANT_KEYS[0]!)
const other = rsaKey(MERCHANT_KEYS[1]!)
const keys = [
  { told: 'the key of certificate A', publicKey: right.publicKey },
  { told: 'the key of certificate B', publicKey: other.publicKey },
]
const request = {
  method: 'POST',
  url: '/v3/refund/domestic/refunds/a%7Cb?x=1',
  timestamp: '1767225600',
  nonce: 'n',
  body: '{"a":1,\n"b":2}',
}
const text = String(requestText(request))

t.test('the mistakes that are recognised', async (t) => {
  const cases: [told: string, theirs: string, field: string | undefined, key?: typeof right][] = [
    ['the query was not signed', text.replace('?x=1', ''), 'url'],
    ['the URL was signed decoded instead of as on the wire', text.replace('%7C', '|'), 'url'],
    ['the body was not signed', text.replace(request.body, ''), 'body'],
    ['the body was signed without white space, but sent with it', text.replace(request.body, '{"a":1,"b":2}'), 'body'],
    [
      'the body was signed with white space, but sent without it',
      text.replace(request.body, '{\n  "a": 1,\n  "b": 2\n}'),
      'body',
    ],
    ['the method was not signed in upper case', text.replace('POST', 'post'), 'method'],
    ['the timestamp was signed in milliseconds', text.replace('600\n', '600000\n'), 'timestamp'],
    ['the last line has no line feed', text.slice(0, -1), 'body'],
    ['the two characters \\n were signed instead of line feeds', text.replaceAll('\n', '\\n'), 'method'],
    ['the lines end with CR LF instead of LF', text.replaceAll('\n', '\r\n'), 'method'],
    ['it was signed with the key of certificate B', text, undefined, other],
    ['the query was not signed; it was signed with the key of certificate B', text.replace('?x=1', ''), 'url', other],
  ]
  for (const [mistake, theirs, field, { privateKey } = right] of cases) {
    const found = explainRequest(request, signRsa(Buffer.from(theirs), privateKey), keys)
    t.match(found, { mistake, theirs, ours: text, type: 'WECHATPAY2-SHA256-RSA2048' }, mistake)
    t.equal(found.difference?.field, field, mistake)
    t.match(toldSign(found), /^signature is not SHA256 with RSA of "POST\\n.*: /)
  }
  const unknown = explainRequest(request, signRsa(Buffer.from(text), rsaKey(STRANGER_KEY).privateKey), keys)
  t.equal(unknown.mistake, undefined)
  t.match(toldSign(unknown), /was another key used/)
  t.same(
    explainRequest({ ...request, url: '/%', body: 'x' }, 'c2ln', keys).mistake,
    undefined,
    'neither JSON nor decodable',
  )
  t.match(explainRequest(request, 'x', keys, text.replace('\nn\n', '\nm\n')), {
    difference: { field: 'nonce', ours: 'n', theirs: 'm' },
  })
})

t.test('of a call, in the process and over HTTP', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const { mchId } = world.credentials
  const url = `/v3/pay/transactions/id/1?mchid=${mchId}`
  const call = {
    method: 'GET',
    url,
    authorization: authorization(world, 'GET', url, '', { signedUrl: '/v3/pay/transactions/id/1' }),
  }
  t.match(world.explainSign(call), { mistake: 'the query was not signed', difference: { field: 'url' } })
  t.match(await control(mock, 'POST', '/worlds/default/explain-sign', { ...call, string: 'GET\n/x\n1\nn\n\n' }), {
    status: 200,
    json: { theirs: 'GET\n/x\n1\nn\n\n', difference: { field: 'url', theirs: '/x' } },
  })
  t.throws(() => world.explainSign({ ...call, authorization: 'Bearer x' }), {
    code: 'BAD_INPUT',
    details: { field: 'authorization' },
  })
  t.throws(() => world.explainSign({ method: 'GET' } as never), { code: 'BAD_INPUT', details: { field: 'url' } })
})

t.test('a payment dialog: what the client refuses', async (t) => {
  const world = await startV3(t)
  const { appid, v3 } = world.credentials
  const prepayId = await order(world, 'http://127.0.0.1:9/n', { time_expire: '2026-01-15T12:30:00+08:00' })
  const good = paymentParams(world, prepayId)
  world.requestPayment({ ...good, appId: appid })
  world.rotateKey('merchant-certificate', { keepOld: true })
  world.requestPayment(good)
  const bare = sign(`${appid}\n${good.timeStamp}\n${good.nonceStr}\n${prepayId}\n`, v3.privateKey)
  for (const [change, reason] of [
    [{ paySign: bare }, /paySign is not SHA256 with RSA, by the merchant's private key, of "wx/],
    [{ signType: 'MD5' }, /is not the upper-case MD5/],
  ] as const) {
    t.throws(() => world.requestPayment({ ...good, ...change }), { message: reason })
  }
  await world.advance('31m')
  t.throws(() => world.requestPayment(good), { message: /is NOTPAY/ })
  world.rotateKey('merchant-certificate')
  t.throws(() => world.requestPayment(good), { message: /paySign is not SHA256/ }, 'an invalid key')
})
