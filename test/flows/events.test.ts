import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import type { WechatEvent } from '../../src/index.ts'
import { merchant } from '../helpers.ts'

// Events of other products of API v3 use the same signature and encryption, and may come to the same URL.
const COMPLAINT = {
  eventType: 'COMPLAINT.CREATE',
  originalType: 'complaint',
  resource: { complaint_id: '200201820200101080076610000', action_type: 'CREATE_COMPLAINT' },
}

t.test('an event of another product: verified, decrypted, handed to onEvent, counted and acknowledged', async (t) => {
  const heard: WechatEvent[] = []
  const outcomes: unknown[] = []
  const count = (message: unknown) => {
    outcomes.push((message as { outcome: string }).outcome)
  }
  subscribe('fastify-wechat-pay:notification', count)
  t.teardown(() => unsubscribe('fastify-wechat-pay:notification', count))
  for (const withHook of [true, false]) {
    let failing = withHook
    const shop = await merchant(t, {
      version: 'v3',
      options: {
        ...(withHook && {
          onEvent: (event: WechatEvent) => {
            if (failing) throw new Error('not now')
            heard.push(event)
          },
        }),
      },
    })
    const { world } = shop
    const event = { ...COMPLAINT, url: `${shop.url}/wechat/notify` }
    t.match(await world.craftEvent({ ...event, signer: 'stranger' }).deliver(), [{ verdict: 'http_status' }], 'forged')
    const genuine = world.craftEvent(event)
    if (withHook) {
      t.match(await genuine.deliver(), [{ verdict: 'http_status', response: { status: 503 } }], 'the hook has thrown')
      failing = false
    }
    t.match(await genuine.deliver(), [{ verdict: 'acked', response: { status: 200 } }])
    t.strictSame(await shop.app.wechat.anomalies.list(), [])
  }
  t.match(heard, [
    { type: 'COMPLAINT.CREATE', resourceType: 'complaint', resource: COMPLAINT.resource, id: /^[0-9a-f-]{36}$/ },
  ])
  t.equal(heard.length, 1)
  t.strictSame(outcomes, ['bad-signature', 'not-stored', 'event', 'bad-signature', 'event'])
})
