import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { request } from 'undici'
import { createMockWechat } from '../../mock-server/index.ts'
import { orderXml } from './orders.ts'

/** WeChat's 16 sends of a notification that nobody acknowledges. */
export const SENDS = 16
const WHOLE_SCHEDULE = '24h4m'
/** More than any round takes. */
const PATIENCE_MS = 600_000
const HEADERS = { 'content-type': 'text/xml', 'user-agent': 'Mozilla/4.0' }

export type Answer = 'SUCCESS' | 'FAIL'

/** The merchant that both send to: reads each notification to its end and answers the same. */
export async function receiver(answer: Answer) {
  let received = 0
  let bytes = 0
  const reply = `<xml><return_code><![CDATA[${answer}]]></return_code></xml>`
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('end', () => {
      received++
      response.end(reply)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    /** What has arrived since the last time this was asked. */
    taken: () => {
      const taken = { received, bytes }
      received = bytes = 0
      return taken
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** The mock: orders that are paid at the beginning of an advance over the whole schedule. */
export async function advance() {
  const mock = await createMockWechat()
  let world = mock.default
  async function order(count: number, notifyUrl: string): Promise<void> {
    world = mock.world({ autoPay: 0, seed: 'bench' })
    for (let n = 0; n < count; n++) {
      const { statusCode, body } = await request(`${mock.url}/pay/unifiedorder`, {
        method: 'POST',
        body: orderXml(world.credentials, n, notifyUrl),
      })
      const reply = await body.text()
      if (statusCode !== 200 || !reply.includes('prepay_id')) throw new Error(`unifiedorder was refused: ${reply}`)
    }
  }
  return {
    order,
    /** Sends everything; resolves with the ms it took and how many sends that were. */
    run: async () => {
      const start = performance.now()
      const { deliveries } = await world.advance(WHOLE_SCHEDULE, { realTimeoutMs: PATIENCE_MS })
      const ms = performance.now() - start
      return { ms, sends: deliveries.length }
    },
    /** What was sent: one body for each order. */
    bodies: () => world.notifications().map(({ body }) => body),
    /** Forgets the orders. */
    end: () => world.close(),
    close: mock.close,
  }
}

/** The least that sends these bodies as often, one after the other: a loop around undici. */
export function loop() {
  return {
    run: async (url: string, bodies: readonly string[]) => {
      const start = performance.now()
      for (let send = 0; send < SENDS; send++) {
        for (const body of bodies) {
          const response = await request(url, { method: 'POST', headers: HEADERS, body })
          await response.body.text()
        }
      }
      return { ms: performance.now() - start, sends: SENDS * bodies.length }
    },
  }
}

export type Receiver = Awaited<ReturnType<typeof receiver>>
export type Advance = Awaited<ReturnType<typeof advance>>
export type Loop = ReturnType<typeof loop>
