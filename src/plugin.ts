import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { createAccount } from './account.ts'
import { checkCalls } from './calls.ts'
import type { Wechat } from './calls.ts'
import { callsOfOnly } from './engine/users/apps.ts'
import type { Orders } from './engine/orders.ts'
import { WechatError } from './errors.ts'
import type { Identity } from './model.ts'
import { noticesOf } from './options/notices.ts'
import type { WechatPayOptions } from './options/options.ts'
import { parseOptions } from './options/parse.ts'
import { createAnswers } from './routes/answers.ts'
import { hideRoutes, speakJson } from './routes/json.ts'
import { loginRoutes } from './routes/login.ts'
import { notifyRoute } from './routes/notify.ts'
import { createOrderRoute, orderRoutes } from './routes/orders.ts'
import { createRequireUser, createUsers } from './routes/user.ts'
import { selfTest } from './self-test.ts'

// Here, because the package has only the declarations that its entries reach.
declare module 'fastify' {
  interface FastifyInstance {
    wechat: Wechat
  }
  interface FastifyRequest {
    /** The user of the request, in routes with `fastify.wechat.requireUser` as a preHandler; elsewhere reading it throws. */
    readonly wechatUser: Identity
  }
}

/** How long `app.close()` waits for running hooks, and for their rollback: together less than the 10 s that Fastify gives a plugin by default. */
const CLOSE_LIMIT_MS = 8000
const ROLLBACK_LIMIT_MS = 1000

/** The orders of all registrations on a server: a notification may be for another registration. */
const registrations = new WeakMap<object, Orders[]>()

function registrationsOn(server: object): Orders[] {
  const registered = registrations.get(server) ?? []
  registrations.set(server, registered)
  return registered
}

async function plugin<Tx>(fastify: FastifyInstance, options: WechatPayOptions<Tx>): Promise<void> {
  const config = parseOptions(options, fastify.prefix)
  if (fastify.hasDecorator('wechat')) {
    throw new WechatError(
      'WECHAT_OPTIONS_INVALID',
      'fastify-wechat-pay is already registered in this scope. Register another merchant in its own scope, with its own prefix and store.',
    )
  }
  const { hooks } = config
  const log = fastify.log
  for (const { level, text } of noticesOf(config, new Date())) log[level](text)
  const account = createAccount(config, log)
  const {
    login,
    orders,
    refunds,
    shipping,
    anomalies,
    forget,
    bills,
    reconcile,
    daily,
    apps,
    pay,
    work,
    heart,
    wechatNow,
  } = account
  const registered = registrationsOn(fastify.server)
  registered.push(orders)

  /** Sends a notification through the hooks of the app, without the network. */
  async function notify(body: string): Promise<string> {
    const url = `${fastify.prefix}${config.prefix}/notify`
    return (await fastify.inject({ method: 'POST', url, body })).body
  }

  async function sweep(): Promise<number> {
    daily.look()
    return await work.sweep()
  }

  const answers = createAnswers(hooks, apps.appids)
  const users = createUsers(login, answers)

  const several = apps.appids.length > 1 ? apps.appids.map(apps.find) : []
  const wechat: Wechat = checkCalls(
    {
      login,
      orders,
      bills,
      miniProgram: callsOfOnly(apps),
      pay,
      refunds,
      ship: shipping.ship,
      anomalies,
      forget,
      selfTest: async () => await selfTest({ config, services: account, notify }),
      requireUser: createRequireUser(fastify, users),
      app: (name) => {
        const app = apps.find(name)
        return { ...app, requireUser: createRequireUser(fastify, users, app.appid) }
      },
      reconcile,
      sweep,
      async perform({ mchId, outTradeNo }) {
        if (mchId === config.mchId) return await work.perform(outTradeNo)
        throw new WechatError(
          'WECHAT_INPUT_INVALID',
          `perform got a job of the merchant ${mchId}, and these are the orders of ${config.mchId}.`,
          { sent: false },
        )
      },
      idle: async (limitMs = CLOSE_LIMIT_MS) => {
        await daily.idle(limitMs)
        await work.idle(limitMs)
      },
    },
    several,
  )
  fastify.decorate('wechat', wechat)

  // In scopes of their own: in the fp() plugin itself a prefix has no effect, and parsers would leak into the app's routes.
  await fastify.register(
    async (scope) => {
      const { orderBody, orderTtlMs, exposeOpenid } = config
      const deps = { orders, users, answers, orderTtlMs, now: wechatNow }
      if (!config.documentRoutes) hideRoutes(scope)
      await scope.register(async (json) => {
        await speakJson(json, 'own')
        loginRoutes(json, { login, answers, users, exposeOpenid, hasSeveral: several.length > 0 })
        if (orderBody === undefined) createOrderRoute(json, deps)
        orderRoutes(json, deps)
      })
      if (orderBody !== undefined) {
        // The schema is in the app's language, so the app's validator reads it.
        await scope.register(async (json) => {
          await speakJson(json, "the app's")
          createOrderRoute(json, deps, orderBody)
        })
      }
      await scope.register(async (raw) => {
        const levels = config.logLevels
        notifyRoute(raw, { pay, orders, registered: () => registered, hooks, now: wechatNow, log, levels })
      })
    },
    { prefix: config.prefix },
  )

  let timer: NodeJS.Timeout | undefined
  let closed = false
  async function tick(): Promise<void> {
    await sweep().catch((error: unknown) => {
      log.error({ err: error }, 'The store could not return due work; the next sweep will ask again')
    })
    plan()
  }
  function plan(): void {
    if (config.sweepIntervalMs > 0 && !closed) timer = setTimeout(tick, config.sweepIntervalMs)
  }

  fastify.addHook('onReady', async () => {
    plan()
    // A process that never beats keeps its leases, and one that does not sweep takes over nothing.
    if (config.sweepIntervalMs > 0) heart.start(sweep)
  })
  // Not in onClose: hooks that the app adds there after this plugin, e.g. to close its database, would run first.
  fastify.addHook('preClose', async () => {
    closed = true
    clearTimeout(timer)
    daily.stop()
    work.stop()
    await work.idle(CLOSE_LIMIT_MS)
    work.giveUp()
    await work.idle(ROLLBACK_LIMIT_MS)
    await Promise.race([heart.stop(), wait(ROLLBACK_LIMIT_MS, undefined, { ref: false })])
  })
  fastify.addHook('onClose', async () => {
    await account.close()
  })
}

/**
 * Login and payment for a WeChat mini program: `await app.register(wechatPay, options)`.
 *
 * @throws {WechatError} `WECHAT_OPTIONS_INVALID` at registration, naming every fault
 */
// `any`: register() cannot infer the types of the transaction and the body; `wechatPayOptions()` does, and checks the hooks by them.
export const wechatPay: FastifyPluginAsync<WechatPayOptions<any, any>> = fp(plugin, {
  name: 'fastify-wechat-pay',
  fastify: '5.x',
})
