import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import type { MockWechat, World, WorldOptions } from '../../../mock-server/index.ts'
import { runsOf, startRun, type RunRequest } from '../../../mock-server/report/runs.ts'
import { ACK, callPay, NOON, placeOrder, REFUSAL, startMock, startShop, type Shop } from '../helpers.ts'

export interface Scene {
  readonly mock: MockWechat
  readonly world: World
  readonly shop: Shop
  /** The address of a page of the world. */
  readonly at: (path: string) => string
}

/** A mock, and a shop that accepts some notifications and not others, depending on the order's name. */
export async function startScene(t: Test, options: WorldOptions = {}): Promise<Scene> {
  // With the seed the pages are the same in every run.
  const mock = await startMock(t, { world: { seed: 'pages', startTime: NOON, ...options } })
  const shop = await startShop(t, async ({ body }, response) => {
    if (body.includes('cake-')) return REFUSAL
    if (body.includes('soup-')) return `${ACK}\n<!-- 12 ms -->`
    if (!body.includes('page-')) return ACK
    response.writeHead(500, { 'content-type': 'text/html' }).end('<html><h1>Internal Server Error</h1></html>')
    return undefined
  })
  return { mock, world: mock.default, shop, at: (path) => `${mock.url}/__mock/ui/${mock.default.id}/${path}` }
}

/** A query whose signature is wrong: an empty value was signed, which WeChat leaves out. */
export function callBadlySigned({ baseUrl, credentials: { appid, mchId, apiKey } }: World, no: string) {
  const text = `appid=${appid}&attach=&mch_id=${mchId}&nonce_str=abc&out_trade_no=${no}&key=${apiKey}`
  const sign = createHash('md5').update(text).digest('hex').toUpperCase()
  return fetch(`${baseUrl}/pay/orderquery`, {
    method: 'POST',
    body: `<xml><appid>${appid}</appid><attach></attach><mch_id>${mchId}</mch_id><nonce_str>abc</nonce_str><out_trade_no>${no}</out_trade_no><sign>${sign}</sign></xml>`,
  })
}

/** Twenty minutes in a tea shop: orders in every state, notifications accepted and not. */
export async function tellMorning({ world, shop: { notifyUrl } }: Scene): Promise<void> {
  const order = (no: string, body: string, fee: number) =>
    placeOrder(world, notifyUrl, {
      out_trade_no: no,
      body,
      total_fee: fee,
      attach: 'table 7',
      openid: world.loginCode().openid,
    })
  await order('tea-0001', 'Longjing tea, 250 g', 12_800)
  await world.pay('tea-0001', { coupons: [{ fee: 800 }] })
  await world.advance('6m')
  await order('tea-0002', '茉莉花茶 100 克', 4500)
  await world.pay('tea-0002')
  await callPay(world, 'refund', {
    out_trade_no: 'tea-0002',
    out_refund_no: 'tea-0002-r1',
    total_fee: 4500,
    refund_fee: 4500,
    notify_url: notifyUrl,
  })
  await world.settleRefund('tea-0002-r1', 'SUCCESS')
  await world.advance('11m')
  await order('cake-0003', 'Sesame cake', 1250)
  await world.pay('cake-0003')
  await world.advance('4m')
  await order('soup-0004', 'Hot and sour soup', 1990)
  await world.pay('soup-0004')
  await order('page-0005', 'Dumplings, 12 pieces', 2600)
  await world.pay('page-0005')
  await world.advance('1m')
  await order('tea-0006', 'Oolong, a pot', 3800)
  await world.fail('tea-0006')
  await order('tea-0007', 'Green tea ice cream', 900)
  world.expire('tea-0007')
  await order('tea-0008', 'Pu-erh cake 357 g, harvest of 2019', 26_800)
  await callBadlySigned(world, 'tea-0008')
  world.fault('unifiedorder', { kind: 'result_code_fail', err_code: 'SYSTEMERROR' }, { times: 3 })
  world.fault('notify', { kind: 'reset', when: 'after' }, { name: 'answer-lost', times: 2 })
  world.gate('unifiedorder.response', { until: 'delivery.completed' })
  world.setUser('oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', { nickName: '李明', unionid: 'o6_bmasdasdsad6_2sgVt7hMZOPfL' })
}

/** Runs the report card to its end. */
export async function attack({ world }: Scene, request: RunRequest): Promise<void> {
  const { notifyUrl, orderUrl, probeUrl, only } = request
  startRun(world, { notifyUrl, orderUrl, probeUrl, only, settleMs: 200 }, () => undefined)
  await endOfRun(world)
}

export async function endOfRun(world: World): Promise<void> {
  while (runsOf(world).at(-1)!.state === 'running') await new Promise((resolve) => setTimeout(resolve, 20))
}
