// Clients that know nothing of this package read the very replies that the plugin has read, and see the same values.
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import wechatpay from 'wechatpay-axios-plugin'
import type { OrderTerms, TradeType } from '../../src/index.ts'
import { between } from '../between.ts'
import type { Genuine } from '../between.ts'
import { serve } from '../fixtures.ts'
import { both } from '../helpers.ts'
import type { Merchant, Version } from '../helpers.ts'

type Reply = Record<string, any>
interface Tenpay {
  urls: Record<string, string>
  unifiedOrder: (values: object) => Promise<Reply>
  refundQuery: (values: object) => Promise<Reply>
  downloadBill: (values: object, format: true) => Promise<{ list_title: string[]; list_data: string[][] }>
}
const TenpayClient = createRequire(import.meta.url)('tenpay') as new (options: object) => Tenpay
const { Decorator, Formatter, Wechatpay } = wechatpay as unknown as {
  Formatter: { castCsvBill: (file: Buffer) => { rows: Record<string, string>[] } }
  Decorator: { xmlBased: (config: object) => { post: (path: string, data: object) => Promise<{ data: Reply }> } }
  Wechatpay: new (config: object) => {
    chain: (path: string) => {
      get: (config?: object) => Promise<{ data: Reply }>
      post: (data: object) => Promise<{ data: Reply }>
    }
  }
}

/** What a call of v2 asks, as each client has a call for it. */
const TENPAY = { unifiedorder: 'unifiedOrder', refundquery: 'refundQuery' } as const

/** How each client reads a reply; it throws if the signature is wrong. */
async function readers(
  t: Parameters<typeof serve>[0],
  { world }: Merchant,
  version: Version,
  reply: () => Genuine,
): Promise<Record<string, (api: keyof typeof TENPAY) => Promise<Reply>>> {
  const url = await serve(t, (_request, response) => {
    const { status, headers, body } = reply()
    response.writeHead(status, headers).end(body)
  })
  const { appid, mchId, apiKey, v3 } = world.credentials
  if (version === 'v3') {
    const client = new Wechatpay({
      ...{ mchid: mchId, serial: v3.serialNo, privateKey: v3.privateKey, baseURL: url },
      certs: { [v3.publicKeyId]: v3.publicKey },
    })
    return { 'wechatpay-axios-plugin': async () => (await client.chain('v3/pay/transactions/any').post({})).data }
  }
  const tenpay = new TenpayClient({ appid, mchid: mchId, partnerKey: apiKey })
  tenpay.urls = { unifiedorder: url, refundquery: url }
  const client = Decorator.xmlBased({ baseURL: url, mchid: mchId, secret: apiKey })
  const asked = { appid, mch_id: mchId, sign_type: 'MD5', openid: 'o', body: 'a', out_trade_no: 'a', trade_type: 'APP' }
  const order = { ...asked, total_fee: 1, spbill_create_ip: '::1', notify_url: url }
  return {
    tenpay: async (api) => await tenpay[TENPAY[api]](order),
    'wechatpay-axios-plugin': async (api) => (await client.post(`/pay/${api}`, asked)).data,
  }
}

const PAGE = { sceneInfo: { h5Info: { type: 'Wap' as const, appName: 'Tea', appUrl: 'https://tea.example.com' } } }

both('what is ordered, and refunds: the same values from the same replies', async (t, open, version) => {
  const machine = await between(t)
  let last: Genuine | undefined
  // The clients use the machine's time.
  const shop = await open(t, {
    world: { startTime: Date.now(), signTime: 'real', signType: 'MD5' },
    options: (world) => {
      machine.to = world.baseUrl
      return { baseUrl: machine.url }
    },
    signType: 'MD5',
  })
  machine.meddle = (genuine) => {
    last = genuine
    return undefined
  }
  const { orders, pay } = shop.app.wechat
  const clients = await readers(t, shop, version, () => last!)
  const cases: [TradeType, wire: string, given: (ordered: any) => string][] = [
    ['NATIVE', 'code_url', ({ codeUrl }) => codeUrl],
    ['H5', version === 'v2' ? 'mweb_url' : 'h5_url', ({ h5Url }) => h5Url],
    ['APP', 'prepay_id', ({ appParams }) => appParams.prepayid],
  ]
  for (const [tradeType, wire, given] of cases) {
    const terms: OrderTerms<any> = {
      ...{ key: tradeType, tradeType, description: '龙井茶', totalFee: 1250, clientIp: '203.0.113.7' },
      ...(tradeType === 'H5' && PAGE),
      expiresAt: new Date(shop.world.clock.now().getTime() + 3_600_000),
    }
    const ordered = await orders.create(terms)
    for (const [name, read] of Object.entries(clients)) {
      t.equal((await read('unifiedorder'))[wire], given(ordered), `${name}: ${tradeType}`)
    }
    if (tradeType !== 'APP') continue
    t.match(shop.world.appPayment((ordered as any).appParams), { outTradeNo: ordered.order.outTradeNo })
    await shop.world.pay(ordered.order.outTradeNo)
    await shop.settle()
    if (version === 'v3' || pay.listRefunds === undefined) continue
    for (let n = 0; n < 12; n++) {
      shop.world.refundFromConsole(ordered.order.outTradeNo, { refundFee: 10 + n, notifyUrl: null })
    }
    const listed = await pay.listRefunds(ordered.order.outTradeNo)
    t.equal(listed.length, 12)
    for (const [name, read] of Object.entries(clients)) {
      const page = await read('refundquery')
      const theirs = [0, 1].map((n) => [page[`out_refund_no_${n}`], Number(page[`refund_fee_${n}`])])
      const ours = listed.slice(-2).map(({ outRefundNo, refundFee }) => [outRefundNo, refundFee])
      t.strictSame(theirs, ours, `${name}: the last page of the refunds`)
    }
  }
})

/** How public clients read the lines of a bill: by the names of its columns, in yuan. */
async function linesOf(
  t: Parameters<typeof serve>[0],
  file: Buffer,
): Promise<Record<string, Record<string, string>[]>> {
  const url = await serve(t, (_request, response) => {
    response.end(file)
  })
  const tenpay = new TenpayClient({ appid: 'wx', mchid: '1', partnerKey: 'a' })
  tenpay.urls = { downloadbill: url }
  const { list_title: titles, list_data: lines } = await tenpay.downloadBill({ bill_date: '20260115' }, true)
  return {
    tenpay: lines.map((line) => Object.fromEntries(line.map((value, n) => [titles[n]!.replace('\ufeff', ''), value]))),
    'wechatpay-axios-plugin': Formatter.castCsvBill(file).rows,
  }
}

const fen = (yuan: string | undefined) => Math.round(Number(yuan) * 100)

both('the bills of a day: the same rows from the same file', async (t, open) => {
  const machine = await between(t)
  const { app, order, world, settle } = await open(t, {
    world: { startTime: new Date('2026-01-15T12:00:00+08:00') },
    options: (world) => {
      machine.to = world.baseUrl
      return { baseUrl: machine.url }
    },
  })
  let file: Buffer
  machine.meddle = ({ body }) => {
    file = body[0] === 0x1f ? gunzipSync(body) : body
    return undefined
  }
  const outTradeNo = await order()
  await world.pay(outTradeNo)
  await app.wechat.refunds.create(outTradeNo, { key: 'part', refundFee: 250 })
  await world.advance('48h')
  await settle()

  const trades: unknown[] = []
  for await (const { at: _, ...row } of app.wechat.bills.trades('2026-01-15')) {
    const { transactionId, totalFee, refund, description, attach } = row
    trades.push([
      row.outTradeNo,
      transactionId,
      totalFee,
      refund?.outRefundNo,
      refund?.refundFee ?? 0,
      description,
      attach,
    ])
  }
  for (const [name, lines] of Object.entries(await linesOf(t, file!))) {
    const theirs = lines.map((line) => [
      line['商户订单号'],
      line['微信订单号'],
      fen(line['订单金额']),
      line['商户退款单号'] === '0' ? undefined : line['商户退款单号'],
      fen(line['申请退款金额']),
      line['商品名称'],
      line['商户数据包'],
    ])
    t.strictSame(theirs, trades, `${name}: trades`)
  }
  const funds: unknown[] = []
  for await (const { direction, fee } of app.wechat.bills.funds('2026-01-15')) funds.push([direction, fee])
  for (const [name, lines] of Object.entries(await linesOf(t, file!))) {
    const theirs = lines.map((line) => [line['收支类型'] === '收入' ? 'in' : 'out', fen(line['收支金额(元)'])])
    t.strictSame(theirs, funds, `${name}: funds`)
  }
})
