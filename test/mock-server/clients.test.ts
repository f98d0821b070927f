// Clients that know nothing of this package make every call they have to the mock, and verify every answer.
import { createHmac } from 'node:crypto'
import { createRequire } from 'node:module'
import t from 'tap'
import wechatpay from 'wechatpay-axios-plugin'
import type { RequestPaymentParams, SignType, World } from '../../mock-server/index.ts'
import { wechatTime } from '../../mock-server/wire/time.ts'
import { orderFields, startMock, startShop } from './helpers.ts'

type Params = Record<string, string | number | undefined>
type Reply = Record<string, string>
type Call = 'unifiedorder' | 'orderquery' | 'closeorder' | 'refund' | 'refundquery'
type Download = 'downloadbill' | 'downloadfundflow'

/** What the two clients have in common. */
interface Client {
  /** unifiedorder, then the parameters for wx.requestPayment. */
  order(order: Params): Promise<RequestPaymentParams>
  /** A call whose answer is signed; throws if it is refused or rejected. */
  call(api: Call, params: Params): Promise<Reply>
  download(api: Download, params: Params): Promise<string>
  /** Verifies a notification and returns its fields and the reply; throws if that fails. */
  receive(xml: string): Promise<{ fields: Reply; reply: string }>
  receiveRefund(xml: string): Promise<{ fields: Reply; reply: string }>
  /** The same client in the sandbox, with the sandbox's key. */
  sandbox(): Promise<Client>
}

/** Where a client sends its calls, and the key it signs them with. */
interface Target {
  readonly url: string
  readonly appid: string
  readonly mchId: string
  readonly apiKey: string
  readonly signType: SignType
  readonly secapi: string
}

interface TenpayContext {
  request: { body: string; weixin?: Reply & { req_info: Reply } }
  body?: string
  reply?: () => void
}
interface Tenpay {
  urls: Record<string, string>
  getPayParams(params: Params): Promise<RequestPaymentParams>
  unifiedOrder(params: Params): Promise<Reply>
  orderQuery(params: Params): Promise<Reply>
  closeOrder(params: Params): Promise<Reply>
  refund(params: Params): Promise<Reply>
  refundQuery(params: Params): Promise<Reply>
  downloadBill(params: Params): Promise<string>
  downloadFundflow(params: Params): Promise<string>
  getSignkey(): Promise<Reply>
  middleware(type: 'pay' | 'refund'): (context: TenpayContext, next: () => Promise<void>) => Promise<void>
}
const TenpayClient = createRequire(import.meta.url)('tenpay') as new (options: Record<string, string>) => Tenpay

function tenpay(target: Target): Client {
  const { url, appid, mchId, apiKey, signType } = target
  const client = new TenpayClient({ appid, mchid: mchId, partnerKey: apiKey })
  client.urls = {
    ...Object.fromEntries(
      ['unifiedorder', 'orderquery', 'closeorder', 'refundquery', 'downloadbill', 'downloadfundflow'].map((api) => [
        api,
        `${url}/pay/${api}`,
      ]),
    ),
    refund: `${url}/secapi/pay/refund`,
    getsignkey: `${url}/sandboxnew/pay/getsignkey`,
  }
  const algorithm = signType === 'MD5' ? {} : { sign_type: signType }
  const calls: Record<Call, (params: Params) => Promise<Reply>> = {
    unifiedorder: (params) => client.unifiedOrder(params),
    orderquery: (params) => client.orderQuery(params),
    closeorder: (params) => client.closeOrder(params),
    refund: (params) => client.refund(params),
    refundquery: (params) => client.refundQuery(params),
  }
  async function receive(type: 'pay' | 'refund', body: string) {
    const context: TenpayContext = { request: { body } }
    await client.middleware(type)(context, async () => {
      context.reply!()
    })
    if (!context.request.weixin) throw new Error(context.body)
    return { weixin: context.request.weixin, reply: context.body! }
  }
  return {
    order: (order) => client.getPayParams({ ...order, ...algorithm }),
    call: (api, params) => calls[api]({ ...params, ...algorithm }),
    download: (api, params) =>
      api === 'downloadbill' ? client.downloadBill({ ...params, ...algorithm }) : client.downloadFundflow(params),
    receive: async (xml) => {
      const { weixin, reply } = await receive('pay', xml)
      return { fields: weixin, reply }
    },
    receiveRefund: async (xml) => {
      const { weixin, reply } = await receive('refund', xml)
      return { fields: weixin.req_info, reply }
    },
    sandbox: async () =>
      tenpay({ ...target, url: `${url}/sandboxnew`, apiKey: (await client.getSignkey()).sandbox_signkey! }),
  }
}

const { Aes, Decorator, Formatter, Hash, Transformer } = wechatpay as unknown as {
  Aes: { AesEcb: { decrypt(cipher: string, key: string): string } }
  Decorator: {
    xmlBased(config: object): { post<T>(path: string, data: object, config?: object): Promise<{ data: T }> }
  }
  Formatter: { nonce(): string; timestamp(): number }
  Hash: {
    sign(type: string, data: object, key: string): string
    equals(known: string, user: string): boolean
    md5(text: string): string
  }
  Transformer: { toObject(xml: string): Reply; toXml(fields: Reply): string }
}

function axiosPlugin(target: Target): Client {
  const { url, appid, mchId, apiKey, signType, secapi } = target
  const api = Decorator.xmlBased({ baseURL: url, mchid: mchId, secret: apiKey })
  const call = async (name: Call, values: Params) =>
    (
      await api.post<Reply>(`${name === 'refund' ? secapi : ''}/pay/${name}`, {
        appid,
        mch_id: mchId,
        sign_type: signType,
        ...values,
      })
    ).data
  const reply = Transformer.toXml({ return_code: 'SUCCESS', return_msg: 'OK' })
  return {
    order: async (order) => {
      const { prepay_id: prepayId } = await call('unifiedorder', order)
      const params = {
        timeStamp: `${Formatter.timestamp()}`,
        nonceStr: Formatter.nonce(),
        package: `prepay_id=${prepayId!}`,
        signType,
      }
      return { ...params, paySign: Hash.sign(signType, { appId: appid, ...params }, apiKey) }
    },
    call,
    download: async (name, params) => {
      const algorithm = name === 'downloadfundflow' ? 'HMAC-SHA256' : signType
      // As its manual does it: bills are not XML.
      return (
        await api.post<string>(
          `/pay/${name}`,
          { appid, mch_id: mchId, sign_type: algorithm, ...params },
          { transformResponse: [(text: string) => text] },
        )
      ).data
    },
    receive: async (xml) => {
      const fields = Transformer.toObject(xml)
      if (!Hash.equals(Hash.sign(signType, fields, apiKey), fields.sign!)) throw new Error('the sign does not match')
      return { fields, reply }
    },
    receiveRefund: async (xml) => ({
      fields: Transformer.toObject(Aes.AesEcb.decrypt(Transformer.toObject(xml).req_info!, Hash.md5(apiKey))),
      reply,
    }),
    sandbox: async () => {
      const { data } = await api.post<Reply>('/xdc/apiv2getsignkey/sign/getsignkey', { mch_id: mchId })
      return axiosPlugin({ ...target, url: `${url}/sandboxnew`, apiKey: data.sandbox_signkey!, secapi: '' })
    },
  }
}

const targetOf = ({ baseUrl, credentials: { appid, mchId, apiKey } }: World, signType: SignType): Target => ({
  url: baseUrl,
  appid,
  mchId,
  apiKey,
  signType,
  secapi: '/secapi',
})

const clients = { tenpay, 'wechatpay-axios-plugin': axiosPlugin }

for (const [name, connect] of Object.entries(clients)) {
  for (const signType of ['MD5', 'HMAC-SHA256'] as const) {
    t.test(`${name} with ${signType}: order, parameters, notification, query`, async (t) => {
      // The clients use the machine's time.
      const mock = await startMock(t, { world: { startTime: Date.now() } })
      let accepted = 0
      for (let seed = 0; seed < 6; seed++) {
        const world = mock.world({ seed, signType })
        const client = connect(targetOf(world, signType))
        let told: Reply = {}
        const shop = await startShop(t, async ({ body }) => {
          const { fields, reply } = await client.receive(body)
          told = fields
          return reply
        })
        const order = orderFields(shop.notifyUrl, { attach: '龙井' }) as Params
        const query = () => client.call('orderquery', { out_trade_no: 'tea-0001' })
        t.equal(world.requestPayment(await client.order(order)).outTradeNo, 'tea-0001')
        t.match(await query(), { trade_state: 'NOTPAY', total_fee: '1250' })

        // A receiver that takes the algorithm from the notification waits for one that names it.
        const silent = !(
          await world.pay('tea-0001', { coupons: [{ fee: 50 }], deliver: 'hold' })
        ).notification.body.includes('<sign_type>')
        if (!(name === 'tenpay' && signType === 'HMAC-SHA256' && silent)) {
          accepted++
          t.match(await world.notification('tea-0001').deliver(), [{ verdict: 'acked' }], `seed ${seed}`)
          t.match(told, {
            attach: '龙井',
            total_fee: '1250',
            cash_fee: '1200',
            coupon_fee_0: '50',
            transaction_id: world.order('tea-0001').transactionId,
          })
        }
        t.match(await query(), {
          trade_state: 'SUCCESS',
          transaction_id: world.order('tea-0001').transactionId,
          cash_fee: '1200',
          attach: '龙井',
        })
      }
      t.ok(accepted > 1, `${accepted} notifications accepted`)
    })

    t.test(`${name} with ${signType}: close, refunds and their notifications, bills, the sandbox`, async (t) => {
      const mock = await startMock(t)
      for (let seed = 0; seed < 4; seed++) {
        const world = mock.world({ seed })
        const client = connect(targetOf(world, signType))
        const told: Reply[] = []
        const shop = await startShop(t, async ({ body }) => {
          const { fields, reply } = await client.receiveRefund(body)
          told.push(fields)
          return reply
        })
        for (const no of ['tea-0001', 'tea-0002']) {
          await client.call(
            'unifiedorder',
            orderFields(shop.notifyUrl, { out_trade_no: no, attach: undefined }) as Params,
          )
        }
        t.match(await client.call('closeorder', { out_trade_no: 'tea-0002' }), {
          result_code: 'SUCCESS',
          result_msg: 'OK',
        })
        await t.rejects(client.call('closeorder', { out_trade_no: 'tea-0002' }))
        await world.pay('tea-0001', {
          coupons: [
            { fee: 250, type: 'NO_CASH' },
            { fee: 100, type: 'CASH' },
          ],
          deliver: 'hold',
        })

        const refund = {
          out_trade_no: 'tea-0001',
          total_fee: 1250,
          notify_url: shop.notifyUrl,
          refund_desc: '碎了 & 凉了',
        }
        for (const [outRefundNo, fee] of [
          ['r-1', 250],
          ['r-2', 500],
        ] as const) {
          t.match(await client.call('refund', { ...refund, out_refund_no: outRefundNo, refund_fee: fee }), {
            refund_fee: String(fee),
            cash_fee: '900',
            coupon_refund_count: '2',
          })
        }
        t.match((await world.settleRefund('r-1', 'SUCCESS')).delivery, { verdict: 'acked' })
        t.match((await world.settleRefund('r-2', 'REFUNDCLOSE')).delivery, { verdict: 'acked' })
        t.match(told, [
          { out_refund_no: 'r-1', refund_status: 'SUCCESS', refund_recv_accout: '支付用户零钱' },
          { out_refund_no: 'r-2', refund_status: 'REFUNDCLOSE' },
        ])
        t.match(await client.call('refundquery', { out_trade_no: 'tea-0001' }), {
          refund_count: '2',
          refund_status_0: 'SUCCESS',
          refund_status_1: 'REFUNDCLOSE',
          coupon_refund_fee_0_0: '50',
          coupon_type_0_0: 'NO_CASH',
        })
        t.match(await client.call('orderquery', { out_trade_no: 'tea-0001' }), { trade_state: 'REFUND' })

        await world.advance('48h')
        const day = wechatTime(world.order('tea-0001').paidAt!).slice(0, 8)
        t.match(
          await client.download('downloadbill', { bill_date: day, bill_type: 'ALL' }),
          /交易时间,.*\r\n`.*`tea-0001.*\r\n(`.*\r\n){2}总交易单数,.*\r\n`3/,
        )
        t.match(
          await client.download('downloadfundflow', { bill_date: day, account_type: 'Basic' }),
          /记账时间,.*\r\n`/,
        )

        const sandbox = await client.sandbox()
        t.match(
          await sandbox.call(
            'unifiedorder',
            orderFields(shop.notifyUrl, { total_fee: 888, out_trade_no: 'sand-1' }) as Params,
          ),
          { prepay_id: /^wx/ },
        )
        await world.pay('sand-1', { deliver: 'hold' })
        t.match(
          await sandbox.call('refund', {
            ...refund,
            out_trade_no: 'sand-1',
            out_refund_no: 's-1',
            total_fee: 888,
            refund_fee: 1,
          }),
          { result_code: 'SUCCESS' },
        )
        t.match(await sandbox.call('refundquery', { out_refund_no: 's-1' }), { refund_status_0: 'PROCESSING' })
        t.match(await sandbox.call('orderquery', { out_trade_no: 'sand-1' }), { trade_state: 'REFUND' })
        t.match(
          await client.call('orderquery', { out_trade_no: 'sand-1' }),
          { trade_state: 'REFUND' },
          'the same service',
        )
      }
    })
  }

  t.test(`${name} sees refusals as WeChat's`, async (t) => {
    const mock = await startMock(t)
    const world = mock.default
    const client = connect(targetOf(world, 'MD5'))
    const query = (asker: Client) => asker.call('orderquery', { out_trade_no: 'nobody' })
    await t.rejects(query(client))
    t.match(world.journal.entries().at(-1)?.note, 'ORDERNOTEXIST')
    await t.rejects(query(connect({ ...targetOf(world, 'MD5'), apiKey: 'x'.repeat(32) })))
    t.match(world.journal.entries().at(-1)?.note, '签名错误')
  })
}

interface LoginClient {
  setCache(cache: { get(name: string): Promise<unknown>; set(name: string, value: unknown): Promise<boolean> }): void
  getUtils(): {
    codeToSession(code: string): Promise<Reply & { session_key: string }>
    decryptSession(sessionKey: string, iv: string, encryptedData: string): Record<string, unknown>
  }
  getAccessToken(): { getToken(): Promise<string>; refresh(): Promise<string> }
  getClient(): {
    get(path: string, options: { params: Params }): Promise<{ toObject(): Reply }>
    postJson(path: string, json: Params): Promise<{ toObject(): object }>
  }
}
// Its main entry loads all WeChat products; this loads only the mini program.
const EasyWechat = createRequire(import.meta.url)('node-easywechat/dist/MiniApp/Application') as new (
  config: object,
) => LoginClient

function easyWechat({ baseUrl, credentials: { appid, appSecret } }: World, config: object = {}): LoginClient {
  const client = new EasyWechat({ app_id: appid, secret: appSecret, http: { baseURL: `${baseUrl}/` }, ...config })
  const cache = new Map<string, unknown>()
  client.setCache({ get: async (name) => cache.get(name), set: async (name, value) => Boolean(cache.set(name, value)) })
  return client
}

for (const stable of [false, true]) {
  t.test(
    `node-easywechat with ${stable ? 'stable_token' : 'token'}: login, user data, session, phone number`,
    async (t) => {
      const mock = await startMock(t)
      for (const behaviour of [{}, { snsContentType: 'application/json', apiContentType: 'text/plain' }] as const) {
        const world = mock.world({ behaviour })
        const client = easyWechat(world, { use_stable_access_token: stable })
        const utils = client.getUtils()
        const {
          openid,
          session_key: sessionKey,
          ...rest
        } = await utils.codeToSession(world.loginCode({ openid: 'o-alice', unionid: 'u-alice' }).code)
        t.same({ openid, ...rest }, { openid: 'o-alice', unionid: 'u-alice' })

        const watermark = { timestamp: world.clock.now().getTime() / 1000, appid: world.credentials.appid }
        const { encryptedData, iv, userInfo } = world.userProfile('o-alice', { nickName: '小明😀' })
        t.same(utils.decryptSession(sessionKey, iv, encryptedData), { ...userInfo, watermark })
        const event = world.phoneNumber('o-alice')
        t.same(utils.decryptSession(sessionKey, event.iv, event.encryptedData), { ...event.phone, watermark })

        const api = client.getClient()
        const asked = await api.postJson('/wxa/business/getuserphonenumber', { code: event.code })
        t.match(asked.toObject(), { errcode: 0, phone_info: { ...event.phone, watermark } })
        const session = (name: string, key: string) =>
          api.get(`/wxa/${name}`, {
            params: { openid, sig_method: 'hmac_sha256', signature: createHmac('sha256', key).digest('hex') },
          })
        t.match((await session('checksession', sessionKey)).toObject(), { errcode: 0 })
        t.match((await session('resetusersessionkey', sessionKey)).toObject(), {
          errcode: 0,
          openid,
          session_key: world.setUser('o-alice').sessionKey,
        })
        t.same(
          [world.journal.count({ api: 'token' }), world.journal.count({ api: 'stable_token' })],
          stable ? [0, 1] : [1, 0],
          'the token is cached',
        )
      }
    },
  )
}

t.test("node-easywechat sees refusals as WeChat's", async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const client = easyWechat(world)
  const { code } = world.loginCode()
  await client.getUtils().codeToSession(code)
  await t.rejects(client.getUtils().codeToSession(code), { message: /"errcode":40163,"errmsg":"code been used, rid: / })
  await t.rejects(
    easyWechat({ ...world, baseUrl: world.baseUrl, credentials: { ...world.credentials, appSecret: 'x' } })
      .getAccessToken()
      .getToken(),
    { message: /"errcode":40125,/ },
  )

  const old = await client.getAccessToken().getToken()
  t.not(await easyWechat(world).getAccessToken().getToken(), old)
  await world.advance('5m')
  const ask = async () =>
    (
      await client.getClient().postJson('/wxa/business/getuserphonenumber', { code: world.phoneNumber('o-alice').code })
    ).toObject()
  t.match(await ask(), { errcode: 40001 }, 'another process has fetched a token')
  await client.getAccessToken().refresh()
  t.match(await ask(), { errcode: 0 })
})
