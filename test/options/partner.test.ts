import t from 'tap'
import type { WechatError } from '../../src/errors.ts'
import type { Merchant } from '../../src/options/options.ts'
import { parseOptions } from '../../src/options/parse.ts'
import { MERCHANT_V3, OPTIONS } from './merchant-v3.ts'

const MERCHANTS: Merchant[] = [
  MERCHANT_V3,
  { version: 'v2', mchId: MERCHANT_V3.mchId, apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
]
const SP_APPID = 'wx0123456789abcdef'

function parsed(merchant: Merchant, partner: unknown) {
  return parseOptions({ ...OPTIONS, merchant: { ...merchant, partner } as Merchant }).partner
}

t.test('a service provider', async (t) => {
  for (const merchant of MERCHANTS) {
    for (const subMchIds of [['1900000201'], ['1900000201', '19000002'], 'any']) {
      t.strictSame(parsed(merchant, { spAppid: SP_APPID, subMchIds }), { spAppid: SP_APPID, subMchIds })
    }
    t.equal(parsed(merchant, undefined), undefined)
  }
})

t.test('wrong combinations are refused at registration', async (t) => {
  const spAppid = SP_APPID
  const subMchIds = ['1900000201']
  const rule = /`merchant\.partner` must be \{ spAppid, subMchIds \}/
  const ids =
    /`merchant\.partner\.subMchIds` must be "any", or one or more merchant numbers of 8 to 10 digits, each once/
  const wrong: [partner: unknown, fault: RegExp][] = [
    [null, rule],
    [true, rule],
    ['1900000201', rule],
    [[], rule],
    [{ subMchIds }, /`merchant\.partner\.spAppid` is missing/],
    [{ spAppid: 'wx1', subMchIds }, /`merchant\.partner\.spAppid` must be "wx"/],
    [{ spAppid }, /`merchant\.partner\.subMchIds` is missing/],
    [{ spAppid, subMchIds: [] }, ids],
    [{ spAppid, subMchIds: '1900000201' }, ids],
    [{ spAppid, subMchIds: [1900000201] }, ids],
    [{ spAppid, subMchIds: ['190000020'.slice(0, 7)] }, ids],
    [{ spAppid, subMchIds: ['1900000201', '1900000201'] }, ids],
    [{ spAppid, subMchIds: [MERCHANT_V3.mchId] }, /contains `merchant\.mchId`, the provider's own number/],
    [{ spAppid, subMchIds, subAppid: SP_APPID }, /`merchant\.partner\.subAppid` is not an option/],
  ]
  for (const merchant of MERCHANTS) {
    for (const [partner, fault] of wrong) {
      const error = (() => {
        try {
          parsed(merchant, partner)
        } catch (error) {
          return error as WechatError
        }
        return undefined
      })()
      t.match(error, { code: 'WECHAT_OPTIONS_INVALID', message: fault }, JSON.stringify(partner))
      t.equal(error?.message.split('\n- ').length, 2, 'one fault')
    }
  }
})
