// Builds the package with plain tsc: dist/esm, and dist/cjs for those who cannot require an ES module, as under Jest.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8'))

rmSync('dist', { recursive: true, force: true })
for (const config of ['tsconfig.build.json', 'tsconfig.cjs.json']) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { stdio: 'inherit' })
}

// What no entry leads to goes: the declarations of what is internal, and modules that are nothing but types.
const used = new Set()
for (const file of [
  ...Object.values(exports).flatMap((entry) => Object.values(entry.import ?? entry)),
  ...Object.values(bin),
]) {
  use(join(file))
}
for (const file of readdirSync('dist', { recursive: true }).map((file) => join('dist', file))) {
  if (/\.(js|d\.ts)$/.test(file) && !used.has(file.replace('cjs', 'esm'))) rmSync(file)
}

// Declarations are the same in both trees.
for (const file of used) if (file.endsWith('.d.ts')) cpSync(file, file.replace('esm', 'cjs'))
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n')
writeFileSync('dist/esm/package.json', '{ "type": "module" }\n')
for (const file of Object.values(bin)) chmodSync(file, 0o755)

function use(file) {
  if (used.has(file) || !file.startsWith('dist')) return
  used.add(file)
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
    const found = join(dirname(file), file.endsWith('.d.ts') ? fileName.replace(/\.[jt]s$/, '.d.ts') : fileName)
    if (fileName.startsWith('.')) use(found)
  }
}
