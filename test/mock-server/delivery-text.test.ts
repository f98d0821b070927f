import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import t from 'tap'
import { curlCommand, deliveryView, rawRequest } from '../../mock-server/delivery-text.ts'
import { placeOrder, port, startMock, startShop } from './helpers.ts'

async function delivered(t: Parameters<typeof startMock>[0]) {
  const { default: world } = await startMock(t)
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl, { attach: "龙井's & $HOME `x`" })
  return { shop, delivery: await world.pay('tea-0001') }
}

t.test('the raw request, sent once more, is the same request', async (t) => {
  const { shop, delivery } = await delivered(t)
  const socket = connect(port(shop.server), '127.0.0.1')
  socket.end(rawRequest(delivery))
  await new Promise((resolve) => socket.resume().once('close', resolve))
  t.equal(shop.received[1]!.body, shop.received[0]!.body)
  t.equal(shop.received[1]!.headers['content-type'], 'text/xml')
})

t.test('the curl command too', async (t) => {
  const { shop, delivery } = await delivered(t)
  // A shell reads the command; curl itself may not be there, so that a script of the same name prints its arguments.
  const script = `curl () { for a in "$@"; do printf '%s\\0' "$a"; done; }; ${curlCommand(delivery)}`
  const { stdout } = await promisify(execFile)('sh', ['-c', script])
  const args = stdout.split('\0').slice(0, -1)
  t.same(args, [
    '-i',
    shop.notifyUrl,
    '-H',
    'content-type: text/xml',
    '-H',
    'user-agent: Mozilla/4.0',
    '--data-binary',
    shop.received[0]!.body,
  ])
})

t.test('the bytes of both bodies', async (t) => {
  const { delivery } = await delivered(t)
  const { request, response } = deliveryView(delivery)
  t.equal(Buffer.from(request.base64, 'base64').toString(), delivery.request.body)
  t.equal(Buffer.from(response!.base64, 'base64').toString(), delivery.response!.body)
  const gbk = { ...delivery, response: { ...delivery.response!, body: '??', raw: Buffer.from([0xb2, 0xe8]) } }
  t.match(deliveryView(gbk).response, { base64: 'sug=', raw: undefined })
  const { response: _none, ...lost } = delivery
  t.equal(deliveryView(lost).response, undefined)
})
