import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startCommand, type Command } from '../../bench/mock/cli-process.ts'
import { advance, loop, receiver, SENDS } from '../../bench/mock/contestants.ts'
import { TYPESCRIPT } from '../typescript.ts'

t.test('the mock and the loop send the same bytes to the same receiver, equally often', async (t) => {
  const shop = await receiver('FAIL')
  t.teardown(shop.close)
  const mock = await advance()
  t.teardown(mock.close)
  for (let round = 0; round < 2; round++) {
    await mock.order(3, shop.url())
    const sent = await mock.run()
    t.equal(sent.sends, 3 * SENDS)
    const taken = shop.taken()
    t.equal(taken.received, 3 * SENDS)
    const bodies = mock.bodies()
    t.equal(bodies.length, 3)
    mock.end()

    t.equal((await loop().run(shop.url(), bodies)).sends, 3 * SENDS)
    t.strictSame(shop.taken(), taken)
  }
  t.strictSame(shop.taken(), { received: 0, bytes: 0 })
})

t.test('a refused order ends the benchmark', async (t) => {
  const mock = await advance()
  t.teardown(mock.close)
  await t.rejects(mock.order(1, 'not a URL'), /unifiedorder was refused: <xml>/)
})

const cli: Command = {
  args: [TYPESCRIPT, fileURLToPath(new URL('../../mock-server/cli/bin.ts', import.meta.url)), '--port', '0', '--json'],
  url: /"url":"(.*?)"/,
  path: '/healthz',
}

t.test('a process gets requests as soon as it prints its address', async (t) => {
  const { url, line, ms, rss, stop } = await startCommand(cli)
  t.ok(line.includes(url))
  t.ok(ms > 0)
  t.ok(rss() > 1e6)
  await stop()
  await t.rejects(fetch(url))
  await stop()
})

t.test('a process that does not is stopped', async (t) => {
  await t.rejects(startCommand({ ...cli, args: [...cli.args, '--nonsense'] }), /ended without saying where it is/)
  await t.rejects(startCommand({ ...cli, path: '/nowhere' }), /\/nowhere answers 404\./)
})
