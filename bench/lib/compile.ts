import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)
const OUT = new URL('node_modules/.cache/fastify-wechat-pay-bench/', ROOT)

/**
 * Compiles `src/` and the benchmarks' servers to CommonJS without comments, as in the package, which has fewer and larger files: the loader that runs the
 * benchmark adds calls to the functions it compiles. Returns the folder of the compiled benchmarks.
 */
export function compile(): URL {
  tsc('-p', path('bench/tsconfig.json'))
  tsc('-p', path('tsconfig.cjs.json'), '--noCheck', '--outDir', fileURLToPath(OUT))
  for (const [folder, type] of Object.entries(TYPES)) {
    writeFileSync(new URL(`${folder}/package.json`, OUT), JSON.stringify({ type }))
  }
  return new URL('bench/', OUT)
}

/** CommonJS, but for the benchmarks and the commands. */
const TYPES = {
  bench: 'module',
  src: 'commonjs',
  'src/cli': 'module',
  'mock-server': 'commonjs',
  'mock-server/cli': 'module',
}

function tsc(...args: string[]): void {
  execFileSync(process.execPath, [path('node_modules/typescript/bin/tsc'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function path(file: string): string {
  return fileURLToPath(new URL(file, ROOT))
}
