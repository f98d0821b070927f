// Builds the package with plain tsc: one tree, dist, of CommonJS, which every program can load, an ES module too, and so can a tool that cannot require
// ES modules, such as Jest. Only the commands are ES modules: the doctor imports what its user wrote.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import ts from 'typescript'

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'))

rmSync('dist', { recursive: true, force: true })
// ES modules with their declarations, which are the same for both; then CommonJS in their place.
for (const config of ['tsconfig.build.json', 'tsconfig.cjs.json']) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { stdio: 'inherit' })
}
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n')
for (const file of Object.values(bin)) {
  writeFileSync(join(dirname(file), 'package.json'), '{ "type": "module" }\n')
  chmodSync(file, 0o755)
}

// Only a default export needs an entry of its own for ES modules: Node gives them all of `module.exports` for it.
const names = Object.keys(createRequire(import.meta.url)('../dist/src/index.js')).filter((name) => name !== 'default')
const DEFAULT = "export { wechatPay as default } from './index.js'\n"
writeFileSync('dist/src/index.mjs', `export { ${names.join(', ')} } from './index.js'\n${DEFAULT}`)
writeFileSync('dist/src/index.d.mts', `export * from './index.js'\n${DEFAULT}`)

// What no entry leads to goes: the declarations of what is internal, and modules that are nothing but types.
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
