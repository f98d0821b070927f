// Writes the API reference, docs/reference/README.md, from the comments of everything that the package exports.
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('..', import.meta.url))
const ENTRIES = {
  'fastify-wechat-pay': 'src/index.ts',
  'fastify-wechat-pay/testing': 'src/testing.ts',
  'fastify-wechat-pay/mock-server': 'mock-server/index.ts',
}

/** The reference as Markdown, and the exports whose comment says nothing. */
export function createReference(): { text: string; silent: string[] } {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path))
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root)
  const program = ts.createProgram(
    Object.values(ENTRIES).map((path) => root + path),
    { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: root, rootDir: root },
  )
  const checker = program.getTypeChecker()
  // What a user's compiler sees: declarations have no bodies, and inferred types are written out.
  const emitted = new Map<string, ts.SourceFile>()
  program.emit(undefined, (path, text) => {
    emitted.set(path, ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  })

  const silent: string[] = []
  const sections = Object.entries(ENTRIES).map(([entry, path]) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(root + path)!)!
    const symbols = checker
      .getExportsOfModule(module)
      .filter(({ name }) => name !== 'default')
      .map((symbol) => ({
        name: symbol.name,
        target: symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
      }))
      .sort((a, b) => Number(isType(a.target)) - Number(isType(b.target)) || (a.name < b.name ? -1 : 1))
    const items = symbols.map(({ name, target }) => {
      const comment = ts.displayPartsToString(target.getDocumentationComment(checker))
      if (comment === '') silent.push(`${entry}: ${name}`)
      const throws = target
        .getJsDocTags(checker)
        .filter((tag) => tag.name === 'throws')
        .map((tag) => `Throws ${ts.displayPartsToString(tag.text)}`)
      const { fileName } = target.declarations![0]!.getSourceFile()
      const code = declarationsOf(emitted.get(fileName.replace(/\.ts$/, '.d.ts'))!, target.name)
      return [`### ${name}`, comment, ...throws, `\`\`\`ts\n${code}\n\`\`\``].join('\n\n')
    })
    return [`## ${entry}`, ...items].join('\n\n')
  })
  return { text: ['# API reference', ...sections].join('\n\n').replace(/\{@link (\S+?) ?\}/g, '`$1`') + '\n', silent }
}

/** The declarations of a name without their own comment, which stands above them; the comments of their members stay. */
function declarationsOf(file: ts.SourceFile, name: string): string {
  return file.statements
    .filter((statement) =>
      ts.isVariableStatement(statement)
        ? statement.declarationList.declarations.some((each) => each.name.getText() === name)
        : (statement as ts.DeclarationStatement).name?.getText() === name,
    )
    .map((statement) => statement.getText().replace(/^export (?:default )?(?:declare )?/, ''))
    .join('\n')
}

function isType(symbol: ts.Symbol): boolean {
  return !(symbol.flags & ts.SymbolFlags.Value)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { text, silent } = createReference()
  mkdirSync(`${root}docs/reference`, { recursive: true })
  writeFileSync(`${root}docs/reference/README.md`, text)
  console.log(`docs/reference/README.md: ${text.match(/^### /gm)!.length} exports, ${silent.length} without a sentence`)
}
