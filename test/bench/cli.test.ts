import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { main } from '../../bench/lib/cli.ts'
import { interleave } from '../../bench/lib/measure.ts'
import { TYPESCRIPT } from '../typescript.ts'

const folder = new URL('benches/', import.meta.url)

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await main(
    args,
    folder,
    {
      write: (text) => {
        out += text
      },
    },
    {
      write: (text) => {
        err += text
      },
    },
  )
  return { code, out, err }
}

t.test('--json prints one object and nothing else', async (t) => {
  const { code, out } = await run('trivial', '--json')
  t.equal(code, 0)
  t.equal(out.split('\n').length, 2, 'one line')
  t.strictSame(JSON.parse(out), {
    name: 'trivial',
    node: process.version,
    rows: [
      { name: 'hare', median: 3000, unit: 'steps/s' },
      { name: 'tortoise', median: 1000, unit: 'steps/s' },
    ],
    ratios: { 'hare/tortoise': 3 },
  })
})

t.test('without --json a table is printed', async (t) => {
  const { out } = await run('trivial')
  t.equal(
    out,
    `trivial, Node ${process.version}, medians
  hare           3,000 steps/s
  tortoise       1,000 steps/s
  hare/tortoise   3.00
`,
  )
})

t.test('--quick reaches the benchmark; the median of two is their mean', async (t) => {
  const { out } = await run('trivial', '--quick', '--json')
  t.strictSame(JSON.parse(out).ratios, { 'hare/tortoise': 2.5 })
})

t.test('the rounds are interleaved, each starting with a different contestant', async (t) => {
  const { err } = await run('trivial')
  t.equal(err, 'hare tortoise tortoise hare hare tortoise\n')
})

t.test('the rounds end when their time is up, but not before the first', async (t) => {
  const { one } = await interleave({ rounds: 5, untilMs: 0 }, ['one'], async () => 1)
  t.strictSame(one, [1])
})

t.test('a benchmark that cannot run prints nothing on stdout and says why', async (t) => {
  const usage =
    /Usage: npm run bench -- NAME \[--version v2\|v3\] \[--quick\] \[--json\]\nNAME is one of: broken, trivial\n/
  const cases: [string[], RegExp][] = [
    [[], usage],
    [['nothing'], usage],
    [['trivial', 'broken'], usage],
    [['trivial', '--fast'], /--fast/],
    [['broken', '--json'], /the server answered FAIL/],
  ]
  for (const [args, message] of cases) {
    t.match(await run(...args), { code: 1, out: /^$/, err: message }, args.join(' ') || 'no name')
  }
})

t.test('npm run bench knows the benchmarks of its folder', async (t) => {
  const root = join(import.meta.dirname, '../..')
  const { status, stdout, stderr } = spawnSync(process.execPath, [TYPESCRIPT, 'bench/run.ts'], {
    cwd: root,
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
  })
  t.equal(status, 1)
  t.equal(stdout, '')
  t.match(stderr, /NAME is one of: .*\bnotify\b/)
})
