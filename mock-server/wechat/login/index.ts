import type { Registry } from '../core.ts'
import type { WireEndpoint } from '../exchange.ts'
import { stableToken, token } from './access-tokens.ts'
import { loginRoute } from './call.ts'
import { jscode2session } from './jscode2session.ts'
import { getpaidunionid } from './paid-unionid.ts'
import { getuserphonenumber } from './phone-number.ts'
import { checksession, resetusersessionkey } from './session-keys.ts'
import { getOrder, notifyConfirmReceive, uploadShippingInfo } from './shipping.ts'

/** The paths of api.weixin.qq.com. */
export const loginRoutes = (registry: Registry): WireEndpoint[] => [
  loginRoute(registry, token),
  loginRoute(registry, stableToken),
  loginRoute(registry, checksession),
  loginRoute(registry, resetusersessionkey),
  loginRoute(registry, getuserphonenumber),
  loginRoute(registry, getpaidunionid),
  loginRoute(registry, jscode2session),
  loginRoute(registry, uploadShippingInfo),
  loginRoute(registry, getOrder),
  loginRoute(registry, notifyConfirmReceive),
]
