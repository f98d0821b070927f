export { createMockWechat, type LateMockOptions, type MockOptions, type MockWechat } from './mock.ts'
export type {
  AdvanceReport,
  AnyWorldOptions,
  Deliver,
  IssuedCode,
  LateWorldOptions,
  OfMerchant,
  OnSide,
  OrderSnapshot,
  PayOptions,
  UserSnapshot,
  World,
  WorldClock,
  WorldEvents,
  WorldOptions,
} from './world.ts'
export type { Behaviour } from './behaviour.ts'
export type { Api, LoginApi, Notice, PayApi } from './apis.ts'
export type {
  BadSign,
  CallEffect,
  Effect,
  EffectOf,
  ErrcodeFail,
  Fault,
  FaultOptions,
  FaultView,
  Gbk,
  ResultCodeFail,
  ReturnCodeFail,
  Timing,
  TransportEffect,
} from './faults.ts'
export type { Gate, GateOptions, GatePoint, GateSignal, GateView } from './gates.ts'
export type { FailOptions, PaymentFailure } from './cashier.ts'
export {
  createSharedClock,
  type SharedClock,
  type SharedClockOptions,
  type SharedDelivery,
  type SharedReport,
} from './shared-clock.ts'
export type { AdvanceBy, AdvanceOptions, ClockMode, PendingTimer } from './clock.ts'
export type { TlsOptions } from './app.ts'
export type { CertMode, Credentials } from './core.ts'
export type { CraftOptions } from './craft.ts'
export type { Finding } from './lint.ts'
export type { App, AppChanges, Merchant, MerchantChanges } from './merchant.ts'
export type { SignDifference, SignExplanation } from './sign-explanation.ts'
export type { ResetPart } from './state.ts'
export type { WorldExport } from './state-json.ts'
export type { EventLog, WorldEvent } from './event-log.ts'
export { mockFastifyPlugin, type InjectedWechat, type MockPluginOptions } from './fastify-plugin.ts'
export type { NotifyDraft } from './hooks.ts'
export {
  overlapOf,
  type Delivery,
  type DeliverOptions,
  type Notification,
  type NotificationKind,
  type NotificationState,
  type Overlap,
} from './notification.ts'
export type { AnySchedule, Gaps, LateSchedule, Schedule } from './schedule.ts'
export type { FieldChanges, Resign } from './wechat/mutate.ts'
export type { Journal, JournalEntry, JournalFilter, NearestMiss, Times, Waited, WaitOptions } from './journal.ts'
export type { Difference, JournalMatch, TextMatch } from './matching.ts'
export type { Coupon, TradeState } from './orders.ts'
export type { ConsoleRefund, EndOptions, RefundSnapshot } from './refunding.ts'
export type { CouponRefund, RefundAccount, RefundChannel, RefundEnd, RefundStatus } from './refunds.ts'
export type { SignType } from './sign-v2.ts'
export type {
  EncryptedData,
  PhoneNumberEvent,
  PhoneNumberOptions,
  UserInfo,
  UserProfile,
  UserProfileOptions,
  WatermarkOptions,
} from './user-data.ts'
export type { LoginCodeOptions, OfApp, PhoneNumber, UserChanges } from './users.ts'
export type { CodeOptions } from './codes.ts'
export type { Verdict } from './verdict.ts'
export type { CashierOpened, RequestPaymentParams } from './wechat/request-payment.ts'
export { RequestPaymentError } from './wechat/request-payment.ts'
export { MockError, type MockErrorCode } from './errors.ts'
