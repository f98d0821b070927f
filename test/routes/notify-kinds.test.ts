import Fastify from 'fastify'
import t from 'tap'
import { NotificationError } from '../../src/client/pay.ts'
import type { Notification, NotificationFault, PayApi } from '../../src/client/pay.ts'
import type { Orders } from '../../src/engine/orders.ts'
import type { WechatEvent } from '../../src/model.ts'
import { notifyRoute } from '../../src/routes/notify.ts'
import type { LogLine } from '../helpers.ts'
import { NASTY } from '../nonsense.ts'

const EVENT: WechatEvent = {
  id: 'e-1',
  type: 'COMPLAINT.CREATE',
  resourceType: 'complaint',
  resource: { complaint_id: '1' },
}
const REPORT = { outRefundNo: 'r-1', outTradeNo: 'order-1', refundId: '50', refundFee: 1, state: 'success' as const }

/** The result of an API v3 notification that is read as `read`. */
async function outcomeOf(
  read: Notification | Error,
  {
    onEvent,
    observed = { outcome: 'changed' } as object | undefined,
  }: { onEvent?: (event: WechatEvent) => Promise<void>; observed?: object | 'unknown' } = {},
) {
  const logs: LogLine[] = []
  const seen: unknown[] = []
  const app = Fastify({
    logger: {
      level: 'debug',
      stream: {
        write: (line: string) => {
          logs.push(JSON.parse(line))
        },
      },
    },
  })
  await app.register(async (scope) => {
    notifyRoute(scope, {
      pay: {
        async readNotification() {
          if (read instanceof Error) throw read
          return read
        },
        reply: (_message: unknown, fault?: NotificationFault) => ({
          status: fault === undefined ? 200 : 500,
          contentType: 'application/json',
          body: fault ?? 'ok',
        }),
      } as unknown as PayApi,
      orders: {
        get: async () => (observed === 'unknown' ? undefined : { mchId: '1' }),
        owns: () => true,
        observe: async (_outTradeNo: string, observation: unknown) => {
          seen.push(observation)
          return observed === 'unknown' ? undefined : observed
        },
        noteUnknownRefund: async ({ outRefundNo }: { outRefundNo: string }) => {
          seen.push({ noted: outRefundNo })
        },
        owner: { appids: ['wx1'], mchId: '1' },
      } as unknown as Orders,
      registered: () => [],
      hooks: onEvent === undefined ? {} : { onEvent },
      now: () => new Date(),
      log: app.log,
    })
  })
  const { statusCode, body } = await app.inject({
    method: 'POST',
    url: '/notify',
    payload: '{}',
    headers: { 'content-type': 'application/json' },
  })
  await app.close()
  return { statusCode, body, seen, logs: logs.filter(({ msg }) => !/request/.test(msg)) }
}

t.test('a refund whose details WeChat has signed is recorded', async (t) => {
  const { body, seen } = await outcomeOf({ kind: 'refund', report: REPORT, subMchId: '1900000201' })
  t.equal(body, 'ok')
  t.strictSame(seen, [{ seen: 'refund-reported', source: 'notify', report: REPORT, subMchId: '1900000201' }])
  t.match(await outcomeOf({ kind: 'refund', report: REPORT }, { observed: 'unknown' }), {
    statusCode: 500,
    body: 'unknown-order',
    seen: [{ noted: 'r-1' }],
  })
  t.match(await outcomeOf({ kind: 'refund', report: REPORT }, { observed: { outcome: 'refused' } }), {
    statusCode: 500,
    body: 'mismatch',
  })
})

t.test('an event is passed to onEvent', async (t) => {
  const told: WechatEvent[] = []
  const { body, seen } = await outcomeOf(
    { kind: 'event', event: EVENT },
    {
      onEvent: async (event) => {
        told.push(event)
      },
    },
  )
  t.equal(body, 'ok')
  t.strictSame(told, [EVENT])
  t.strictSame(seen, [], 'no order is touched')

  const failed = await outcomeOf(
    { kind: 'event', event: EVENT },
    {
      onEvent: async () => {
        throw new Error('not now')
      },
    },
  )
  t.match(failed, { statusCode: 500, body: 'not-stored' }, 'if the hook throws, WeChat has to send the event again')
  t.match(failed.logs, [{ level: 50, err: { message: 'not now' } }])

  for (const [name, make] of Object.entries(NASTY)) {
    const nasty = await outcomeOf(
      { kind: 'event', event: EVENT },
      {
        onEvent: async () => {
          throw make()
        },
      },
    )
    t.match(nasty, { statusCode: 500, body: 'not-stored', logs: [{ level: 50 }] }, name)
    t.ok(JSON.stringify(nasty.logs).length < 30_000, `${name}: the log is short`)
    t.equal(nasty.logs.length, 1, `${name}: answered at once, not when time is up`)
  }

  const without = await outcomeOf({ kind: 'event', event: EVENT })
  t.equal(without.body, 'ok')
  t.match(without.logs, [{ level: 30, id: 'e-1', type: 'COMPLAINT.CREATE' }], 'without a hook the event is logged')
})

t.test('the level at which a refusal is logged', async (t) => {
  const cases: [fault: NotificationFault, level: number][] = [
    ['bad-signature', 40],
    ['stale', 40],
    ['unknown-key', 50],
    ['not-decrypted', 50],
    ['no-v2-key', 50],
    ['probe', 20],
  ]
  for (const [fault, level] of cases) {
    const { body, logs } = await outcomeOf(new NotificationError(fault, 'why'))
    t.equal(body, fault)
    t.match(logs, [{ level, fault, reason: 'why' }], fault)
    t.equal(logs.length, 1)
  }
})
