import { MockError } from '../base/errors.ts'
import { guarded } from '../base/listeners.ts'
import { oneOf, strict, validate } from '../base/schema.ts'
import { CLOCK_MODE } from '../clock/clock.ts'
import type { SwitchingClock } from '../clock/switching-clock.ts'
import { merchantView } from '../ledger/account.ts'
import { orderSnapshot } from '../ledger/orders.ts'
import { KEY, ROTATION } from '../ledger/keys.ts'
import { refundSnapshot } from '../ledger/refund-rules.ts'
import type { Notification } from '../notify/notification.ts'
import { appView, type Application } from '../users/app.ts'
import { LOGIN_CODE, USER, type User } from '../users/users.ts'
import { credentialsOf, v3CredentialsOf, type WorldCore } from '../wechat/core.ts'
import { appPayment } from '../wechat/phone/app-payment.ts'
import { requestPayment } from '../wechat/phone/request-payment.ts'
import { PHONE, phoneNumber, PROFILE, userProfile } from '../wechat/phone/user-data.ts'
import { explainMessage } from '../wire/explain-sign.ts'
import { assertDrained, assertNoUnexpected } from './assertions.ts'
import { craft, craftEvent, noticeHeaders } from './craft.ts'
import { OF_MERCHANT, type Parties } from './parties.ts'
import { createPayments, WHERE } from './payments.ts'
import { explainCall } from './signing.ts'
import type { Snapshots } from './state/snapshots.ts'
import type { UserSnapshot, World, WorldEvents } from './world.ts'

const VERSION = oneOf('v2', 'v3')
const ROTATE = strict({ ...ROTATION, ...OF_MERCHANT })

/** The parts of a world. */
export interface FaceParts extends Pick<World, 'advance' | 'settleOn' | 'events' | 'plan' | 'close'> {
  readonly core: WorldCore
  readonly parties: Parties
  readonly baseUrl: () => string
  readonly clock: Pick<SwitchingClock, 'mode' | 'now' | 'timers' | 'switchTo'>
  readonly snapshots: Snapshots
  readonly on: <E extends keyof WorldEvents>(event: E, listener: (value: WorldEvents[E]) => void) => void
}

const merchantOptionsOf = ({ accountFor }: Parties, { apps }: WorldCore) =>
  ((version, options = {}) => {
    validate(VERSION, version, 'version')
    validate(WHERE, options)
    const account = accountFor(options)
    const { mchId, apiKey, signType, keys, actsFor } = account
    const [first, ...others] = actsFor.map(({ mchId }) => mchId)
    const partner = first !== undefined && {
      partner: { spAppid: apps[0]!.appid, subMchIds: [first, ...others] as const },
    }
    if (version === 'v2') {
      const cert = keys.merchantCertificate().pair()
      return { version, mchId, apiKey, cert, ...(signType !== 'any' && { signType }), ...partner }
    }
    const { apiV3Key, privateKey, serialNo, publicKeyId, publicKey, keyMode } = v3CredentialsOf(account)
    return {
      version,
      mchId,
      apiV3Key,
      privateKey,
      serialNo,
      ...(keyMode !== 'certificate' && { publicKeyId, publicKey }),
      ...(keyMode !== 'public-key' && { platformCertificates: 'download' }),
      apiKey,
      ...partner,
    }
  }) as World['merchantOptions']

/** Builds the public interface of a world. */
export function createFace(parts: FaceParts): World {
  const { core, parties, clock, advance } = parts
  const { id, accounts, apps, journal, notifier, faults, gates, hooks } = core
  const { findOrder, findRefund, appFor } = parties
  const userView = ({ appid }: Application, user: User): UserSnapshot => ({ ...user, appid })
  const unexpected = () => journal.entries({ api: 'unknown' })

  function findNotification(name: string): Notification {
    const notification = notifier.find(name)
    if (notification) return notification
    throw new MockError(
      'UNKNOWN_NOTIFICATION',
      `world ${id} has no notification ${name}; that of a payment is created when the order ${name} is paid`,
    )
  }

  return {
    id,
    get baseUrl() {
      return parts.baseUrl()
    },
    get credentials() {
      return credentialsOf(core)
    },
    clock: {
      get mode() {
        return clock.mode
      },
      now: clock.now,
      timers: clock.timers,
      advance,
      switchTo: (mode) => {
        validate(CLOCK_MODE, mode, 'mode')
        clock.switchTo(mode)
      },
    },
    plan: parts.plan,
    journal,
    advance,
    loginCode: (options = {}) => {
      validate(LOGIN_CODE, options)
      const { code, user, expiresAt } = appFor(options.openid, options).users.issueCode(options)
      return { code, openid: user.openid, unionid: user.unionid, expiresAt }
    },
    setMerchant: (mchId, changes = {}) => parties.setMerchant(mchId, changes),
    merchants: () => accounts.map(merchantView),
    merchantOptions: merchantOptionsOf(parties, core),
    setApp: (appid, changes = {}) => parties.setApp(appid, changes),
    apps: () => apps.map(appView),
    users: () => apps.flatMap((app) => app.users.list().map((user) => userView(app, user))),
    setUser: (openid, changes = {}) => {
      validate(USER, changes)
      const app = appFor(openid, changes)
      return userView(app, app.users.know(openid, changes))
    },
    userProfile: (openid, options = {}) => {
      validate(PROFILE, options)
      return userProfile({ world: core, app: appFor(openid, options) }, openid, options)
    },
    phoneNumber: (openid, options = {}) => {
      validate(PHONE, options)
      return phoneNumber({ world: core, app: appFor(openid, options) }, openid, options)
    },
    rotateSessionKey: (openid, options) => {
      const app = appFor(openid, options)
      const user = app.users.know(openid)
      app.users.rotate(user, 'new')
      return userView(app, user)
    },
    requestPayment: (params) => requestPayment(core, params),
    appPayment: (params) => appPayment(core, params),
    ...createPayments(parties, notifier, core.behaviour),
    refund: (outRefundNo, options) => refundSnapshot(...findRefund(outRefundNo, options)),
    refunds: () =>
      accounts.flatMap((account) => account.refunds.list().map((refund) => refundSnapshot(account, refund))),
    order: (outTradeNo, options) => {
      const [{ mchId }, order] = findOrder(outTradeNo, options)
      return orderSnapshot(mchId, order)
    },
    orders: () => accounts.flatMap(({ mchId, orders }) => orders.list().map((order) => orderSnapshot(mchId, order))),
    deliveries: notifier.deliveries,
    notifications: notifier.list,
    craft: (outTradeNo, options) => craft(core, ...findOrder(outTradeNo, options), options),
    craftEvent: (options) => craftEvent(core, parties.accountFor(options), options),
    noticeHeaders: (version, body, options = {}) =>
      noticeHeaders(core, parties.accountFor(options), version, body, options),
    rotateKey: (what, options = {}) => {
      validate(KEY, what, 'what')
      validate(ROTATE, options)
      const { keepOld = false, ...where } = options
      parties.accountFor(where).keys.rotate(what, keepOld)
      return v3CredentialsOf(parties.accountFor(where))
    },
    once: hooks.once,
    notification: findNotification,
    refundNotification: (outRefundNo, options) => {
      const [, { notificationId, status, notifyUrl }] = findRefund(outRefundNo, options)
      if (notificationId !== undefined) return findNotification(notificationId)
      throw new MockError(
        'UNKNOWN_NOTIFICATION',
        `refund ${outRefundNo} has no notification: it is ${status} and its notify_url is '${notifyUrl}'`,
      )
    },
    settleOn: parts.settleOn,
    fault: faults.set,
    faults: faults.list,
    gate: gates.set,
    gates: gates.list,
    lint: () => journal.entries().flatMap(({ lint = [] }) => lint),
    unexpected,
    assertNoUnexpected: () => assertNoUnexpected(unexpected()),
    explainSign: (message, theirs) => {
      if (typeof message !== 'string') return explainCall(parties, message, theirs)
      return explainMessage(
        message,
        (message) => ({
          apiKey: parties.merchantOr(message.get('mch_id')).apiKey,
          appSecret: parties.appOr(message.get('appid')).appSecret,
        }),
        theirs,
      )
    },
    verify: journal.verify,
    assertDrained: () => assertDrained(faults.list(), gates.list(), hooks.waiting()),
    on: (event, listener) => parts.on(event, guarded(event, listener)),
    events: parts.events,
    inFlight: core.activity.list,
    ...parts.snapshots,
    close: parts.close,
    [Symbol.asyncDispose]: async () => parts.close(),
  }
}
