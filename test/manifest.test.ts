import { spawnSync } from 'node:child_process'
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

t.test('releases have provenance, as docs/app.md promises', async (t) => {
  t.strictSame(manifest.publishConfig, { provenance: true })
})

t.test('npm publish refuses a package without a repository; npm pack does not', async (t) => {
  const { name, version, scripts } = manifest
  const script = readFileSync(join(root, 'scripts/publishable.js'), 'utf8')
  const { prepublishOnly } = scripts
  // Under `npm test` this would make npm work on the checkout.
  const { npm_config_local_prefix: _, ...env } = process.env
  const npm = (repository: object, ...args: string[]) => {
    const text = JSON.stringify({ name, version, type: 'module', scripts: { prepublishOnly }, ...repository })
    const cwd = t.testdir({ 'package.json': text, scripts: { 'publishable.js': script } })
    const { status, stderr } = spawnSync('npm', args, { cwd, env, encoding: 'utf8' })
    return { passed: status === 0, said: stderr }
  }
  const refused = npm({}, 'publish', '--dry-run')
  t.notOk(refused.passed)
  t.match(refused.said, /names no repository, .* npm pkg set repository=URL/)
  t.ok(npm({}, 'pack', '--dry-run').passed)
  const repository = { repository: 'https://git.example/tea/fastify-wechat-pay' }
  t.ok(npm(repository, 'run', 'prepublishOnly').passed)
})
