import { connect } from 'node:net'
import t from 'tap'
import { readXml } from '../../../mock-server/wire/xml.ts'
import { placeOrder, signedXml, startMock } from '../helpers.ts'

t.test("an oversized reply: WeChat's own, then blanks", async (t) => {
  const { default: world } = await startMock(t)
  const send = () =>
    fetch(`${world.baseUrl}/pay/orderquery`, { method: 'POST', body: signedXml(world, { out_trade_no: 'tea-0001' }) })
  await placeOrder(world, 'https://shop.example.com/notify')
  world.fault('orderquery', { kind: 'oversize', bytes: 200_001 })
  const text = await (await send()).text()
  t.equal(Buffer.byteLength(text), 200_001)
  t.match(Object.fromEntries(readXml(text.trim())), { trade_state: 'NOTPAY' })
  world.fault('orderquery', { kind: 'oversize', bytes: 1 })
  t.match(await (await send()).text(), /<\/xml>$/, 'a reply is never cut')

  world.fault('orderquery', { kind: 'oversize' })
  const reader = (await send()).body!.getReader()
  let read = 0
  while (read < 1_000_000) read += (await reader.read()).value!.length
  await reader.cancel()
  t.match(await (await send()).text(), /NOTPAY/, 'and the mock goes on')
})

t.test('headers without an end, until the caller hangs up', async (t) => {
  const { default: world } = await startMock(t)
  const url = `${world.baseUrl}/sns/jscode2session`
  world.fault('jscode2session', { kind: 'endless_headers', ms: 0 })
  await t.rejects(fetch(url), { cause: { code: 'UND_ERR_HEADERS_OVERFLOW' } })

  world.fault('jscode2session', { kind: 'endless_headers' })
  await t.rejects(fetch(url), { cause: { code: 'UND_ERR_HEADERS_OVERFLOW' } }, 'one at a time')

  // One that takes whatever comes is given no more than it reads.
  world.fault('jscode2session', { kind: 'endless_headers', ms: 0 })
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write('GET /sns/jscode2session HTTP/1.1\r\nhost: x\r\n\r\n')
  let text = ''
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      text += String(chunk)
      if (text.length > 20_000_000) resolve()
    })
  })
  socket.destroy()
  t.match(text.slice(0, 40), /^HTTP\/1\.1 200 OK\r\nX-Endless-0: x/)
  t.notOk(text.includes('\r\n\r\n'))
  t.ok((await fetch(url)).ok)
})
