// Every call that a whole shop needs beside login and JSAPI orders, under every fault that its answer may have.
import { inspect } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { Secret, WechatError } from '../../src/index.ts'
import type { OrderTerms, PaidOrder, Shipment, TradeType, WechatPayOptions } from '../../src/index.ts'
import type { World } from '../../mock-server/index.ts'
import { between } from '../between.ts'
import type { Between } from '../between.ts'
import { FAULTS } from '../faults.ts'
import type { FaultKind, Speaker } from '../faults.ts'
import { HANG_MS, merchant, viewsOf } from '../helpers.ts'
import type { Merchant, Version } from '../helpers.ts'
import { size } from '../sizes.ts'

type Api = Parameters<World['fault']>[0]

interface Shop extends Merchant {
  /** Secrets of its users, besides its own. */
  secrets: string[]
  /** Its first day, once `paidDay` has run. */
  day?: { date: string; outTradeNo: string }
}

/** One use of a call. */
interface Use {
  call: () => Promise<unknown>
  /** Checks what is stored and given out, after the fault; `value` if the call succeeded in spite of it. */
  after?: (t: Test, value: unknown) => Promise<void>
  /** Checks that nothing is lost, once WeChat answers again. */
  healed?: (t: Test) => Promise<void>
}

interface Row {
  api: Api
  /** Where its requests go, in every version. */
  path: RegExp
  versions?: Version[]
  speaker?: 'mini program'
  /** Also of a service provider's sub-merchant. */
  isOfPartnersToo?: true
  /** A request that may have arrived is not sent again. */
  isUnsafe?: true
  make: (shop: Shop, key: string) => Promise<Use>
}

const EXPRESS: Shipment = {
  logisticsType: 'express',
  parcels: [{ itemDesc: '龙井茶', trackingNo: 'YT1', expressCompany: 'YTO' }],
}
const H5 = { sceneInfo: { h5Info: { type: 'Wap' as const, appName: 'Tea', appUrl: 'https://tea.example.com' } } }

const termsOf = ({ world }: Shop, key: string, tradeType: TradeType = 'NATIVE'): OrderTerms<any> => ({
  ...{ key, tradeType, description: '龙井茶', totalFee: 1250, clientIp: '203.0.113.7' },
  ...(tradeType === 'H5' && H5),
  ...(tradeType === 'JSAPI' && { openid: 'oAlice' }),
  expiresAt: new Date(world.clock.now().getTime() + 3_600_000),
})

async function ordered(shop: Shop, key: string): Promise<string> {
  const { order } = await shop.app.wechat.orders.create(termsOf(shop, key))
  return order.outTradeNo
}

async function paid(shop: Shop, key: string): Promise<PaidOrder> {
  const outTradeNo = await ordered(shop, key)
  await shop.world.pay(outTradeNo, { openid: 'oAlice' })
  await shop.settle()
  return (await shop.app.wechat.orders.get(outTradeNo)) as PaidOrder
}

async function later(shop: Shop, time: string): Promise<void> {
  await shop.world.advance(time)
  await shop.settle()
  await shop.settle()
}

/** A day with a payment, whose notification was lost, and refunds of it. */
async function paidDay(shop: Shop): Promise<{ date: string; outTradeNo: string }> {
  if (shop.day !== undefined) return shop.day
  const { world, app } = shop
  const outTradeNo = await ordered(shop, `day ${world.clock.now().getTime()}`)
  await world.pay(outTradeNo, { openid: 'oAlice', deliver: 'hold' })
  world.refundFromConsole(outTradeNo, { refundFee: 50, notifyUrl: null })
  const date = new Date(world.clock.now().getTime() + 8 * 3_600_000).toISOString().slice(0, 10)
  await world.advance('48h')
  t.match(await app.wechat.orders.get(outTradeNo), { state: 'prepaid' })
  return (shop.day = { date, outTradeNo })
}

async function all<T>(rows: AsyncGenerator<T, unknown>): Promise<T[]> {
  const read: T[] = []
  for await (const row of rows) read.push(row)
  return read
}

function creating(tradeType: TradeType): Row {
  return {
    api: 'unifiedorder',
    path: /unifiedorder|transactions\/(jsapi|native|app|h5)$/,
    ...(tradeType !== 'APP' && { isOfPartnersToo: true as const }),
    async make(shop, key) {
      const { world, app, store } = shop
      const terms = termsOf(shop, key, tradeType)
      const call = () => app.wechat.orders.create(terms)
      const genuine = (t: Test, given: unknown) => {
        const { order, codeUrl, h5Url, appParams, payParams } = given as Record<string, any>
        const url: unknown = codeUrl ?? h5Url
        const { outTradeNo } = order as { outTradeNo: string }
        if (payParams) t.match(world.requestPayment(payParams), { outTradeNo })
        else if (appParams) t.match(world.appPayment(appParams), { outTradeNo })
        else {
          const answers = world.journal.entries({ api: 'unifiedorder' }).map(({ response }) => response?.body)
          t.ok(
            answers.some((body) => body?.includes(String(url)) || body?.includes(JSON.stringify(url).slice(1, -1))),
            `${url} is WeChat's`,
          )
        }
      }
      return {
        call,
        async after(t, value) {
          if (value !== undefined) genuine(t, value)
          else {
            const live = await store.findLiveOrder(key, world.credentials.mchId)
            t.strictSame([live?.payUrl, live?.prepayId], [undefined, undefined], 'nothing to pay with is kept')
          }
        },
        async healed(t) {
          await later(shop, '1m')
          const given = await call()
          genuine(t, given)
          await later(shop, '1m')
          const payable = world
            .orders()
            .filter(({ tradeState }) => tradeState === 'NOTPAY')
            .map(({ outTradeNo }) => outTradeNo)
          t.strictSame(payable, [given.order.outTradeNo], 'one order can be paid')
          await app.wechat.orders.cancel(given.order.outTradeNo)
        },
      }
    },
  }
}

/** Whatever is read of a bill is all of it, or an error. */
function reading(
  api: Api,
  path: RegExp,
  read: (shop: Shop, date: string) => Promise<unknown>,
  options: Partial<Row> = { isOfPartnersToo: true },
): Row {
  return {
    ...{ api, path, ...options },
    async make(shop) {
      const { date } = await paidDay(shop)
      const whole = await read(shop, date)
      return {
        call: async () => await read(shop, date),
        after: async (t, value) => {
          if (value !== undefined) t.same(value, whole)
        },
        healed: async (t) => {
          t.same(await read(shop, date), whole)
        },
      }
    },
  }
}

/** A call of the mini program that returns, or answers whether. */
function asking(
  api: Api,
  path: RegExp,
  make: (shop: Shop) => Promise<{ call: () => Promise<unknown>; expected: unknown }>,
  options: Partial<Row> = {},
): Row {
  return {
    ...{ api, path, versions: ['v2'], speaker: 'mini program', ...options },
    async make(shop) {
      const { call, expected } = await make(shop)
      return {
        call: async () => ({ given: await call() }),
        async after(t, value) {
          if (value !== undefined) t.match((value as { given: unknown }).given, expected)
        },
        ...(options.isUnsafe
          ? {}
          : {
              healed: async (t: Test) => {
                t.match(await call(), expected)
              },
            }),
      }
    },
  }
}

async function session(shop: Shop) {
  const { miniProgram } = shop.app.wechat
  const { code } = shop.world.loginCode({ openid: 'oAlice' })
  const { sessionKey } = await miniProgram.code2Session(new Secret(code))
  shop.secrets.push(code, sessionKey.reveal())
  return sessionKey
}

const REFUNDS = /secapi\/pay\/refund$|domestic\/refunds$/

const ROWS: Record<string, Row> = {
  'order NATIVE': creating('NATIVE'),
  'order H5': creating('H5'),
  'order APP': creating('APP'),
  'order JSAPI': creating('JSAPI'),
  query: {
    api: 'orderquery',
    path: /orderquery|transactions\/out-trade-no\/[^/]*$/,
    isOfPartnersToo: true,
    async make(shop, key) {
      const { orders } = shop.app.wechat
      const outTradeNo = await ordered(shop, key)
      await shop.world.pay(outTradeNo, { openid: 'oAlice', deliver: 'hold' })
      return {
        call: () => orders.refresh(outTradeNo),
        async after(t, value) {
          t.match(await orders.get(outTradeNo), { state: value === undefined ? 'prepaid' : 'paid' })
        },
        async healed(t) {
          t.match(await orders.refresh(outTradeNo), { state: 'paid' })
          await shop.settle()
          t.strictSame(
            shop.paid.filter((number) => number === outTradeNo),
            [outTradeNo],
          )
        },
      }
    },
  },
  close: {
    api: 'closeorder',
    path: /closeorder|\/close$/,
    isOfPartnersToo: true,
    async make(shop, key) {
      const { orders } = shop.app.wechat
      const outTradeNo = await ordered(shop, key)
      const agree = async (t: Test) => {
        const { state } = (await orders.get(outTradeNo))!
        t.match(state, /^(closed|closing)$/)
        if (state === 'closed') t.match(shop.world.order(outTradeNo), { tradeState: 'CLOSED' })
        return state
      }
      return {
        call: () => orders.cancel(outTradeNo),
        async after(t) {
          await agree(t)
        },
        async healed(t) {
          await later(shop, '10m')
          t.equal(await agree(t), 'closed')
        },
      }
    },
  },
  'refund by transaction id': {
    api: 'refund',
    path: REFUNDS,
    isOfPartnersToo: true,
    async make(shop, key) {
      const { world, app } = shop
      const { outTradeNo } = await paid(shop, key)
      const refund = () => app.wechat.refunds.create(outTradeNo, { key, refundFee: 250 })
      const atWechat = () => world.refunds().filter((each) => each.outTradeNo === outTradeNo)
      return {
        call: refund,
        async after(t) {
          const [known] = await app.wechat.refunds.list(outTradeNo)
          t.equal((await app.wechat.refunds.list(outTradeNo)).length, 1)
          t.notMatch(known, { state: 'success' }, 'nobody has said so')
          if (known!.state === 'processing') t.equal(atWechat().length, 1)
          if (known!.state === 'failed') t.equal(atWechat().length, 0)
        },
        async healed(t) {
          await later(shop, '10m')
          await later(shop, '30m')
          const [{ state, outRefundNo } = { state: '', outRefundNo: '' }] = await app.wechat.refunds.list(outTradeNo)
          if (state === 'failed') return
          t.match(atWechat(), [{ outRefundNo, refundFee: 250 }], 'once')
          await world.settleRefund(outRefundNo, 'SUCCESS')
          await later(shop, '30m')
          t.match(await app.wechat.refunds.get(outTradeNo, outRefundNo), { state: 'success' })
        },
      }
    },
  },
  'abnormal refund': {
    api: 'abnormalrefund',
    path: /apply-abnormal-refund$/,
    versions: ['v3'],
    isOfPartnersToo: true,
    async make(shop, key) {
      const { world, app } = shop
      const { outTradeNo } = await paid(shop, key)
      const { outRefundNo } = await app.wechat.refunds.create(outTradeNo, { key, refundFee: 250 })
      await world.settleRefund(outRefundNo, 'CHANGE')
      await shop.settle()
      const card = { bankType: 'ICBC_DEBIT', bankAccount: '6222020000001234', realName: '张三丰' }
      shop.secrets.push(card.bankAccount, card.realName)
      return {
        call: () => app.wechat.refunds.settleAbnormal(outTradeNo, outRefundNo, card),
        async after(t) {
          t.match(await app.wechat.refunds.get(outTradeNo, outRefundNo), { state: /^(abnormal|processing)$/ })
        },
        async healed(t) {
          const { status } = world.refund(outRefundNo)
          if (status === 'CHANGE') await app.wechat.refunds.settleAbnormal(outTradeNo, outRefundNo, card)
          await world.settleRefund(outRefundNo, 'SUCCESS')
          await later(shop, '30m')
          t.match(await app.wechat.refunds.get(outTradeNo, outRefundNo), { state: 'success' })
        },
      }
    },
  },
  'all refunds of an order': {
    api: 'refundquery',
    path: /refundquery/,
    versions: ['v2'],
    isOfPartnersToo: true,
    async make(shop, key) {
      const { app, world } = shop
      const { outTradeNo } = await paid(shop, key)
      const numbers = Array.from(
        { length: 12 },
        () => world.refundFromConsole(outTradeNo, { refundFee: 50, notifyUrl: null }).outRefundNo,
      )
      const list = async () => (await app.wechat.refunds.list(outTradeNo)).map(({ outRefundNo }) => outRefundNo)
      return {
        call: () => app.wechat.orders.refresh(outTradeNo),
        async after(t) {
          const known = await list()
          t.ok(known.length === 0 || known.length === 12, 'all or none')
        },
        async healed(t) {
          await app.wechat.orders.refresh(outTradeNo)
          t.strictSame((await list()).sort(), numbers.sort())
        },
      }
    },
  },
  'trade bill': reading('downloadbill', /downloadbill|bill\/tradebill/, ({ app }, date) =>
    all(app.wechat.bills.trades(date)),
  ),
  'fund flow': reading(
    'downloadfundflow',
    /downloadfundflow|bill\/fundflowbill/,
    ({ app }, date) => all(app.wechat.bills.funds(date)),
    // It is the provider's own.
    {},
  ),
  'file of a bill': {
    ...reading('billdownload', /billdownload/, ({ app }, date) => all(app.wechat.bills.trades(date))),
    versions: ['v3'],
  },
  reconcile: {
    api: 'downloadbill',
    path: /downloadbill|billdownload/,
    async make(shop) {
      const { app } = shop
      // Of this fault alone.
      delete shop.day
      const { date, outTradeNo } = await paidDay(shop)
      const before = await app.wechat.orders.get(outTradeNo)
      const differences = async () => (await app.wechat.anomalies.list()).filter(({ kind }) => kind === 'bill-differs')
      return {
        call: () => app.wechat.reconcile(date),
        async after(t, value) {
          if (value === undefined) {
            t.same(await app.wechat.orders.get(outTradeNo), before, 'nothing has changed')
          } else t.match(await app.wechat.orders.get(outTradeNo), { state: 'paid' })
          t.strictSame(await differences(), [])
        },
        async healed(t) {
          await app.wechat.reconcile(date)
          t.match(await app.wechat.orders.get(outTradeNo), { state: 'paid', refunds: [{ refundFee: 50 }] })
          t.strictSame(await differences(), [])
        },
      }
    },
  },
  'access token': asking('stable_token', /stable_token/, async (shop) => {
    const sessionKey = await session(shop)
    await shop.world.advance('3h')
    const next = await session(shop)
    return { call: () => shop.app.wechat.miniProgram.checkSession('oAlice', next), expected: next !== sessionKey }
  }),
  'phone number': asking(
    'getuserphonenumber',
    /getuserphonenumber/,
    async (shop) => {
      const { code } = shop.world.phoneNumber('oAlice', { phoneNumber: '13580006666' })
      shop.secrets.push(code)
      return {
        call: () => shop.app.wechat.miniProgram.phoneNumber(new Secret(code)),
        expected: { phoneNumber: '13580006666' },
      }
    },
    { isUnsafe: true },
  ),
  checkSession: asking('checksession', /checksession/, async (shop) => {
    const sessionKey = await session(shop)
    return { call: () => shop.app.wechat.miniProgram.checkSession('oAlice', sessionKey), expected: true }
  }),
  resetSession: asking(
    'resetusersessionkey',
    /resetusersessionkey/,
    async (shop) => {
      const sessionKey = await session(shop)
      return {
        call: async () => (await shop.app.wechat.miniProgram.resetSession('oAlice', sessionKey)).reveal(),
        expected: /^[\w+/]{22}==$/,
      }
    },
    { isUnsafe: true },
  ),
  uploadShippingInfo: asking('upload_shipping_info', /upload_shipping_info/, async (shop) => {
    const order = await paid(shop, `cart ${++uses}`)
    await shop.world.advance('61s')
    const call = () => shop.app.wechat.miniProgram.uploadShippingInfo(order, EXPRESS)
    return { call, expected: undefined }
  }),
  ship: {
    api: 'upload_shipping_info',
    path: /upload_shipping_info/,
    versions: ['v2'],
    speaker: 'mini program',
    async make(shop, key) {
      const { app } = shop
      const order = await paid(shop, key)
      await app.wechat.ship(order, EXPRESS)
      await shop.world.advance('61s')
      const owed = async () => (await app.wechat.orders.get(order.outTradeNo))!.shipping!
      const isTold = async () => (await app.wechat.miniProgram.shippingOrder(order))?.state === 'shipped'
      const anomalies = async () =>
        (await app.wechat.anomalies.list()).filter(({ outTradeNo }) => outTradeNo === order.outTradeNo)
      return {
        async call() {
          await shop.settle()
        },
        async after(t) {
          const { sent, dueAt } = await owed()
          if (sent === 0) t.not(dueAt, null, 'it is still owed')
        },
        async healed(t) {
          await later(shop, '10m')
          t.match(await owed(), { sent: 1, dueAt: null })
          t.equal((await anomalies()).length, (await isTold()) ? 0 : 1, 'WeChat knows, or a person')
        },
      }
    },
  },
  notifyConfirmReceive: {
    api: 'notify_confirm_receive',
    path: /notify_confirm_receive/,
    versions: ['v2'],
    speaker: 'mini program',
    async make(shop, key) {
      const { miniProgram } = shop.app.wechat
      const order = await paid(shop, key)
      await shop.world.advance('61s')
      await miniProgram.uploadShippingInfo(order, EXPRESS)
      const remind = () => miniProgram.notifyConfirmReceive(order, shop.world.clock.now())
      return {
        call: remind,
        async healed(t) {
          // The payer is reminded once: the lost call may have done it.
          const error: unknown = await remind().catch((cause: unknown) => cause)
          t.match(error ?? { code: 'WECHAT_ORDER_CONFLICT' }, { code: 'WECHAT_ORDER_CONFLICT' })
        },
      }
    },
  },
  paidUnionid: asking('getpaidunionid', /getpaidunionid/, async (shop) => {
    shop.world.setUser('oAlice', { unionid: 'uAlice' })
    const { payment } = await paid(shop, `cart ${++uses}`)
    const call = () => shop.app.wechat.miniProgram.paidUnionid('oAlice', payment.transactionId)
    return { call, expected: 'uAlice' }
  }),
  shippingOrder: asking('get_order', /get_order/, async (shop) => {
    const order = await paid(shop, `cart ${++uses}`)
    await shop.world.advance('61s')
    return {
      call: () => shop.app.wechat.miniProgram.shippingOrder(order),
      expected: { transactionId: order.payment.transactionId, state: 'to-ship' },
    }
  }),
}

const SIGNS = /(repeat|query|again|check|see|let the user|log in|download|read what|later|cannot help)/i

/** What an error must be, whatever the fault. */
function checkError(t: Test, error: unknown, secrets: string[]): void {
  t.ok(error instanceof WechatError, inspect(error))
  const { code, message, wechatText } = error as WechatError
  t.match(code, /^WECHAT_[A-Z_]+$/)
  t.match(code === 'WECHAT_ACCOUNT_REFUSED' ? `${message} ${wechatText}` : message, SIGNS, 'it says what to do')
  t.strictSame(
    viewsOf(error).flatMap((view) => secrets.filter((secret) => view.includes(secret))),
    [],
    'no secret is shown',
  )
}

type Options = Partial<WechatPayOptions<any>>

async function openShop(
  t: Test,
  version: Version,
  isPartner: boolean,
  isSlow: boolean,
  machine: Between,
): Promise<Shop> {
  const made = await merchant(t, {
    version,
    world: { startTime: new Date('2026-01-15T04:00:00Z'), ...(isPartner && { subMerchants: 1 }) },
    options: (world): Options => {
      machine.to = world.baseUrl
      const partner = isPartner && {
        partner: { spAppid: world.credentials.appid, subMchIds: [world.credentials.subMerchants![0]!.mchId] as const },
      }
      return {
        merchant:
          version === 'v3'
            ? { ...world.merchantOptions('v3'), ...partner }
            : { ...world.merchantOptions('v2'), ...partner },
        baseUrl: machine.url,
        // Nothing but the call of the row asks WeChat.
        orderTtlMs: 7 * 86_400_000,
        ...(isSlow && { timeoutMs: HANG_MS }),
      }
    },
  })
  return { ...made, secrets: [] }
}

/** Whether the fault is possible for the call; then it is there. */
function set(
  { world }: Shop,
  machine: Between,
  { effect, meddle, of }: FaultKind,
  { api, path }: Row,
  speaker: Speaker,
): boolean {
  if (of?.(speaker, api) === false) return false
  const its = typeof effect === 'function' ? effect(speaker, api) : effect
  if (its !== undefined) {
    try {
      world.fault(api, its as never, { times: 20 })
    } catch {
      return false
    }
  }
  if (meddle !== undefined) {
    machine.meddle = (genuine, response) =>
      path.test(genuine.url.replace(/\?.*/, '')) ? meddle(genuine, { world, speaker }, response) : undefined
  }
  return true
}

/** In a quick run each call has a few of the faults, and each fault a few of the calls. */
const EVERY = size(16, 1)
let [rows, uses] = [0, 0]

for (const [name, row] of Object.entries(ROWS)) {
  for (const version of row.versions ?? (['v2', 'v3'] as const)) {
    for (const isPartner of row.isOfPartnersToo ? [false, true] : [false]) {
      const offset = rows++
      const faults = Object.entries(FAULTS).filter((_, n) => (n + offset) % EVERY === 0)
      const speaker = row.speaker ?? version
      t.test(`${speaker}: ${name}${isPartner ? ' of a sub-merchant' : ''}`, async (t) => {
        for (const isSlow of [false, true]) {
          const its = faults.filter(([, fault]) => Boolean(fault.isSlow) === isSlow)
          if (its.length === 0) continue
          const machine = await between(t)
          const shop = await openShop(t, version, isPartner, isSlow, machine)
          for (const [kind, fault] of its) {
            await t.test(kind, async (t) => {
              await faulty(t, { shop, machine, row, speaker, fault })
            })
          }
        }
      })
    }
  }
}

interface Case {
  shop: Shop
  machine: Between
  row: Row
  speaker: Speaker
  fault: FaultKind
}

async function faulty(t: Test, { shop, machine, row, speaker, fault }: Case): Promise<void> {
  const { world } = shop
  const { call, after, healed } = await row.make(shop, `cart ${++uses}`)
  if (!set(shop, machine, fault, row, speaker)) return
  await machine.refuse(fault.isRefused === true)
  machine.asked.length = 0
  let value: unknown
  try {
    value = await call()
  } catch (error) {
    const { apiKey, appSecret, v3 } = world.credentials
    const lines = v3.privateKey.split('\n').filter((line) => line.length > 40)
    checkError(t, error, [apiKey, appSecret, v3.apiV3Key, ...lines, ...tokensOf(world), ...shop.secrets])
  }
  const sent = machine.asked.filter((path) => row.path.test(path)).length
  t.ok(sent <= (row.isUnsafe ? 1 : 8), `sent ${sent} times`)
  await machine.refuse(false)
  if (after !== undefined) await after(t, value)
  world.reset('faults')
  machine.meddle = undefined
  await healed?.(t)
}

function tokensOf(world: World): string[] {
  return world.journal
    .entries()
    .flatMap(
      ({ request, response }) => `${request.url} ${response?.body}`.match(/(?<=access_token(=|":"))[\w-]{64,}/g) ?? [],
    )
}
