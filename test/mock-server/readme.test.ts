import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import type { OpenApi } from '../../mock-server/control/openapi.ts'
import { runs, skippedWithout } from '../languages.ts'
import { TYPESCRIPT } from '../typescript.ts'
import { runVitest } from '../vitest.ts'
import { command } from './cli/run.ts'
import { ACK, placeOrder, startMock, startShop } from './helpers.ts'

const README = readFileSync(new URL('../../mock-server/README.md', import.meta.url), 'utf8')

/** The code blocks of a section, in order. */
function blocksOf(heading: string, language: string): string[] {
  const section = new RegExp(`^## ${heading}\\n([^]*?)(?=^## )`, 'm').exec(README)![1]!
  return [...section.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , code]) => code!)
}

for (const language of ['Java', 'Go', 'PHP']) {
  t.test(`${language}: the lines for the shell, from a login to the last retry`, async (t) => {
    const [start, day] = blocksOf(language, 'sh') as [string, string]
    t.match(start, /wechat-mock --clock virtual --seed docs$/m)
    const mock = await startMock(t, { world: { clock: 'virtual', seed: 'docs' } })
    const { credentials } = mock.default
    const screen = new RegExp(`^## ${language}\\n([^]*?)(?=^## )`, 'm').exec(README)![1]!
    for (const name of ['appid', 'appSecret', 'mchId', 'apiKey'] as const) {
      t.ok(screen.includes(credentials[name]), name)
    }
    const shop = await startShop(t, () => ACK)

    const fault = /curl -X PUT http:\/\/127\.0\.0\.1:8090(\S+) \\\n +-d '(.*)'/.exec(day)!
    const commands = [...day.matchAll(/^wechat-mock ([^#\n]+)/gm)].map(([, args]) => args!.trim().split(' '))
    t.same(
      commands.map(([name]) => name),
      ['login-code', 'pay', 'advance'],
    )
    const run = async (n: number) => await command(...commands[n]!, '--url', mock.url)
    t.match(await run(0), { code: 0, out: /^0\w{31}\n$/ })
    await placeOrder(mock.default, shop.notifyUrl)
    t.equal((await fetch(`${mock.url}${fault[1]}`, { method: 'PUT', body: fault[2]! })).status, 200)
    t.match(await run(1), { code: 0, out: /attempt 0: reset/ })
    const { out } = await run(2)
    t.equal(out.match(/attempt \d+: reset/g)!.length, 14)
    t.match(out, /attempt 15: acked/)
    t.equal(shop.received.length, 16)
  })
}

// The handlers take any free port, and print it.
const LISTEN = "HTTPServer(('127.0.0.1', 8080), Notify).serve_forever()"
const ANY_PORT = `server = HTTPServer(('127.0.0.1', 0), Notify)
Notify.log_message = lambda *_: None
print(server.server_port, flush=True)
server.serve_forever()`

for (const [version, language, needs] of [
  ['v2', 'Python', 'json'],
  ['v3', 'Python with cryptography', 'cryptography'],
] as const) {
  const skip = skippedWithout(language, runs('python3', '-c', `import ${needs}`))
  t.test(
    `a notify handler alone, in Python with API ${version}: from the order to the last retry`,
    { skip },
    async (t) => {
      const [, day] = blocksOf('A notify handler alone', 'sh') as [string, string]
      const code = blocksOf('A notify handler alone', 'python')[version === 'v2' ? 0 : 1]!
      t.ok(code.trimEnd().endsWith(LISTEN))
      const mock = await startMock(t, { world: { clock: 'virtual', seed: 'docs', signTime: 'real' } })
      const child = spawn(
        'python3',
        ['-c', code.replace('http://127.0.0.1:8090', mock.url).replace(LISTEN, ANY_PORT)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      t.teardown(() => child.kill())
      const [port] = (await once(child.stdout, 'data')) as [Buffer]
      const notifyUrl = `http://127.0.0.1:${String(port).trim()}/wechat/notify`

      const [orders, pays, advances] = [...day.matchAll(/^wechat-mock ([^#\n]+)/gm)].map(([, args]) => args!.trim())
      t.equal(orders, 'order --notify-url http://127.0.0.1:8080/wechat/notify')
      const run = async (args: string) => await command(...args.split(' '), '--url', mock.url)
      t.match(await run(`order --version ${version} --notify-url ${notifyUrl}`), { code: 0, out: `API ${version}` })
      const fault = /curl -X PUT http:\/\/127\.0\.0\.1:8090(\S+) \\\n +-d '(.*)'/.exec(day)!
      t.equal((await fetch(`${mock.url}${fault[1]}`, { method: 'PUT', body: fault[2]! })).status, 200)
      t.match(await run(pays!), { code: 0, out: /attempt 0: reset/ })
      t.match((await run(advances!)).out, /attempt 15: acked/)

      const { outTradeNo } = mock.default.orders()[0]!
      const [forged] = await mock.default.craft(outTradeNo, { sign: 'wrong' }).deliver()
      t.match(forged!.verdict, version === 'v2' ? 'fail_xml' : 'http_status', 'a forgery is refused')
    },
  )
}

// The screens of API v3 were run with the official SDKs (wechatpay-java 0.2.17, wechatpay-go 0.2.21, wechatpay-php 1.4.12); these are not on npm.
t.test('Java, Go and PHP in API v3: the mock has the names that they read', async (t) => {
  const mock = await startMock(t, { world: { seed: 'docs' } })
  const world: any = await (await fetch(`${mock.url}/__mock/v1/worlds/default`)).json()
  const FIELDS = /\b(serialNo|privateKey|publicKeyId|publicKey|apiV3Key)\b/g
  const screens: [language: string, fence: string, read: RegExp][] = [
    ['Java', 'java', /v3\.get\("(\w+)"\)/g],
    ['Go', 'go', /world\.V3\.(\w+)/g],
    ['PHP', 'php', /\$v3\['(\w+)'\]/g],
  ]
  for (const [language, fence, read] of screens) {
    const code = blocksOf(language, fence).find((block) => block.includes('/__mock/v1/worlds/default'))!
    const names = [...code.matchAll(read)].map(([, name]) => name![0]!.toLowerCase() + name!.slice(1))
    t.same(new Set(names), new Set(names.filter((name) => name.match(FIELDS))), language)
    t.equal(new Set(names).size, 5, `${language}: all keys, and no other`)
    for (const name of names) t.match(world.v3[name], /^\S/, `${language}: ${name}`)
  }
  for (const name of ['appid', 'mchId']) t.match(world[name], /^\w+$/)
})

t.test('node:test, tap and vitest; one clock', async (t) => {
  const [nodeTest, tap, vitest] = blocksOf('Test runners', 'js') as [string, string, string]
  const [oneClock] = blocksOf('One clock for the app and WeChat', 'js') as [string]
  const source = (code: string) =>
    code
      .replace(
        "'fastify-wechat-pay/mock-server'",
        JSON.stringify(new URL('../../mock-server/index.ts', import.meta.url)),
      )
      .replace("'tap'", JSON.stringify(import.meta.resolve('tap')))
  const dir = t.testdir({
    'node-test.mjs': source(nodeTest),
    'tap.mjs': source(tap),
    'one-clock.mjs': source(oneClock),
    'vitest.test.js': source(vitest),
  })
  for (const [file, expected] of [
    ['node-test', /pass 1$/m],
    ['tap', /ok 1 - a code works once/],
    ['one-clock', /pass 1$/m],
  ] as const) {
    const { stdout } = await promisify(execFile)(process.execPath, [TYPESCRIPT, `${dir}/${file}.mjs`])
    t.match(stdout, expected, file)
  }
  t.match(await runVitest('--dir', dir, `${dir}/vitest.test.js`), /^ok 1 .*a code works once/m)
})

t.test('every flag, and every command with its own flags', async (t) => {
  const flagsOf = (help: string) =>
    [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag!).filter((flag) => flag !== '--help')
  const row = (name: string) => README.split('\n').find((line) => line.startsWith(`| \`${name}`))
  const flags = flagsOf((await command('serve', '--help')).out)
  t.ok(flags.length > 20)
  for (const flag of flags) {
    const line = README.split('\n').find(
      (line) => line.startsWith('| `--') && line.split('|')[1]!.includes(`\`${flag}\``),
    )
    t.match(line, `WECHAT_MOCK_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`, flag)
  }
  const common = ['--url', '--world', '--json']
  for (const name of ['login-code', 'order', 'pay', 'deliver', 'advance', 'rotate', 'wait', 'doctor']) {
    for (const flag of flagsOf((await command(name, '--help')).out)) {
      t.ok((common.includes(flag) ? row(flag) : row(name))?.includes(flag), `${name} ${flag}`)
    }
  }
})

t.test('every flag of the report card', async (t) => {
  for (const name of ['run', 'list', 'explain']) {
    const row = README.split('\n').find((line) => line.startsWith(`| \`card ${name}`))
    const { out } = await command('card', name, '--help')
    for (const [, flag] of out.matchAll(/^ {2}(--[\w-]+)/gm)) t.ok(row!.includes(`\`${flag}\``), `card ${name} ${flag}`)
  }
})

/** The routes in the first cell of a row: `` `GET`, `DELETE /journal` ``, `` `POST /journal/find`, `/count` ``. */
function routesOf(cell: string): string[] {
  const routes: string[] = []
  let methods: string[] = []
  let path: string | undefined
  for (const [, method, given] of cell.matchAll(/`([A-Z]+(?= |`))? ?(\/[^`]*)?`/g)) {
    if (method && path !== undefined) [methods, path] = [[], undefined]
    if (method) methods.push(method)
    if (given) path = method || path === undefined ? given : path.replace(/\/[^/]*$/, given)
    if (given) {
      routes.push(
        ...methods.map(
          (name) =>
            `${name} ${path!.startsWith('/__mock') ? path!.slice('/__mock/v1'.length) : `/worlds/:world${path}`}`,
        ),
      )
    }
  }
  return path === undefined ? methods.map((name) => `${name} /worlds/:world`) : routes
}

t.test('every route of the control API, and no others', async (t) => {
  const table = /^## Control API\n[^]*?\n\n(\|[^]*?)\n\n/m.exec(README)![1]!
  const told = table
    .split('\n')
    .slice(2)
    .flatMap((row) => routesOf(row.split('|')[1]!))
  const mock = await startMock(t)
  const { paths } = (await (await fetch(`${mock.url}/__mock/openapi.json`)).json()) as OpenApi
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
  )
  t.same(told.sort(), routes.sort())
})

t.test('a shell can run each line unchanged', async (t) => {
  for (const [, code] of README.matchAll(/^```sh\n([^]*?)^```$/gm)) {
    for (const [, name] of code!.matchAll(/\$(\w+)/g)) t.match(code, new RegExp(`^${name}=`, 'm'), name!)
  }
})

/** What the lines of README use of curl, so that they run where there is none. */
const CURL = `
const { X: method, d: body, url } = Object.fromEntries(
  process.argv.slice(2).flatMap((word, n, all) => word.startsWith('-') ? [[word[1], all[n + 1]]] : word.startsWith('http') ? [['url', word]] : []),
)
const reply = await fetch(url, { method, body })
console.log(reply.status, await reply.text())
`

t.test('the lines for curl, in a shell', async (t) => {
  const mock = await startMock(t)
  const world = mock.default
  const shop = await startShop(t)
  await placeOrder(world, shop.notifyUrl, { out_trade_no: 'tea-0001' })
  await world.pay('tea-0001')
  const dir = t.testdir({ 'curl.mjs': CURL })
  const sh = async (heading: string) => {
    const [block] = blocksOf(heading, 'sh') as [string]
    const script = `curl() { "${process.execPath}" "${dir}/curl.mjs" "$@"; }\n${block}`
    return (await promisify(execFile)('sh', ['-c', script.replace('http://127.0.0.1:8090', mock.url)])).stdout
  }
  t.match(await sh('Faults'), /^20[01] /)
  t.match(await sh('Gates'), /^20[01] /)
  const forged = shop.received.at(-1)!.body
  t.match(forged, /<total_fee>(?:<!\[CDATA\[)?1(?:\]\]>)?<\/total_fee>/, 'the forgery has come')
})

t.test('the service of docker compose', async (t) => {
  const [compose] = blocksOf('Containers', 'yaml') as [string]
  const flags = (await command('serve', '--help')).out.replace(/\s+/g, ' ')
  for (const [name] of compose.matchAll(/WECHAT_MOCK_\w+/g)) t.match(flags, name)
  const { appid, appSecret, mchId, apiKey } = (await startMock(t, { world: { seed: 'docs' } })).default.credentials
  for (const value of [appid, appSecret, mchId, apiKey]) t.ok(compose.includes(value), value)
})
