import { checkToken, findByToken, type LoginEndpoint } from './call.ts'
import { findPaid, type PaidOrder } from './paid-orders.ts'

const WINDOW_MS = 5 * 60_000

/** An openid counts only in its own app, also in an order of a service provider, which may name two apps. */
const isPayer = ({ order, payment }: PaidOrder, appid: string, openid: string) =>
  [
    [order.appid, payment.openid],
    [order.sub?.appid, payment.subOpenid],
  ].some((payer) => payer[0] === appid && payer[1] === openid)

/**
 * GET /wxa/getpaidunionid (getPaidUnionid). Documented: the parameters, the five minutes after the payment, and what 40003, 89002 and 89300 mean.
 * Recorded: the texts of 40003 and 89300. Our reading: the order of the checks, and 89300 for a late call, another payer and a missing number.
 */
export const getpaidunionid: LoginEndpoint<'getpaidunionid'> = {
  api: 'getpaidunionid',
  path: '/wxa/getpaidunionid',
  find: findByToken,
  handle: (app, request, registry) => {
    const refused = checkToken(app, request)
    if (refused !== undefined) return refused
    const { get } = request
    const user = app!.users.find(get('openid'))
    if (!user) return 40003
    const by = { transactionId: get('transaction_id'), mchId: get('mch_id'), outTradeNo: get('out_trade_no') }
    const found = findPaid(registry, request, by)
    if (!found || !isPayer(found, app!.appid, user.openid)) return 89300
    if (app!.now().getTime() - found.payment.paidAt.getTime() >= WINDOW_MS) return 89300
    return user.unionid === undefined ? 89002 : { unionid: user.unionid, errcode: 0, errmsg: 'ok' }
  },
}
