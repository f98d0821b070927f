import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3'
import { PrismaMariaDb } from '@prisma/adapter-mariadb'
import { PrismaPg } from '@prisma/adapter-pg'
import { getPrismaClient } from '@prisma/client/runtime/client'
import type { GetPrismaClientConfig } from '@prisma/client/runtime/client'
import t from 'tap'
import type { Test } from 'tap'
import { fromPrisma } from '../../../src/store/adapters/prisma.ts'
import type { Dialect } from '../../../src/store/executor.ts'
import { keepsContract, pgPool } from '../databases.ts'

const PROVIDERS = { postgres: 'postgresql', mysql: 'mysql', sqlite: 'sqlite' } as const

/** The client that `prisma generate` creates from a schema without models. The command itself would download a program from outside the npm registry. */
function clientClass(dialect: Dialect) {
  const provider = PROVIDERS[dialect]
  const config: GetPrismaClientConfig = {
    previewFeatures: [],
    clientVersion: '7.10.0',
    engineVersion: '',
    activeProvider: provider,
    inlineSchema: `datasource db {\n  provider = "${provider}"\n}\n`,
    runtimeDataModel: { models: {}, enums: {}, types: {} },
    parameterizationSchema: { strings: [], graph: 'AAAA' },
    compilerWasm: {
      getRuntime: () => import(`@prisma/client/runtime/query_compiler_fast_bg.${provider}.mjs`),
      getQueryCompilerWasmModule: async () => {
        const { wasm } = (await import(
          `@prisma/client/runtime/query_compiler_fast_bg.${provider}.wasm-base64.mjs`
        )) as { wasm: string }
        // TypeScript has the WebAssembly types only in its browser library.
        return new (globalThis as any).WebAssembly.Module(Buffer.from(wasm, 'base64'))
      },
      importName: './query_compiler_fast_bg.js',
    },
  }
  return getPrismaClient(config)
}

function open(t: Test, dialect: Dialect, adapter: PrismaPg | PrismaMariaDb | PrismaBetterSqlite3) {
  const prisma = new (clientClass(dialect))({ adapter })
  t.teardown(() => prisma.$disconnect())
  return {
    executor: fromPrisma(prisma, dialect),
    write: (tx: typeof prisma, id: string) => tx.$executeRawUnsafe(`insert into own (id) values ('${id}')`),
  }
}

await keepsContract(t, {
  postgres(url, t) {
    const pool = pgPool(url, t).on('connect', (client) => client.on('error', () => {}))
    return open(t, 'postgres', new PrismaPg(pool))
  },
  mysql: (url, t) => open(t, 'mysql', new PrismaMariaDb(`${url}?collation=UTF8MB4_UNICODE_CI`)),
  sqlite: (url, t) => open(t, 'sqlite', new PrismaBetterSqlite3({ url })),
})
