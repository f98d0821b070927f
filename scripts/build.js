// Builds dist/esm and dist/cjs with plain tsc. Two trees, so that `require` works on every supported Node
// (require of an ES module needs Node 20.19) and type resolution is right in both module systems.
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
for (const config of ['tsconfig.build.json', 'tsconfig.cjs.json']) {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], { stdio: 'inherit' })
}
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs" }\n')
writeFileSync('dist/esm/package.json', '{ "type": "module" }\n')
chmodSync('dist/esm/mock-server/cli/bin.js', 0o755)
