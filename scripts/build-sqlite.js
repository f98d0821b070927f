// Builds better-sqlite3, which the tests use, from the source that its npm package brings, unless it works already. Its own install script is not run
// (`allowScripts` in package.json): it would first look for a binary outside of the npm registry. Needs a C++ compiler, make and Python, as node-gyp does;
// Node's headers are taken from beside Node where they are installed there, else node-gyp fetches them from nodejs.org.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const dir = dirname(require.resolve('better-sqlite3/package.json'))

if (!works()) {
  console.log('Building better-sqlite3 for the tests, once: about a minute.')
  const prefix = join(dirname(process.execPath), '..')
  const headers = existsSync(join(prefix, 'include/node/node_version.h')) ? [`--nodedir=${prefix}`] : []
  // npm brings node-gyp, and has it in the PATH of its scripts.
  const { status, error, stdout, stderr } = spawnSync('node-gyp', ['rebuild', '--release', ...headers], { cwd: dir, encoding: 'utf8', shell: process.platform === 'win32' })
  if (status !== 0) {
    console.error(error ?? `${stdout}\n${stderr}`)
    console.error('better-sqlite3 could not be built. Run this through npm (npm run pretest), with a C++ compiler, make and Python installed.')
    process.exit(1)
  }
}

/** In a process of its own: a binary of another version of Node ends the process that loads it. */
function works () {
  return spawnSync(process.execPath, ['-e', `new (require(${JSON.stringify(dir)}))(':memory:')`]).status === 0
}
