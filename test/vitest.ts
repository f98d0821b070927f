import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/**
 * Runs a test file with vitest and resolves with its TAP. It measures no coverage: vitest runs our sources in a form of its own, whose positions
 * are not those of the files.
 */
export async function runVitest(...args: string[]): Promise<string> {
  const { NODE_OPTIONS: _options, TAP: _tap, ...env } = process.env
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--reporter=tap-flat', ...args],
    { cwd: fileURLToPath(new URL('..', import.meta.url)), env: { ...env, _TAPJS_PROCESSINFO_COVERAGE_: '0' } },
  )
  return stdout
}
