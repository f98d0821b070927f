import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const IMPORTS = `import t from ${JSON.stringify(import.meta.resolve('tap'))}\nimport { testUnless } from ${JSON.stringify(import.meta.resolve('./fixtures.ts'))}\n`

/** Runs files as `npm test` does, in one process. */
function run(files: Record<string, string>) {
  const dir = t.testdir({
    ...Object.fromEntries(Object.entries(files).map(([name, code]) => [name, IMPORTS + code])),
    'group.ts': `import { group } from ${JSON.stringify(import.meta.resolve('./group.ts'))}\nawait group(${JSON.stringify(Object.keys(files))}.map((name) => import.meta.dirname + '/' + name))\n`,
  })
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, `${dir}/group.ts`], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const PASSES = "t.test('passes', async (t) => t.pass('reached'))"

t.test('a file that skips its tests says why, and the next file runs', async (t) => {
  const skips = "testUnless('SKIPPED: no moon', t)('shines', async (t) => t.fail())"
  const { status, stdout } = run({ 'a.ts': skips, 'b.ts': PASSES })
  t.equal(status, 0)
  for (const line of [/^ *SKIPPED: no moon$/m, /ok 1 - shines # SKIP/, /ok 1 - reached/]) t.match(stdout, line)
})

t.test('a file that ends the process fails, even with the status 0', async (t) => {
  const { status, stdout, stderr } = run({ 'a.ts': 'process.exit(0)', 'b.ts': PASSES })
  t.equal(status, 1)
  t.match(stderr, /a\.ts has ended the process/)
  t.notMatch(stdout, 'reached')
})
