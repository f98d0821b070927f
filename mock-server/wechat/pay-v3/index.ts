import type { Registry } from '../core.ts'
import type { WireEndpoint } from '../exchange.ts'
import { billDownload, fundflowbill, tradebill } from './bills.ts'
import { certificates } from './certificates.ts'
import { echo } from './echo.ts'
import { orderCalls } from './orders.ts'
import { v3Route, type V3Endpoint } from './receive.ts'
import { abnormalRefund, refund, refundQuery } from './refunds.ts'
import { orders } from './transactions.ts'

const ENDPOINTS: readonly V3Endpoint[] = [
  ...orders,
  ...orderCalls,
  refund,
  refundQuery,
  abnormalRefund,
  tradebill,
  fundflowbill,
  billDownload,
  certificates,
  echo,
]

/** The paths of api.mch.weixin.qq.com, API v3. */
export const payV3Routes = (registry: Registry): WireEndpoint[] =>
  ENDPOINTS.map((endpoint) => v3Route(registry, endpoint))
