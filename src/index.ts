export { wechatPay, wechatPay as default } from './plugin.ts'
export type { Wechat } from './calls.ts'
export { WechatError } from './errors.ts'
export type { Advice, WechatErrorCode } from './errors.ts'
export { Secret } from './base/secret.ts'
export { memoryStore } from './store/memory.ts'
export { sqlStore } from './store/sql/sql.ts'
export type { SqlStore, SqlStoreOptions } from './store/sql/sql.ts'
export { schema } from './store/sql/schema/schema.ts'
export type { SchemaOptions } from './store/sql/schema/schema.ts'
export type { Connection, Dialect, Executor, Row, Value } from './store/executor.ts'
export { fromPg } from './store/adapters/pg.ts'
export type { FromPgOptions, PgClientLike, PgPoolLike } from './store/adapters/pg.ts'
export { fromMysql2 } from './store/adapters/mysql2.ts'
export type { Mysql2ConnectionLike, Mysql2PoolLike } from './store/adapters/mysql2.ts'
export { fromSqlite } from './store/adapters/sqlite.ts'
export type { SqliteLike, SqliteStatementLike } from './store/adapters/sqlite.ts'
export { fromKysely } from './store/adapters/kysely.ts'
export type { KyselyLike, KyselyQueryable } from './store/adapters/kysely.ts'
export { fromKnex } from './store/adapters/knex.ts'
export type { KnexLike, KnexQueryable } from './store/adapters/knex.ts'
export { fromDrizzle } from './store/adapters/drizzle.ts'
export type { DrizzleLike, DrizzleQueryable, DrizzleSql, DrizzleSqliteLike } from './store/adapters/drizzle.ts'
export { fromPrisma } from './store/adapters/prisma.ts'
export type { PrismaLike, PrismaQueryable, PrismaTransactionOptions } from './store/adapters/prisma.ts'
export type { Change, Claim, Decide, Store, Updated } from './store/store.ts'
export { wechatPayOptions } from './options/options.ts'
export type { BodyOf } from './options/body.ts'
export type { App, Key, Merchant, MerchantV2, MerchantV3, Partner, Pem, WechatPayOptions } from './options/options.ts'
export type {
  AuthenticatedUser,
  EnqueueContext,
  FulfilContext,
  Hooks,
  IssuedToken,
  Job,
  Log,
  LogLevel,
  LogLevels,
  LoginResult,
  PaidOrder,
  Price,
} from './hooks.ts'
export type { Diagnostics, DiagnosticsName } from './base/diagnostics.ts'
export type { LatePayment } from './engine/machine/ruling.ts'
export type { Anomalies } from './engine/anomalies.ts'
export type { RegisteredApp } from './engine/users/apps.ts'
export { formatReconciliation } from './engine/reconcile/report.ts'
export type { Difference, Reconciliation } from './engine/reconcile/report.ts'
export type { DifferenceKind } from './engine/reconcile/compare.ts'
export type { Reconcile } from './engine/reconcile/reconcile.ts'
export type { RefundRequest, Refunds } from './engine/refunds.ts'
export type { ClientCert } from './client/certificate.ts'
export type { Forget, Forgotten } from './engine/users/forget.ts'
export type { Login } from './engine/users/login.ts'
export type { ShipRequest } from './engine/claims/shipping.ts'
export type { Observed } from './engine/news.ts'
export type { Ordered, Orders } from './engine/orders.ts'
export type { PhoneNumber, Users } from './client/mini-program/users.ts'
export type { PaidTrade, ShippingCalls, ShippingOrder } from './client/mini-program/shipping.ts'
export type { EncryptedData } from './protocol/user-data.ts'
export type { MiniProgram, CodeSession } from './client/mini-program/mini-program.ts'
export type {
  AbnormalRefund,
  AppParams,
  Notification,
  NotificationFault,
  NotificationMessage,
  PayApi,
  PayParams,
  TradeReport,
} from './client/pay.ts'
export type { Party } from './client/partner.ts'
export type { PayV2Api } from './client/pay-v2/pay-v2.ts'
export type { PayV3Api, RefundSource } from './client/pay-v3/api.ts'
export type { BillFiles, Bills, FundFlowBillOptions, TradeBillOptions } from './client/bills.ts'
export type { FundRow, FundSummary } from './protocol/fund-bill.ts'
export type { UnreadableLine } from './protocol/bill.ts'
export type { BillRefund, TradeRow, TradeSummary } from './protocol/trade-bill.ts'
export type { SignType } from './protocol/sign-v2.ts'
export type {
  Account,
  Anomaly,
  AnomalyKind,
  Check,
  Fulfilment,
  HistoryEntry,
  HistoryLine,
  Identity,
  Order,
  OrderState,
  OrderTerms,
  OwedShipping,
  Parcel,
  Shipment,
  Owner,
  OrderExtras,
  Goods,
  SceneInfo,
  H5Info,
  TradeType,
  Payment,
  Refund,
  RefundAccount,
  RefundReport,
  RefundState,
  Resolution,
  Source,
  TokenSession,
  TradeState,
  WechatEvent,
} from './model.ts'
