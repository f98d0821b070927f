import { execFileSync } from 'node:child_process'

/** What a program prints, or undefined if it is not installed or fails. */
export function runs(program: string, ...args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' })
  } catch {
    return undefined
  }
}

/** What tap prints if a language is not installed, or false. With REQUIRE_LANGUAGES set, its test fails instead of being skipped. */
export function skippedWithout(language: string, version: string | undefined): string | false {
  return (
    version === undefined &&
    process.env.REQUIRE_LANGUAGES === undefined &&
    `SKIPPED: what the ${language} of the documents needs is not installed`
  )
}
