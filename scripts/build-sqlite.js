// Builds better-sqlite3 for its tests, from the source in its npm package, unless it already works. We do not run its own install script
// (`allowScripts` in package.json), which would first look for a binary outside the npm registry. The build needs a C++ compiler, make and Python, like
// node-gyp. It uses the headers installed next to Node, if any; otherwise node-gyp fetches them from nodejs.org. If the build fails, the tests of
// better-sqlite3 are skipped, or fail if REQUIRE_SQLITE is set.
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
      why: `has version ${version} here, but Node ${process.version} needs 13, which Node 20 cannot run. Run npm install --no-save better-sqlite3@13`,
    }
  : works()
    ? undefined
    : build()
if (problem !== undefined) {
  // A leftover build, perhaps for another version of Node, would crash the tests that load it.
  rmSync(join(dir, 'build'), { recursive: true, force: true })
  if (process.env.REQUIRE_SQLITE === undefined) {
    console.log(
      `SKIPPED: the tests of better-sqlite3, which ${problem.why}; set REQUIRE_SQLITE to see the output and fail.`,
    )
  } else {
    console.error(`${problem.output ?? ''}\nREQUIRE_SQLITE is set, but better-sqlite3 ${problem.why}.`)
    process.exitCode = 1
  }
}

/** Builds it. Returns what went wrong, if anything. */
function build() {
  console.log('Building better-sqlite3 for the tests. This happens once and takes about a minute.')
  const prefix = join(dirname(process.execPath), '..')
  const headers = existsSync(join(prefix, 'include/node/node_version.h')) ? [`--nodedir=${prefix}`] : []
  // npm includes node-gyp and puts it on the PATH of its scripts.
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

/** Loads it in a separate process: a binary for another version of Node crashes the process that loads it. */
function works() {
  return spawnSync(process.execPath, ['-e', `new (require(${JSON.stringify(dir)}))(':memory:')`]).status === 0
}
