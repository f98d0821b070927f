import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { checkCalls } from './calls.ts'
import type { Wechat } from './calls.ts'
import { createHttp } from './client/http.ts'
import { createMiniProgram } from './client/mini-program.ts'
import { createPayV2 } from './client/pay-v2.ts'
import { createClock } from './clock.ts'
import { publish } from './diagnostics.ts'
import { createAnomalies } from './engine/anomalies.ts'
import { createLogin } from './engine/login.ts'
import { createOrders } from './engine/orders.ts'
import type { Orders } from './engine/orders.ts'
import { createRefunds } from './engine/refunds.ts'
import { createWork } from './engine/work.ts'
import { WechatError } from './errors.ts'
import type { Anomaly } from './model.ts'
import { noticesOf } from './options/notices.ts'
import { parseOptions } from './options/options.ts'
import type { WechatPayOptions } from './options/options.ts'
import { formatTime } from './protocol/time.ts'
import { createAnswers } from './routes/answers.ts'
import { speakJson } from './routes/json.ts'
import { loginRoute } from './routes/login.ts'
import { notifyRoute } from './routes/notify.ts'
import { orderRoutes } from './routes/orders.ts'
import { neutral } from './store/neutral.ts'
import { loggable } from './thrown.ts'

declare module 'fastify' {
  interface FastifyInstance {
    wechat: Wechat
  }
}

/** How long `app.close()` waits for hooks that run, and for them to be rolled back: together less than the 10 s that Fastify gives to a plugin by default. */
const CLOSE_LIMIT_MS = 8000
const ROLLBACK_LIMIT_MS = 1000

/** A clock that is further from WeChat's than this is told to the operator. */
const CLOCK_LIMIT_MS = 60_000

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function newOutTradeNo(now: Date): string {
  return formatTime(now) + Array.from({ length: 14 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** The orders of the registrations on each server: a notification may be for another of them. */
const registrations = new WeakMap<object, Orders[]>()

function registrationsOn(server: object): Orders[] {
  const registered = registrations.get(server) ?? []
  registrations.set(server, registered)
  return registered
}

async function wechatPay<Tx>(fastify: FastifyInstance, options: WechatPayOptions<Tx>): Promise<void> {
  const config = parseOptions(options, fastify.prefix)
  if (fastify.hasDecorator('wechat')) {
    throw new WechatError(
      'WECHAT_OPTIONS_INVALID',
      'fastify-wechat-pay is registered in this scope already. Register another merchant in a scope of its own, with another prefix and a store of its own.',
    )
  }
  const { appid, mchId, hooks, timeoutMs, proxy } = config
  const store = neutral(config.store)
  const log = fastify.log
  for (const { level, text } of noticesOf(config, new Date())) log[level](text)

  const { now, wechatNow, heard } = createClock({
    own: config.now,
    onDifference(aheadMs) {
      const text = `The clock of this process is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs < 0 ? 'ahead of' : 'behind'} WeChat's`
      if (Math.abs(aheadMs) < CLOCK_LIMIT_MS) log.info({ aheadMs }, `${text}, which is well again`)
      else log.warn({ aheadMs }, `${text}. Orders expire by WeChat's. Set the clock of this machine, e.g. by NTP`)
    },
  })
  const pause = async () => {
    await wait(randomInt(50, 250))
  }
  const http = { timeoutMs, now, heard, pause, proxy }
  const miniProgramHttp = createHttp({ ...http, hosts: config.hosts.miniProgram })
  const payHttp = createHttp({ ...http, hosts: config.hosts.pay })
  // Refunds alone present the merchant's certificate.
  const certHttp = config.cert && createHttp({ ...http, hosts: config.hosts.pay, cert: config.cert })
  const nonce = () => randomBytes(16).toString('hex')
  const miniProgram = createMiniProgram(miniProgramHttp, appid, config.appSecret)
  const pay = createPayV2({
    http: payHttp,
    certHttp,
    appid,
    mchId,
    apiKey: config.apiKey,
    signType: config.signType,
    notifyUrl: config.notifyUrl,
    nonce,
  })
  const login = createLogin({
    appid,
    miniProgram,
    store,
    now,
    tokenTtlMs: config.tokenTtlMs,
    randomToken: () => randomBytes(32).toString('base64url'),
  })

  const policy = { latePayment: config.latePayment }
  const observer = {
    anomaly(anomaly: Anomaly) {
      publish('fastify-wechat-pay:anomaly', () => ({ outTradeNo: anomaly.outTradeNo, kind: anomaly.kind }))
      log.error({ anomaly }, 'Something is wrong with a payment and waits for a person')
      Promise.resolve(anomaly)
        .then(hooks.onAnomaly)
        .catch((error: unknown) => {
          log.error({ err: loggable(error) }, 'onAnomaly failed')
        })
    },
    due(outTradeNo: string) {
      work.start(outTradeNo)
    },
    reserve: () => work.reserve(),
  }
  const orders = createOrders({ appid, mchId, pay, store, policy, observer, now, wechatNow, newOutTradeNo })
  const registered = registrationsOn(fastify.server)
  registered.push(orders)
  const refunds = createRefunds({ pay, orders })
  const work = createWork({
    store,
    orders,
    refunds,
    policy,
    hooks,
    now,
    wechatNow,
    log,
    leaseMs: config.leaseMs,
    concurrency: config.concurrency,
  })

  const wechat: Wechat = checkCalls({
    login,
    orders,
    miniProgram,
    pay,
    refunds,
    anomalies: createAnomalies({ store, orders, pay, now }),
    sweep: async () => await work.sweep(),
    idle: async (limitMs = CLOSE_LIMIT_MS) => {
      await work.idle(limitMs)
    },
  })
  fastify.decorate('wechat', wechat)

  // In scopes of their own: a prefix has no effect on routes of an fp() plugin itself, and its parsers would leak into the host's routes.
  await fastify.register(
    async (scope) => {
      await scope.register(async (json) => {
        await speakJson(json)
        const answers = createAnswers(hooks, appid)
        loginRoute(json, { login, answers, exposeOpenid: config.exposeOpenid, log })
        orderRoutes(json, { orders, login, answers, orderTtlMs: config.orderTtlMs, now: wechatNow, log })
      })
      await scope.register(async (raw) => {
        notifyRoute(raw, { pay, orders, registered: () => registered, hooks, now: wechatNow, log })
      })
    },
    { prefix: config.prefix },
  )

  let timer: NodeJS.Timeout | undefined
  let closed = false
  async function tick(): Promise<void> {
    await work.sweep().catch((error: unknown) => {
      log.error({ err: error }, 'The store could not be asked for due work; it will be asked again')
    })
    plan()
  }
  function plan(): void {
    if (config.sweepIntervalMs > 0 && !closed) timer = setTimeout(tick, config.sweepIntervalMs)
  }

  fastify.addHook('onReady', async () => {
    plan()
  })
  // Not in onClose: what the app adds there after this plugin, such as the end of its database, would come first.
  fastify.addHook('preClose', async () => {
    closed = true
    clearTimeout(timer)
    work.stop()
    await work.idle(CLOSE_LIMIT_MS)
    work.giveUp()
    await work.idle(ROLLBACK_LIMIT_MS)
  })
  fastify.addHook('onClose', async () => {
    await Promise.all([payHttp.close(), certHttp?.close(), miniProgramHttp.close()])
  })
}

/**
 * Login and payment for a WeChat mini program: `await app.register(wechatPay, options)`.
 *
 * @throws {WechatError} `WECHAT_OPTIONS_INVALID` at registration, naming every fault
 */
// `any`: register() cannot infer the transaction's type from the store; annotate the options as `WechatPayOptions<Tx>` to have `tx` checked.
const plugin: FastifyPluginAsync<WechatPayOptions<any>> = fp(wechatPay, { name: 'fastify-wechat-pay', fastify: '5.x' })
export default plugin
