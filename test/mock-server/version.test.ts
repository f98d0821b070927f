import { readFileSync } from 'node:fs'
import t from 'tap'
import { VERSION } from '../../mock-server/version.ts'

t.test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  t.equal(VERSION, version)
})
