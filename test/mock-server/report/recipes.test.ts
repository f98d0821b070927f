// Handlers as the documents of public clients write them: every run against one of them comes to the same verdicts.
import type { IncomingHttpHeaders } from 'node:http'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import wechatpay from 'wechatpay-axios-plugin'
import type { World } from '../../../mock-server/index.ts'
import { casesOf, runCard, suiteOf } from '../../../mock-server/report/index.ts'
import { selectCases } from '../../../mock-server/report/options.ts'
import { size } from '../../sizes.ts'
import { bodyOf, listen, placeOrder, port, startMock } from '../helpers.ts'
import { order as placeOrderV3 } from '../v3.ts'

t.setTimeout(600_000)

interface Payment {
  readonly outTradeNo: string
  readonly totalFee: number
  readonly transactionId: string
}
interface Reply {
  readonly status: number
  readonly body: string
}

/** Reads and verifies a notification, lets the shop settle the payment, and answers. */
type Handler = (body: string, headers: IncomingHttpHeaders, settle: (payment: Payment) => void) => Promise<Reply>

const paymentOf = (fields: Record<string, string>): Payment => ({
  outTradeNo: fields.out_trade_no!,
  totalFee: Number(fields.total_fee),
  transactionId: fields.transaction_id!,
})

interface Context {
  request: { body: string; weixin?: Record<string, string> }
  body?: string
  reply?: (message?: string) => void
}
const Tenpay = createRequire(import.meta.url)('tenpay') as new (options: Record<string, string>) => {
  middleware(): (context: Context, next: () => Promise<void>) => Promise<void>
}

function tenpay({ credentials: { appid, mchId, apiKey } }: World): Handler {
  const middleware = new Tenpay({ appid, mchid: mchId, partnerKey: apiKey }).middleware()
  return async (body, _headers, settle) => {
    const context: Context = { request: { body } }
    await middleware(context, async () => {
      settle(paymentOf(context.request.weixin!))
      context.reply!()
    })
    return { status: 200, body: context.body! }
  }
}

const { Aes, Formatter, Hash, Rsa, Transformer } = wechatpay as unknown as {
  Aes: { AesGcm: { decrypt(cipher: string, key: string, nonce: string, data: string): string } }
  Formatter: { response(timestamp: string, nonce: string, body: string): string }
  Hash: { sign(type: string, data: object, key: string): string; equals(known: string, user: string): boolean }
  Rsa: { from(pem: string, type: string): unknown; verify(text: string, signature: string, key: unknown): boolean }
  Transformer: { toObject(xml: string): Record<string, string>; toXml(fields: object): string }
}

function axiosPlugin({ credentials: { apiKey } }: World): Handler {
  return async (body, _headers, settle) => {
    const fields = Transformer.toObject(body)
    if (!Hash.equals(Hash.sign('MD5', fields, apiKey), fields.sign!)) throw new Error('the sign does not match')
    if (fields.return_code === 'SUCCESS' && fields.result_code === 'SUCCESS') settle(paymentOf(fields))
    return { status: 200, body: Transformer.toXml({ return_code: 'SUCCESS', return_msg: 'OK' }) }
  }
}

function axiosPluginV3({ credentials: { v3 } }: World): Handler {
  const key = Rsa.from(v3.publicKey, 'public')
  return async (body, headers, settle) => {
    const of = (name: string) => String(headers[`wechatpay-${name}`])
    const signed = Formatter.response(of('timestamp'), of('nonce'), body)
    if (of('serial') !== v3.publicKeyId || !Rsa.verify(signed, of('signature'), key)) throw new Error('not signed')
    const { resource } = JSON.parse(body)
    const facts = JSON.parse(
      Aes.AesGcm.decrypt(resource.ciphertext, v3.apiV3Key, resource.nonce, resource.associated_data),
    )
    if (facts.trade_state === 'SUCCESS') settle(paymentOf({ ...facts, total_fee: facts.amount.total }))
    return { status: 204, body: '' }
  }
}

/** Without what a busy machine decides: whether an answer comes in time. */
const optionsOf = (version: 'v2' | 'v3') => ({
  version,
  quick: size(true, false),
  exclude: casesOf(suiteOf(version))
    .filter(({ id, severity }) => severity === 'availability' || id.endsWith('607'))
    .map(({ id }) => id),
})

/** The verdicts of a run, counted. */
async function countsOf(t: Test, version: 'v2' | 'v3', recipe: (world: World) => Handler) {
  const { default: world } = await startMock(t, { world: { seed: 'recipe' } })
  const handle = recipe(world)
  const orders = new Map<string, { fee: number; transactionId?: string; fulfilments: number }>()
  function settle({ outTradeNo, totalFee, transactionId }: Payment): void {
    const order = orders.get(outTradeNo)
    if (order?.fee !== totalFee) throw new Error('no such order')
    if (order.fulfilments > 0) return
    Object.assign(order, { transactionId, fulfilments: 1 })
  }
  const server = await listen(t, async (request, response) => {
    try {
      const { status, body } = await handle(await bodyOf(request), request.headers, settle)
      response.writeHead(status).end(body)
    } catch {
      response.writeHead(500).end()
    }
  })
  const notifyUrl = `http://127.0.0.1:${port(server)}/notify`
  const { counts, results } = await runCard(world, {
    ...optionsOf(version),
    notifyUrl,
    order: async ({ fee }) => {
      const number = `tea-${String(orders.size + 1).padStart(4, '0')}`
      orders.set(number, { fee: Number(fee), fulfilments: 0 })
      await (version === 'v2'
        ? placeOrder(world, notifyUrl, { out_trade_no: number, total_fee: fee })
        : placeOrderV3(world, notifyUrl, { out_trade_no: number, amount: { total: Number(fee) } }))
    },
    probe: async (number) => {
      const { fee: amount, ...word } = orders.get(number)!
      return { ...word, amount, paid: word.fulfilments > 0 }
    },
    settleMs: 100,
  })
  t.equal(results.length, selectCases(optionsOf(version)).length)
  t.match(results[0], { verdict: 'PASS' }, 'a genuine notification is accepted')
  t.equal(counts.ERROR, 0)
  return counts
}

for (const [name, version, recipe] of [
  ['tenpay', 'v2', tenpay],
  ['wechatpay-axios-plugin', 'v2', axiosPlugin],
  ['wechatpay-axios-plugin', 'v3', axiosPluginV3],
] as const) {
  t.test(`${name} in API ${version}: two runs come to the same verdicts`, async (t) => {
    t.strictSame(await countsOf(t, version, recipe), await countsOf(t, version, recipe))
  })
}
