import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Why a run of tap failed, if its own report does not say so: every test passed, but coverage is incomplete. `undefined` if a test failed, or if none
 * has run `since`. `results` is the folder in which tap saves the output of each file.
 */
export async function verdict(results: string, since: Date): Promise<string | undefined> {
  const files = await readdir(results, { recursive: true, withFileTypes: true }).catch(() => [])
  let count = 0
  for (const file of files.filter((file) => file.isFile())) {
    const path = join(file.parentPath, file.name)
    if ((await stat(path)).mtime < since) continue
    if (/^not ok /m.test(await readFile(path, 'utf8'))) return undefined
    count++
  }
  if (count === 0) return undefined
  return `No test has failed: the reason for the exit code is coverage, which must be 100 % of lines, branches and functions. The table above shows what is missing. Single files never cover everything: add --allow-incomplete-coverage to run some.`
}
