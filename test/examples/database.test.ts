import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import t from 'tap'
import { openDatabase, placeOf } from '../../examples/shop/database.ts'
import { freePort } from '../fixtures.ts'
import { mysql, postgres, sqliteFile } from '../store/databases.ts'

t.test('a file has three names', async (t) => {
  const folder = t.testdir()
  for (const [name, url] of [
    ['a.db', join(folder, 'a.db')],
    ['b.db', `sqlite:${join(folder, 'b.db')}`],
    ['c d.db', `sqlite://${join(folder, 'c%20d.db')}`],
    ['e.db', `file:${join(folder, 'e.db')}`],
    ['f.db', `file://${join(folder, 'f.db')}`],
  ] as const) {
    const database = await openDatabase(url)
    t.equal(await database.shipments('none'), 0, url)
    await database.close()
    t.ok(existsSync(join(folder, name)), name)
  }
})

t.test('a question that finds the file locked keeps no lock on it', async (t) => {
  const file = join(t.testdir(), 'shop.db')
  const database = await openDatabase(file)
  t.teardown(() => database.close())
  const other = sqliteFile(file, t)
  other.exec('begin exclusive')
  await t.rejects(database.shipments('none'), { message: /locked/ })
  other.exec('commit')
  t.equal(await database.shipments('none'), 0)
  other.exec('begin exclusive; commit')
})

for (const [name, find, schemes] of [
  ['PostgreSQL', postgres, ['postgres:', 'postgresql:']],
  ['MySQL', mysql, ['mysql:', 'mariadb:']],
] as const) {
  t.test(`${name} by each of its schemes`, async (t) => {
    const url = await find(t)
    if (url === undefined) return
    for (const scheme of schemes) {
      const database = await openDatabase(url.replace(/^\w+:/, scheme))
      t.equal(await database.shipments('none'), 0, scheme)
      await database.close()
    }
  })
}

t.test('a database that is starting is waited for, but not forever', async (t) => {
  const port = await freePort()
  const waits: string[] = []
  const options = { patienceMs: 900, onWait: (reason: string) => waits.push(reason) }
  for (const scheme of ['postgres', 'mariadb']) {
    await t.rejects(openDatabase(`${scheme}://shop:s3cret@127.0.0.1:${port}/shop`, options), {
      message: new RegExp(`^The database ${scheme}://127.0.0.1:${port}/shop cannot be used: .*ECONNREFUSED`),
    })
  }
  t.equal(waits.length, 2, 'and says so once')
})

t.test('a port that answers before the database does is waited for', async (t) => {
  const silent = createServer((socket) => t.teardown(() => socket.destroy()))
  const hangsUp = createServer((socket) => socket.destroy())
  for (const [server, reason] of [
    [silent, /timeout|ETIMEDOUT/],
    [hangsUp, /terminated|closed|ECONNRESET/],
  ] as const) {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    for (const scheme of ['postgres', 'mysql']) {
      const waits: string[] = []
      const options = { patienceMs: 300, connectMs: 100, onWait: (reason: string) => waits.push(reason) }
      await t.rejects(openDatabase(`${scheme}://shop:s3cret@127.0.0.1:${port}/shop`, options), { message: reason })
      t.match(waits, [reason], scheme)
    }
  }
})

t.test('a database that comes up in time is used', async (t) => {
  const url = await postgres(t)
  if (url === undefined) return
  const { hostname, port: real } = new URL(url)
  const port = await freePort()
  const proxy = createServer((socket) => {
    // Either side may end first.
    pipeline(socket, connect(Number(real), hostname), socket, () => {})
  })
  t.teardown(() => proxy.close())
  const late = new URL(url)
  late.host = `127.0.0.1:${port}`
  const database = await openDatabase(late.href, { onWait: () => proxy.listen(port, '127.0.0.1') })
  t.equal(await database.shipments('none'), 0)
  await database.close()
})

t.test('a URL that names no database is refused with a sentence and without its password', async (t) => {
  await t.rejects(openDatabase('redis://127.0.0.1'), {
    message:
      'DATABASE_URL has the scheme redis: of no database that the shop knows; it takes a path of a file, postgres:, postgresql:, mysql:, mariadb:, sqlite:, file:.',
  })
  await t.rejects(openDatabase('postgres://u:s3cret@:x/'), { message: 'DATABASE_URL is not a URL: postgres://:x/' })
  t.equal(placeOf('mysql://root:p%40ss@db:3306/shop?ssl=1'), 'mysql://db:3306/shop?ssl=1')
  t.equal(placeOf('shop.db'), 'shop.db')
  await t.rejects(openDatabase('/nowhere/at/all/shop.db'), {
    message: /^The database \/nowhere\/at\/all\/shop\.db cannot be used: /,
  })
})
