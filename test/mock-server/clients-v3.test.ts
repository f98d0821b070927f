// Public v3 clients that know nothing of this package make every call they have to the mock, with a public key and with a
// platform certificate, and verify every answer and every notification.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import t, { type Test } from 'tap'
import wechatpay from 'wechatpay-axios-plugin'
import type { KeyMode, World } from '../../mock-server/index.ts'
import { listen, bodyOf, port } from './helpers.ts'
import { startV3 } from './v3.ts'

type Json = Record<string, any>

/** What the clients have in common. A refused or rejected answer throws. */
interface Client {
  order(kind: 'jsapi' | 'native' | 'app' | 'h5', body: Json): Promise<Json>
  query(by: { out_trade_no: string } | { transaction_id: string }): Promise<Json>
  close(outTradeNo: string): Promise<void>
  refund(body: Json): Promise<Json>
  refundQuery(outRefundNo: string): Promise<Json>
  bill(kind: 'tradebill' | 'fundflowbill', query: Json): Promise<{ answer: Json; file: Buffer | string }>
  /** Verifies a notification and decrypts it; throws if that fails. */
  receive(headers: Record<string, string>, body: string): Promise<Json>
  /** Encrypts a card holder's name for WeChat. */
  seal(text: string): string
  /** The serial numbers of the certificates it downloads, if it does. */
  certificates?(): Promise<string[]>
  abnormalRefund?(refundId: string, body: Json): Promise<Json>
  /** WeChat's self-test: a text that comes back encrypted for the merchant. */
  echo?(text: string): Promise<string>
  paymentParams(prepayId: string): Record<'timeStamp' | 'nonceStr' | 'package' | 'signType' | 'paySign', string>
}

interface Request {
  (data?: Json, config?: Json): Promise<{ data: any; status: number }>
}
interface Chain {
  chain(path: string): { get(config?: Json): ReturnType<Request>; post: Request }
}
const { Aes, Formatter, Rsa, Wechatpay } = wechatpay as unknown as {
  Wechatpay: new (config: Json) => Chain
  Aes: { AesGcm: { decrypt(cipher: string, key: string, nonce: string, data: string): string } }
  Formatter: {
    response(timestamp: string, nonce: string, body: string): string
    joinedByLineFeed(...lines: string[]): string
    nonce(): string
    timestamp(): number
  }
  Rsa: {
    from(pem: string, type: string): unknown
    verify(text: string, signature: string, key: unknown): boolean
    sign(text: string, key: unknown): string
    encrypt(text: string, key: unknown): string
    decrypt(text: string, key: unknown): string
  }
}

/** The key that the world currently signs with, and its name. */
function platformKey({ credentials: { v3 } }: World): [id: string, key: string] {
  return v3.keyMode === 'public-key' ? [v3.publicKeyId, v3.publicKey] : [v3.platformSerialNo, v3.platformCertificate]
}

function axiosPlugin(world: World): Client {
  const { mchId, appid, v3 } = world.credentials
  const [id, key] = platformKey(world)
  const client = new Wechatpay({
    mchid: mchId,
    serial: v3.serialNo,
    privateKey: v3.privateKey,
    certs: { [id]: key },
    baseURL: world.baseUrl,
  })
  const publicKey = Rsa.from(key, 'public')
  const at = (path: string) => client.chain(`v3/${path}`)
  return {
    order: async (kind, body) => (await at(`pay/transactions/${kind}`).post(body)).data,
    query: async (by) => {
      const path = 'out_trade_no' in by ? `out-trade-no/${by.out_trade_no}` : `id/${by.transaction_id}`
      return (await at(`pay/transactions/${path}`).get({ params: { mchid: mchId } })).data
    },
    close: async (no) => {
      const { status } = await at(`pay/transactions/out-trade-no/${no}/close`).post({ mchid: mchId })
      if (status !== 204) throw new Error(String(status))
    },
    refund: async (body) => (await at('refund/domestic/refunds').post(body)).data,
    refundQuery: async (no) => (await at(`refund/domestic/refunds/${no}`).get()).data,
    abnormalRefund: async (no, body) =>
      (
        await at(`refund/domestic/refunds/${no}/apply-abnormal-refund`).post(body, {
          headers: { 'Wechatpay-Serial': id },
        })
      ).data,
    bill: async (kind, query) => {
      const { data: answer } = await at(`bill/${kind}`).get({ params: query })
      const { searchParams } = new URL(answer.download_url)
      const { data } = await at('billdownload/file').get({
        params: Object.fromEntries(searchParams),
        responseType: 'arraybuffer',
        transformResponse: [(file: Buffer) => file],
      })
      return { answer, file: data }
    },
    receive: async (headers, body) => {
      const of = (name: string) => headers[`wechatpay-${name}`]!
      if (of('serial') !== id) throw new Error(`unknown serial ${of('serial')}`)
      if (!Rsa.verify(Formatter.response(of('timestamp'), of('nonce'), body), of('signature'), publicKey)) {
        throw new Error('not signed by WeChat')
      }
      const { resource } = JSON.parse(body) as Json
      return JSON.parse(
        Aes.AesGcm.decrypt(resource.ciphertext, v3.apiV3Key, resource.nonce, resource.associated_data),
      ) as Json
    },
    seal: (text) => Rsa.encrypt(text, publicKey),
    certificates: async () => {
      const { data } = (await at('certificates').get()).data as { data: Json[] }
      return data.map(({ serial_no: serial, encrypt_certificate: sealed }) => {
        const pem = Aes.AesGcm.decrypt(sealed.ciphertext, v3.apiV3Key, sealed.nonce, sealed.associated_data)
        if (pem !== v3.platformCertificate) throw new Error('another certificate')
        return serial as string
      })
    },
    echo: async (text) => {
      const { data } = await at('security/echo').post(
        { echo_message: 'x', encrypted_echo_message: Rsa.encrypt(text, publicKey) },
        { headers: { 'Wechatpay-Serial': id } },
      )
      return Rsa.decrypt(data.encrypted_echo_message, Rsa.from(v3.privateKey, 'private'))
    },
    paymentParams: (prepayId) => {
      const params = {
        timeStamp: `${Formatter.timestamp()}`,
        nonceStr: Formatter.nonce(),
        package: `prepay_id=${prepayId}`,
      }
      const text = Formatter.joinedByLineFeed(appid, params.timeStamp, params.nonceStr, params.package)
      return { ...params, signType: 'RSA', paySign: Rsa.sign(text, Rsa.from(v3.privateKey, 'private')) }
    },
  }
}

interface Output {
  readonly status: number
  readonly data?: any
  readonly error?: unknown
}
interface NodeV3 {
  transactions_jsapi(body: Json): Promise<Output>
  transactions_native(body: Json): Promise<Output>
  transactions_app(body: Json): Promise<Output>
  transactions_h5(body: Json): Promise<Output>
  query(by: Json): Promise<Output>
  close(no: string): Promise<Output>
  refunds(body: Json): Promise<Output>
  find_refunds(no: string): Promise<Output>
  tradebill(query: Json): Promise<Output>
  fundflowbill(query: Json): Promise<Output>
  downloadBill(url: string): Promise<Output>
  get_certificates(key: string): Promise<{ serial_no: string }[]>
  verifySign(parts: Json): Promise<boolean>
  decipher_gcm(ciphertext: string, data: string, nonce: string, key: string): Json
  publicEncrypt(text: string, key: Buffer): string
  createHttp(service: Json): void
}
const NodeV3Client = createRequire(import.meta.url)('wechatpay-node-v3') as {
  new (options: Json): NodeV3
  certificates: Record<string, string>
}

const REAL = 'https://api.mch.weixin.qq.com'

function nodeV3(world: World): Client {
  const { mchId, appid, v3 } = world.credentials
  const client = new NodeV3Client({
    appid,
    mchid: mchId,
    publicKey: Buffer.from(v3.certificate),
    privateKey: Buffer.from(v3.privateKey),
    key: v3.apiV3Key,
  })
  // It downloads platform certificates; a public key is passed to it.
  NodeV3Client.certificates = v3.keyMode === 'public-key' ? { [v3.publicKeyId]: v3.publicKey } : {}
  // The host is fixed; its hook for another HTTP client sends to the mock, and verifies the reply.
  async function send(method: string, url: string, headers: Record<string, string>, body?: Json): Promise<Output> {
    const response = await fetch(url.replace(REAL, world.baseUrl), {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    })
    // text() would drop a byte order mark.
    const text = Buffer.from(await response.arrayBuffer()).toString()
    const of = (name: string) => response.headers.get(`wechatpay-${name}`)!
    const isFirst = url.endsWith('/v3/certificates') || url.includes('/v3/billdownload/')
    const parts = {
      timestamp: of('timestamp'),
      nonce: of('nonce'),
      serial: of('serial'),
      signature: of('signature'),
      body: text,
    }
    if (!isFirst && !(await client.verifySign(parts))) throw new Error(`not signed by WeChat: ${text}`)
    if (!response.ok) throw new Error(text)
    return { status: response.status, data: isFirst && !text.startsWith('{') ? text : text && JSON.parse(text) }
  }
  client.createHttp({
    get: (url: string, headers: Record<string, string>) => send('GET', url, headers),
    post: (url: string, body: Json, headers: Record<string, string>) => send('POST', url, headers, body),
  })
  const data = async (output: Promise<Output>): Promise<Json> => (await output).data as Json
  return {
    // For a mini program and an app it gives the parameters of the payment dialog instead of the answer.
    order: (kind, { appid: _appid, mchid: _mchid, ...body }) => data(client[`transactions_${kind}`](body)),
    query: (by) => data(client.query(by)),
    close: async (no) => {
      const { status } = await client.close(no)
      if (status !== 204) throw new Error(String(status))
    },
    refund: (body) => data(client.refunds(body)),
    refundQuery: (no) => data(client.find_refunds(no)),
    bill: async (kind, query) => {
      const answer = await data(client[kind](query))
      return { answer, file: (await client.downloadBill(answer.download_url.replace(world.baseUrl, REAL))).data }
    },
    receive: async (headers, body) => {
      const of = (name: string) => headers[`wechatpay-${name}`]!
      const parts = { timestamp: of('timestamp'), nonce: of('nonce'), serial: of('serial'), signature: of('signature') }
      // It serializes the parsed body again.
      if (!(await client.verifySign({ ...parts, body: JSON.parse(body) }))) throw new Error('not signed by WeChat')
      const { resource } = JSON.parse(body) as Json
      return client.decipher_gcm(resource.ciphertext, resource.associated_data, resource.nonce, v3.apiV3Key)
    },
    seal: (text) => client.publicEncrypt(text, Buffer.from(platformKey(world)[1])),
    paymentParams: (prepayId) => JSON.parse(prepayId) as ReturnType<Client['paymentParams']>,
    certificates: async () => (await client.get_certificates(v3.apiV3Key)).map(({ serial_no: serial }) => serial),
  }
}

/** A handler that lets the client accept or refuse. */
async function startHandler(t: Test, client: Client): Promise<{ url: string; told: Json[] }> {
  const told: Json[] = []
  const server = await listen(t, async (request, response) => {
    try {
      told.push(await client.receive(request.headers as Record<string, string>, await bodyOf(request)))
      response.writeHead(204).end()
    } catch (error) {
      response.writeHead(401).end(JSON.stringify({ code: 'FAIL', message: String(error) }))
    }
  })
  return { url: `http://127.0.0.1:${port(server)}/notify`, told }
}

for (const [name, create] of [
  ['wechatpay-axios-plugin', axiosPlugin],
  ['wechatpay-node-v3', nodeV3],
] as const) {
  for (const keyMode of ['public-key', 'certificate'] satisfies KeyMode[]) {
    t.test(`${name}, ${keyMode}`, async (t) => {
      const world = await startV3(t, { world: { keyMode, signTime: 'real', startTime: Date.now() - 60_000 } })
      const { appid, mchId } = world.credentials
      const client = create(world)
      if (client.certificates && keyMode === 'certificate') {
        t.same(await client.certificates(), [world.credentials.v3.platformSerialNo])
      }
      if (client.echo) t.equal(await client.echo('秘密'), '秘密')
      const { url, told } = await startHandler(t, client)
      const common = (no: string) => ({
        appid,
        mchid: mchId,
        description: '龙井茶 — 50% "off"',
        out_trade_no: no,
        notify_url: url,
        amount: { total: 1250, currency: 'CNY' },
      })
      const payer = { openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' }
      const ordered = await client.order('jsapi', { ...common('tea-0001'), payer })
      const params = client.paymentParams(ordered.prepay_id ?? JSON.stringify(ordered))
      t.match(world.requestPayment(params), { outTradeNo: 'tea-0001' })
      t.match(await client.query({ out_trade_no: 'tea-0001' }), { trade_state: 'NOTPAY' })

      t.match((await world.pay('tea-0001', { coupons: [{ fee: 100 }] })).delivery, { verdict: 'acked' })
      t.match(told, [{ out_trade_no: 'tea-0001', amount: { total: 1250, payer_total: 1150 }, payer }])
      await world.notification('tea-0001').deliver({ count: 6 })
      t.equal(told.length, 7, 'nonces of both lengths')
      for (const effect of [{ kind: 'bad_sign' }, { kind: 'probe' }, { kind: 'probe', shape: 'docs' }] as const) {
        world.fault('notify', effect)
        t.match(
          await world.notification('tea-0001').deliver(),
          [{ verdict: 'http_status', reason: /^HTTP 401/ }],
          effect.kind,
        )
      }
      t.match(await world.craft('tea-0001', { fields: { 'amount.total': '1' }, sign: 'keep' }).deliver(), [
        { verdict: 'http_status' },
      ])
      t.match(await world.craft('tea-0001', { signer: 'stranger' }).deliver(), [{ verdict: 'http_status' }])
      t.equal(told.length, 7)

      const { transactionId } = world.order('tea-0001')
      t.match(await client.query({ transaction_id: transactionId! }), {
        trade_state: 'SUCCESS',
        out_trade_no: 'tea-0001',
      })
      const refund = {
        out_trade_no: 'tea-0001',
        out_refund_no: 'tea-0001-r1',
        reason: '不要了',
        notify_url: url,
        amount: { refund: 250, total: 1250, currency: 'CNY' },
      }
      t.match(await client.refund(refund), { status: 'PROCESSING' })
      t.match((await world.settleRefund('tea-0001-r1', 'CHANGE')).delivery, { verdict: 'acked' })
      t.match(told.at(-1), { refund_status: 'ABNORMAL' })
      if (client.abnormalRefund) {
        const card = {
          type: 'USER_BANK_CARD',
          bank_type: 'ICBC_DEBIT',
          bank_account: client.seal('6222020000001234'),
          real_name: client.seal('张三'),
        }
        t.match(
          await client.abnormalRefund(world.refund('tea-0001-r1').refundId, { out_refund_no: 'tea-0001-r1', ...card }),
          {
            status: 'PROCESSING',
            user_received_account: 'ICBC_DEBIT1234',
          },
        )
      }
      await world.settleRefund('tea-0001-r1', 'SUCCESS')
      t.match(told.at(-1), { refund_status: 'SUCCESS' })
      t.match(await client.refundQuery('tea-0001-r1'), { status: 'SUCCESS' })

      t.match(await client.order('native', common('nat-0001')), { code_url: /^weixin:/ })
      t.match(
        await client.order('h5', {
          ...common('h5-00001'),
          scene_info: { payer_client_ip: '14.23.150.211', h5_info: { type: 'Wap' } },
        }),
        { h5_url: /^https:/ },
      )
      t.match(JSON.stringify(await client.order('app', common('app-0001'))), /wx/)
      await client.close('nat-0001')
      t.match(await client.query({ out_trade_no: 'nat-0001' }), { trade_state: 'CLOSED' })
      await t.rejects(client.query({ out_trade_no: 'none-001' }))
      await t.rejects(client.order('native', { ...common('nat-0002'), unknown: 1 }))
      for (const effect of [{ kind: 'bad_sign' }, { kind: 'probe' }, { kind: 'skew', seconds: 900 }] as const) {
        if (effect.kind === 'skew' && name === 'wechatpay-node-v3') continue
        world.fault('orderquery', effect)
        await t.rejects(client.query({ out_trade_no: 'tea-0001' }), effect.kind)
      }

      const date = new Date(world.clock.now().getTime() + 8 * 3_600_000).toISOString().slice(0, 10)
      await world.advance('48h')
      for (const kind of ['tradebill', 'fundflowbill'] as const) {
        const { answer, file } = await client.bill(kind, { bill_date: date })
        t.equal(createHash('sha1').update(file).digest('hex'), answer.hash_value, kind)
      }
      world.assertNoUnexpected()
    })
  }
}
