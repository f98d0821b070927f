import { createCipheriv, createHash } from 'node:crypto'
import t from 'tap'
import { decryptRefundNotify } from '../../src/protocol/refund-notify-v2.ts'
import { readXml } from '../../src/protocol/xml.ts'
import { sample, vectors } from '../helpers.ts'

interface Vector {
  name: string
  apiKey?: string
  plain: string
  reqInfo: string
}

const apiKey = '192006250b4c09247ec02edce69f6a2d'

t.test('published and computed messages decrypt', async (t) => {
  const cases = vectors<Vector[]>('refund-notify-v2').filter((vector) => vector.apiKey !== undefined)
  t.ok(cases.length > 0)
  for (const { name, apiKey, plain, reqInfo } of cases) {
    t.equal(decryptRefundNotify(reqInfo, apiKey!).toString(), plain, name)
  }
  const outer = readXml(sample('20-notify.refund.encrypted.xml'))
  t.strictSame(
    readXml(decryptRefundNotify(outer.get('req_info')!, apiKey), 'root'),
    readXml(sample('21-notify.refund.req_info-plain.xml'), 'root'),
  )
})

t.test('an API key whose MD5 begins with a zero keeps that zero', async (t) => {
  const key = 'mock-apiv2-key-00000000000000072'
  const md5 = createHash('md5').update(key).digest('hex')
  t.match(md5, /^0/)
  const cipher = createCipheriv('aes-256-ecb', md5, null)
  const reqInfo = cipher.update('<root></root>', 'utf8', 'base64') + cipher.final('base64')
  t.equal(decryptRefundNotify(reqInfo, key).toString(), '<root></root>')
})

t.test('data that cannot be decrypted is refused', async (t) => {
  const good = readXml(sample('20-notify.refund.encrypted.xml')).get('req_info')!
  for (const [name, reqInfo, key] of [
    ['another key', good, '0'.repeat(32)],
    ['cut to an incomplete block', good.slice(0, -8), apiKey],
    ['not base64', `${good.slice(0, -4)}!!!!`, apiKey],
    ['base64 in another alphabet', good.replace('+', '-'), apiKey],
    ['a length that base64 never has', good.slice(0, -1), apiKey],
    ['empty', '', apiKey],
  ] as const) {
    t.throws(() => decryptRefundNotify(reqInfo, key), { code: 'WECHAT_XML_INVALID' }, name)
  }
})
