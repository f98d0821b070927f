// Prints the folder of `node` in another version, for the PATH: PATH="$(node scripts/node.js 24):$PATH" npm run test:src. Installs it from npm, once.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [version] = process.argv.slice(2)
const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const folder = fileURLToPath(new URL(`../node_modules/.cache/node-${version}/`, import.meta.url))
const bin = `${folder}node_modules/${name}/bin`

if (!existsSync(bin)) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}package.json`, '{ "private": true }')
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', `${name}@${version}`], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
}
console.log(bin)
