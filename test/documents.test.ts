import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

// The code in the documents compiles against the package, also what is run: by readme.test.ts, and by readme.test.ts of the mock.

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** These are run by readme.test.ts. */
const RUN = ['README.md, block 1', 'README.md, block 2', 'mock-server/README.md, block 1']

const DOCUMENTS = [
  'README.md',
  'mock-server/README.md',
  ...readdirSync(`${ROOT}docs`)
    .filter((name) => name.endsWith('.md') && !name.endsWith('.zh-CN.md'))
    .map((name) => `docs/${name}`),
]

/** What the reader has already: his app, his database, and what the block before has imported. */
const GIVEN = `
import type {} from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { Hooks, WechatPayOptions } from 'fastify-wechat-pay'
import type { MockWechat } from 'fastify-wechat-pay/mock-server'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: { openid: string }
    user: { openid: string }
  }
}

declare global {
  const Fastify: typeof import('fastify').default
  const wechatPay: typeof import('fastify-wechat-pay').default
  const wechatPayOptions: typeof import('fastify-wechat-pay').wechatPayOptions
  const sqlStore: typeof import('fastify-wechat-pay').sqlStore
  const fromPg: typeof import('fastify-wechat-pay').fromPg
  type Executor<Tx> = import('fastify-wechat-pay').Executor<Tx>
  type Hooks<Tx, Body> = import('fastify-wechat-pay').Hooks<Tx, Body>
  const Type: typeof import('@sinclair/typebox').Type
  const readFileSync: typeof import('node:fs').readFileSync
  const pg: typeof import('pg')
  const Kysely: typeof import('kysely').Kysely
  const PostgresDialect: typeof import('kysely').PostgresDialect
  const PrismaPg: typeof import('@prisma/adapter-pg').PrismaPg
  const PrismaClient: new (options: { adapter: import('@prisma/adapter-pg').PrismaPg }) => object
  const boss: Omit<import('pg-boss'), 'work'> & {
    work(queue: string, run: (jobs: [{ data: import('fastify-wechat-pay').Job }]) => Promise<unknown>): Promise<string>
  }

  const app: FastifyInstance & { notifyUrl: string; order(openid?: string): Promise<any>; fulfilments(outTradeNo: string): number }
  const world: import('fastify-wechat-pay/mock-server').World
  const reportCard: typeof import('fastify-wechat-pay/mock-server').reportCard
  const account: Pick<WechatPayOptions, 'appid' | 'appSecret' | 'merchant' | 'publicUrl'>
  const merchant: import('fastify-wechat-pay').MerchantV3
  const publicUrl: string
  const store: import('fastify-wechat-pay').SqlStore<import('pg').PoolClient>
  const price: WechatPayOptions['price']
  const onPaid: WechatPayOptions['onPaid']
  const pool: import('pg').Pool
  function myStore(pool: import('pg').Pool): typeof store
  const mock: MockWechat
  const params: import('fastify-wechat-pay').PayParams
  const outTradeNo: string

  interface Cart { id: string; title: string; total: number; coupon: string }
  const carts: { of(openid: string, id: string): Promise<Cart> }
  const bookings: { cancel(key: string): Promise<void> }
  const oldOrders: { unpaidOf(key: string): Promise<{ outTradeNo: string }[]>; markClosed(outTradeNo: string): Promise<void> }
  function cartOf(openid: string, id: string): Promise<import('fastify-wechat-pay').Price>
  function toRows(orders: object[]): string
  type MyTransaction = { all(sql: string, values: unknown[]): Promise<Record<string, unknown>[]>; run(sql: string, values: unknown[]): Promise<number> }
  const db: MyTransaction & { begin<T>(options: object, work: (tx: MyTransaction) => Promise<T>): Promise<T> }

  // jest
  const beforeAll: any, afterAll: any, beforeEach: any, afterEach: any, test: any, expect: any

  namespace wx {
    function login(): Promise<{ code: string }>
    function requestPayment(params: object): Promise<void>
    function request(options: { url: string; method: string; data: unknown; header: object; success(reply: { data: unknown }): void; fail(error: unknown): void }): void
    function setStorageSync(key: string, value: unknown): void
  }

  /** Options, one or a few, as they stand in a call of register. */
  function options(some: Partial<WechatPayOptions<import('pg').PoolClient, { static: { cart: string } }> & Hooks<import('pg').PoolClient, { cart: string }>>): void
}
`

/** A property of an object literal, at the start of a line. */
const PROPERTY = /^(\w+): /m

function faultsOf(text: string): readonly ts.Diagnostic[] {
  return (ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest) as unknown as { parseDiagnostics: ts.Diagnostic[] })
    .parseDiagnostics
}

/** A module: properties that stand alone are options. A mix of both is options up to the first empty line. */
function moduleOf(code: string): string {
  const whole = `options({\n${code}\n})\nexport {}`
  if (!PROPERTY.test(code)) return `${code}\nexport {}`
  if (faultsOf(whole).length === 0) return whole
  const [first, ...rest] = code.split('\n\n')
  const mix = `options({\n${first}\n})\n${rest.join('\n\n')}\nexport {}`
  return faultsOf(mix).length === 0 ? mix : `${code}\nexport {}`
}

t.test('the code in the documents compiles', async (t) => {
  const blocks = DOCUMENTS.flatMap((path) =>
    [...readFileSync(`${ROOT}${path}`, 'utf8').matchAll(/^```(js|ts)\n([^]*?)^```$/gm)].map(
      ([, language, code], n) => ({ title: `${path}, block ${n + 1}`, language, code: code! }),
    ),
  ).filter(({ title }) => !RUN.includes(title))
  t.ok(blocks.length >= 20, `${blocks.length} blocks`)
  const dir = t.testdir({
    'given.d.ts': GIVEN,
    ...Object.fromEntries(blocks.map(({ code }, n) => [`block-${n}.ts`, moduleOf(code)])),
  })
  const file = (n: number) => `${dir}/block-${n}.ts`
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile).config,
    ts.sys,
    ROOT,
  )
  const program = ts.createProgram([`${dir}/given.d.ts`, ...blocks.map((_, n) => file(n))], {
    ...options,
    // JavaScript has no types to leave out.
    noImplicitAny: false,
    isolatedModules: false,
    paths: {
      'fastify-wechat-pay': [`${ROOT}src/index.ts`],
      'fastify-wechat-pay/mock-server': [`${ROOT}mock-server/index.ts`],
      'fastify-wechat-pay/testing': [`${ROOT}src/testing.ts`],
    },
  })
  const faults = (name: string) =>
    [
      ...program.getSyntacticDiagnostics(program.getSourceFile(name)),
      ...program.getSemanticDiagnostics(program.getSourceFile(name)),
    ].map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
  /** JavaScript may read what has no type, such as JSON, and leave out arguments; the types of Node 20 have no node:sqlite. */
  const isFine = (text: string) =>
    /'(?:unknown|VerifyPayloadType|node:sqlite)'|^Rest types may only|^Expected \d+ arguments/.test(text)
  t.strictSame(faults(`${dir}/given.d.ts`), [])
  for (const [n, { title, language }] of blocks.entries()) {
    const found = faults(file(n)).filter((text) => language === 'ts' || !isFine(text))
    t.strictSame(found, [], title)
  }
})
