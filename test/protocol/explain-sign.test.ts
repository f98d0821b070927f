import t from 'tap'
import { explainSignV3, signedV2 } from '../../src/protocol/explain-sign.ts'

t.test('API v2: the signed text, with the key masked', async (t) => {
  const fields = new Map([
    ['nonce_str', 'n'],
    ['appid', 'wx1'],
    ['sign', 'ABC'],
    ['attach', ''],
    ['body', '茶'.repeat(200)],
  ])
  t.equal(signedV2(fields), `appid=wx1&body=${'茶'.repeat(120)}…&nonce_str=n&key=***`)
})

t.test('API v3: which line WeChat has read differently', async (t) => {
  const body = '{"out_trade_no":"order-1"}'
  const sent = {
    method: 'POST',
    target: '/v3/pay/transactions/jsapi',
    authorization:
      'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n1",timestamp="1700000000",serial_no="S",signature="x"',
    body,
  }
  const lines = ['POST', '/v3/pay/transactions/jsapi', '1700000000', 'n1']
  const length = `${[...lines, body].join('\n')}\n`.length
  const told = (change: (lines: string[]) => string[], part: object = {}) => ({
    sign_information: {
      truncated_sign_message: [...change([...lines]), body.slice(0, 8)].join('\n'),
      sign_message_length: length,
      ...part,
    },
  })
  const without = (n: number, text: string) => (all: string[]) => all.map((line, at) => (at === n ? text : line))
  const same = (all: string[]) => all
  const cases: [string, unknown, RegExp | undefined][] = [
    ['nothing', undefined, undefined],
    ['no detail', {}, undefined],
    ['null', null, undefined],
    ['the method', told(without(0, 'GET')), /another method: GET, and signed was POST/],
    ['the URL', told(without(1, '/gateway/v3')), /another URL: \/gateway\/v3, and signed was \/v3\/pay/],
    ['the timestamp', told(without(2, '1')), /another timestamp: 1, /],
    ['the nonce', told(() => lines.slice(0, 3)), /another nonce: \{"out_tr, and signed was n1/],
    ['fewer lines', { sign_information: { truncated_sign_message: 'POST' } }, /another URL: , and/],
    ['the length', told(same, { sign_message_length: length + 2 }), /another body: .* in all, and signed were/],
    ['the body', { sign_information: { truncated_sign_message: [...lines, '<html>'].join('\n') } }, /another body/],
    ['nothing differs', told(same), /private key does not belong to the certificate/],
    ['no length', told(same, { sign_message_length: undefined }), /private key does not belong/],
  ]
  for (const [what, detail, expected] of cases) {
    const sentence = explainSignV3(sent, detail)
    if (expected === undefined) t.equal(sentence, undefined, what)
    else t.match(sentence, expected, what)
    t.notMatch(sentence ?? '', 'order-1', 'the body is not shown')
  }
  t.match(explainSignV3({ ...sent, authorization: '' }, told(same)), /another timestamp: 1700000000, and signed was $/)
})
