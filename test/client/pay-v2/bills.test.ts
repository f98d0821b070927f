import { gzipSync } from 'node:zlib'
import t from 'tap'
import { Hash } from 'wechatpay-axios-plugin'
import type { Http, HttpRequest } from '../../../src/client/http.ts'
import { KeyRing } from '../../../src/client/key-ring.ts'
import { createPayV2 } from '../../../src/client/pay-v2/pay-v2.ts'
import { WechatError } from '../../../src/errors.ts'
import { Secret } from '../../../src/base/secret.ts'
import { readXml } from '../../../mock-server/wire/xml.ts'
import { sample } from '../../fixtures.ts'

const [KEY, NEXT_KEY] = ['d6b41c7fe92a05385fb0c6e1d97a2483', 'a1b41c7fe92a05385fb0c6e1d97a2484']
const BILL = sample('23-downloadbill.ALL.excerpt.csv')

interface File {
  status?: number
  /** How many bytes arrive at once. */
  size?: number
  /** How it breaks off. */
  lost?: WechatError
}

/** A merchant whose WeChat returns these files one after the other; what was requested, and how. */
function merchant(files: [bytes: Buffer | string, options?: File | undefined][], { cert = true, md5 = false } = {}) {
  const asked: { way: 'plain' | 'cert'; path: string; fields: Record<string, string> }[] = []
  let open = 0
  const http = (way: 'plain' | 'cert'): Http => ({
    async send() {
      throw new Error('Bills are streamed.')
    },
    async stream({ path, body }: HttpRequest) {
      asked.push({ way, path, fields: Object.fromEntries(readXml(body!)) })
      const [bytes, { status = 200, size = 100, lost } = {}] = files.shift()!
      const all = Buffer.from(bytes)
      open++
      return {
        status,
        headers: {},
        body: (async function* () {
          try {
            for (let at = 0; at < all.length; at += size) {
              yield all.subarray(at, at + size)
              if (lost !== undefined && at > 0) throw lost
            }
          } finally {
            open--
          }
        })(),
      }
    },
    async close() {},
  })
  const pay = createPayV2({
    http: http('plain'),
    certHttp: cert ? http('cert') : undefined,
    appids: ['wx2421b1c4370ec43b'],
    mchId: '10000100',
    apiKeys: new KeyRing([new Secret(KEY), new Secret(NEXT_KEY)]),
    signType: md5 ? 'MD5' : 'HMAC-SHA256',
    notifyUrl: 'https://shop.example.com/wechat/notify',
    nonce: () => '5K8264ILTKCH16CQ2502SI8ZNMTM67VS',
  })
  return { pay, asked, open: () => open }
}

async function read(bill: AsyncGenerator<Buffer, void>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of bill) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

t.test('a trade bill, compressed or not, in chunks of any size', async (t) => {
  for (const size of [1, 3, 100, 1 << 20]) {
    const { pay, asked } = merchant([
      [gzipSync(BILL), { size }],
      [BILL, { size }],
    ])
    t.equal(await read(pay.tradeBill('2026-01-31')), BILL.toString(), `${size} bytes at a time`)
    t.equal(await read(pay.tradeBill('2026-01-31', { type: 'REFUND' })), BILL.toString(), 'not packed')
    t.match(asked, [
      {
        way: 'plain',
        path: '/pay/downloadbill',
        fields: { bill_date: '20260131', bill_type: 'ALL', tar_type: 'GZIP' },
      },
      { fields: { bill_type: 'REFUND', sign_type: 'HMAC-SHA256' } },
    ])
  }
})

t.test("a fund flow needs the certificate, and uses HMAC-SHA256 whatever the merchant's algorithm", async (t) => {
  const { pay, asked } = merchant([[gzipSync('flow')], [gzipSync('flow')]], { md5: true })
  t.equal(await read(pay.fundFlowBill('2026-01-31')), 'flow')
  t.equal(await read(pay.fundFlowBill('2026-01-31', { account: 'FEES' })), 'flow')
  t.match(asked, [
    { way: 'cert', path: '/pay/downloadfundflow', fields: { account_type: 'Basic', tar_type: 'GZIP' } },
    { way: 'cert', fields: { account_type: 'Fees', sign_type: 'HMAC-SHA256' } },
  ])
  const { sign, ...fields } = asked[0]!.fields as Record<string, string> & { sign: string }
  t.equal(Hash.sign('HMAC-SHA256', fields, KEY), sign)
  t.throws(() => merchant([], { cert: false }).pay.fundFlowBill('2026-01-31'), {
    code: 'WECHAT_OPTIONS_INVALID',
    message: /^Fund flows of API v2 need the option merchant.cert/,
  })
})

const fail = (text: string, number = '20001') =>
  `<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[${text}]]></return_msg><error_code><![CDATA[${number}]]></error_code></xml>`
const flowFail = (code: string, text: string) =>
  `<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><err_code>${code}</err_code><err_code_des>${text}</err_code_des></xml>`

t.test('refusals of WeChat', async (t) => {
  const cases: [reply: Buffer | string, expected: any, file?: File][] = [
    [
      sample('22-downloadbill.response.no-bill.recorded.xml'),
      { code: 'WECHAT_REFUSED', wechatCode: '20002', wechatText: 'No Bill Exist', message: /Nothing was traded/ },
    ],
    [fail('Bill Creating', '20002'), { code: 'WECHAT_UNAVAILABLE', advice: 'repeat', message: /after 10:00/ }],
    [flowFail('BILL_CREATING', '账单生成中'), { code: 'WECHAT_UNAVAILABLE', wechatCode: 'BILL_CREATING' }],
    [flowFail('NO_BILL_EXIST', '账单不存在'), { code: 'WECHAT_REFUSED', wechatCode: 'NO_BILL_EXIST' }],
    [fail('system error', '20003'), { code: 'WECHAT_UNAVAILABLE', advice: 'repeat' }],
    [flowFail('SYSTEMERROR', '系统错误'), { code: 'WECHAT_UNAVAILABLE' }],
    [fail('CompressGZip Error', '20003'), { code: 'WECHAT_UNAVAILABLE' }],
    [fail('当前商户号账单API权限已经关闭', '20007'), { code: 'WECHAT_ACCOUNT_REFUSED', wechatText: /权限/ }],
    [fail('invalid appid'), { code: 'WECHAT_ACCOUNT_REFUSED' }],
    [fail('invalid bill_date'), { code: 'WECHAT_REFUSED', advice: 'stop', message: /invalid bill_date/ }],
    ['', { code: 'WECHAT_REPLY_INVALID', message: /neither a bill nor a reason/ }],
    ['<xml><return_code>', { code: 'WECHAT_REPLY_INVALID' }],
    [`<xml>${'x'.repeat(200_000)}`, { code: 'WECHAT_REPLY_INVALID' }, { size: 10_000 }],
    ['x'.repeat(200_000), { code: 'WECHAT_UNAVAILABLE', message: /HTTP 502/ }, { status: 502, size: 10_000 }],
    [
      gzipSync(BILL),
      { code: 'WECHAT_TIMEOUT', message: 'lost' },
      { size: 10, lost: new WechatError('WECHAT_TIMEOUT', 'lost') },
    ],
    [gzipSync(BILL).subarray(0, -20), { code: 'WECHAT_REPLY_INVALID', message: /cannot be unpacked/ }],
  ]
  for (const [reply, expected, file] of cases) {
    const { pay, open } = merchant([[reply, file]])
    await t.rejects(read(pay.tradeBill('2026-01-31')), expected)
    t.equal(open(), 0, 'its connection is released')
  }
})

t.test('the next key during a change', async (t) => {
  const { pay, asked } = merchant([[fail('SIGN ERROR')], [gzipSync(BILL)], [fail('SIGN ERROR')], [fail('SIGN ERROR')]])
  t.equal(await read(pay.tradeBill('2026-01-31')), BILL.toString())
  const { sign, ...fields } = asked[1]!.fields as Record<string, string> & { sign: string }
  t.equal(Hash.sign('HMAC-SHA256', fields, NEXT_KEY), sign)
  await t.rejects(read(pay.tradeBill('2026-01-31')), { code: 'WECHAT_ACCOUNT_REFUSED', wechatText: 'SIGN ERROR' })
})

t.test('a bill that is not read to its end', async (t) => {
  for (const bytes of [BILL, gzipSync(BILL)]) {
    const { pay, open } = merchant([[bytes, { size: 20 }]])
    const bill = pay.tradeBill('2026-01-31')
    await bill.next()
    await bill.return()
    t.equal(open(), 0)
  }
})
