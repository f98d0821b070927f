import t from 'tap'
import { ACK, deferred, placeOrder, placeRefund, startMock, startShop } from '../helpers.ts'
import { ACTIONS } from '../../../mock-server/pages/actions.ts'
import { startScene } from './scene.ts'
import { does, post, visit } from './visit.ts'

t.test('the buttons of an order', async (t) => {
  const { mock, world, shop } = await startScene(t)
  const { notifyUrl } = shop
  const order = (no: string) => placeOrder(world, notifyUrl, { out_trade_no: no })
  for (const no of ['tea-0001', 'tea-0002', 'tea-0003', 'cake-0004']) await order(no)
  const { mchId } = world.credentials
  const cases: [action: string, fields: Record<string, string>, told: RegExp][] = [
    ['fail', { no: 'tea-0001', mchId }, /^The payment failed: NOTENOUGH\. The order stays open\.$/],
    ['pay', { no: 'tea-0001', mchId }, /^Paid\. First notification: Taken in \d+ ms\.$/],
    ['pay', { no: 'tea-0001' }, /^order tea-0001 cannot be paid: it is SUCCESS$/],
    ['pay', { no: 'tea-0002', coupon: '50' }, /^Paid\. First notification: Taken in/],
    ['pay', { no: 'tea-0003', coupon: 'half' }, /coupons\.0\.fee: must be a/],
    ['pay', { no: 'cake-0004' }, /^Paid\. First notification: Your app refused it in/],
    ['pay', { no: 'tea-0009' }, /no order tea-0009/],
    ['close', { no: 'tea-0003' }, /^Closed\. It can no longer be paid\.$/],
    ['refund', { no: 'tea-0001' }, /^Refund \S+ of ¥12\.50 is PROCESSING\.$/],
    ['refund', { no: 'tea-0003' }, /./],
    ['deliver', { id: 'tea-0001' }, /^Delivered ×1: Taken ×1\.$/],
    ['deliver', { id: 'cake-0004', count: '20' }, /^Delivered ×20: Your app refused it ×20\.$/],
    ['deliver', { id: 'cake-0004', count: 'many' }, /count/],
    ['hold', { id: 'cake-0004' }, /^Held\. Nothing is sent until it is released\.$/],
    ['release', { id: 'cake-0004' }, /^Released\.$/],
    ['advance', { next: '1' }, /^It is 2026-01-15 12:00:15\. Sent: 1\.$/],
    ['advance', { by: '24h4m' }, /^It is 2026-01-16 12:04:15\. Sent: 14\.$/],
    ['advance', { by: 'soon' }, /must be whole milliseconds or a duration/],
    ['advance', {}, /must be whole milliseconds or a duration/],
    ['cancel', { id: 'cake-0004' }, /^the notification is cancelled$/],
    ['nothing', {}, /no action nothing/],
    ['constructor', {}, /no action constructor/],
  ]
  for (const [action, fields, told] of cases) {
    t.match(await does(mock, action, fields), told, `${action} ${Object.values(fields).join(' ')}`)
  }
  t.match(world.order('tea-0002'), { cashFee: 1200, coupons: [{ fee: 50 }] })
})

t.test('a button settles a refund, and the page says whether it is notified', async (t) => {
  const { mock, world, shop } = await startScene(t)
  await placeOrder(world, shop.notifyUrl)
  await world.pay('tea-0001')
  await placeRefund(world, { refund_fee: 250, notify_url: shop.notifyUrl })
  await placeRefund(world, { refund_fee: 1000, out_refund_no: 'r2' })
  t.equal(await does(mock, 'settle', { no: 'tea-0001-r1', status: 'SUCCESS' }), 'Refund tea-0001-r1: SUCCESS.')
  t.match(await does(mock, 'settle', { no: 'r2', status: 'SUCCESS' }), /^Refund r2: no notification: the refund has no/)
  t.match(await does(mock, 'settle', { no: 'r2' }), /status/)
})

t.test('a form does not wait for a hanging application', { timeout: 30_000 }, async (t) => {
  const held = deferred<string>()
  const { mock, world } = await startScene(t, { ackTimeoutMs: 60_000 })
  const slow = await startShop(t, () => held.promise)
  await placeOrder(world, slow.notifyUrl)
  await placeOrder(world, slow.notifyUrl, { out_trade_no: 'tea-0002' })
  await world.pay('tea-0002', { deliver: 'hold' })
  t.strictSame(await Promise.all([does(mock, 'pay', { no: 'tea-0001' }), does(mock, 'deliver', { id: 'tea-0002' })]), [
    'Paid. The notification is being sent.',
    'Delivering; answers arrive below.',
  ])
  held.resolve(ACK)
  await world.journal.wait({ api: 'notify' }, { count: 2 })
})

t.test('faults, presets and gates', async (t) => {
  const { mock, world, shop } = await startScene(t, { ackTimeoutMs: 2000 })
  const faults: [fields: Record<string, string>, told: RegExp][] = [
    [
      { api: 'notify', kind: 'delay', value: '20', when: 'after', times: '2', no: 'tea-0009' },
      /^Set\. It applies 2\.$/,
    ],
    [{ api: 'unifiedorder', kind: 'result_code_fail', value: 'SYSTEMERROR' }, /^Set\. It applies 1\.$/],
    [{ api: 'jscode2session', kind: 'errcode', value: '-1' }, /^Set/],
    [{ api: 'orderquery', kind: 'http', value: '502' }, /^Set/],
    [{ api: 'orderquery', kind: 'return_code_fail', value: 'no' }, /^Set/],
    [{ api: 'orderquery', kind: 'http', value: 'many' }, /effect\.status/],
    [{ api: 'orderquery', kind: 'gbk', value: 'x' }, /value/],
    [{ api: 'orderquery' }, /effect\.kind/],
    [{ api: 'orderquery', kind: 'reset', times: 'x' }, /times/],
  ]
  for (const [fields, told] of faults) t.match(await does(mock, 'fault', fields), told, JSON.stringify(fields))
  t.match(world.faults(), [
    { effect: { kind: 'delay', ms: 20, when: 'after' }, times: 2, outTradeNo: 'tea-0009' },
    { effect: { kind: 'result_code_fail', err_code: 'SYSTEMERROR' } },
    { effect: { kind: 'errcode', errcode: -1 } },
    { effect: { kind: 'http', status: 502 } },
    { effect: { kind: 'return_code_fail', return_msg: 'no' } },
  ])
  for (const { name } of world.faults()) t.equal(await does(mock, 'unfault', { name }), 'Removed.')
  t.strictSame(world.faults(), [])

  t.match(await does(mock, 'gate', { hold: 'notify.request', until: 'order.paid' }), /^Set\.$/)
  t.match(await does(mock, 'gate', { hold: 'orderquery.request' }), /^Set\.$/)
  t.match(await does(mock, 'gate', { hold: 'nothing' }), /hold|point/)
  const [gate] = world.gates()
  t.equal(await does(mock, 'opengate', { name: gate!.name }), 'Released.')
  t.equal(await does(mock, 'ungate', { name: gate!.name }), 'Removed.')
  t.match(await does(mock, 'ungate', { name: gate!.name }), /no gate/)
  t.equal(await does(mock, 'ungate', { name: 'orderquery.request-2' }), 'Removed.')

  const verdicts = async (no: string) => {
    await placeOrder(world, shop.notifyUrl, { out_trade_no: no })
    await world.pay(no)
    await world.advance('1ms')
    return world.notification(no).attempts.map(({ verdict }) => verdict)
  }
  await does(mock, 'preset', { name: 'lost' })
  t.strictSame(await verdicts('lost-1'), ['reset'], 'the answer is lost')
  await does(mock, 'preset', { name: 'late' })
  t.strictSame(await verdicts('late-1'), ['timeout_5s'], 'the answer is late')
  await does(mock, 'preset', { name: 'twice' })
  await does(mock, 'preset', { name: 'twice' })
  t.match((await visit(mock, 'faults')).text, /It arrives twice at once notify 0 0 \/ 1 Remove/)
  t.strictSame(await verdicts('twice-1'), ['acked', 'acked'], 'two at once')
  t.match((await visit(mock, 'faults')).text, /It arrives twice at once notify 1 1 \/ 1 Remove/)
  await does(mock, 'untwice', { n: '1' })
  t.strictSame(await verdicts('once-1'), ['acked'], 'only once')
})

t.test('users and login codes', async (t) => {
  const { mock, world } = await startScene(t)
  t.match(await does(mock, 'login'), /^Login code of o\S+: \S+$/)
  t.match(await does(mock, 'login', { openid: 'o-lee', unionid: 'u-lee' }), /^Login code of o-lee: \S+$/)
  const { appid } = world.credentials
  t.match(await does(mock, 'user', { openid: 'o-lee', nickName: '李明', appid }), /^Saved\.$/)
  t.match(await does(mock, 'user', { openid: 'o-ann' }), /^Saved\.$/)
  t.equal(await does(mock, 'user', { openid: '' }), 'openid: must be a text of 1 to 128 characters; got ""')
  t.match(await does(mock, 'rotate'), /^openid: must be/)
  t.notOk(world.users().some(({ openid }) => openid === ''))
  t.match(await does(mock, 'user', { openid: 'o-ann', nickName: 'x'.repeat(129) }), /nickName/)
  const key = () => world.users().find(({ openid }) => openid === 'o-lee')!.sessionKey
  const before = key()
  t.match(await does(mock, 'rotate', { openid: 'o-lee', appid }), /^The session_key is new/)
  t.not(key(), before)
  t.match(await does(mock, 'rotate', { openid: 'o-lee' }), /^The session_key is new/)
  t.match(await does(mock, 'login', { openid: 'o-lee', appid: 'wxnone' }), /wxnone/)
})

t.test('worlds and the clock', async (t) => {
  const mock = await startMock(t)
  t.equal(await does(mock, 'clock', { mode: 'real' }), 'Time is real; retries are sent when due.')
  t.equal(await does(mock, 'clock', { mode: 'virtual' }), 'Time stands still until it is advanced.')
  t.equal(await does(mock, 'clock', { mode: 'fast' }), 'mode: must be one of virtual, real; got "fast"')
  t.equal(await does(mock, 'world', { id: 'second', clock: 'virtual' }), 'World second was created.')
  t.match(await does(mock, 'world', { id: 'second', clock: 'virtual' }), /already a world/)
  t.match(await does(mock, 'world', { clock: 'real' }), /^World w\d+ was created\.$/)
  mock.default.loginCode({ openid: 'o-lee' })
  t.equal(await does(mock, 'reset'), 'Empty.')
  t.strictSame(mock.default.users(), [])
})

t.test('a form leads back to its own page, and never to another host', async (t) => {
  const mock = await startMock(t)
  const back = async (to: string) => (await post(mock, 'reset', { back: to })).location!.replace(/done=\d+/, 'done')
  t.equal(await back('/__mock/ui/default/orders?q=tea&page=2'), '/__mock/ui/default/orders?q=tea&page=2&done')
  for (const to of [
    'https://evil.test/',
    '//evil.test/',
    '/__mock/ui/../..//evil.test',
    '/pay/unifiedorder',
    'javascript:1',
  ]) {
    t.equal(await back(to), '/__mock/ui/default/orders?done', to)
  }
})

t.test("an action's result is shown once, and the oldest are dropped", async (t) => {
  const mock = await startMock(t)
  const { location } = await post(mock, 'reset')
  t.match((await visit(mock, location!)).text, 'Empty.')
  for (let n = 0; n < 200; n++) await post(mock, 'reset')
  t.notMatch((await visit(mock, location!)).text, 'Empty.')
  t.notMatch((await visit(mock, 'orders?done=x')).html, 'id="notice"')
})

t.test('an empty form is refused or uses defaults, and never causes a server error', async (t) => {
  for (const action of Object.keys(ACTIONS)) {
    const mock = await startMock(t)
    t.equal((await post(mock, action)).status, 303, action)
  }
})

t.test('a bug of the mock is a 500', async (t) => {
  const mock = await startMock(t)
  const broken = () => {
    throw new Error('broken')
  }
  Object.assign(mock.default, { reset: broken, lint: broken, users: broken })
  t.equal((await post(mock, 'reset')).status, 500)
  t.equal((await visit(mock, 'users')).status, 500)
})
