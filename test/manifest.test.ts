import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

// What can be checked without building; `npm run test:package` packs the package, installs it and uses it.

const root = join(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

t.test('every entry and command is built from a source file', async (t) => {
  const { exports, main, types, typesVersions, bin } = manifest
  const files = JSON.stringify([exports, main, types, typesVersions, bin]).match(/dist\/[^"]+/g)!
  t.ok(files.length > 8)
  for (const file of files) {
    const [, source] = /^dist\/(.+?)(\.d\.m?ts|\.m?js)$/.exec(file)!
    t.ok(existsSync(join(root, `${source}.ts`)), file)
  }
  for (const path of Object.values(bin as Record<string, string>)) {
    const source = path.replace('./dist/', '').replace(/js$/, 'ts')
    t.match(readFileSync(join(root, source), 'utf8'), /^#!\/usr\/bin\/env node\n/)
  }
})
