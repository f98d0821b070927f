// Builds the package into dist. Its code is CommonJS, which every program can load: ES modules too, and tools that cannot require ES modules, such as Jest.
// rolldown joins the modules to one file for each entry, and one for what entries share or load late: the package loads faster and is smaller.
// Nothing is minified: stack traces keep the names, and a comment names the source file of what follows. tsc writes the declarations, with their comments.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { rolldown } from 'rolldown'
import ts from 'typescript'

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'))
const files = JSON.stringify([exports, bin]).match(/(?<=dist\/)[^"]+/g)
const entries = files.filter((file) => file.endsWith('.js')).map((file) => file.slice(0, -'.js'.length))

rmSync('dist', { recursive: true, force: true })
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
const modules = await rolldown({
  input: Object.fromEntries(entries.map((entry) => [entry, `${entry}.ts`])),
  platform: 'node',
  // rolldown's own helpers go into the package.
  external: /^(?!\0|@oxc-project)[^./]/,
  tsconfig: false,
})
await modules.write({
  dir: 'dist',
  format: 'cjs',
  exports: 'named',
  chunkFileNames: 'chunks/[name].js',
  comments: { legal: false, annotation: false, jsdoc: false },
})
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
for (const file of Object.values(bin)) chmodSync(file, 0o755)

// ES modules need their own entry only for the default export: Node would give them all of `module.exports` instead.
const names = Object.keys(createRequire(import.meta.url)('../dist/src/index.js')).filter((name) => name !== 'default')
const DEFAULT = "export { wechatPay as default } from './index.js'\n"
writeFileSync('dist/src/index.mjs', `export { ${names.join(', ')} } from './index.js'\n${DEFAULT}`)
writeFileSync('dist/src/index.d.mts', `export * from './index.js'\n${DEFAULT}`)

// Remove the declarations that no entry reaches.
const used = new Set()
for (const file of files) if (/\.d\.m?ts$/.test(file)) use(join('dist', file))
for (const file of readdirSync('dist', { recursive: true }).map((file) => join('dist', file))) {
  if (file.endsWith('.d.ts') && !used.has(file)) rmSync(file)
}

function use(file) {
  if (used.has(file)) return
  used.add(file)
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
    if (fileName.startsWith('.')) use(join(dirname(file), fileName.replace(/\.[jt]s$/, '.d.ts')))
  }
}
