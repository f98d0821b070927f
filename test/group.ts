import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { Test } from 'tap'

/** The time limit of a test file; longer for files that `size` makes larger. A file that exceeds it waits for something that never comes. */
const LIMIT_MS = process.env.TEST_SIZE === 'full' ? 600_000 : 300_000

/** Runs test files one after another in this process, each as one test that has the name of the file. */
export async function group(files: string[]): Promise<void> {
  let running: string | undefined
  process.once('exit', () => {
    if (running === undefined) return
    console.error(
      `${running} has ended the process, and the tests of the files after it: use testUnless() to skip tests.`,
    )
    process.exitCode = 1
  })
  const test = t.test.bind(t) as typeof t.test
  const whole = Object.getPrototypeOf(t)
  for (const file of files) {
    running = file
    await test(file, async (own) => {
      own.setTimeout(LIMIT_MS)
      Object.setPrototypeOf(t, actingAs(own))
      await import(pathToFileURL(file).href)
    })
    Object.setPrototypeOf(t, whole)
  }
  running = undefined
}

/** A file imports the test of the whole process from tap: what it defines, asserts and sets there is for its own. */
function actingAs(own: Test): object {
  return new Proxy(own, {
    get(_, name) {
      const value: unknown = Reflect.get(own, name)
      return typeof value === 'function' ? value.bind(own) : value
    },
  })
}
