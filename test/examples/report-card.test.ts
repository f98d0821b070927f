import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openDatabase } from '../../examples/shop/database.ts'
import { buildShop } from '../../examples/shop/shop.ts'
import type { World } from '../../mock-server/index.ts'
import { readWord, runCard, type Card, type CaseResult } from '../../mock-server/report/index.ts'
import { startMock } from '../mock-server/helpers.ts'
import { size } from '../sizes.ts'
import { postgres } from '../store/databases.ts'

t.setTimeout(600_000)

type Values = Readonly<Record<string, string>>

/** The shop, and what a buyer does in it. */
async function openShop(t: Test, world: World, version: 'v2' | 'v3', databaseUrl: string) {
  const server = createServer({ requestTimeout: 10_000 }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { appid, appSecret } = world.credentials
  const shop = await buildShop({
    wechat: {
      appid,
      appSecret,
      merchant: world.merchantOptions(version),
      baseUrl: world.baseUrl,
      now: () => world.clock.now(),
    },
    publicUrl: url,
    database: await openDatabase(databaseUrl),
    server,
    probe: true,
  })
  t.teardown(() => shop.close())

  async function post(path: string, body: object, token = ''): Promise<Record<string, string>> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const response = await fetch(`${url}/wechat/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`)
    return JSON.parse(text) as Record<string, string>
  }
  const tokens = new Map<string, string>()
  return {
    notifyUrl: `${url}/wechat/notify`,
    refundUrl: `${url}/wechat/notify`,
    async order({ code }: Values) {
      const { token } = await post('login', { code })
      const { outTradeNo } = await post('orders', { item: 'tea' }, token)
      tokens.set(outTradeNo!, token!)
    },
    close: ({ out_trade_no: outTradeNo }: Values) => post(`orders/${outTradeNo}/cancel`, {}, tokens.get(outTradeNo!)),
    probe: async (outTradeNo: string) =>
      readWord(await (await fetch(`${url}/probe?out_trade_no=${outTradeNo}`)).text()),
  }
}

const idsOf = ({ results }: Card, ...verdicts: CaseResult['verdict'][]) =>
  results
    .filter(({ verdict }) => verdicts.includes(verdict))
    .map(({ id, verdict, said }) => `${id} ${verdict}: ${said}`)

for (const version of ['v2', 'v3'] as const) {
  for (const [database, open] of Object.entries({ SQLite: () => ':memory:', PostgreSQL: postgres })) {
    t.test(`the shop fails no case of the report card, in API ${version} on ${database}`, async (t) => {
      const { default: world } = await startMock(t)
      const shop = await openShop(t, world, version, await open(t))
      const card = await runCard(world, { version, ...shop, quick: size(true, false) })
      t.strictSame(idsOf(card, 'FAIL', 'ERROR'), [])
      t.strictSame(idsOf(card, 'SKIP'), [], 'nothing is skipped')
      t.match(card.sentence, /^Money-safe: yes/)
    })
  }
}
