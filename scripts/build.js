// Builds the package with plain tsc into one CommonJS tree, dist. Every program can load it: ES modules too, and tools that cannot require ES modules,
// such as Jest. Only the commands are ES modules, because the doctor imports the user's code.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import ts from 'typescript'

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'))

rmSync('dist', { recursive: true, force: true })
// First ES modules with their declarations, which serve both; then CommonJS overwrites the modules.
for (const config of ['tsconfig.build.json', 'tsconfig.cjs.json']) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { stdio: 'inherit' })
}
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
for (const file of Object.values(bin)) {
  writeFileSync(join(dirname(file), 'package.json'), '{ "type": "module" }\n')
  chmodSync(file, 0o755)
}

// ES modules need their own entry only for the default export: Node would give them all of `module.exports` instead.
const names = Object.keys(createRequire(import.meta.url)('../dist/src/index.js')).filter((name) => name !== 'default')
const DEFAULT = "export { wechatPay as default } from './index.js'\n"
writeFileSync('dist/src/index.mjs', `export { ${names.join(', ')} } from './index.js'\n${DEFAULT}`)
writeFileSync('dist/src/index.d.mts', `export * from './index.js'\n${DEFAULT}`)

// Remove what no entry reaches: declarations of internal modules, and modules that contain only types.
const used = new Set()
for (const file of JSON.stringify([exports, bin]).match(/dist\/[^"]+/g)) use(join(file))
for (const file of readdirSync('dist', { recursive: true }).map((file) => join('dist', file))) {
  if (/\.(js|d\.ts)$/.test(file) && !used.has(file)) rmSync(file)
}

function use(file) {
  if (used.has(file) || !file.startsWith('dist')) return
  used.add(file)
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
    const found = join(dirname(file), /\.d\.m?ts$/.test(file) ? fileName.replace(/\.[jt]s$/, '.d.ts') : fileName)
    if (fileName.startsWith('.')) use(found)
  }
}
