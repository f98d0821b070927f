import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)
const OUT = new URL('node_modules/.cache/fastify-wechat-pay-bench/', ROOT)

/**
 * Compiles `src/` and the benchmarks' servers as the package itself is built, so that what is measured is what is installed: the loader that runs the
 * benchmark adds calls to the functions it compiles. Returns the folder of the compiled benchmarks.
 */
export function compile(): URL {
  execFileSync(
    process.execPath,
    [
      fileURLToPath(new URL('node_modules/typescript/bin/tsc', ROOT)),
      '-p',
      fileURLToPath(new URL('bench/tsconfig.json', ROOT)),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  writeFileSync(new URL('package.json', OUT), '{ "type": "module" }\n')
  return new URL('bench/', OUT)
}
