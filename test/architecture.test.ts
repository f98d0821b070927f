import { readdirSync, readFileSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
  string,
  Record<string, string>
>

/** What may be imported anywhere in src: names and values that depend on nothing else. */
const COMMON = ['base', 'errors', 'model', 'hooks']
const TO_STORE = [...COMMON, 'store']
const TO_CLIENT = [...COMMON, 'protocol', 'client']
const TO_ENGINE = [...TO_CLIENT, 'store', 'engine']
const TO_ROUTES = [...TO_ENGINE, 'routes']
const TO_ACCOUNT = [...TO_ENGINE, 'options']
const TO_SELF_TEST = [...TO_ACCOUNT, 'account', 'self-test']
const TO_PLUGIN = [...TO_ROUTES, ...TO_SELF_TEST, 'calls', 'plugin']

/** What each part of src, a folder or a file, may import from src: protocol ← client ← engine ← options ← account, routes ← plugin ← index; store ← engine. */
const ARROWS: Record<string, string[]> = {
  base: ['base', 'model'],
  errors: [],
  model: ['model'],
  hooks: ['base', 'model'],
  protocol: ['errors', 'protocol'],
  client: TO_CLIENT,
  store: TO_STORE,
  engine: TO_ENGINE,
  routes: TO_ROUTES,
  calls: TO_ENGINE,
  options: [...TO_ENGINE, 'options'],
  account: TO_ACCOUNT,
  'self-test': TO_SELF_TEST,
  cli: [...TO_SELF_TEST, 'cli'],
  plugin: TO_PLUGIN,
  testing: [...TO_STORE, 'testing'],
  index: TO_PLUGIN,
}

const LOWEST = ['base', 'clock', 'wire']
const BOOKS = [...LOWEST, 'ledger', 'users', 'faults', 'journal']
const TO_WECHAT = [...BOOKS, 'notify', 'bills', 'wechat']
const TO_WORLD = [...TO_WECHAT, 'wechat/pay-v2', 'wechat/pay-v3', 'wechat/login', 'wechat/phone', 'world']
const TO_SERVER = [...TO_WORLD, 'report', 'control', 'pages', 'server', 'version']

/**
 * What each folder of mock-server may import from it, the lowest first. The data folders (ledger, users, faults, journal) do not import each other,
 * and neither do the families of endpoints.
 */
const ROOMS: Record<string, string[]> = {
  version: [],
  base: ['base'],
  clock: ['base', 'clock'],
  wire: ['base', 'wire'],
  ledger: [...LOWEST, 'ledger'],
  users: [...LOWEST, 'users'],
  faults: [...LOWEST, 'faults'],
  journal: [...LOWEST, 'journal'],
  notify: [...BOOKS, 'notify'],
  bills: ['base', 'wire', 'ledger', 'bills'],
  wechat: TO_WECHAT,
  'wechat/pay-v2': [...TO_WECHAT, 'wechat/pay-v2'],
  'wechat/pay-v3': [...TO_WECHAT, 'wechat/pay-v3'],
  'wechat/login': [...TO_WECHAT, 'wechat/login'],
  'wechat/phone': [...TO_WECHAT, 'wechat/phone'],
  world: TO_WORLD,
  report: [...TO_WORLD, 'report', 'version'],
  control: [...TO_WORLD, 'report', 'control', 'version'],
  pages: [...TO_WORLD, 'report', 'pages', 'version'],
  server: TO_SERVER,
  cli: [...TO_SERVER, 'cli'],
  index: TO_SERVER,
}

/** Known imports against the arrows. The list may only get shorter. */
const AGAINST_THE_ARROWS: string[] = []
/** Files that import each other in a circle. */
const CIRCLES: string[] = []
/** Files of more than MAX_LINES. */
const LONG_FILES: string[] = []
const MAX_LINES = 350
const MAX_FILES = 14

interface Import {
  /** The importing file, relative to the root of the repository. */
  from: string
  /** The imported file, relative to the root, or the name of a package or a Node module. */
  to: string
  internal: boolean
  typeOnly: boolean
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(join(ROOT, path)).isFile())
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true)
}

function importsOf(file: ts.SourceFile): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) {
      throw new Error(`${file.fileName} imports something that cannot be read: ${specifier?.getText()}`)
    }
    const internal = specifier.text.startsWith('.')
    const to = internal
      ? join(dirname(file.fileName), specifier.text)
      : specifier.text.replace(/^(@[^/]+\/[^/]+|[^@/]+)\/.*/, '$1')
    found.push({ from: file.fileName, to, internal, typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause
      const named =
        clause?.namedBindings !== undefined && ts.isNamedImports(clause.namedBindings) && clause.name === undefined
          ? clause.namedBindings.elements
          : []
      add(
        node.moduleSpecifier,
        clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
          (named.length > 0 && named.every(({ isTypeOnly }) => isTypeOnly)),
      )
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      const named =
        node.exportClause !== undefined && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : []
      add(node.moduleSpecifier, node.isTypeOnly || (named.length > 0 && named.every(({ isTypeOnly }) => isTypeOnly)))
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true)
    } else if (
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require')
    ) {
      // A file given by the user is not part of the architecture.
      if (!node.arguments[0]?.getText().startsWith('pathToFileURL(')) add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** The part of src that a file belongs to. */
const partOf = (path: string) => path.split('/')[1]!.replace(/\.ts$/, '')
/** The part of mock-server that a file belongs to: its folder, except for the families of endpoints. */
function roomOf(path: string): string {
  const [, first, second, third] = path.replace(/\.ts$/, '').split('/') as [string, string, string?, string?]
  return first === 'wechat' && third !== undefined ? `${first}/${second}` : first
}
const isIn =
  (folder: string) =>
  ({ from }: Import) =>
    from.startsWith(folder)
const shown = ({ from, to, typeOnly }: Import) => `${from} imports ${typeOnly ? 'types of ' : ''}${to}`

const sources = [...filesBelow('src'), ...filesBelow('mock-server')].filter((path) => path.endsWith('.ts')).map(parse)
const imports = sources.flatMap(importsOf)
const within = imports.filter(({ internal }) => internal)
const packages = imports.filter(({ internal }) => !internal)

t.test('the imports are read', async (t) => {
  const read = (text: string) =>
    importsOf(ts.createSourceFile('src/engine/x.ts', text, ts.ScriptTarget.Latest, true)).map(({ to, typeOnly }) => [
      to,
      typeOnly,
    ])
  const cases: [string, [string, boolean][]][] = [
    ["import a from 'a'", [['a', false]]],
    ["import 'a/b/c'", [['a', false]]],
    ["import type a from '@a/b/c'", [['@a/b', true]]],
    ["import { a, type B } from '../a.ts'", [['src/a.ts', false]]],
    ["import { type A, type B } from './b.ts'", [['src/engine/b.ts', true]]],
    ["import a, { type B } from 'a'", [['a', false]]],
    ["import * as a from 'node:fs/promises'", [['node:fs', false]]],
    ["export * from 'a'", [['a', false]]],
    ["export { a } from 'a'", [['a', false]]],
    ["export type { A } from 'a'", [['a', true]]],
    ["export { type A } from 'a'", [['a', true]]],
    ["type A = import('a').A", [['a', true]]],
    ["async function f () { await import('a') }", [['a', false]]],
    ["const a = require('a')", [['a', false]]],
  ]
  for (const [text, expected] of cases) t.strictSame(read(text), expected, text)
  t.throws(() => read('import(name)'), /cannot be read/, 'a name known only at run time')
  t.ok(sources.length > 40 && within.length > 100 && packages.length > 40, 'of all files')
})

t.test('src: each part imports only what the arrows allow', async (t) => {
  for (const { fileName } of sources.filter(({ fileName }) => fileName.startsWith('src/'))) {
    t.ok(partOf(fileName) in ARROWS, `${fileName} has a place in the architecture`)
  }
  for (const edge of within.filter(isIn('src/')).filter(({ to }) => to.startsWith('src/'))) {
    const [from, to] = [partOf(edge.from), partOf(edge.to)]
    const typesOfStore = from === 'hooks' && to === 'store' && edge.typeOnly
    t.ok(ARROWS[from]?.includes(to) || typesOfStore, shown(edge))
  }
})

t.test('mock-server: each folder imports only what the arrows allow', async (t) => {
  const against: string[] = []
  for (const { fileName } of sources.filter(({ fileName }) => fileName.startsWith('mock-server/'))) {
    t.ok(roomOf(fileName) in ROOMS, `${fileName} has a place in the architecture`)
  }
  for (const { from, to } of within.filter(isIn('mock-server/'))) {
    if (!ROOMS[roomOf(from)]?.includes(roomOf(to))) against.push(`${from} → ${to}`)
  }
  t.strictSame([...new Set(against)].sort(), AGAINST_THE_ARROWS)
})

/** The groups of files that can reach each other, each as one text (Tarjan's algorithm). */
function circlesOf(edges: readonly Import[]): string[] {
  const next = new Map<string, string[]>()
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to])
  const found: string[] = []
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const visit = (file: string): number => {
    const own = index.size
    index.set(file, own)
    low.set(file, own)
    stack.push(file)
    for (const other of next.get(file) ?? []) {
      if (!index.has(other)) low.set(file, Math.min(low.get(file)!, visit(other)))
      else if (stack.includes(other)) low.set(file, Math.min(low.get(file)!, index.get(other)!))
    }
    if (low.get(file) === own) {
      const group = stack.splice(stack.indexOf(file))
      if (group.length > 1) found.push(group.sort().join(' '))
    }
    return low.get(file)!
  }
  for (const file of next.keys()) if (!index.has(file)) visit(file)
  return found.sort()
}

t.test('there are no circular imports, not even of types', async (t) => {
  const edge = (from: string, to: string): Import => ({ from, to, internal: true, typeOnly: false })
  t.strictSame(circlesOf([edge('a', 'b'), edge('b', 'c'), edge('c', 'b'), edge('a', 'c')]), ['b c'])
  t.strictSame(circlesOf(within), CIRCLES)
})

t.test('no file and no folder is too large', async (t) => {
  const long = sources.filter(({ text }) => text.split('\n').length - 1 > MAX_LINES).map(({ fileName }) => fileName)
  t.strictSame(long.sort(), LONG_FILES)
  const folders = sources.map(({ fileName }) => dirname(fileName))
  for (const folder of new Set(folders)) {
    const files = folders.filter((other) => other === folder).length
    t.ok(files <= MAX_FILES, `${folder} has ${files} source files`)
  }
})

t.test('src and mock-server share nothing, and import nothing from outside', async (t) => {
  for (const edge of within) {
    t.equal(edge.to.split('/')[0], edge.from.split('/')[0], shown(edge))
  }
})

t.test('packages', async (t) => {
  const forbidden: [what: string, from: (edge: Import) => boolean, to: RegExp][] = [
    ['src does not import what only the mock or a benchmark needs', isIn('src/'), /^(fast-xml-parser|commander|uqr)$/],
    [
      'protocol, engine and store do not depend on Fastify or HTTP',
      ({ from }) => /^src\/(protocol|engine|store)\//.test(from),
      /^(@?fastify|undici|node:https?$)/,
    ],
    [
      "neither do the mock's wire format and money rules",
      ({ from }) => /^mock-server\/(base|clock|wire|ledger|users|journal|bills)\//.test(from),
      /^(@?fastify|undici|commander|node:(https?|net|tls)$)/,
    ],
    [
      'only the client uses the network; checking an address is allowed anywhere',
      ({ from }) =>
        from.startsWith('src/') &&
        !/^src\/(client\/(http|connection|certificate)|protocol\/ip-address)\.ts$/.test(from),
      /^(undici|node:(https?|http2|net|tls|dgram))$/,
    ],
  ]
  for (const [what, from, to] of forbidden) {
    t.strictSame(
      packages
        .filter(from)
        .filter((edge) => to.test(edge.to))
        .map(shown),
      [],
      what,
    )
  }
  const declared = { ...packageJson.dependencies, ...packageJson.peerDependencies }
  t.strictSame(
    packages.filter(({ to }) => !isBuiltin(to) && !(to in declared)).map(shown),
    [],
    'every imported package is declared',
  )
})

t.test(
  "time and randomness are arguments in protocol, engine and store, and in the mock's wire and data",
  async (t) => {
    const found: string[] = []
    const PURE = /^(src\/(protocol|engine|store)|mock-server\/(wire|ledger|users|faults|journal|bills))\//
    for (const file of sources.filter(({ fileName }) => PURE.test(fileName))) {
      const visit = (node: ts.Node): void => {
        const text = node.getText()
        const readsClock =
          (ts.isNewExpression(node) && text === 'new Date()') ||
          (ts.isPropertyAccessExpression(node) && /^(Date\.now|performance\.now|Math\.random)$/.test(text))
        const draws = ts.isImportSpecifier(node) && /^random/.test(text)
        if (readsClock || draws) found.push(`${file.fileName}: ${text}`)
        ts.forEachChild(node, visit)
      }
      visit(file)
    }
    t.strictSame(found, [])
  },
)

t.test('the repository contains no path of a machine', async (t) => {
  // Handles only the patterns that our .gitignore uses: a name or an ending, with or without a final slash.
  const lines = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n').filter(Boolean)
  const ignored = new RegExp(
    `^(\\.git|${lines.map((line) => line.replace(/\/$/, '').replaceAll('.', '\\.').replaceAll('*', '.*')).join('|')})$`,
  )
  const walk = (folder: string): string[] =>
    readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (ignored.test(entry.name)) return []
      return entry.isDirectory() ? walk(path) : [path]
    })
  const files = walk('')
  t.ok(
    files.includes('package.json') &&
      files.includes('src/index.ts') &&
      files.includes('.ci/run') &&
      !files.some((path) => path.startsWith('node_modules')),
    'the files are found',
  )
  const patterns: [string, RegExp][] = [
    ['a path above the repository', /\.\.\/shared/],
    ['a path of a machine', /(?<![\w.:/-])\/(?:work|root|home|Users|tmp)\/[\w.-]/],
  ]
  for (const [what, pattern] of patterns) {
    t.strictSame(
      files.filter((path) => pattern.test(readFileSync(join(ROOT, path), 'utf8'))),
      [],
      what,
    )
  }
})
