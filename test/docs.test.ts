import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { createReference } from '../scripts/reference.ts'

// The code of the documents compiles against the sources, as their readers would write it: what a block leaves out is declared here.

const root = fileURLToPath(new URL('..', import.meta.url))
const PAGES = readdirSync(`${root}docs`)
  .filter((name) => name.endsWith('.md') && !name.endsWith('.zh-CN.md'))
  .map((name) => `docs/${name}`)

const GLOBALS = `
import type { FastifyInstance } from 'fastify'
import type { Pool, PoolClient } from 'pg'
import type * as ours from 'fastify-wechat-pay'
declare global {
  type Hooks<Tx, Body = unknown> = ours.Hooks<Tx, Body>
  type Executor<Tx> = ours.Executor<Tx>
  type MyTransaction = { all(sql: string, values: readonly ours.Value[]): Promise<ours.Row[]>; run(sql: string, values: readonly ours.Value[]): Promise<number> }
  const wechatPay: typeof ours.wechatPay
  const wechatPayOptions: typeof ours.wechatPayOptions
  const sqlStore: typeof ours.sqlStore
  const fromPg: typeof ours.fromPg
  const Type: typeof import('@sinclair/typebox').Type
  const readFileSync: typeof import('node:fs').readFileSync
  const pg: typeof import('pg')
  const { Kysely, PostgresDialect }: typeof import('kysely')
  const { PrismaPg }: typeof import('@prisma/adapter-pg')
  const PrismaClient: new (options: { adapter: InstanceType<typeof PrismaPg> }) => unknown
  const app: FastifyInstance & { notifyUrl: string; order(openid: string | undefined): Promise<any>; fulfilments(outTradeNo: string): any }
  const world: import('fastify-wechat-pay/mock-server').World
  const reportCard: typeof import('fastify-wechat-pay/mock-server').reportCard
  const pool: Pool
  const store: ours.SqlStore<PoolClient>
  const merchant: ours.Merchant
  const publicUrl: string
  const account: { appid: string; appSecret: string; merchant: ours.Merchant; publicUrl: string }
  const price: ours.Hooks['price']
  const onPaid: ours.Hooks<PoolClient>['onPaid']
  const outTradeNo: string
  const params: any
  const wx: any
  const carts: { of(openid: string, cart: string): Promise<{ id: string; title: string; total: number; coupon: string }> }
  const cartOf: (openid: string, cart: string) => Promise<ours.Price>
  const oldOrders: { unpaidOf(cart: string): Promise<{ outTradeNo: string }[]>; markClosed(outTradeNo: string): Promise<void> }
  const toRows: (orders: readonly object[]) => string
  const db: MyTransaction & { begin<T>(options: { isolation?: string | undefined }, work: (tx: MyTransaction) => Promise<T>): Promise<T> }
  const boss: any
  const myStore: (pool: Pool) => ours.Store<PoolClient>
}
declare module 'fastify' {
  interface FastifyInstance {
    jwt: { sign(payload: object): string }
  }
  interface FastifyRequest {
    jwtVerify(): Promise<{ openid: string }>
  }
}
`
// Runners that are not installed, and global names of one.
const RUNNERS = `
declare module 'vitest' {
  export const test: any, afterAll: any
}
declare const beforeAll: any, afterAll: any, beforeEach: any, afterEach: any, test: (name: string, run: () => Promise<void>) => void, expect: any, require: (name: 'fastify-wechat-pay/mock-server') => typeof import('fastify-wechat-pay/mock-server')
`

/** The code blocks in JavaScript and TypeScript, as modules. */
function modulesOf(path: string): [name: string, code: string][] {
  const text = readFileSync(`${root}${path}`, 'utf8')
  const blocks = [...text.matchAll(/^```(js|ts)\n([^]*?)^```$/gm)]
  return blocks.map(([, language, block], n) => {
    // Some properties of the options.
    const code = /^\w+: /.test(block!) ? `;({${block}}) satisfies Partial<Hooks<any, any>>\n` : block!
    return [
      `${root}docs/.block/${path.replaceAll('/', '-')}-${n}.${language === 'js' ? 'js' : 'ts'}.mts`,
      `${code}\nexport {}\n`,
    ]
  })
}

const files = new Map([
  [`${root}docs/.block/globals.mts`, GLOBALS],
  [`${root}docs/.block/runners.d.ts`, RUNNERS],
  ...['README.md', 'mock-server/README.md', ...PAGES].flatMap(modulesOf),
])

/** JavaScript may leave types open: of it only these are faults. */
const OF_JAVASCRIPT = (code: number) =>
  code < 2000 || [2304, 2305, 2307, 2353, 2552, 2561, 2613, 2614, 2724].includes(code)

t.test('every block of JavaScript and TypeScript compiles', async (t) => {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root)
  Object.assign(options, {
    paths: {
      'fastify-wechat-pay': ['./src/index.ts'],
      'fastify-wechat-pay/mock-server': ['./mock-server/index.ts'],
      'fastify-wechat-pay/testing': ['./src/testing.ts'],
    },
  })
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  const program = ts.createProgram([...files.keys()], options, host)
  const diagnostics = [...files.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)!
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
    return path.endsWith('.js.mts') ? found.filter(({ code }) => OF_JAVASCRIPT(code)) : found
  })
  t.ok(files.size >= 28, `${files.size} files`)
  for (const { file, start, code, messageText } of diagnostics) {
    const line = file!.text.slice(start).split('\n')[0]
    t.fail(
      `${file!.fileName.slice(root.length)} ${code}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}: ${line}`,
    )
  }
})

t.test('everything that is exported says what it is', async (t) => {
  const { text, silent } = createReference()
  t.strictSame(silent, [])
  const codes = [...text.matchAll(/^```ts\n([^]*?)\n```$/gm)].map(([, code]) => code!)
  t.equal(codes.length, text.match(/^### /gm)!.length)
  for (const code of codes) t.match(code, /^(?:class|function|interface|type|const) \w+/)
  t.match(text, /^## fastify-wechat-pay\/mock-server$/m)
})
