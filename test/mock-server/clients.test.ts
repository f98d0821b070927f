// Two clients that know nothing of this package go through a payment against the mock.
import { createRequire } from 'node:module'
import t from 'tap'
import wechatpay from 'wechatpay-axios-plugin'
import type { RequestPaymentParams, SignType, World } from '../../mock-server/index.ts'
import { orderFields, startMock, startShop } from './helpers.ts'

type Params = Record<string, string | number | undefined>
type Reply = Record<string, string>

/** What the two have in common. */
interface Client {
  /** unifiedorder, then the parameters for wx.requestPayment. */
  order (order: Params): Promise<RequestPaymentParams>
  query (outTradeNo: string): Promise<Reply>
  /** Checks a notification and gives its fields and the reply; throws if it is not believed. */
  receive (xml: string): Promise<{ fields: Reply, reply: string }>
}

interface Tenpay {
  urls: Record<string, string>
  getPayParams (params: Params): Promise<RequestPaymentParams>
  orderQuery (params: Params): Promise<Reply>
  middleware (type: 'pay'): (context: { request: { body: string, weixin?: Reply }, body?: string, reply?: () => void }, next: () => Promise<void>) => Promise<void>
}
const TenpayClient = createRequire(import.meta.url)('tenpay') as new (options: Record<string, string>) => Tenpay

function tenpay ({ baseUrl, credentials: { appid, mchId, apiKey } }: World, signType: SignType): Client {
  const client = new TenpayClient({ appid, mchid: mchId, partnerKey: apiKey })
  client.urls = { unifiedorder: `${baseUrl}/pay/unifiedorder`, orderquery: `${baseUrl}/pay/orderquery` }
  const algorithm = signType === 'MD5' ? {} : { sign_type: signType }
  return {
    order: order => client.getPayParams({ ...order, ...algorithm }),
    query: outTradeNo => client.orderQuery({ out_trade_no: outTradeNo, ...algorithm }),
    receive: async xml => {
      const context: Parameters<ReturnType<Tenpay['middleware']>>[0] = { request: { body: xml } }
      await client.middleware('pay')(context, async () => { context.reply!() })
      if (!context.request.weixin) throw new Error(context.body)
      return { fields: context.request.weixin, reply: context.body! }
    }
  }
}

const { Decorator, Formatter, Hash, Transformer } = wechatpay as unknown as {
  Decorator: { xmlBased (config: object): { post (path: string, data: object): Promise<{ data: Reply }> } }
  Formatter: { nonce (): string, timestamp (): number }
  Hash: { sign (type: string, data: object, key: string): string, equals (known: string, user: string): boolean }
  Transformer: { toObject (xml: string): Reply, toXml (fields: Reply): string }
}

function axiosPlugin ({ baseUrl, credentials: { appid, mchId, apiKey } }: World, signType: SignType): Client {
  const api = Decorator.xmlBased({ baseURL: baseUrl, mchid: mchId, secret: apiKey })
  const call = async (path: string, values: Params) =>
    (await api.post(path, { appid, mch_id: mchId, nonce_str: Formatter.nonce(), sign_type: signType, ...values })).data
  return {
    order: async order => {
      const { prepay_id: prepayId } = await call('/pay/unifiedorder', order)
      const params = { timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(), package: `prepay_id=${prepayId!}`, signType }
      return { ...params, paySign: Hash.sign(signType, { appId: appid, ...params }, apiKey) }
    },
    query: outTradeNo => call('/pay/orderquery', { out_trade_no: outTradeNo }),
    receive: async xml => {
      const fields = Transformer.toObject(xml)
      if (!Hash.equals(Hash.sign(signType, fields, apiKey), fields.sign!)) throw new Error('the sign does not match')
      return { fields, reply: Transformer.toXml({ return_code: 'SUCCESS', return_msg: 'OK' }) }
    }
  }
}

const clients = { tenpay, 'wechatpay-axios-plugin': axiosPlugin }

for (const [name, connect] of Object.entries(clients)) {
  for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
    t.test(`${name} with ${signType}: order, parameters, notification, query`, async t => {
      // The clients tell the time by the machine.
      const mock = await startMock(t, { world: { startTime: Date.now() } })
      let accepted = 0
      for (let seed = 0; seed < 6; seed++) {
        const world = mock.world({ seed, signType })
        const client = connect(world, signType)
        let told: Reply = {}
        const shop = await startShop(t, async ({ body }) => {
          const { fields, reply } = await client.receive(body)
          told = fields
          return reply
        })
        const order = orderFields(shop.notifyUrl, { attach: '龙井' }) as Params
        t.equal(world.requestPayment(await client.order(order)).outTradeNo, 'tea-0001')
        t.match(await client.query('tea-0001'), { trade_state: 'NOTPAY', total_fee: '1250' })

        // A receiver that takes the algorithm from the notification waits for one that tells it.
        const silent = !(await world.pay('tea-0001', { coupons: [{ fee: 50 }], deliver: 'hold' })).body.includes('<sign_type>')
        if (!(name === 'tenpay' && signType === 'HMAC-SHA256' && silent)) {
          accepted++
          t.match(await world.notification('tea-0001').deliver(), [{ verdict: 'acked' }], `seed ${seed}`)
          t.match(told, { attach: '龙井', total_fee: '1250', cash_fee: '1200', coupon_fee_0: '50', transaction_id: world.order('tea-0001').transactionId })
        }
        t.match(await client.query('tea-0001'), { trade_state: 'SUCCESS', transaction_id: world.order('tea-0001').transactionId, cash_fee: '1200', attach: '龙井' })
      }
      t.ok(accepted > 1, `${accepted} notifications accepted`)
    })
  }

  t.test(`${name} sees refusals as WeChat's`, async t => {
    const mock = await startMock(t)
    const world = mock.default
    const client = connect(world, 'MD5')
    await t.rejects(client.query('nobody'))
    t.match(world.journal.entries().at(-1)?.note, 'ORDERNOTEXIST')
    const stranger = connect({ ...world, credentials: { ...world.credentials, apiKey: 'x'.repeat(32) }, baseUrl: mock.url }, 'MD5')
    await t.rejects(stranger.query('nobody'))
    t.match(world.journal.entries().at(-1)?.note, '签名错误')
  })
}
