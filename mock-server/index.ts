export { createMockWechat, type MockOptions, type MockWechat } from './server/mock.ts'
export { reportCard, type CardCase, type ReportCard, type ReportCardOptions } from './report/in-process.ts'
export type { Card, CaseResult } from './report/run.ts'
export type { CardVerdict, Severity } from './report/verdicts.ts'
export type { OrderWord } from './report/parts/merchant.ts'
export type { AdvanceReport, IssuedCode, UserSnapshot, World, WorldClock, WorldEvents } from './world/world.ts'
export type { OfMerchant } from './world/parties.ts'
export type { Deliver, Failed, Notified, Paid, PayOptions, Settled, SettleOptions } from './world/payments.ts'
export type { SignTime, WorldOptions } from './world/options.ts'
export type { Behaviour } from './wechat/behaviour.ts'
export type { Api, ApiVersion, LoginApi, Notice, NotificationKind, PayApi, Verdict } from './wire/names.ts'
export type { Effect, EffectOf, Timing } from './faults/effects.ts'
export type { Fault, FaultOptions, FaultView } from './faults/faults.ts'
export type { Gate, GateOptions, GatePoint, GateSignal, GateView } from './faults/gates.ts'
export type { FailOptions, PaymentFailure, PaymentOptions } from './ledger/cashier.ts'
export {
  createSharedClock,
  type SharedClock,
  type SharedClockOptions,
  type SharedDelivery,
  type SharedReport,
} from './world/shared-clock.ts'
export type { AdvanceBy, AdvanceOptions, ClockMode, PendingTimer } from './clock/clock.ts'
export type { TlsOptions } from './server/wire-routes.ts'
export type {
  CertMode,
  Credentials,
  KeyMode,
  Merchant,
  MerchantChanges,
  MerchantOptions,
  MerchantV3Options,
  PartnerOptions,
  V3Credentials,
  WorldCredentials,
} from './ledger/merchant.ts'
export type { CertificatePair } from './wire/pki/certificates.ts'
export type { CertificateFile } from './wire/pki/pkcs12.ts'
export type { App, AppChanges } from './users/app.ts'
export type { CraftOptions, EventOptions } from './world/craft.ts'
export type { SignedCall } from './world/signing.ts'
export type { Rotatable, RotationOptions } from './ledger/keys.ts'
export type { Finding, JournalEntry } from './journal/entry.ts'
export type { SignDifference, SignExplanation } from './wire/explain-sign.ts'
export type { ResetPart } from './world/state/state.ts'
export type { WorldExport } from './world/state/export.ts'
export type { EventLog, WorldEvent } from './journal/event-log.ts'
export { mockFastifyPlugin, type InjectedWechat, type MockPluginOptions } from './server/fastify-plugin.ts'
export type { NotifyDraft } from './faults/hooks.ts'
export {
  overlapOf,
  type Delivery,
  type DeliverOptions,
  type Notification,
  type NotificationState,
  type Overlap,
} from './notify/notification.ts'
export type { Gaps, Plan, Schedule } from './notify/schedule.ts'
export type { FieldChanges, Resign } from './wire/tamper.ts'
export type { Journal, JournalFilter, NearestMiss, Times, Waited, WaitOptions } from './journal/journal.ts'
export type { Difference, JournalMatch, TextMatch } from './journal/matching.ts'
export type { Coupon, OrderSnapshot, TradeState } from './ledger/orders.ts'
export type { ConsoleRefund, EndOptions, RefundSnapshot } from './ledger/refund-rules.ts'
export type { CouponRefund, RefundAccount, RefundChannel, RefundEnd, RefundStatus } from './ledger/refunds.ts'
export type { SignType } from './wire/sign-v2.ts'
export type {
  EncryptedData,
  PhoneNumberEvent,
  PhoneNumberOptions,
  UserInfo,
  UserProfile,
  UserProfileOptions,
  WatermarkOptions,
} from './wechat/phone/user-data.ts'
export type { LoginCodeOptions, OfApp, PhoneNumber, UserChanges } from './users/users.ts'
export type { CodeOptions } from './users/codes.ts'
export type { AppOpened, AppPaymentParams } from './wechat/phone/app-payment.ts'
export { AppPaymentError } from './wechat/phone/app-payment.ts'
export type { CashierOpened, RequestPaymentParams } from './wechat/phone/request-payment.ts'
export { RequestPaymentError } from './wechat/phone/request-payment.ts'
export { MockError, type MockErrorCode } from './base/errors.ts'
