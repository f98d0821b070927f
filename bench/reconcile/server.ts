import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createGzip, gzipSync } from 'node:zlib'
import { Secret } from '../../src/base/secret.ts'
import { createHttp } from '../../src/client/http.ts'
import { KeyRing } from '../../src/client/key-ring.ts'
import { createPayV2 } from '../../src/client/pay-v2/pay-v2.ts'
import { createOrders } from '../../src/engine/orders.ts'
import { createReconcile } from '../../src/engine/reconcile/reconcile.ts'
import { readTradeBill } from '../../src/protocol/trade-bill.ts'
import type { Store } from '../../src/store/store.ts'
import { offer } from '../lib/process.ts'
import { ACCOUNT, billOf, DATE, numbersAfter, orderOf } from './day.ts'

export type Reader = 'parse' | 'split'

export interface ServerCalls {
  [name: string]: (...args: never[]) => unknown
  /** In the process of WeChat: serves a bill with this many lines; resolves with its origin. */
  serve: (count: number) => Promise<string>
  /** Reads a packed bill with this many lines from memory; resolves with the ms of wall time and of CPU. */
  read: (reader: Reader, count: number) => Promise<{ ms: number; cpu: number }>
  /** Reconciles a day with this many orders with the WeChat at this origin; resolves with the ms it took and the greatest resident memory of the process, in bytes. */
  reconcile: (origin: string, count: number) => Promise<{ ms: number; peak: number }>
}

let packed: { count: number; file: Buffer } | undefined

/** A bill with this many lines as it arrives: packed, in pieces. Built once. */
async function* pieces(count: number): AsyncGenerator<Buffer, void> {
  if (packed?.count !== count) packed = { count, file: gzipSync(Buffer.concat([...billOf(count)]), { level: 1 }) }
  const { file } = packed
  yield* Readable.from(cut(file)).pipe(createGunzip())
}

function* cut(file: Buffer): Generator<Buffer> {
  for (let at = 0; at < file.length; at += 64 * 1024) yield file.subarray(at, at + 64 * 1024)
}

/** The least that reading a bill takes: unpacked, as text, in lines and values. */
async function split(count: number): Promise<number> {
  let lines = 0
  let rest = ''
  for await (const piece of pieces(count)) {
    const all = (rest + piece.toString()).split('\r\n')
    rest = all.pop()!
    for (const line of all) if (line.split(',').length > 20) lines++
  }
  return lines - 1
}

async function parse(count: number): Promise<number> {
  let lines = 0
  for await (const rows of readTradeBill(pieces(count))) lines += rows.length
  return lines
}

/** A store that has each order of the day, and keeps none. */
const storeOf = (count: number) =>
  ({
    findOrders: async (numbers: readonly string[]) => numbers.map((number) => orderOf(number, count)),
    ordersBetween: async (after: string, _before: string, limit: number) =>
      numbersAfter(after, limit, count).map((number) => orderOf(number, count)),
    refundedBetween: async () => [],
  }) as Partial<Store> as Store

offer({
  async serve(count: number) {
    const server = createServer((_request, response) => {
      pipeline(Readable.from(billOf(count)), createGzip({ level: 1 }), response, () => {})
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  },

  async read(reader: Reader, count: number) {
    const [start, before] = [performance.now(), process.cpuUsage()]
    const lines = await { parse, split }[reader](count)
    if (lines !== count) throw new Error(`${reader} has read ${lines} lines of ${count}.`)
    const { user, system } = process.cpuUsage(before)
    return { ms: performance.now() - start, cpu: (user + system) / 1000 }
  },

  async reconcile(origin: string, count: number) {
    const now = () => new Date()
    const http = createHttp({ hosts: [origin], timeoutMs: 5000, now, pause: async () => {} })
    const pay = createPayV2({
      appids: [ACCOUNT.appid],
      mchId: ACCOUNT.mchId,
      http,
      apiKeys: new KeyRing([new Secret('d6b41c7fe92a05385fb0c6e1d97a2483')]),
      signType: 'HMAC-SHA256',
      notifyUrl: '',
      nonce: () => '5K8264ILTKCH16CQ2502SI8ZNMTM67VS',
    })
    const store = storeOf(count)
    const orders = createOrders({
      appids: [ACCOUNT.appid],
      mchId: ACCOUNT.mchId,
      pay,
      store,
      policy: { latePayment: 'hold' },
      observer: { anomaly() {}, due() {} },
      now,
      newOutTradeNo: () => '',
    })
    const reconcile = createReconcile({ pay, store, orders, raised() {}, now })
    const start = performance.now()
    const { equal, differences } = await reconcile(DATE)
    const ms = performance.now() - start
    await http.close()
    if (equal !== count || differences.length > 0) throw new Error(`${equal} of ${count} lines are equal.`)
    return { ms, peak: process.resourceUsage().maxRSS * 1024 }
  },
})
