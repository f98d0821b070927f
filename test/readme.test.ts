import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import wechatPay, { memoryStore, WechatError } from '../src/index.ts'
import type {
  AnomalyKind,
  DiagnosticsName,
  Hooks,
  NotificationFault,
  OrderState,
  WechatErrorCode,
  WechatPayOptions,
} from '../src/index.ts'
import { parseOptions } from '../src/options/parse.ts'
import { freePort } from './fixtures.ts'
import { TYPESCRIPT } from './typescript.ts'

// The documents are executed, and compared with the source, so that they cannot go stale.

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
const READMES = ['README.md', 'README.zh-CN.md']
/** Pages in both languages; what belongs into README has its row in one of these. */
const PAGES = readdirSync(new URL('../docs', import.meta.url))
  .filter((name) => name.endsWith('.md') && !name.endsWith('.zh-CN.md'))
  .map((name) => name.slice(0, -'.md'.length))
const pagesOf = (readme: string) => PAGES.map((name) => `docs/${name}${readme.replace('README', '')}`)
const DOCUMENTS = [
  ...READMES,
  ...READMES.flatMap((readme) => pagesOf(readme)),
  'CONTRIBUTING.md',
  'SECURITY.md',
  'SECURITY.zh-CN.md',
  'CHANGELOG.md',
  'mock-server/README.md',
  'mock-server/README.zh-CN.md',
]

const codeBlocks = (text: string) =>
  [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language, code]) => ({ language: language!, code: code! }))
/** The names of a union type; the compiler checks that none is missing. */
const names = <T extends string>(all: Record<T, true>) => Object.keys(all) as T[]

/** Writes a block of JavaScript to a file as it stands, but for the package's name, the ports and `change`. */
async function example(t: Test, path: string, n = 0, change = (code: string) => code) {
  const blocks = codeBlocks(read(path))
  const found = blocks.flatMap(({ language }, index) => (language === 'js' ? index : []))[n]!
  let source = change(blocks[found]!.code)
    .replace("'fastify-wechat-pay/mock-server'", JSON.stringify(new URL('../mock-server/index.ts', import.meta.url)))
    .replace("'fastify-wechat-pay'", JSON.stringify(new URL('../src/index.ts', import.meta.url)))
  for (const port of ['3000', '8090']) source = source.replaceAll(port, String(await freePort()))
  const dir = t.testdir({ 'example.mjs': source })
  return { dir, args: [TYPESCRIPT, `${dir}/example.mjs`], next: blocks[found + 1]?.code }
}

/** Runs a block of JavaScript to its end; resolves with what it printed. */
async function runExample(t: Test, ...block: [path: string, n?: number, change?: (code: string) => string]) {
  const { dir, args } = await example(t, ...block)
  return (await promisify(execFile)(process.execPath, args, { cwd: dir })).stdout
}

t.test('README leads with a server that takes an order and is paid', async (t) => {
  const { args, dir } = await example(t, 'README.md')
  const child = execFile(process.execPath, args, { cwd: dir })
  t.teardown(() => child.kill())
  const [printed] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string]
  t.equal(printed, 'Deliver cart-1: 1250 fen are paid.\n')
  for (const readme of READMES) t.ok(read(readme).includes(`\`${printed.trim()}\``), readme)
})

t.test('the quick start of README keeps its orders, and runs again', async (t) => {
  const { args, dir, next } = await example(t, 'README.md', 1)
  const run = async () => (await promisify(execFile)(process.execPath, args, { cwd: dir })).stdout
  t.equal(await run(), next)
  t.equal(await run(), next?.replace('so far: 1', 'so far: 2'))
})

t.test("the mock's README: the test for Node", async (t) => {
  const printed = await runExample(t, 'mock-server/README.md')
  t.match(printed, /pass 1$/m)
})

t.test('… and with API v3, for which one line differs', async (t) => {
  const v3 = "merchant: wechat.merchantOptions('v3')"
  t.ok(read('mock-server/README.md').includes(`With API v3, \`${v3}\` is all that differs.`))
  const printed = await runExample(t, 'mock-server/README.md', 0, (code) => {
    const changed = code.replace("merchant: { version: 'v2', mchId, apiKey }", v3)
    t.not(changed, code)
    return changed
  })
  t.match(printed, /pass 1$/m)
})

t.test('the first commands of README are the demo and the tests', async (t) => {
  const [commands] = codeBlocks(read('README.md')).filter(({ language }) => language === 'sh')
  t.equal(commands?.code, 'npm install && npm run demo\nnpm test\n')
})

for (const [english, chinese] of ['README.md', 'SECURITY.md', 'mock-server/README.md', ...pagesOf('README.md')].map(
  (path) => [path, path.replace('.md', '.zh-CN.md')],
) as [string, string][]) {
  t.test(`${english} has the same sections, rows and code in both languages`, async (t) => {
    const shape = (path: string) => ({
      headings: [...read(path).matchAll(/^(#+) /gm)].map(([, level]) => level),
      rows: [...read(path).matchAll(/^\|([^|]*)/gm)].map(([, head]) => head!.match(/`[^`]+`/g)?.sort()),
      items: read(path).match(/^ *(?:-|\d+\.) /gm)?.length,
      code: codeBlocks(read(path)),
    })
    t.strictSame(shape(chinese), shape(english))
    for (const [, label, target] of read(chinese).matchAll(/\[([^\]]+)\]\(([\w./-]+)\.md\b/g)) {
      const twin = new URL(`../${chinese.replace(/[^/]+$/, '')}${target!}.zh-CN.md`, import.meta.url)
      t.ok(label === 'English' || target!.endsWith('.zh-CN') || !existsSync(twin), `${chinese} leads to ${target!}.md`)
    }
  })
}

t.test('what is packed links only to what is packed, or to what README says is in the repository', async (t) => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] }
  const matches = (path: string, pattern: string) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`).test(path)
  const isPacked = (path: string) =>
    ['README.md', 'LICENSE', ...files].some((pattern) => matches(path, pattern)) &&
    !files.some((pattern) => pattern.startsWith('!') && matches(path, pattern.slice(1)))
  const inRepository =
    /^(?:CONTRIBUTING\.md$|docs\/guarantees\.|docs\/screenshots\/|examples\/|src\/|test\/)|\.zh-CN\.md$/
  const documents = [...DOCUMENTS, 'llms.txt'].filter(isPacked)
  t.ok(documents.length >= 16, `${documents.length} documents`)
  for (const path of documents) {
    for (const [, target] of read(path).matchAll(/\]\((?!https:\/\/|#)([^)#]+)/g)) {
      const { pathname } = new URL(target!, `file:///${path}`)
      t.ok(isPacked(pathname.slice(1)) || inRepository.test(pathname.slice(1)), `${path}: ${target!}`)
    }
  }
})

t.test('README leads to every page, and each page back to it', async (t) => {
  for (const readme of READMES) {
    for (const page of pagesOf(readme)) {
      t.ok(read(readme).includes(`](${page})`), page)
      t.ok(existsSync(new URL(`../${page}`, import.meta.url)))
    }
  }
})

const options: WechatPayOptions = {
  appid: 'wx0123456789abcdef',
  appSecret: '41f0c95bd27e83a6b7c1e6f09d3528a4',
  merchant: { version: 'v2', mchId: '1900000109', apiKey: 'd6b41c7fe92a05385fb0c6e1d97a2483' },
  publicUrl: 'https://shop.example.com',
  store: memoryStore(),
  price: () => ({ key: 'cart', description: 'Tea', totalFee: 1 }),
  onPaid() {},
}

/** The error of parseOptions for an unknown option. */
function optionNames(): string[] {
  const names = ['v2', 'v3'].flatMap((version) => {
    try {
      parseOptions({ unknown: 1, merchant: { version, unknown: 1 } } as never)
    } catch (error) {
      const [top, merchant] = [...(error as Error).message.matchAll(/the options are (.+)/g)].map(([, list]) =>
        list!.split(', '),
      )
      return [...top!.filter((name) => name !== 'merchant'), ...merchant!.map((name) => `merchant.${name}`)]
    }
    throw new Error('parseOptions accepted an unknown option')
  })
  return [...new Set(names)]
}

async function routes(): Promise<string[]> {
  const found: string[] = []
  const app = Fastify({ exposeHeadRoutes: false })
  app.addHook('onRoute', ({ method, url }) => {
    found.push(`${method} ${url}`)
  })
  await app.register(wechatPay, options)
  await app.close()
  return found
}

const errors = [...read('src/errors.ts').matchAll(/^ {2}(WECHAT_\w+): \d+/gm)].map(
  ([, code]) => new WechatError(code as WechatErrorCode, ''),
)
const { hooks: _hooks, hosts: _hosts, ...config } = parseOptions(options)
const defaults = Object.entries(config).filter(
  ([name, value]) =>
    !(name in options) && ['string', 'number', 'boolean'].includes(typeof value) && optionNames().includes(name),
)
const exported = [...read('src/index.ts').matchAll(/(?:\{|^ {2})([^{}']+)(?:\}|$)/gm)].flatMap(([, list]) =>
  list!.split(',').map((name) => name.replace('wechatPay as ', '').trim()),
)

/** What has to be found, by what it is: each a text that README or one of its pages must hold, most of them the head of a table's row. */
const CONTENTS: Record<string, string[]> = {
  option: optionNames().map((name) => `\n| \`${name}\` | `),
  route: (await routes()).map((route) => `\n| \`${route}\` | `),
  hook: names<keyof Hooks>({
    price: true,
    onPaid: true,
    onRefunded: true,
    enqueue: true,
    onAnomaly: true,
    onEvent: true,
    onLogin: true,
    issueToken: true,
    authenticate: true,
  }).map((name) => `\n| \`${name}(`),
  'error code': errors.map(({ code, statusCode }) => `\n| \`${code}\` | ${statusCode} | `),
  export: exported.filter((name) => name !== 'default').map((name) => `\`${name}\``),
  'state of an order': names<OrderState>({
    created: true,
    unknown: true,
    prepaid: true,
    closing: true,
    paid: true,
    closed: true,
    failed: true,
  }).map((name) => `\`${name}\``),
  anomaly: names<AnomalyKind>({
    late: true,
    duplicate: true,
    refunded: true,
    mismatch: true,
    'second-transaction': true,
    'reused-transaction': true,
    'unknown-order': true,
    'refund-abnormal': true,
    'refund-refused': true,
    'refund-mismatch': true,
    'refund-stuck': true,
    'bill-differs': true,
    'shipping-refused': true,
    'hook-failing': true,
  }).map((name) => `\`${name}\``),
  channel: names<DiagnosticsName>({
    'fastify-wechat-pay:notification': true,
    'fastify-wechat-pay:settlement': true,
    'fastify-wechat-pay:hook': true,
    'fastify-wechat-pay:anomaly': true,
    'fastify-wechat-pay:sweep': true,
  }).map((name) => `\n| \`${name}\` | `),
  'word of a refusal': names<NotificationFault>({
    blocked: true,
    unreadable: true,
    incomplete: true,
    'bad-signature': true,
    'wrong-account': true,
    ambiguous: true,
    'unknown-order': true,
    mismatch: true,
    'not-stored': true,
    probe: true,
    stale: true,
    'unknown-key': true,
    'not-decrypted': true,
    'no-v2-key': true,
  }).map((name) => `\`${name}\``),
}

for (const path of READMES) {
  const text = [path, ...pagesOf(path)].map(read).join('\n')
  for (const [kind, contents] of Object.entries(CONTENTS)) {
    t.test(`${path} names every ${kind}`, async (t) => {
      t.not(contents.length, 0)
      for (const content of contents) t.ok(text.includes(content), content.trim())
    })
  }

  t.test(`${path} has the defaults`, async (t) => {
    t.not(defaults.length, 0)
    for (const [name, value] of defaults) {
      const row = text.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))
      t.match(row, typeof value === 'string' ? `'${value}'` : `\`${String(value)}\``, name)
    }
  })
}

t.test('a command that fetches a package names our package', async (t) => {
  const { name, peerDependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, any>
  const known = [name, ...Object.keys({ ...peerDependencies, ...devDependencies })]
  // `npx NAME` without `-p` installs the package NAME, and anybody may register a package with the name of one of our commands.
  const runners = /\b(?:npx|pnpx|bunx|(?:npm|pnpm|yarn) (?:exec|dlx|create|init))\b.*/g
  const installers = /\b(?:npm|pnpm|yarn) (?:install|i|add)((?: [@\w./-]+)+)/g
  const files = ['.', 'docs', 'src', 'mock-server', 'examples', 'bench', 'scripts', '.ci'].flatMap((folder) =>
    readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: folder !== '.', withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'package-lock.json')
      .map((entry) => `${entry.parentPath}/${entry.name}`),
  )
  let runs = 0
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    for (const [command] of text.matchAll(runners)) {
      runs++
      t.match(
        command,
        new RegExp(`^npx (?:-y )?-p ${name as string} (?:wechat-mock|${name as string})\\b`),
        `${file}: ${command}`,
      )
    }
    for (const [command, words] of text.matchAll(installers)) {
      const packages = words!
        .trim()
        .split(' ')
        .filter((word) => /^[@\w]/.test(word))
        .map((word) => word.replace(/(?<=.)@.*/, ''))
      t.strictSame(
        packages.filter((word) => !known.includes(word)),
        [],
        `${file}: ${command}`,
      )
    }
  }
  t.ok(runs >= 10, `${runs} commands`)
})

/** The anchors of a page's headings, as the hosts of repositories make them. */
const anchorsOf = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(
    ([, title]) =>
      '#' +
      title!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
  )

for (const path of DOCUMENTS) {
  t.test(`${path} links only to what exists`, async (t) => {
    const text = read(path)
    for (const [link, target, anchor] of text.matchAll(/\]\((?!https:\/\/)([^)#]*)(#[^)]*)?\)/g)) {
      const file = target === '' ? path : `${dirname(path)}/${target!}`
      t.ok(existsSync(new URL(`../${file}`, import.meta.url)), link)
      if (anchor !== undefined) t.ok(anchorsOf(read(file)).includes(anchor), link)
    }
    for (const [command, script] of text.matchAll(/\bnpm run (\w[\w:-]*)/g)) t.ok(script! in scripts, command)
  })
}
