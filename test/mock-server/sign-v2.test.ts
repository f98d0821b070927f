import t from 'tap'
import { signV2, stringToSign, type SignType } from '../../mock-server/sign-v2.ts'
import { vectors } from './helpers.ts'

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
