// Builds better-sqlite3 for its tests, from the source that its npm package brings, unless it works already. Its own install script is not run
// (`allowScripts` in package.json): it would first look for a binary outside of the npm registry. Needs a C++ compiler, make and Python, as node-gyp does;
// Node's headers are taken from beside Node where they are installed there, else node-gyp fetches them from nodejs.org. Where that cannot be, the tests of
// better-sqlite3 are skipped, unless REQUIRE_SQLITE is set.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)
const dir = dirname(require.resolve('better-sqlite3/package.json'))
const { version } = require('better-sqlite3/package.json')

const tooNew = parseInt(process.version.slice(1)) >= 24 && parseInt(version) < 13
const problem = tooNew
  ? {
      why: `is of version ${version} here, and Node ${process.version} needs 13, which Node 20 cannot run. Run npm install --no-save better-sqlite3@13`,
    }
  : works()
    ? undefined
    : build()
if (problem !== undefined) {
  // What is left of a build, for another version of Node perhaps, would end the tests that load it.
  rmSync(join(dir, 'build'), { recursive: true, force: true })
  if (process.env.REQUIRE_SQLITE === undefined) {
    console.log(
      `SKIPPED: the tests of better-sqlite3, which ${problem.why}; with REQUIRE_SQLITE set, that says more and fails.`,
    )
  } else {
    console.error(`${problem.output ?? ''}\nREQUIRE_SQLITE is set, but better-sqlite3 ${problem.why}.`)
    process.exitCode = 1
  }
}

/** What is wrong, if it cannot be built. */
function build() {
  console.log('Building better-sqlite3 for the tests, once: about a minute.')
  const prefix = join(dirname(process.execPath), '..')
  const headers = existsSync(join(prefix, 'include/node/node_version.h')) ? [`--nodedir=${prefix}`] : []
  // npm brings node-gyp, and has it in the PATH of its scripts.
  const { status, error, stdout, stderr } = spawnSync('node-gyp', ['rebuild', '--release', ...headers], {
    cwd: dir,
    env: { ...process.env, npm_config_loglevel: 'info' },
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status === 0) return undefined
  const output = error?.message ?? `${stdout}\n${stderr}`
  const why = /gyp ERR! stack (?:Error: )?(.*)/.exec(output)?.[1] ?? output.trim()
  return {
    why: `could not be built (${why}). Install a C++ compiler, make and Python, and run npm run pretest`,
    output,
  }
}

/** In a process of its own: a binary of another version of Node ends the process that loads it. */
function works() {
  return spawnSync(process.execPath, ['-e', `new (require(${JSON.stringify(dir)}))(':memory:')`]).status === 0
}
