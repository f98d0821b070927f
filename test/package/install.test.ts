import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { publint } from 'publint'
import t from 'tap'
import { start } from '../../bench/load/start.ts'
import { freePort } from '../fixtures.ts'

// The package as a user gets it: packed, installed into an empty project outside the checkout, used from every module system.
t.setTimeout(300_000)

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
const dir = await mkdtemp(join(tmpdir(), 'fastify-wechat-pay-'))
t.teardown(() => rm(dir, { recursive: true }))

const source = join(dir, 'source')
const project = join(dir, 'project')
const modules = join(project, 'node_modules')

/** Runs a program to its end; a failure is an error that quotes its output. */
async function run(cwd: string, file: string, ...args: string[]): Promise<string> {
  // Under `npm test` this would make npm work on the checkout instead of `cwd`.
  const { npm_config_local_prefix: _, ...env } = process.env
  try {
    return (await promisify(execFile)(file, args, { cwd, env })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${file} ${args.join(' ')} failed\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** What the compiler prints about a file of the project. */
async function tsc(file: string, text: string, options: object, ...args: string[]): Promise<string> {
  const compilerOptions = {
    module: 'nodenext',
    noEmit: true,
    typeRoots: [join(root, 'node_modules/@types')],
    types: ['node'],
    ...options,
  }
  await writeFile(join(project, file), text)
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
  return await run(project, process.execPath, join(root, 'node_modules/typescript/bin/tsc'), ...args)
}

// A copy is packed, so that the checkout's build stays unchanged and no stray files get in.
const OMITTED = new Set(['.git', '.tap', 'dist', 'node_modules'])
await cp(root, source, { recursive: true, filter: (path) => !OMITTED.has(relative(root, path)) })
await symlink(join(root, 'node_modules'), join(source, 'node_modules'))
const [packed] = JSON.parse(await run(source, 'npm', 'pack', '--json', '--silent', '--pack-destination', dir)) as [
  { filename: string; size: number; files: { path: string }[] },
]
const tarball = join(dir, packed.filename)

await mkdir(project)
await writeFile(join(project, 'package.json'), '{ "private": true }')
const fastifyVersion: string = JSON.parse(
  await readFile(join(root, 'node_modules/fastify/package.json'), 'utf8'),
).version
await run(
  project,
  'npm',
  'install',
  '--prefer-offline',
  '--no-audit',
  '--no-fund',
  tarball,
  `fastify@${fastifyVersion}`,
  // the database of README's quick start
  'libsql',
)

t.test('the tarball holds what a user needs and nothing else, in at most 600 kB', async (t) => {
  t.ok(packed.size <= 600_000, `${packed.size} bytes`)
  const paths = packed.files.map(({ path }) => path)
  t.ok(paths.filter((path) => path.startsWith('docs/')).length >= 11)
  t.notOk(paths.some((path) => path.includes('zh-CN') && path.startsWith('docs/')))
  const links = [...(await readFile(join(root, 'llms.txt'), 'utf8')).matchAll(/\]\(([^)#]+)/g)].map(([, link]) => link!)
  t.ok(links.length > 10)
  t.strictSame(
    links.filter((link) => !paths.includes(link)),
    [],
    'llms.txt names only what the tarball holds',
  )
  const isCode = (path: string) => /^dist\/.+\.(?:m?js|d\.m?ts)$/.test(path)
  t.strictSame(paths.filter((path) => !isCode(path) && !/^docs\/[\w.-]+\.md$/.test(path)).sort(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'README.zh-CN.md',
    'SECURITY.md',
    'dist/package.json',
    'llms.txt',
    'mock-server/README.md',
    'package.json',
  ])

  // What Node loads and the compiler reads, starting from the entries.
  const bins = Object.values<string>(manifest.bin).map((path) => path.slice(2))
  const here = join(modules, manifest.name)
  const entries = ['src/index.mjs', 'src/testing.js', 'mock-server/index.js']
  // What the commands run, and what is loaded by the first call of WeChat, the first page of the mock, and the first page of an app with `wx`.
  const later = paths.filter((path) => path.startsWith('dist/chunks/')).map((path) => path.slice('dist/'.length))
  const loaded = start(
    [...entries, ...later].map((file) => pathToFileURL(join(here, 'dist', file)).href),
    { count: true },
  ).files
  const use = (...entries: string[]) => entries.map((entry) => `import '${manifest.name}${entry}'\n`).join('')
  const esm = await tsc('all.mts', use('', '/testing', '/mock-server'), {}, '--listFilesOnly')
  const cjs = await tsc('all.cts', use('', '/testing', '/mock-server'), {}, '--listFilesOnly')
  const used = [...[...loaded].map((url) => fileURLToPath(url)), ...[esm, cjs].flatMap((text) => text.split('\n'))]
    .filter((file) => file.startsWith(here + sep))
    .map((file) => relative(here, file).replaceAll(sep, '/'))
  t.strictSame(paths.filter(isCode).sort(), [...new Set([...used, ...bins])].sort())
})

t.test('publint reports nothing', async (t) => {
  const bytes = await readFile(tarball)
  const { messages } = await publint({
    strict: true,
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
  })
  t.strictSame(messages, [])
})

t.test('the types resolve correctly in every mode (arethetypeswrong)', async (t) => {
  const attw = promisify(execFile)(join(root, 'node_modules/.bin/attw'), [tarball, '--format', 'json'], {
    maxBuffer: 64 * 1024 * 1024,
  })
  // It exits with 1 if it found something; the findings are in the JSON.
  const { analysis } = JSON.parse((await attw.catch((error: { stdout: string }) => error)).stdout)
  t.strictSame(Object.keys(analysis.entrypoints), Object.keys(manifest.exports))
  t.strictSame(analysis.problems, [])
})

const USE = `
async function main () {
  const mock = await createMockWechat()
  const { appid, appSecret, mchId, apiKey } = mock.default.credentials
  const app = Fastify()
  await app.register(wechatPay, {
    appid, appSecret, merchant: { version: 'v2', mchId, apiKey }, baseUrl: mock.url, publicUrl: 'http://localhost', store: memoryStore(),
    price: () => ({ key: 'cart', description: 'Tea', totalFee: 1250 }), onPaid () {}
  })
  const post = (url, payload, headers = {}) => app.inject({ method: 'POST', url, payload, headers })
  const { token } = (await post('/wechat/login', { code: mock.default.loginCode().code })).json()
  const { outTradeNo } = (await post('/wechat/orders', {}, { authorization: 'Bearer ' + token })).json()
  const { body } = (await mock.default.pay(outTradeNo, { deliver: 'hold' })).notification
  const reply = (await post('/wechat/notify', body, { 'content-type': 'text/xml' })).body
  const { state } = await app.wechat.orders.get(outTradeNo)
  await app.close()
  await mock.close()
  console.log(JSON.stringify({ acknowledged: reply.includes('SUCCESS'), state, cases: storeContract({ makeStore: memoryStore }).length > 0, isError: new WechatError('WECHAT_NETWORK', '') instanceof Error, version }))
}
main()
`

const USES = {
  'esm.mjs': `
import Fastify from 'fastify'
import wechatPay, { memoryStore, WechatError } from 'fastify-wechat-pay'
import { createMockWechat } from 'fastify-wechat-pay/mock-server'
import { storeContract } from 'fastify-wechat-pay/testing'
import manifest from 'fastify-wechat-pay/package.json' with { type: 'json' }
const { version } = manifest
${USE}`,
  'cjs.cjs': `
const Fastify = require('fastify')
const { wechatPay, memoryStore, WechatError } = require('fastify-wechat-pay')
const { createMockWechat } = require('fastify-wechat-pay/mock-server')
const { storeContract } = require('fastify-wechat-pay/testing')
const { version } = require('fastify-wechat-pay/package.json')
${USE}`,
}

for (const [name, text] of Object.entries(USES)) {
  t.test(`plugin, mock and contract work together from ${name}`, async (t) => {
    await writeFile(join(project, name), text)
    t.strictSame(JSON.parse(await run(project, process.execPath, name)), {
      acknowledged: true,
      state: 'paid',
      cases: true,
      isError: true,
      version: manifest.version,
    })
  })
}

t.test('import and require load the same objects', async (t) => {
  const code = `
    import { createRequire } from 'node:module'
    const require = createRequire(import.meta.url)
    for (const entry of ['', '/testing', '/mock-server']) {
      const { default: all, ...imported } = await import('${manifest.name}' + entry)
      const required = require('${manifest.name}' + entry)
      for (const name of Object.keys(required)) if (name !== 'default' && imported[name] !== required[name]) console.log(name)
    }
    const { default: plugin, wechatPay } = await import('${manifest.name}')
    console.log(plugin === wechatPay)`
  t.equal(await run(project, process.execPath, '--input-type=module', '--eval', code), 'true\n')
})

t.test('the quick start of README prints what README says', async (t) => {
  const blocks = [...(await readFile(join(root, 'README.md'), 'utf8')).matchAll(/^```(js|text)\n([^]*?)^```$/gm)]
  const at = blocks.findIndex(([, language], n) => language === 'js' && blocks[n + 1]?.[1] === 'text')
  await writeFile(join(project, 'quick-start.mjs'), blocks[at]![2]!.replaceAll('3000', String(await freePort())))
  t.equal(await run(project, process.execPath, 'quick-start.mjs'), blocks[at + 1]![2])
})

t.test("the plugin alone loads none of the mock's libraries", async (t) => {
  const libraries = ['fast-xml-parser', 'commander']
  for (const library of libraries) await rename(join(modules, library), join(dir, library))
  t.teardown(async () => {
    for (const library of libraries) await rename(join(dir, library), join(modules, library))
  })
  await t.rejects(
    run(project, process.execPath, '--input-type=module', '--eval', 'import "fastify-wechat-pay/mock-server"'),
    'the mock does need them',
  )
  t.equal(
    await run(
      project,
      process.execPath,
      '--input-type=module',
      '--eval',
      'import wechatPay from "fastify-wechat-pay"; console.log(typeof wechatPay)',
    ),
    'function\n',
  )
  t.equal(
    await run(project, process.execPath, '--eval', 'console.log(typeof require("fastify-wechat-pay").wechatPay)'),
    'function\n',
  )
})

t.test('a strict TypeScript project compiles, as an ES module and as CommonJS', async (t) => {
  const text = `
import Fastify from 'fastify'
import wechatPay, { memoryStore, WechatError, type Order, type WechatErrorCode, type WechatPayOptions } from 'fastify-wechat-pay'
import { createMockWechat, type Delivery } from 'fastify-wechat-pay/mock-server'
import { storeContract } from 'fastify-wechat-pay/testing'

const options: WechatPayOptions<undefined> = {
  appid: 'wx0123456789abcdef',
  appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
  merchant: { version: 'v2', mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
  publicUrl: 'https://shop.example.com',
  store: memoryStore(),
  price: (request, { openid }) => ({ key: request.id + openid, description: 'Tea', totalFee: 1250 }),
  onPaid (order, { tx, log }) {
    const nothing: undefined = tx
    log.info({ paidAt: order.payment.paidAt.getTime() }, 'paid')
    return nothing
  }
}
// @ts-expect-error -- an amount is a number of fen
export const wrong: WechatPayOptions['price'] = () => ({ key: 'cart', description: 'Tea', totalFee: '12.50' })

export async function main (): Promise<Order | undefined> {
  const app = Fastify()
  await app.register(wechatPay, options)
  app.get('/me', { preHandler: app.wechat.requireUser }, async ({ wechatUser }) => wechatUser.openid)
  app.get('/mock', async () => app.mockWechat.url)
  await using mock = await createMockWechat()
  const delivery: Delivery | undefined = (await mock.default.pay('n')).delivery
  for (const { name, run } of storeContract({ makeStore: memoryStore })) await run().then(() => name)
  try {
    return await app.wechat.orders.get(delivery!.outTradeNo)
  } catch (error) {
    const code: WechatErrorCode | undefined = error instanceof WechatError ? error.code : undefined
    throw new Error(code)
  }
}
`
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  }
  for (const file of ['use.mts', 'use.cts']) {
    t.equal(await tsc(file, text, compilerOptions), '', file)
  }
})

t.test('wechat-mock loads the report card, which it imports as an ES module', async (t) => {
  const list = await run(project, join(modules, '.bin/wechat-mock'), 'card', 'list', '--lang', 'zh')
  t.match(list, /^ +N-101 /m)
  t.match(list, /\p{Script=Han}/u)
})

t.test('wechat-mock starts, prints its address, and stops on a signal', async (t) => {
  const child = spawn(join(modules, '.bin/wechat-mock'), ['--json', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const facts = JSON.parse(line)
  t.strictSame(Object.keys(facts), [
    'url',
    'controlUrl',
    'world',
    'seed',
    'appid',
    'appSecret',
    'mchId',
    'apiKey',
    'cert',
    'v3',
    'p12',
  ])
  t.equal(facts.controlUrl, `${facts.url}/__mock/v1`)
  t.equal((await fetch(`${facts.controlUrl}/worlds/${facts.world}`)).status, 200)
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
})
