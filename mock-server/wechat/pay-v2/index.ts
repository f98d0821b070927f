import type { Registry } from '../core.ts'
import type { WireEndpoint } from '../exchange.ts'
import { downloadbill, downloadfundflow } from './bills.ts'
import { closeorder } from './closeorder.ts'
import { orderquery } from './orderquery.ts'
import { payRoutes, type PayEndpoint } from './receive.ts'
import { refund, refundquery } from './refunds.ts'
import { unifiedorder } from './unifiedorder.ts'
import { getsignkey, report } from './utilities.ts'

const ENDPOINTS: readonly PayEndpoint[] = [
  unifiedorder,
  orderquery,
  closeorder,
  refund,
  refundquery,
  downloadbill,
  downloadfundflow,
  report,
]

/** The path prefixes of WeChat's sandbox, the older one first. Here they are aliases of the same service. */
const SANDBOX_PREFIXES = ['/sandboxnew', '/xdc/apiv2sandbox']

function withSandbox(endpoint: PayEndpoint): PayEndpoint {
  const { path, aliases = [] } = endpoint
  const paths = [path, ...aliases]
  return {
    ...endpoint,
    aliases: [...aliases, ...SANDBOX_PREFIXES.flatMap((prefix) => paths.map((path) => `${prefix}${path}`))],
  }
}

/** The paths of api.mch.weixin.qq.com, API v2. */
export const payV2Routes = (registry: Registry): WireEndpoint[] =>
  [...ENDPOINTS.map(withSandbox), getsignkey].flatMap((endpoint) => payRoutes(registry, endpoint))
