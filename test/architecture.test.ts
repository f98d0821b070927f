import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
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

/** What may be imported anywhere in src: words and values that know nothing of the rest. */
const COMMON = ['errors', 'model', 'secret', 'hooks', 'diagnostics']
const TO_STORE = [...COMMON, 'store']
const TO_CLIENT = [...COMMON, 'protocol', 'client']
const TO_ENGINE = ['deadlines', ...TO_CLIENT, 'store', 'engine']
const TO_ROUTES = [...TO_ENGINE, 'routes']
const TO_PLUGIN = [...TO_ROUTES, 'options', 'plugin']

/** What each part of src, a folder or a file, may import of src: protocol ← client ← engine ← routes ← plugin ← index, store ← engine. */
const ARROWS: Record<string, string[]> = {
  errors: [],
  model: [],
  secret: [],
  diagnostics: ['model'],
  deadlines: [],
  hooks: ['model', 'secret'],
  protocol: ['errors', 'protocol'],
  client: TO_CLIENT,
  store: TO_STORE,
  engine: TO_ENGINE,
  routes: TO_ROUTES,
  options: TO_PLUGIN,
  plugin: TO_PLUGIN,
  testing: TO_STORE,
  index: TO_PLUGIN,
}

interface Import {
  /** The importing file, from the root of the repository. */
  from: string
  /** The imported file, from the root, or the name of a package or a module of Node. */
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
      add(node.arguments[0], false)
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** Whether nothing of the file remains at run time, or nothing but what other files export. */
function isTypesOrDoor(file: ts.SourceFile): boolean {
  return file.statements.every(
    (node) =>
      ts.isImportDeclaration(node) ||
      ts.isExportDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node),
  )
}

/** The part of src that a file belongs to. */
const partOf = (path: string) => path.split('/')[1]!.replace(/\.ts$/, '')
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
  t.throws(() => read('import(name)'), /cannot be read/, 'a name that is only known at run time')
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

t.test('src and mock-server share nothing, and import nothing from elsewhere', async (t) => {
  for (const edge of within) {
    t.equal(edge.to.split('/')[0], edge.from.split('/')[0], shown(edge))
  }
})

t.test('packages', async (t) => {
  const forbidden: [what: string, from: (edge: Import) => boolean, to: RegExp][] = [
    ['what only the mock or a bench needs is not imported under src', isIn('src/'), /^(fast-xml-parser|commander)$/],
    [
      'protocol, engine and store know nothing of Fastify or HTTP',
      ({ from }) => /^src\/(protocol|engine|store)\//.test(from),
      /^(@?fastify|undici|node:https?$)/,
    ],
    [
      'only the client calls the network',
      ({ from }) => from.startsWith('src/') && from !== 'src/client/http.ts',
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
    'every package that is imported is declared',
  )
})

t.test('time and chance are arguments of protocol, engine and store', async (t) => {
  const found: string[] = []
  for (const file of sources.filter(({ fileName }) => /^src\/(protocol|engine|store)\//.test(fileName))) {
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
})

t.test('every source file has its test', async (t) => {
  for (const file of sources) {
    const twin = join('test', file.fileName.replace(/^src\//, '')).replace(/\.ts$/, '.test.ts')
    if (!isTypesOrDoor(file)) t.ok(existsSync(join(ROOT, twin)), `${file.fileName} → ${twin}`)
  }
})

t.test('the repository speaks of no machine', async (t) => {
  // Of the patterns of .gitignore, only such as stand in ours: a name or an ending, with or without a final slash.
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
