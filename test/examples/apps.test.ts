import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PrismaPg } from '@prisma/adapter-pg'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import type { Account } from '../../examples/apps/account.ts'
import { build as buildPrisma } from '../../examples/apps/prisma.ts'
import { mysql, pgPool, postgres } from '../store/databases.ts'
import { clientClass } from '../store/prisma-client.ts'
import { TYPESCRIPT } from '../typescript.ts'
import { runVitest } from '../vitest.ts'
import { live } from './life.ts'

// Each example is an app on its own: it is built, ordered from, paid, and asked what it has delivered.

const run = promisify(execFile)
const ROOT = new URL('../..', import.meta.url)

type Build = (account: Account, databaseUrl: string) => Promise<FastifyInstance>
type Find = (t: Test) => Promise<string | undefined>

const none: Find = async () => ''
const APPS: Record<string, Find> = { minimal: none, jwt: none, postgres, kysely: postgres, drizzle: postgres, mysql }

for (const [name, find] of Object.entries(APPS)) {
  t.test(`examples/apps/${name}.ts`, async (t) => {
    const databaseUrl = await find(t)
    if (databaseUrl === undefined) return
    const { build } = (await import(`../../examples/apps/${name}.ts`)) as { build: Build }
    const survives = databaseUrl !== ''
    await live(t, (account) => build(account, databaseUrl), {
      survives,
      checksBody: survives,
      knowsCarts: name !== 'jwt',
    })
  })
}

t.test('examples/apps/prisma.ts', async (t) => {
  const pool = pgPool(await postgres(t), t)
  const Client = clientClass('postgres')
  const build = (account: Account) => {
    pool.removeAllListeners('connect').on('connect', (client) => client.on('error', () => {}))
    return buildPrisma(account, new Client({ adapter: new PrismaPg(pool) }))
  }
  await live(t, build, { survives: true, checksBody: true })
})

const runners = {
  'node:test': () => runFile('examples/testing/node.test.ts'),
  tap: () => runFile('examples/testing/tap.test.ts'),
  vitest: () => runVitest('examples/testing/vitest.test.ts'),
}

async function runFile(file: string): Promise<string> {
  const { NODE_OPTIONS: _options, TAP: _tap, ...env } = process.env
  return (await run(process.execPath, [TYPESCRIPT, file], { cwd: ROOT, env })).stdout
}

for (const [name, runTests] of Object.entries(runners)) {
  t.test(`the example for ${name} passes`, async (t) => {
    const stdout = await runTests()
    t.match(stdout, /^ *ok 2/m)
    t.notMatch(stdout, 'not ok')
  })
}
