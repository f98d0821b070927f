import type { Test } from 'tap'
import type { World, WorldOptions } from '../../mock-server/index.ts'
import { callPay, orderFields, startMock, startShop, type Shop, type Values } from './helpers.ts'
import { post } from './v3.ts'

/** A service provider with two sub-merchants, and its notify handler. */
export async function startPartner(t: Test, options: WorldOptions = {}): Promise<{ world: World; shop: Shop }> {
  const { default: world } = await startMock(t, { world: { subMerchants: 2, ...options } })
  return { world, shop: await startShop(t) }
}

export const subsOf = ({ credentials }: Pick<World, 'credentials'>) => credentials.subMerchants!

export const SUB_OPENID = 'oSub8uMuAJO_M2pxb1Q9zNjWeS6o'
export const SP_OPENID = 'oSpf8uMuAJO_M2pxb1Q9zNjWeS6o'

/** A v2 call about the first sub-merchant. */
export const callV2 = (world: World, api: string, values: Values = {}) =>
  callPay(world, api, { sub_mch_id: subsOf(world)[0]!.mchId, out_trade_no: 'tea-0001', ...values })

/** A v2 order for a user of the first sub-merchant's mini program. */
export const orderV2 = (world: World, notifyUrl: string, values: Values = {}) =>
  callV2(
    world,
    'unifiedorder',
    orderFields(notifyUrl, {
      openid: undefined,
      sub_appid: subsOf(world)[0]!.appid,
      sub_openid: SUB_OPENID,
      ...values,
    }),
  )

export const PARTNER = '/v3/pay/partner/transactions'

/** The same in v3. */
export const bodyV3 = (world: World, notifyUrl: string, values: object = {}) => ({
  sp_appid: world.credentials.appid,
  sp_mchid: world.credentials.mchId,
  sub_appid: subsOf(world)[0]!.appid,
  sub_mchid: subsOf(world)[0]!.mchId,
  description: '龙井茶',
  out_trade_no: 'tea-0001',
  notify_url: notifyUrl,
  amount: { total: 1250 },
  payer: { sub_openid: SUB_OPENID },
  ...values,
})

export const orderV3 = (world: World, notifyUrl: string, values: object = {}, path = 'jsapi') =>
  post(world, `${PARTNER}/${path}`, bodyV3(world, notifyUrl, values))

/** The query that names both merchants. */
export const both = (world: World, n = 0) => `sp_mchid=${world.credentials.mchId}&sub_mchid=${subsOf(world)[n]!.mchId}`
