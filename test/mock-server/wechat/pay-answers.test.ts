import { gunzipSync } from 'node:zlib'
import t from 'tap'
import type { WorldCore } from '../../../mock-server/core.ts'
import { behaviourOf } from '../../../mock-server/behaviour.ts'
import { createRandom } from '../../../mock-server/random.ts'
import { signV2 } from '../../../mock-server/sign-v2.ts'
import { answers, protocolFields } from '../../../mock-server/wechat/pay-answers.ts'
import { BusinessFail, ProtocolFail } from '../../../mock-server/wechat/replies.ts'
import { readXml } from '../../../mock-server/wire.ts'

const apiKey = '0123456789abcdef0123456789abcdef'
const world = {
  behaviour: behaviourOf(),
  random: createRandom('1'),
  nextReply: () => 1,
  credentials: { appid: 'wx1', mchId: '19', apiKey },
} as unknown as WorldCore
const fieldsOf = (body: string | Buffer) => Object.fromEntries(readXml(String(body)))

t.test('success: signed, or as it is', async (t) => {
  const { succeed } = answers(
    world,
    undefined,
    new Map([
      ['sign_type', 'HMAC-SHA256'],
      ['device_info', 'WEB'],
    ]),
  )
  const { note, body, contentType } = succeed([
    ['total_fee', 1],
    ['attach', ''],
  ])
  t.match({ note, contentType }, { note: 'SUCCESS', contentType: 'text/plain' })
  const fields = fieldsOf(body)
  t.match(fields, { return_code: 'SUCCESS', result_code: 'SUCCESS', device_info: 'WEB', total_fee: '1', attach: '' })
  t.equal(fields.sign, signV2(Object.entries(fields), apiKey, 'HMAC-SHA256'))
  t.same(fieldsOf(answers(world, protocolFields, new Map()).succeed([['return_code', 'SUCCESS']]).body), {
    return_code: 'SUCCESS',
  })
})

t.test('a download: text, or a packed file with its text for the journal', async (t) => {
  const { succeed } = answers(world, protocolFields, new Map())
  t.same(succeed({ text: '茶', gzip: false }), { note: 'SUCCESS', contentType: 'text/plain', body: '茶' })
  const packed = succeed({ text: '茶', gzip: true })
  t.match(packed, { contentType: 'application/x-gzip', readable: '茶' })
  t.equal(gunzipSync(packed.body as Buffer).toString(), '茶')
})

t.test('refusals, and what the journal is told of them', async (t) => {
  const { fail } = answers(world, undefined, new Map())
  const protocol = fail(new ProtocolFail('签名错误', { cause: 'wrong key' }))
  t.same(fieldsOf(protocol.body), { return_code: 'FAIL', return_msg: '签名错误' })
  t.equal(protocol.note, '签名错误: wrong key')
  t.equal(fail(new ProtocolFail('XML格式错误', { cause: new Error('cut off') })).note, 'XML格式错误: cut off')
  t.equal(fail(new ProtocolFail('缺少参数')).note, '缺少参数')
  const business = fail(new BusinessFail('ORDERPAID', '该订单已支付'))
  t.match(fieldsOf(business.body), {
    return_code: 'SUCCESS',
    result_code: 'FAIL',
    err_code: 'ORDERPAID',
    err_code_des: '该订单已支付',
    sign: /^[0-9A-F]{32}$/,
  })
  t.equal(business.note, 'ORDERPAID 该订单已支付')
  t.same(
    fieldsOf(
      answers(world, (error) => [['error_code', error.message]], new Map()).fail(new BusinessFail('X', '1')).body,
    ),
    { error_code: '1' },
  )
})

t.test("a mistake of the mock's own is no refusal", async (t) => {
  t.throws(() => answers(world, undefined, new Map()).fail(new Error('broken')), { message: 'broken' })
})

t.test('the Content-Type of what is XML is a choice; a bill is none', async (t) => {
  for (const contentType of ['text/plain', 'text/xml'] as const) {
    const { succeed, fail } = answers({ ...world, behaviour: behaviourOf({ contentType }) }, undefined, new Map())
    const types = [
      succeed([]),
      fail(new ProtocolFail('缺少参数')),
      fail(new BusinessFail('ORDERPAID', '该订单已支付')),
    ].map((answer) => answer.contentType)
    t.same(types, Array(3).fill(contentType))
    t.equal(succeed({ text: '茶', gzip: true }).contentType, 'application/x-gzip')
  }
})
