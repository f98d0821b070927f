import { hash, randomBytes, randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { createBills } from './client/bills.ts'
import type { Bills } from './client/bills.ts'
import { createHttp } from './client/http.ts'
import type { Http } from './client/http.ts'
import { KeyRing } from './client/key-ring.ts'
import { createAccessTokens } from './client/access-token.ts'
import { createMiniProgram } from './client/mini-program/mini-program.ts'
import { createPayV2 } from './client/pay-v2/pay-v2.ts'
import type { PayV2Api } from './client/pay-v2/pay-v2.ts'
import type { PayV3Api } from './client/pay-v3/api.ts'
import { createPayV3 } from './client/pay-v3/pay-v3.ts'
import { createClock } from './base/clock.ts'
import { publish } from './base/diagnostics.ts'
import { createAnomalies } from './engine/anomalies.ts'
import { createAsk, createUsers } from './client/mini-program/users.ts'
import { createShipping } from './client/mini-program/shipping.ts'
import type { Anomalies } from './engine/anomalies.ts'
import { createApps } from './engine/users/apps.ts'
import type { Apps, RegisteredApp } from './engine/users/apps.ts'
import { createLogin } from './engine/users/login.ts'
import type { Login } from './engine/users/login.ts'
import { createOrders } from './engine/orders.ts'
import { createForget } from './engine/users/forget.ts'
import type { Forget } from './engine/users/forget.ts'
import type { Orders } from './engine/orders.ts'
import { newOutTradeNo } from './engine/reconcile/numbers.ts'
import { createReconcile } from './engine/reconcile/reconcile.ts'
import { createDaily } from './engine/reconcile/daily.ts'
import type { Daily } from './engine/reconcile/daily.ts'
import type { Reconcile } from './engine/reconcile/reconcile.ts'
import { createOutbox } from './engine/claims/jobs.ts'
import { createHeart } from './engine/claims/heart.ts'
import type { Heart } from './engine/claims/heart.ts'
import { createRefunds } from './engine/refunds.ts'
import type { Refunds } from './engine/refunds.ts'
import { createOwedShipping } from './engine/claims/shipping.ts'
import type { Shipping } from './engine/claims/shipping.ts'
import { createWork } from './engine/work.ts'
import type { Work } from './engine/work.ts'
import type { Recorded } from './engine/news.ts'
import type { Log, LogLevel } from './hooks.ts'
import type { Anomaly } from './model.ts'
import type { AppConfig } from './options/apps.ts'
import type { Config, MerchantConfig } from './options/parse.ts'
import { neutral } from './store/neutral.ts'
import { ofMerchant } from './store/own.ts'
import { loggable } from './base/thrown.ts'

/** One merchant and its apps, put together from the options: clients, engine and work. It knows nothing of Fastify. */
export interface AccountServices {
  login: Login
  orders: Orders
  refunds: Refunds
  shipping: Shipping
  anomalies: Anomalies
  forget: Forget
  bills: Bills
  reconcile: Reconcile
  daily: Daily
  apps: Apps
  pay: PayV2Api | PayV3Api
  work: Work
  heart: Heart
  /** WeChat's time. */
  wechatNow: () => Date
  /** Closes the connections to WeChat. */
  close(): Promise<void>
}

/** A larger difference from WeChat's clock is reported to the operator. */
const CLOCK_LIMIT_MS = 60_000

const nonce = () => randomBytes(16).toString('hex')

export function createAccount(config: Config, log: Log): AccountServices {
  const { mchId, partner, hooks, timeoutMs, proxy } = config
  const store = ofMerchant(neutral(config.store), mchId)
  const { now, wechatNow, heard } = createClock({
    own: config.now,
    onDifference(aheadMs) {
      const text = `The clock of this process is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs < 0 ? 'ahead of' : 'behind'} WeChat's`
      if (Math.abs(aheadMs) < CLOCK_LIMIT_MS) log.info({ aheadMs }, `${text}, back under a minute`)
      else log.warn({ aheadMs }, `${text}. Orders expire by WeChat's clock. Set this machine's clock, e.g. with NTP`)
    },
  })
  const pause = async () => {
    await wait(randomInt(50, 250))
  }
  const http = { timeoutMs, now, heard, pause, proxy }
  const miniProgramHttp = createHttp({ ...http, hosts: config.hosts.miniProgram })
  const payHttp = createHttp({ ...http, hosts: config.hosts.pay })
  // Only refunds of API v2 present the merchant's certificate.
  const cert = config.merchant.version === 'v2' ? config.merchant.cert : undefined
  const certHttp = cert && createHttp({ ...http, hosts: config.hosts.pay, cert })
  const pay = createPay(config, { http: payHttp, certHttp, now: wechatNow, log })
  const registered = ({ name, appid, appSecrets: given }: AppConfig): RegisteredApp => {
    const appSecrets = new KeyRing(given)
    const shared = { get: store.getShared, swap: store.swapShared }
    const tokens = createAccessTokens({ http: miniProgramHttp, appid, appSecrets, shared, now, nonce })
    const ask = createAsk(miniProgramHttp, tokens)
    const miniProgram = {
      ...createMiniProgram(miniProgramHttp, appid, appSecrets),
      ...createUsers(ask, appid),
      ...createShipping(ask, now),
    }
    return { name, appid, miniProgram }
  }
  const apps = createApps(config.apps.map(registered))
  const { appids } = apps
  const login = createLogin({
    apps,
    store,
    now,
    tokenTtlMs: config.tokenTtlMs,
    randomToken: () => randomBytes(32).toString('base64url'),
  })

  const policy = { latePayment: config.latePayment }
  const observer = {
    recorded: createMoneyLog({ levels: config.logLevels, log, now, wechatNow }),
    anomaly(anomaly: Anomaly, its = log) {
      publish('fastify-wechat-pay:anomaly', () => ({ outTradeNo: anomaly.outTradeNo, kind: anomaly.kind }))
      its.error({ anomaly }, 'A problem with a payment waits for a person: see fastify.wechat.anomalies')
      Promise.resolve(anomaly)
        .then((found) => hooks.onAnomaly?.(found, { log: its }))
        .catch((error: unknown) => {
          its.error({ err: loggable(error) }, 'onAnomaly failed')
        })
    },
    // With a queue, this process only hands work over.
    due: hooks.enqueue === undefined ? (outTradeNo: string, its?: Log) => work.start(outTradeNo, its) : () => {},
    reserve: () => (hooks.enqueue === undefined ? work.reserve() : undefined),
    outbox: hooks.enqueue && createOutbox(hooks.enqueue),
  }
  const orders = createOrders({
    appids,
    mchId,
    partner,
    pay,
    store,
    policy,
    observer,
    now,
    wechatNow,
    newOutTradeNo: (at) => newOutTradeNo(at, randomInt),
  })
  const shipping = createOwedShipping({ orders, callsOf: (appid) => apps.find(appid).miniProgram })
  const refunds = createRefunds({ pay, orders })
  const { leaseMs, concurrency } = config
  const claimer = randomBytes(9).toString('base64url')
  const work = createWork({
    store,
    orders,
    refunds,
    shipping,
    policy,
    hooks,
    now,
    wechatNow,
    log,
    leaseMs,
    claimer,
    concurrency,
  })
  const heart = createHeart({
    store,
    claimer,
    now,
    elapsed: () => performance.now(),
    pause: (ms) => wait(ms, undefined, { ref: false }),
    leaseMs,
    log,
  })
  const reconcile = createReconcile({ pay, store, orders, raised: observer.anomaly, now })
  return {
    login,
    orders,
    refunds,
    shipping,
    anomalies: createAnomalies({ store, orders, pay, now }),
    forget: createForget({ store, mchId, now }),
    bills: createBills(pay),
    reconcile,
    daily: createDaily({
      reconcile,
      store,
      name: `reconciled:${shortened(appids.toSorted().join(','))}:${mchId}`,
      at: config.reconcileAt,
      now,
      wechatNow,
      log,
    }),
    apps,
    pay,
    work,
    heart,
    wechatNow,
    async close() {
      await Promise.all([payHttp.close(), certHttp?.close(), miniProgramHttp.close()])
    },
  }
}

interface MoneyLogDeps {
  levels: Config['logLevels']
  log: Log
  now: () => Date
  wechatNow: () => Date
}

/**
 * One line for each payment, and one for each refund whose money is back; duplicates leave none, so nobody can fill the log. `ms` is the time from the
 * payment to its record, and from the request or discovery of a refund to the news that it has succeeded.
 */
function createMoneyLog({ levels, log, now, wechatNow }: MoneyLogDeps) {
  const write = (level: LogLevel, its: Log, details: object, message: string) => {
    if (level !== 'silent') its[level](details, message)
  }
  return ({ before, order, source, outcome }: Recorded, its = log): void => {
    const { outTradeNo, payment, refunds } = order
    if (payment === undefined) return
    const { transactionId, totalFee, paidAt } = payment
    if (before.payment === undefined) {
      const ms = Math.max(0, wechatNow().getTime() - paidAt.getTime())
      const late = outcome === 'late' && { late: true }
      write(levels.paid, its, { outTradeNo, totalFee, transactionId, source, ms, ...late }, 'Paid')
    }
    const known = new Map(before.refunds.map(({ outRefundNo, state }) => [outRefundNo, state]))
    for (const { outRefundNo, refundFee, refundId, state, createdAt } of refunds) {
      if (state !== 'success' || known.get(outRefundNo) === 'success') continue
      const ms = now().getTime() - createdAt.getTime()
      write(
        levels.refunded,
        its,
        { outTradeNo, outRefundNo, refundFee, transactionId, refundId, source, ms },
        'Refunded',
      )
    }
  }
}

/** The appids as they are or, if they would not fit a column of the store, by their hash. */
function shortened(appids: string): string {
  return appids.length <= 200 ? appids : hash('sha256', appids)
}

interface PayDeps {
  http: Http
  certHttp: Http | undefined
  now: () => Date
  log: Log
}

/** The payment API of the merchant's version. */
function createPay(
  { apps, mchId, merchant, partner, notifyUrl }: Config,
  { http, certHttp, now, log }: PayDeps,
): PayV2Api | PayV3Api {
  const appids = apps.map(({ appid }) => appid)
  const v2 = ({ apiKeys, signType }: Pick<MerchantConfig & { version: 'v2' }, 'apiKeys' | 'signType'>) =>
    createPayV2({ http, certHttp, appids, mchId, partner, apiKeys: new KeyRing(apiKeys), signType, notifyUrl, nonce })
  if (merchant.version === 'v2') return v2(merchant)
  const { signer, apiV3Keys, platformKeys, downloadCertificates } = merchant
  return createPayV3({
    http,
    appids,
    partner,
    signer,
    apiV3Keys: new KeyRing(apiV3Keys).all,
    platformKeys,
    downloadCertificates,
    notifyUrl,
    nonce,
    now,
    onProbe() {
      log.debug({}, 'WeChat tested whether we refuse a reply with a wrong signature; the request was sent again')
    },
    v2: merchant.v2 && v2(merchant.v2),
  })
}
