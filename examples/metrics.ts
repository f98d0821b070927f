import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Diagnostics, DiagnosticsName } from '../src/index.ts'

/** From "at once" through each of WeChat's sixteen sends of a notification to its last, 24 h 4 min after the payment; seconds. */
const LAG_BUCKETS = [0.5, 1, 2, 5, 15, 30, 60, 300, 900, 3600, 14_400, 86_700]

/**
 * Serves `GET /metrics` for Prometheus: everything that fastify-wechat-pay publishes on `node:diagnostics_channel`. The channels belong to the process, so register it
 * once, whatever the number of apps in it.
 *
 *     await app.register(metrics)
 *     await app.register(wechatPay, options)
 */
export const metrics = fp(async (app: FastifyInstance) => {
  const registers = [new Registry()]
  const notifications = new Counter({
    name: 'wechat_notifications_total',
    help: 'Notifications answered, by what became of them or why they were refused',
    labelNames: ['outcome', 'accepted'],
    registers,
  })
  const lag = new Histogram({
    name: 'wechat_notification_lag_seconds',
    help: 'From the payment to the answer to its notification',
    buckets: LAG_BUCKETS,
    registers,
  })
  const settlements = new Counter({
    name: 'wechat_settlements_total',
    help: 'Payments recorded, by who brought them; source="query" was rescued: no notification had come',
    labelNames: ['source', 'late'],
    registers,
  })
  const hooks = new Counter({
    name: 'wechat_hooks_total',
    help: 'Runs of onPaid and onRefunded',
    labelNames: ['hook', 'outcome'],
    registers,
  })
  const anomalies = new Counter({
    name: 'wechat_anomalies_total',
    help: 'Findings that wait for a person',
    labelNames: ['kind'],
    registers,
  })
  const due = new Gauge({ name: 'wechat_orders_due', help: 'Orders with work due after the last sweep', registers })
  const stuck = new Gauge({
    name: 'wechat_orders_stuck',
    help: 'Orders with work due for more than ten minutes',
    registers,
  })

  listen('fastify-wechat-pay:notification', ({ outcome, accepted, lagMs }) => {
    notifications.inc({ outcome, accepted: String(accepted) })
    if (lagMs !== undefined) lag.observe(lagMs / 1000)
  })
  listen('fastify-wechat-pay:settlement', ({ source, late }) => {
    settlements.inc({ source, late: String(late) })
  })
  listen('fastify-wechat-pay:hook', ({ hook, outcome }) => {
    hooks.inc({ hook, outcome })
  })
  listen('fastify-wechat-pay:anomaly', ({ kind }) => {
    anomalies.inc({ kind })
  })
  listen('fastify-wechat-pay:sweep', (sweep) => {
    due.set(sweep.due)
    stuck.set(sweep.stuck)
  })

  app.get('/metrics', async (_request, reply) => {
    reply.type(registers[0]!.contentType)
    return await registers[0]!.metrics()
  })

  function listen<Name extends DiagnosticsName>(name: Name, count: (message: Diagnostics[Name]) => void): void {
    const listener = (message: unknown) => {
      count(message as Diagnostics[Name])
    }
    subscribe(name, listener)
    app.addHook('onClose', async () => {
      unsubscribe(name, listener)
    })
  }
})
