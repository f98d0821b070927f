import { pathToFileURL } from 'node:url'
import t from 'tap'

/** By then a file has ended, unless one of its tests waits for ever; longer for those that `size` makes larger. */
const LIMIT_MS = process.env.TEST_SIZE === 'full' ? 600_000 : 120_000

/** Runs test files one after another in this process, each as one test that has the name of the file. */
export async function group(files: string[]): Promise<void> {
  const test = t.test.bind(t) as typeof t.test
  for (const file of files) {
    await test(file, async (own) => {
      own.setTimeout(LIMIT_MS)
      // The file imports the test of the whole process from tap. What it defines there belongs to its own.
      Object.defineProperty(t, 'test', { value: own.test.bind(own), configurable: true })
      await import(pathToFileURL(file).href)
    })
  }
}
